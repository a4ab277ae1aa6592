"""Doors by which a network charges while credit is used, each in its own protocol."""
