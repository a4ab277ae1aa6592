"""Online charging: the doors by which a network's elements ask for credit while it is used."""
