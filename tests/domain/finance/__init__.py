"""What the books say to an accountant."""
