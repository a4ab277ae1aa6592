"""Tests of the dealers' pages, in process."""
