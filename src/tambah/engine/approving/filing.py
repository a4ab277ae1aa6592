"""Asking for what takes two people, and deciding it. Each step leaves an audit row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256

from tambah.domain.actor import Actor
from tambah.domain.approval import (
    Approval,
    approve,
    decline,
    expiry,
    withdraw,
)
from tambah.domain.refusals import ApprovalUnknown, IdempotencyKeyReused, ReasonMissing
from tambah.domain.staff import Staff
from tambah.engine.administer import acting, note
from tambah.engine.staff.acting import actor_of
from tambah.store.approvals import (
    Asked,
    Wanted,
    approval_made_by,
    insert_approval,
    lock_approval,
    write_approval,
)
from tambah.store.database import Connection, Database


def subject_of(approval: Approval) -> str:
    """Return a request as the audit trail names it."""
    return f"approval:{approval.approval_id}"


def actor_behind(approval: Approval) -> Actor:
    """Return who acts in a request's name: who asked, with who agreed beside the reason."""
    agreed = f"request {approval.approval_id}, agreed by {approval.decided_by}"
    return Actor(who=approval.maker, why=f"{approval.why} ({agreed})")


_SEEN = frozenset({"taken_micros"})
"""What stands in params because it was so at that moment: no part of what is asked."""


async def file(
    database: Database, wanted: Wanted, actor: Actor, now: datetime, *, request_key: str = ""
) -> Approval:
    """Ask for a deed; return the request, which waits for another.

    Whether the maker may ask is looked at by the door. request_key: what tells one press of the
    maker's button from another (a form's token): the same again gets the first request, however
    that stands by now. Raises ReasonMissing; IdempotencyKeyReused for a key that asked otherwise.
    """
    if not actor.why.strip():
        raise ReasonMissing
    request = sha256(request_key.encode()).digest() if request_key else None
    async with acting(database) as connection:
        made = await insert_approval(
            connection,
            wanted,
            asked=Asked(actor.who, actor.why.strip(), request),
            made_at=now,
            expires_at=expiry(now),
        )
        if made is None:
            assert request is not None, "only a press that was made before stands in the way"
            first = await approval_made_by(connection, actor.who, request)
            if _asked(first) != _asked(wanted):
                raise IdempotencyKeyReused
            return first
        after = {"deed": made.deed.value, "subject": made.subject, "params": dict(made.params)}
        await note(connection, actor, "AskApproval", subject_of(made), after=after)
    return made


def _asked(wanted: Wanted | Approval) -> tuple[object, ...]:
    params = {name: value for name, value in wanted.params.items() if name not in _SEEN}
    return wanted.deed, wanted.subject, params


async def agree(
    database: Database, approval_id: int, staff: Staff, answer: str, now: datetime
) -> Approval:
    """Agree to another's request; it is then carried out by `carry_out`, or collected.

    Raises ApprovalUnknown, ApprovalOwn, PermissionMissing, ApprovalOver.
    """

    def step(approval: Approval) -> Approval:
        return approve(approval, _who(staff), staff.permissions, answer, now)

    return await _decide(database, approval_id, "Approve", staff, answer, step)


async def refuse(
    database: Database, approval_id: int, staff: Staff, answer: str, now: datetime
) -> Approval:
    """Decline another's request, saying why.

    Raises ApprovalUnknown, ApprovalOwn, PermissionMissing, ApprovalOver, ReasonMissing.
    """

    def step(approval: Approval) -> Approval:
        return decline(approval, _who(staff), staff.permissions, answer, now)

    return await _decide(database, approval_id, "Decline", staff, answer, step)


async def take_back(database: Database, approval_id: int, actor: Actor, now: datetime) -> Approval:
    """Withdraw one's own request. Raises ApprovalUnknown, PermissionMissing, ApprovalOver."""
    async with acting(database) as connection:
        held = await require_approval(connection, approval_id)
        after = withdraw(held, actor.who, now)
        await _write(connection, actor, "Withdraw", held, after)
    return after


async def require_approval(connection: Connection, approval_id: int) -> Approval:
    """Hold a request and return it. Raises ApprovalUnknown."""
    held = await lock_approval(connection, approval_id)
    if held is None:
        raise ApprovalUnknown
    return held


async def _decide(
    database: Database,
    approval_id: int,
    action: str,
    staff: Staff,
    answer: str,
    step: Callable[[Approval], Approval],
) -> Approval:
    actor = actor_of(staff, answer.strip()) if answer.strip() else actor_of(staff)
    async with acting(database) as connection:
        held = await require_approval(connection, approval_id)
        after = step(held)
        await _write(connection, actor, action, held, after)
    return after


async def _write(
    connection: Connection, actor: Actor, action: str, before: Approval, after: Approval
) -> None:
    await write_approval(connection, after)
    await note(
        connection,
        actor,
        action,
        subject_of(after),
        before={"state": before.state.name.lower(), "deed": before.deed.value},
        after={"state": after.state.name.lower(), "maker": after.maker},
    )


def _who(staff: Staff) -> str:
    return actor_of(staff).who
