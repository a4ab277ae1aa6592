"""What all doors over HTTP share."""
