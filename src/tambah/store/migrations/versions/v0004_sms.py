"""SMS: which gateway took a message, receipts for its parts, what is stuck."""

from tambah.store.migrate import run_sql_file

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Run 0004_sms.sql."""
    run_sql_file("0004_sms.sql")
