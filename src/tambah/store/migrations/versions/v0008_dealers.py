"""Dealers in a tree: agreements, sales, commission, stock of cards."""

from tambah.store.migrate import run_sql_file

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Run 0008_dealers.sql."""
    run_sql_file("0008_dealers.sql")
