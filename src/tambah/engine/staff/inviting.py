"""Invitations: somebody is named by an administrator, and chooses their own secrets."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tambah.domain.actor import Actor
from tambah.domain.records import replace
from tambah.domain.refusals import (
    AuthenticatorCodeWrong,
    FieldMissing,
    InvitationUnknown,
    StaffNameTaken,
)
from tambah.domain.staff import (
    INVITATION_HOURS,
    Role,
    Staff,
    StaffState,
    fold_name,
    forget_wrong_tries,
    require_password,
    usable_steps,
)
from tambah.engine.administer import acting, note
from tambah.engine.keys import Keys
from tambah.engine.staff.acting import actor_of, facts_of, require_account, subject_of
from tambah.engine.staff.passkey_proofs import Shown
from tambah.engine.staff.passkeys import make_passkey
from tambah.engine.staff.proofs import (
    fold_code,
    hash_password,
    matching_step,
    new_recovery_codes,
    new_totp,
    open_totp,
    recovery_digest,
    seal_totp,
)
from tambah.store.database import Connection, Database
from tambah.store.staff import (
    Invitation,
    insert_invitation,
    insert_staff,
    lock_staff,
    read_invitation,
    read_staff,
    take_invitation,
    write_recovery,
    write_secrets,
    write_staff,
)
from tambah.store.staff_identities import take_identity
from tambah.store.staff_passkeys import take_all_passkeys
from tambah.store.staff_sessions import end_sessions_of

INVITATION = "/console/invitation"
"""Below which an invitation has its address."""

FIRST_PASSKEY = "1"
"""What the passkey of an invitation is called."""
_ID_BITS = 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """An invitation that may be accepted: whose, and the authenticator's secret it offers."""

    staff: Staff
    totp: str = field(repr=False)
    digest: bytes = field(repr=False)


async def invite(
    database: Database, keys: Keys, name: str, roles: Collection[Role], *, actor: Actor
) -> str:
    """Add somebody who may then accept; return the path of the invitation, for the only time.

    Raises FieldMalformed (name), FieldMissing (role), StaffNameTaken and ReasonMissing.
    """
    if not roles:
        raise FieldMissing(field="role")
    folded = fold_name(name)
    async with acting(database) as connection:
        now: datetime = await connection.fetchval("SELECT now()")
        staff = Staff(
            staff_id=secrets.randbits(_ID_BITS),
            name=folded,
            roles=tuple(sorted(set(roles))),
            state=StaffState.INVITED,
            created_at=now,
        )
        if not await insert_staff(connection, staff):
            raise StaffNameTaken
        path = await _add_invitation(connection, keys, staff.staff_id, now)
        await note(connection, actor, "InviteStaff", subject_of(staff), after=facts_of(staff))
    return path


async def invite_again(database: Database, keys: Keys, name: str, *, actor: Actor) -> str:
    """Let somebody start anew: lost phone, late, or disabled before; return the path.

    Their password, authenticator, passkeys and sessions end at once.

    Raises StaffUnknown, ReasonMissing.
    """
    async with acting(database) as connection:
        now: datetime = await connection.fetchval("SELECT now()")
        before = (await require_account(connection, name)).staff
        # Another authenticator has used none of its codes yet.
        fresh = forget_wrong_tries(before)
        after = replace(fresh, state=StaffState.INVITED, totp_step=0, passkeys=0)
        await write_staff(connection, after)
        await take_all_passkeys(connection, after.staff_id)
        await take_identity(connection, after.staff_id)
        await write_secrets(connection, after.staff_id, password=None, totp=None)
        await write_recovery(connection, after.staff_id, [])
        await end_sessions_of(connection, after.staff_id)
        path = await _add_invitation(connection, keys, after.staff_id, now)
        await note(
            connection,
            actor,
            "InviteStaffAgain",
            subject_of(after),
            before=facts_of(before),
            after=facts_of(after),
        )
    return path


async def find_invited(database: Database, keys: Keys, secret: str, now: datetime) -> Invited:
    """Return what an invitation offers. Raises InvitationUnknown."""
    invitation = await read_invitation(database, _digest(keys, secret), now)
    staff = await read_staff(database, invitation.staff_id) if invitation else None
    if invitation is None or staff is None or staff.state is not StaffState.INVITED:
        raise InvitationUnknown
    totp = open_totp(keys, staff.staff_id, invitation.totp)
    return Invited(staff=staff, totp=totp, digest=invitation.digest)


async def accept_invitation(
    database: Database, keys: Keys, invited: Invited, *, password: str, code: str, now: datetime
) -> list[str]:
    """Give somebody the password they chose; return their recovery codes, for the only time.

    code: of their authenticator, to show that it works. Raises PasswordTooWeak,
    AuthenticatorCodeWrong and InvitationUnknown (somebody was quicker).
    """
    staff = invited.staff
    require_password(password, staff.name)
    step = matching_step(invited.totp, fold_code(code), usable_steps(staff, now))
    if step is None:
        raise AuthenticatorCodeWrong
    sealed = seal_totp(keys, staff.staff_id, invited.totp)

    async def connect(_: Connection, held: Staff) -> tuple[Staff, bytes | None]:
        return replace(held, totp_step=step), sealed

    return await _accept(database, keys, invited, password, connect, now)


async def accept_with_passkey(
    database: Database, keys: Keys, invited: Invited, *, password: str, shown: Shown, now: datetime
) -> list[str]:
    """Do the same with a passkey in place of the authenticator, which is then not connected.

    Raises PasswordTooWeak, PasskeyNotAccepted and InvitationUnknown.
    """
    require_password(password, invited.staff.name)

    async def connect(connection: Connection, held: Staff) -> tuple[Staff, bytes | None]:
        await make_passkey(connection, keys, held, shown, name=FIRST_PASSKEY, now=now)
        return replace(held, passkeys=1), None

    return await _accept(database, keys, invited, password, connect, now)


async def _accept(
    database: Database,
    keys: Keys,
    invited: Invited,
    password: str,
    connect: Callable[[Connection, Staff], Awaitable[tuple[Staff, bytes | None]]],
    now: datetime,
) -> list[str]:
    """Use an invitation up. connect: returns the account, and an authenticator's secret sealed."""
    staff = invited.staff
    hashed, codes = await hash_password(password), new_recovery_codes()
    async with acting(database) as connection:
        held = await lock_staff(connection, staff.name)
        taken = await take_invitation(connection, invited.digest, now)
        if held is None or not taken:
            raise InvitationUnknown
        connected, sealed = await connect(connection, held.staff)
        after = replace(connected, state=StaffState.ACTIVE)
        await write_secrets(connection, staff.staff_id, password=hashed, totp=sealed)
        await write_staff(connection, after)
        digests = [recovery_digest(keys, staff.staff_id, one) for one in codes]
        await write_recovery(connection, staff.staff_id, digests)
        who = actor_of(after)
        await note(connection, who, "AcceptInvitation", subject_of(after), after=facts_of(after))
    return codes


async def _add_invitation(connection: Connection, keys: Keys, staff_id: int, now: datetime) -> str:
    secret = secrets.token_hex(16)
    invitation = Invitation(
        digest=_digest(keys, secret),
        staff_id=staff_id,
        totp=seal_totp(keys, staff_id, new_totp()),
        expires_at=now + timedelta(hours=INVITATION_HOURS),
    )
    await insert_invitation(connection, invitation)
    return f"{INVITATION}/{secret}"


def _digest(keys: Keys, secret: str) -> bytes:
    return keys.digest("staff invitation", secret)
