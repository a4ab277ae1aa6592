"""Signing in to the console and out of it. Each leaves an audit row, and so does a lock-out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tambah.domain.records import replace
from tambah.domain.refusals import FieldMalformed, StaffSignInWrong
from tambah.domain.staff import (
    Staff,
    StaffRule,
    StaffSession,
    StaffState,
    count_wrong_try,
    fold_name,
    forget_wrong_tries,
    usable_steps,
)
from tambah.engine.administer import acting, note
from tambah.engine.keys import Keys
from tambah.engine.staff.acting import actor_of, subject_of
from tambah.engine.staff.passkey_proofs import Shown
from tambah.engine.staff.passkeys import use_passkey
from tambah.engine.staff.proofs import (
    fold_code,
    is_password,
    looks_like_totp,
    matching_step,
    open_totp,
    recovery_digest,
)
from tambah.store.database import Connection, Database
from tambah.store.staff import Account, lock_staff, read_account, use_recovery, write_staff
from tambah.store.staff_sessions import (
    Seated,
    end_session,
    end_sessions_of,
    insert_session,
    prove_session,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """What somebody typed to sign in. code: of the authenticator, or a recovery code.

    passkey: what their browser sent of one; no code is looked at then.
    """

    name: str
    password: str = field(repr=False)
    code: str = field(default="", repr=False)
    passkey: Shown | None = None

    @property
    def factor(self) -> str | Shown:
        """Return what goes with the password."""
        return self.code if self.passkey is None else self.passkey


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What somebody who is signed in shows: a password, a code or a passkey.

    takes_password: a password is enough; else what was typed is taken for a code.
    """

    shown: str | Shown = field(repr=False)
    takes_password: bool = True

    @property
    def password(self) -> str:
        """Return what is to be looked at as a password, empty for nothing."""
        if isinstance(self.shown, Shown) or not self.takes_password:
            return ""
        return "" if looks_like_totp(self.shown) else self.shown


def session_digest(keys: Keys, secret: str) -> bytes:
    """Return what the database holds of a session's secret."""
    return keys.digest("staff session", secret)


async def sign_in(
    database: Database, keys: Keys, rule: StaffRule, tried: Try, *, session: bytes, now: datetime
) -> Staff:
    """Begin a session; return whose it is. session: the digest of the cookie's secret.

    Raises StaffSignInWrong, alike and after as much work whatever was wrong.
    """
    name = _name(tried.name)
    known = await read_account(database, name)
    is_right = await is_password(known.password if known else None, tried.password)
    async with acting(database) as connection:
        # Held only now, so that nobody waits behind the hashing; what was tried meanwhile counts,
        # for whether this was right is not told before.
        account = await lock_staff(connection, name)
        staff = open_account(account, now)
        if account is None or staff is None:
            signed_in = None
        elif _is_proved(rule, staff, account, known if is_right else None):
            signed_in = await use_factor(connection, keys, account, tried.factor, now)
        else:
            signed_in = None
        if staff is not None and signed_in is None:
            await count_wrong(connection, rule, staff, now)
        if signed_in is not None:
            await write_staff(connection, signed_in)
            await insert_session(connection, new_session(signed_in, rule, session, now))
            after = {"with": factor_word(tried.factor)}
            who = actor_of(signed_in)
            await note(connection, who, "SignIn", subject_of(signed_in), after=after)
    if signed_in is None:
        raise StaffSignInWrong
    return signed_in


async def prove_again(
    database: Database,
    keys: Keys,
    rule: StaffRule,
    seated: Seated,
    proof: Proof,
    *,
    now: datetime,
) -> None:
    """Take a proof of somebody who is signed in, before money moves or their account changes.

    Wrong ones count as they do for signing in. Raises StaffSignInWrong.
    """
    password = proof.password
    name = seated.staff.name
    known = await read_account(database, name)
    stored = known.password if known and password else None
    is_right = await is_password(stored, password)
    async with acting(database) as connection:
        account = await lock_staff(connection, name)
        staff = open_account(account, now)
        proved = None
        if account is not None and staff is not None:
            if not password:
                proved = await use_factor(connection, keys, account, proof.shown, now)
            elif _is_proved(rule, staff, account, known if is_right else None):
                proved = forget_wrong_tries(staff)
            if proved is None:
                await count_wrong(connection, rule, staff, now)
            else:
                await write_staff(connection, proved)
                digest = seated.session.digest
                await prove_session(connection, digest, now, with_factor=not password)
    if proved is None:
        raise StaffSignInWrong


