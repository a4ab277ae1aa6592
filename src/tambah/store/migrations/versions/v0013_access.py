"""Passkeys of staff, and who somebody is at a provider of single sign-on."""

from tambah.store.migrate import run_sql_file

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Run 0013_access.sql."""
    run_sql_file("0013_access.sql")
