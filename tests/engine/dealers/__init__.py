"""Tests of dealers on a real PostgreSQL."""
