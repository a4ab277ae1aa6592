"""Self-care: signing in, the card's life, SIMs, points, recovery, tickets, offers."""

from tambah.store.migrate import run_sql_file

revision = "0004"
down_revision = "0002"


def upgrade() -> None:
    """Run 0004_conversations.sql."""
    run_sql_file("0004_conversations.sql")
