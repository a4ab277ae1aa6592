"""A top-up that went to a wrong number moves to the right one; promotions made in the console."""

from tambah.store.migrate import run_sql_file

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Run 0014_console_care.sql."""
    run_sql_file("0014_console_care.sql")
