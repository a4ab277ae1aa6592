"""What doors share: deeds that take more than one command, within budgets, told to nobody."""
