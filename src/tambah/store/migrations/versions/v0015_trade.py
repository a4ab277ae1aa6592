"""Trade at scale: indexes of time for the books, floats bought by bank transfer."""

from tambah.store.migrate import run_sql_file

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Run 0015_trade.sql."""
    run_sql_file("0015_trade.sql")
