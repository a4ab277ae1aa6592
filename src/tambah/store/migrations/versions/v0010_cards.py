"""Cards: sheets of them as PDF, and replacements."""

from tambah.store.migrate import run_sql_file

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Run 0010_cards.sql."""
    run_sql_file("0010_cards.sql")
