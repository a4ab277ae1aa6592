"""What the books say to an accountant: statements, closes, the three-way reconciliation."""
