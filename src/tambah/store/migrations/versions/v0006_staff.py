"""Staff: accounts, invitations, recovery codes, sessions."""

from tambah.store.migrate import run_sql_file

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Run 0006_staff.sql."""
    run_sql_file("0006_staff.sql")
