"""Online charging."""
