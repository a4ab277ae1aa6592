"""What all acts on staff accounts have in common: whose account, and who acts."""

from __future__ import annotations

from tambah.domain.actor import Actor
from tambah.domain.refusals import StaffUnknown
from tambah.domain.staff import Staff, StaffState, fold_name
from tambah.store.database import Connection
from tambah.store.staff import Account, lock_staff

AT_THE_CONSOLE = "at the console"
"""Why somebody signs in or out: no more is asked."""


def actor_of(staff: Staff, why: str = AT_THE_CONSOLE) -> Actor:
    """Return somebody who works here as who acts."""
    return Actor(who=f"staff:{staff.name}", why=why)


def subject_of(staff: Staff) -> str:
    """Return somebody as the audit trail names them."""
    return f"staff:{staff.name}"


async def require_account(connection: Connection, name: str) -> Account:
    """Hold somebody's account and return it. Raises FieldMalformed, StaffUnknown."""
    account = await lock_staff(connection, fold_name(name))
    if account is None:
        raise StaffUnknown
    return account


def facts_of(staff: Staff) -> dict[str, object]:
    """Return what an audit row says of somebody."""
    return {"roles": sorted(staff.roles), "state": StaffState(staff.state).name.lower()}
