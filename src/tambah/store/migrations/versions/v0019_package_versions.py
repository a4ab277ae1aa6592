"""Packages made in the console."""

from tambah.store.migrate import run_sql_file

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Run 0019_package_versions.sql."""
    run_sql_file("0019_package_versions.sql")
