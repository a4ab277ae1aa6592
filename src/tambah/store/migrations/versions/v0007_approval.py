"""Four eyes: what one asks for and another agrees to."""

from tambah.store.migrate import run_sql_file

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Run 0007_approval.sql."""
    run_sql_file("0007_approval.sql")
