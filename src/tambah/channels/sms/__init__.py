"""SMS out and in: an SMSC by SMPP 3.4, an aggregator by HTTP."""
