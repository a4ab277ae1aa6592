"""Four eyes on a real database."""
