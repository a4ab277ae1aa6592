"""Kill things under load and prove that no money moved wrongly: `make faults`."""
