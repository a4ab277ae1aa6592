"""Who takes the money: the port, its providers, and the desk that keeps a payment moving."""
