"""The inventory of SIMs on a real PostgreSQL."""
