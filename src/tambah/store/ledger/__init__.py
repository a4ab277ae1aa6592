"""Locked reads and set-based writes, a file per noun; for the engine only."""
