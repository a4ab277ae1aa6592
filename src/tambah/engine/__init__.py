"""The batch loop, and the only commit of money."""
