"""Letting sellers in by number and PIN, at a page and by SMS. A lock-out leaves an audit row."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tambah.domain.records import replace
from tambah.domain.refusals import PinWrong
from tambah.domain.seller import (
    Seller,
    SellerRule,
    SellerSession,
    count_wrong_pin,
    forget_wrong_pins,
    require_pin,
)
from tambah.engine.administer import acting, note
from tambah.engine.keys import Keys
from tambah.engine.sellers.acting import actor_of, subject_of
from tambah.engine.staff.proofs import hash_password, is_password
from tambah.store.database import Connection, Database
from tambah.store.sellers import (
    SeatedSeller,
    end_seller_session,
    end_seller_sessions_of,
    insert_session,
    lock_seller,
    prove_seller_session,
    read_seller,
    write_pin,
    write_seller,
)

_Then = Callable[[Connection, Seller], Awaitable[Seller]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PinTry:
    """A number and what was given as its PIN."""

    msisdn: int
    pin: str = field(repr=False)


def session_digest(keys: Keys, secret: str) -> bytes:
    """Return what the database holds of a session's secret."""
    return keys.digest("seller session", secret)


async def sign_in_seller(
    database: Database, rule: SellerRule, tried: PinTry, *, session: bytes, now: datetime
) -> Seller:
    """Begin a session; return whose it is.

    session: the digest of the cookie's secret. Raises PinWrong, alike and after as much work
    whatever was wrong.
    """

    async def begin(connection: Connection, seller: Seller) -> Seller:
        new = SellerSession(
            seller_id=seller.seller_id,
            digest=session,
            proved_at=now,
            seen_at=now,
            expires_at=now + timedelta(hours=rule.session_hours),
        )
        await insert_session(connection, new)
        await note(connection, actor_of(seller), "SellerSignIn", subject_of(seller))
        return seller

    return await _try(database, rule, tried, now, begin)


async def check_pin(
    database: Database, rule: SellerRule, tried: PinTry, *, now: datetime
) -> Seller:
    """Return the seller whose number and PIN it is. Raises PinWrong, and counts it."""

    async def nothing_more(_: Connection, seller: Seller) -> Seller:
        return seller

    return await _try(database, rule, tried, now, nothing_more)


async def prove_seller(
    database: Database, rule: SellerRule, seated: SeatedSeller, pin: str, *, now: datetime
) -> None:
    """Take the PIN of a seller who is signed in, before money moves. Raises PinWrong."""

    async def prove(connection: Connection, seller: Seller) -> Seller:
        await prove_seller_session(connection, seated.session.digest, now)
        return seller

    await _try(database, rule, PinTry(msisdn=seated.seller.msisdn, pin=pin), now, prove)


async def change_pin(
    database: Database,
    rule: SellerRule,
    tried: PinTry,
    new: str,
    *,
    session: bytes = b"",
    now: datetime,
) -> Seller:
    """Put a PIN of the seller's own in place of theirs; other sessions than this one end.

    Raises PinTooWeak and PinWrong.
    """
    require_pin(new, tried.msisdn)
    hashed = await hash_password(new)

    async def change(connection: Connection, seller: Seller) -> Seller:
        after = replace(seller, must_change=False)
        await write_pin(connection, seller.seller_id, hashed)
        await end_seller_sessions_of(connection, seller.seller_id, keep=session)
        await note(connection, actor_of(seller), "ChangeSellerPin", subject_of(seller))
        return after

    return await _try(database, rule, tried, now, change)


async def sign_out_seller(database: Database, seated: SeatedSeller) -> None:
    """End one session."""
    async with acting(database) as connection:
        await end_seller_session(connection, seated.session.digest)
        seller = seated.seller
        await note(connection, actor_of(seller), "SellerSignOut", subject_of(seller))


async def _try(
    database: Database, rule: SellerRule, tried: PinTry, now: datetime, then: _Then
) -> Seller:
    """Compare a PIN and do what it is for, or count it. Raises PinWrong."""
    known = await read_seller(database, tried.msisdn)
    is_right = await is_password(known.pin if known else None, tried.pin)
    passed: Seller | None = None
    async with acting(database) as connection:
        # Held only now, so that nobody waits behind the hashing; what was tried meanwhile counts,
        # for whether this was right is not told before.
        account = await lock_seller(connection, tried.msisdn)
        if account is not None and account.seller.may_try(now):
            if is_right and known is not None and known.pin == account.pin:
                passed = await then(connection, forget_wrong_pins(account.seller))
                await write_seller(connection, passed)
            else:
                await _count_wrong(connection, rule, account.seller, now)
    if passed is None:
        raise PinWrong
    return passed


async def _count_wrong(
    connection: Connection, rule: SellerRule, seller: Seller, now: datetime
) -> None:
    after = count_wrong_pin(seller, rule, now)
    await write_seller(connection, after)
    if after.is_locked(now):
        facts = {"wrong": after.wrong, "until": str(after.locked_until)}
        who = actor_of(seller, "too many wrong PINs in a row")
        await note(connection, who, "LockSeller", subject_of(seller), after=facts)
