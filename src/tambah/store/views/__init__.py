"""Read-only queries for pages, look-ups, reports and exports."""
