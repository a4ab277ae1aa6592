"""What all doors over HTTP share: language, templates, headers, errors."""
