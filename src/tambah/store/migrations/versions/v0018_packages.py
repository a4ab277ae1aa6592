"""Packages that lines buy from their credit."""

from tambah.store.migrate import run_sql_file

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Run 0018_packages.sql."""
    run_sql_file("0018_packages.sql")
