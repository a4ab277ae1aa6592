"""Days and months that were closed."""

from tambah.store.migrate import run_sql_file

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Run 0009_book_close.sql."""
    run_sql_file("0009_book_close.sql")