async def sign_out(database: Database, seated: Seated) -> None:
    """End one session."""
    async with acting(database) as connection:
        await end_session(connection, seated.session.digest)
        await note(connection, actor_of(seated.staff), "SignOut", subject_of(seated.staff))


async def sign_out_everywhere(database: Database, seated: Seated) -> None:
    """End every session of somebody."""
    async with acting(database) as connection:
        ended = await end_sessions_of(connection, seated.staff.staff_id)
        await note(
            connection,
            actor_of(seated.staff),
            "SignOutEverywhere",
            subject_of(seated.staff),
            after={"ended": ended},
        )


def _is_proved(rule: StaffRule, staff: Staff, account: Account, known: Account | None) -> bool:
    """Say whether the password that was right is still the one, and counts here."""
    if known is None or known.password != account.password:
        return False
    return rule.takes_password(staff)


def open_account(account: Account | None, now: datetime) -> Staff | None:
    """Return who may try now: nobody who is locked, disabled or has not accepted yet."""
    if account is None or account.staff.state is not StaffState.ACTIVE:
        return None
    return None if account.staff.is_locked(now) else account.staff


async def use_factor(
    connection: Connection, keys: Keys, account: Account, shown: str | Shown, now: datetime
) -> Staff | None:
    """Return somebody who is held, with the code or passkey used up; None if it is not right."""
    if isinstance(shown, Shown):
        return await use_passkey(connection, keys, account.staff, shown, now)
    return await _use_code(connection, keys, account, shown, now)


def factor_word(shown: str | Shown) -> str:
    """Return what the audit trail calls a second factor."""
    if isinstance(shown, Shown):
        return "passkey"
    return "authenticator" if looks_like_totp(shown) else "recovery code"


async def _use_code(
    connection: Connection, keys: Keys, account: Account, typed: str, now: datetime
) -> Staff | None:
    staff, code = account.staff, fold_code(typed)
    if not looks_like_totp(typed):
        digest = recovery_digest(keys, staff.staff_id, code)
        used = await use_recovery(connection, staff.staff_id, digest)
        return forget_wrong_tries(staff) if used else None
    if account.totp is None:
        return None
    secret = open_totp(keys, staff.staff_id, account.totp)
    step = matching_step(secret, code, usable_steps(staff, now))
    return None if step is None else replace(forget_wrong_tries(staff), totp_step=step)


async def count_wrong(
    connection: Connection, rule: StaffRule, staff: Staff, now: datetime
) -> None:
    """Count a wrong try of somebody who is held; a lock-out leaves an audit row."""
    after = count_wrong_try(staff, rule, now)
    await write_staff(connection, after)
    if after.is_locked(now):
        facts = {"wrong": after.wrong, "until": str(after.locked_until)}
        who = actor_of(staff, "too many wrong tries in a row")
        await note(connection, who, "LockStaff", subject_of(staff), after=facts)


def new_session(staff: Staff, rule: StaffRule, digest: bytes, now: datetime) -> StaffSession:
    """Return a session that begins now; nobody comes in without a second factor."""
    return StaffSession(
        staff_id=staff.staff_id,
        digest=digest,
        proved_at=now,
        seen_at=now,
        expires_at=now + timedelta(hours=rule.session_hours),
        factor_at=now,
    )


def _name(typed: str) -> str:
    """Return the name to look for: what cannot be one is looked for as well, in vain."""
    try:
        return fold_name(typed)
    except FieldMalformed:
        return ""
