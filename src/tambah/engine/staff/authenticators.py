"""Another authenticator app in place of the one that somebody has, or none. Each leaves a row."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from tambah.domain.passkey import require_passkey
from tambah.domain.records import replace
from tambah.domain.refusals import AuthenticatorCodeWrong, FormExpired
from tambah.domain.staff import usable_steps
from tambah.engine.administer import acting, note
from tambah.engine.keys import Keys
from tambah.engine.staff.acting import actor_of, require_account, subject_of
from tambah.engine.staff.proofs import fold_code, matching_step, new_totp, seal_totp
from tambah.store.database import Connection, Database
from tambah.store.staff import Account, read_account, write_secrets, write_staff
from tambah.store.staff_sessions import Seated, end_other_sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An authenticator's secret that was shown to somebody and is not theirs yet.

    instead_of: the mark of what it would replace; once that is another, the offer is over.
    """

    staff_id: int
    instead_of: str
    totp: str = field(repr=False)


async def offer_authenticator(database: Database, seated: Seated, held: Offer | None) -> Offer:
    """Return what to scan: what was offered before, as long as it may still be taken, or anew."""
    account = await read_account(database, seated.staff.name)
    mark = _mark(account)
    staff_id = seated.staff.staff_id
    if held is not None and (held.staff_id, held.instead_of) == (staff_id, mark):
        return held
    return Offer(staff_id=staff_id, instead_of=mark, totp=new_totp())


async def change_authenticator(
    database: Database, keys: Keys, seated: Seated, offer: Offer, *, code: str, now: datetime
) -> None:
    """Put the offered authenticator in place of what somebody has; their other sessions end.

    code: what it shows, so that nobody locks themselves out. Raises AuthenticatorCodeWrong, and
    FormExpired when something else took the place meanwhile.
    """
    async with acting(database) as connection:
        account = await require_account(connection, seated.staff.name)
        staff = account.staff
        if (offer.staff_id, offer.instead_of) != (staff.staff_id, _mark(account)):
            raise FormExpired
        # None of its codes was used yet, whichever of the other's were.
        step = matching_step(
            offer.totp, fold_code(code), usable_steps(replace(staff, totp_step=0), now)
        )
        if step is None:
            raise AuthenticatorCodeWrong
        sealed = seal_totp(keys, staff.staff_id, offer.totp)
        await write_secrets(connection, staff.staff_id, password=account.password, totp=sealed)
        await write_staff(connection, replace(staff, totp_step=step))
        ended = await end_other_sessions(connection, staff.staff_id, seated.session.digest)
        await _note(connection, account, "ChangeAuthenticator", has_it=True, ended=ended)


async def remove_authenticator(database: Database, seated: Seated) -> None:
    """Take the authenticator of somebody who has passkeys away; their other sessions end.

    Raises LastSecondFactor where a password alone would be left.
    """
    async with acting(database) as connection:
        account = await require_account(connection, seated.staff.name)
        staff = account.staff
        require_passkey(staff.passkeys)
        await write_secrets(connection, staff.staff_id, password=account.password, totp=None)
        await write_staff(connection, replace(staff, totp_step=0))
        ended = await end_other_sessions(connection, staff.staff_id, seated.session.digest)
        await _note(connection, account, "RemoveAuthenticator", has_it=False, ended=ended)


async def _note(
    connection: Connection, account: Account, action: str, *, has_it: bool, ended: int
) -> None:
    before = {"authenticator": account.totp is not None}
    after = {"authenticator": has_it, "sessions_ended": ended}
    staff = account.staff
    await note(connection, actor_of(staff), action, subject_of(staff), before=before, after=after)


def _mark(account: Account | None) -> str:
    """Return a mark of the authenticator that somebody has, empty for none."""
    sealed = account.totp if account is not None else None
    return sha256(sealed).hexdigest() if sealed is not None else ""
