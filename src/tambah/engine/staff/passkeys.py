"""Passkeys of those who work here: added, used, taken away. Each leaves an audit row."""

from __future__ import annotations

import secrets
from datetime import datetime

from tambah.domain.passkey import (
    MOST_PASSKEYS,
    Passkey,
    fold_passkey_name,
    has_fallen,
    require_another,
)
from tambah.domain.records import replace
from tambah.domain.refusals import PasskeyNotAccepted, PasskeyUnknown
from tambah.domain.staff import Staff, forget_wrong_tries
from tambah.engine.administer import acting, note
from tambah.engine.keys import Keys
from tambah.engine.staff.acting import actor_of, require_account, subject_of
from tambah.engine.staff.passkey_proofs import (
    Shown,
    challenge_of,
    credential_of,
    verify_new,
    verify_shown,
)
from tambah.store.database import Connection, Database
from tambah.store.staff import write_staff
from tambah.store.staff_passkeys import (
    find_passkey,
    insert_passkey,
    spend,
    take_passkey,
    write_use,
)
from tambah.store.staff_sessions import Seated

_ID_BITS = 62


async def add_passkey(
    database: Database, keys: Keys, seated: Seated, shown: Shown, *, name: str, now: datetime
) -> Passkey:
    """Give somebody who is signed in another passkey, whatever else they have.

    Raises FieldMissing (name) and PasskeyNotAccepted.
    """
    named = fold_passkey_name(name)
    async with acting(database) as connection:
        staff = (await require_account(connection, seated.staff.name)).staff
        if staff.passkeys >= MOST_PASSKEYS:
            raise PasskeyNotAccepted
        passkey = await make_passkey(connection, keys, staff, shown, name=named, now=now)
        await write_staff(connection, replace(staff, passkeys=staff.passkeys + 1))
        after = {"passkey": named, "passkeys": staff.passkeys + 1}
        await note(connection, actor_of(staff), "AddPasskey", subject_of(staff), after=after)
    return passkey


async def remove_passkey(database: Database, seated: Seated, passkey_id: int) -> None:
    """Take a passkey of somebody who is signed in away: it opens nothing any more.

    Raises PasskeyUnknown, and LastSecondFactor where a password alone would be left.
    """
    async with acting(database) as connection:
        account = await require_account(connection, seated.staff.name)
        staff = account.staff
        taken = await take_passkey(connection, staff.staff_id, passkey_id)
        if taken is None:
            raise PasskeyUnknown
        has_authenticator = account.totp is not None
        require_another(has_authenticator=has_authenticator, passkeys=staff.passkeys)
        await write_staff(connection, replace(staff, passkeys=staff.passkeys - 1))
        before = {"passkey": taken.name, "passkeys": staff.passkeys}
        await note(connection, actor_of(staff), "RemovePasskey", subject_of(staff), before=before)


async def make_passkey(
    connection: Connection, keys: Keys, staff: Staff, shown: Shown, *, name: str, now: datetime
) -> Passkey:
    """Write a passkey that was just made for somebody who is held. Raises PasskeyNotAccepted."""
    challenge = challenge_of(keys, shown, now)
    made = verify_new(shown, challenge) if challenge is not None else None
    if challenge is None or made is None:
        raise PasskeyNotAccepted
    if not await spend(connection, challenge.digest, challenge.expires_at):
        raise PasskeyNotAccepted
    passkey = Passkey(
        passkey_id=secrets.randbits(_ID_BITS),
        staff_id=staff.staff_id,
        name=name,
        credential=made.credential,
        public_key=made.public_key,
        sign_count=made.sign_count,
        created_at=now,
    )
    if not await insert_passkey(connection, passkey):
        raise PasskeyNotAccepted
    return passkey


async def use_passkey(
    connection: Connection, keys: Keys, staff: Staff, shown: Shown, now: datetime
) -> Staff | None:
    """Return somebody who is held after a right passkey, None where it is not right.

    What was asked for is used up, right or wrong. A counter that did not rise is refused, and
    stands in the audit trail: two authenticators may have that key.
    """
    challenge = challenge_of(keys, shown, now)
    if challenge is None or not await spend(connection, challenge.digest, challenge.expires_at):
        return None
    passkey = await find_passkey(connection, staff.staff_id, credential_of(shown))
    count = verify_shown(keys, shown, passkey, challenge) if passkey is not None else None
    if passkey is None or count is None:
        return None
    if has_fallen(passkey.sign_count, count):
        before = {"passkey": passkey.name, "count": passkey.sign_count}
        why = actor_of(staff, "its counter did not rise: two may have the key")
        subject = subject_of(staff)
        await note(
            connection, why, "RefusePasskey", subject, before=before, after={"count": count}
        )
        return None
    await write_use(connection, replace(passkey, sign_count=count, used_at=now))
    return forget_wrong_tries(staff)
