"""Providers, the desk and reconciliation."""
