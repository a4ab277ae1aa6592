"""Coming in by single sign-on: what the provider said was verified, whose account is it here?

Only an account that was invited and accepted is anybody's. The first time, a verified address may
name it; from then on the provider's subject is bound to it, and no other is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from tambah.domain.refusals import SingleSignOnRefused, StaffSignInWrong
from tambah.domain.single_sign_on import (
    SingleSignOnRule,
    Told,
    is_proved_since,
    name_told,
    proves_second_factor,
)
from tambah.domain.staff import Staff, StaffRule, forget_wrong_tries
from tambah.engine.administer import acting, note
from tambah.engine.keys import Keys
from tambah.engine.staff.acting import actor_of, require_account, subject_of
from tambah.engine.staff.passkey_proofs import Shown
from tambah.engine.staff.signing_in import (
    count_wrong,
    factor_word,
    new_session,
    open_account,
    use_factor,
)
from tambah.store.database import Connection, Database
from tambah.store.staff import lock_staff, read_account, read_staff, write_staff
from tambah.store.staff_identities import (
    Identity,
    find_identity,
    insert_identity,
    read_identity,
    read_own_identity,
    take_identity,
)
from tambah.store.staff_passkeys import spend
from tambah.store.staff_sessions import Seated, insert_session, prove_session


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Somebody who comes from the provider. factor: of ours, None where none is asked for."""

    rule: SingleSignOnRule
    told: Told
    factor: str | Shown | None = field(default=None, repr=False)


async def spend_state(database: Database, keys: Keys, state: str, expires_at: datetime) -> None:
    """Use up what an answer of the provider is to. Raises SingleSignOnRefused the second time."""
    async with acting(database) as connection:
        if not await spend(connection, keys.digest("spent", state), expires_at):
            raise SingleSignOnRefused


async def sign_in_told(
    database: Database,
    keys: Keys,
    door: StaffRule,
    arrival: Arrival,
    *,
    session: bytes,
    now: datetime,
) -> Staff:
    """Begin a session of whoever the provider says it is; bind the account the first time.

    Raises SingleSignOnRefused whoever may not, and StaffSignInWrong for a wrong factor.
    """
    named = await _find_told(database, arrival.rule, arrival.told)
    if named is None or not (arrival.factor or proves_second_factor(arrival.rule, arrival.told)):
        raise SingleSignOnRefused
    async with acting(database) as connection:
        account = await lock_staff(connection, named)
        staff = open_account(account, now)
        if account is None or staff is None:
            raise SingleSignOnRefused
        signed_in: Staff | None = forget_wrong_tries(staff)
        if arrival.factor is not None:
            signed_in = await use_factor(connection, keys, account, arrival.factor, now)
        if signed_in is None:
            await count_wrong(connection, door, staff, now)
        else:
            await _require_bound(connection, staff, arrival, now)
            await write_staff(connection, signed_in)
            await insert_session(connection, new_session(signed_in, door, session, now))
            factor = factor_word(arrival.factor) if arrival.factor else "the provider's own"
            after = {"by": "single sign-on", "with": factor}
            await note(connection, actor_of(staff), "SignIn", subject_of(staff), after=after)
    if signed_in is None:
        raise StaffSignInWrong
    return signed_in


async def needs_factor(database: Database, rule: SingleSignOnRule, told: Told) -> bool:
    """Say whether a second factor of ours is to be asked for. Raises SingleSignOnRefused."""
    if await _find_told(database, rule, told) is None:
        raise SingleSignOnRefused
    return not proves_second_factor(rule, told)


async def prove_by_told(
    database: Database,
    rule: SingleSignOnRule,
    seated: Seated,
    told: Told,
    *,
    since: datetime,
    now: datetime,
) -> None:
    """Take the provider's word before money moves, if it was given after an instant.

    Raises SingleSignOnRefused: somebody else, another provider, or proved too long ago.
    """
    bound = await read_identity(database, seated.staff.staff_id)
    if bound is None or (bound.issuer, bound.subject) != (rule.issuer, told.subject):
        raise SingleSignOnRefused
    if not is_proved_since(told, since):
        raise SingleSignOnRefused
    with_factor = proves_second_factor(rule, told)
    async with acting(database) as connection:
        await prove_session(connection, seated.session.digest, now, with_factor=with_factor)


async def bind_told(
    database: Database, rule: SingleSignOnRule, seated: Seated, told: Told, now: datetime
) -> None:
    """Bind whoever is signed in to whom the provider says it is. Raises SingleSignOnRefused."""
    async with acting(database) as connection:
        staff = (await require_account(connection, seated.staff.name)).staff
        await _require_bound(connection, staff, Arrival(rule=rule, told=told), now)


async def unbind(database: Database, seated: Seated) -> None:
    """Forget who somebody is at the provider."""
    async with acting(database) as connection:
        staff = (await require_account(connection, seated.staff.name)).staff
        if await take_identity(connection, staff.staff_id):
            await note(connection, actor_of(staff), "UnbindIdentity", subject_of(staff))


async def _find_told(database: Database, rule: SingleSignOnRule, told: Told) -> str | None:
    """Return the name of the account that is bound, or that the address names."""
    bound = await find_identity(database, rule.issuer, told.subject)
    if bound is not None:
        staff = await read_staff(database, bound.staff_id)
        return staff.name if staff else None
    name = name_told(rule, told)
    known = await read_account(database, name) if name else None
    return known.staff.name if known else None


async def _require_bound(
    connection: Connection, staff: Staff, arrival: Arrival, now: datetime
) -> None:
    """Bind somebody who is held, unless they are; never to a second subject.

    Raises SingleSignOnRefused.
    """
    wanted = (arrival.rule.issuer, arrival.told.subject)
    bound = await read_own_identity(connection, staff.staff_id)
    if bound is not None:
        if (bound.issuer, bound.subject) != wanted:
            raise SingleSignOnRefused
        return
    issuer, subject = wanted
    identity = Identity(staff_id=staff.staff_id, issuer=issuer, subject=subject, bound_at=now)
    if not await insert_identity(connection, identity):
        raise SingleSignOnRefused
    after = {"issuer": issuer, "subject": subject}
    await note(connection, actor_of(staff), "BindIdentity", subject_of(staff), after=after)
