"""Sellers: who sells for dealers by page and by SMS."""

from tambah.store.migrate import run_sql_file

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Run 0012_shops.sql."""
    run_sql_file("0012_shops.sql")
