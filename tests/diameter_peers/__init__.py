"""Gy and Ro with programs that are not ours; `make test-diameter` runs them."""
