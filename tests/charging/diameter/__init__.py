"""Gy and Ro."""
