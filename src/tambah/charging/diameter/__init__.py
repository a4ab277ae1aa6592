"""Gy and Ro: credit control over Diameter (RFC 6733, RFC 8506, TS 32.299)."""
