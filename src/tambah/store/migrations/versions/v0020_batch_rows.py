"""The rows that a batch writes, as types."""

from tambah.store.migrate import run_sql_file

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Run 0020_batch_rows.sql."""
    run_sql_file("0020_batch_rows.sql")
