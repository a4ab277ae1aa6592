"""Using the credit: sessions, what they hold, and what was used."""

from tambah.store.migrate import run_sql_file

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Run 0017_usage.sql."""
    run_sql_file("0017_usage.sql")
