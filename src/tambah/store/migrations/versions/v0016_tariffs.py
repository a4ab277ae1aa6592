"""Tariffs: sheets of rates."""

from tambah.store.migrate import run_sql_file

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Run 0016_tariffs.sql."""
    run_sql_file("0016_tariffs.sql")
