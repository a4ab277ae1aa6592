"""When a second factor was last shown."""

from tambah.store.migrate import run_sql_file

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Run 0021_second_factor.sql."""
    run_sql_file("0021_second_factor.sql")
