"""The console's desks: who sees to a ticket, tickets by when they were opened."""

from tambah.store.migrate import run_sql_file

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Run 0011_desks.sql."""
    run_sql_file("0011_desks.sql")
