"""SMS: which gateway took a message, receipts for its parts, what is stuck."""

from tambah.store.migrate import run_sql_file

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Run 0005_sms.sql."""
    run_sql_file("0005_sms.sql")
