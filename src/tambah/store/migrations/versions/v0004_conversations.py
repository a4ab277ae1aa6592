"""Conversations between two requests, messages that came in, callers greeted."""

from tambah.store.migrate import run_sql_file

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Run 0004_conversations.sql."""
    run_sql_file("0004_conversations.sql")
