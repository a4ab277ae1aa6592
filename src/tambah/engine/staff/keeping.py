"""What administrators do with accounts that are there."""

from __future__ import annotations

from collections.abc import Collection

from tambah.domain.actor import Actor
from tambah.domain.records import replace
from tambah.domain.refusals import FieldMissing
from tambah.domain.staff import Role, Staff, StaffState
from tambah.engine.administer import acting, note
from tambah.engine.staff.acting import facts_of, require_account, subject_of
from tambah.store.database import Connection, Database
from tambah.store.staff import end_invitations, write_staff
from tambah.store.staff_sessions import end_sessions_of


async def disable(database: Database, name: str, *, actor: Actor) -> int:
    """Keep somebody out from this instant on; return how many sessions ended.

    Raises StaffUnknown and ReasonMissing.
    """
    async with acting(database) as connection:
        before = (await require_account(connection, name)).staff
        after = replace(before, state=StaffState.DISABLED)
        ended = await end_sessions_of(connection, before.staff_id)
        await end_invitations(connection, before.staff_id)
        await _write(connection, actor, "DisableStaff", before, after)
    return ended


async def change_roles(
    database: Database, name: str, roles: Collection[Role], *, actor: Actor
) -> Staff:
    """Give somebody these roles instead of theirs; it holds from their next page on.

    Raises StaffUnknown, FieldMissing (role) and ReasonMissing.
    """
    if not roles:
        raise FieldMissing(field="role")
    async with acting(database) as connection:
        before = (await require_account(connection, name)).staff
        after = replace(before, roles=tuple(sorted(set(roles))))
        await _write(connection, actor, "ChangeRoles", before, after)
    return after


async def _write(
    connection: Connection, actor: Actor, action: str, before: Staff, after: Staff
) -> None:
    await write_staff(connection, after)
    await note(
        connection,
        actor,
        action,
        subject_of(after),
        before=facts_of(before),
        after=facts_of(after),
    )
