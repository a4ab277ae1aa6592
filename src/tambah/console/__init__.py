"""The operator's console: what staff see and do."""
