"""What happens by the clock or later: ageing, demo data."""
