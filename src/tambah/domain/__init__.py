"""Every rule of the product: pure functions on plain data, standard library only."""
