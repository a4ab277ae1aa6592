"""The first shape of the books."""

from tambah.store.migrate import run_sql_file

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Run 0001_first.sql."""
    run_sql_file("0001_first.sql")
