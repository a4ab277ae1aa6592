"""Paying for a top-up."""

from tambah.store.migrate import run_sql_file

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Run 0002_payments.sql."""
    run_sql_file("0002_payments.sql")
