"""Closing and exporting the books on a real PostgreSQL."""
