"""Self-care: signing in, the card's life, SIMs, points, recovery, tickets, offers."""

from tambah.store.migrate import run_sql_file

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Run 0003_self_care.sql."""
    run_sql_file("0003_self_care.sql")
