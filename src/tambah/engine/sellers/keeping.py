"""Adding sellers, giving them another PIN, keeping them out."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from tambah.domain.actor import Actor
from tambah.domain.line import Language
from tambah.domain.records import replace
from tambah.domain.refusals import DealerUnknown, PinTooWeak, SellerNumberTaken
from tambah.domain.seller import (
    PIN_DIGITS,
    Seller,
    SellerState,
    fold_seller_name,
    forget_wrong_pins,
    require_pin,
)
from tambah.engine.administer import acting, note
from tambah.engine.sellers.acting import require_seller, subject_of
from tambah.engine.staff.proofs import hash_password
from tambah.store.database import Database
from tambah.store.ledger.dealers import read_dealers
from tambah.store.ledger.lines import mint_owner_ids
from tambah.store.sellers import (
    end_seller_sessions_of,
    insert_seller,
    write_pin,
    write_seller,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSeller:
    """Who is to sell for a dealer. language: of the SMS to them."""

    partner_id: int
    name: str
    msisdn: int
    language: Language


async def add_seller(database: Database, new: NewSeller, *, actor: Actor) -> tuple[Seller, str]:
    """Add a seller; return them and the PIN to begin with, for the only time.

    Raises FieldMalformed (name), DealerUnknown, SellerNumberTaken and ReasonMissing.
    """
    name, pin = fold_seller_name(new.name), _start_pin(new.msisdn)
    hashed = await hash_password(pin)
    async with acting(database) as connection:
        if new.partner_id not in await read_dealers(connection, [new.partner_id]):
            raise DealerUnknown
        now: datetime = await connection.fetchval("SELECT now()")
        seller = Seller(
            seller_id=(await mint_owner_ids(connection, 1))[0],
            partner_id=new.partner_id,
            name=name,
            msisdn=new.msisdn,
            language=new.language,
            state=SellerState.ACTIVE,
            created_at=now,
        )
        if not await insert_seller(connection, seller, hashed):
            raise SellerNumberTaken
        after = {"dealer": new.partner_id, "name": name, "number": str(new.msisdn)}
        await note(connection, actor, "AddSeller", subject_of(seller), after=after)
    return seller, pin


async def new_pin(database: Database, msisdn: int, *, actor: Actor) -> tuple[Seller, str]:
    """Give a seller another PIN to begin with; return them and it, for the only time.

    The old one and every session end at once, and a lock too. Raises SellerUnknown, ReasonMissing.
    """
    pin = _start_pin(msisdn)
    hashed = await hash_password(pin)
    async with acting(database) as connection:
        before = (await require_seller(connection, msisdn)).seller
        after = replace(forget_wrong_pins(before), must_change=True)
        await write_seller(connection, after)
        await write_pin(connection, after.seller_id, hashed)
        ended = await end_seller_sessions_of(connection, after.seller_id)
        facts = {"sessions_ended": ended}
        await note(connection, actor, "NewSellerPin", subject_of(after), after=facts)
    return after, pin


async def disable_seller(database: Database, msisdn: int, *, actor: Actor) -> tuple[Seller, int]:
    """Keep a seller out from now on; return them, and how many sessions that ended.

    The number is free for another. Raises SellerUnknown and ReasonMissing.
    """
    async with acting(database) as connection:
        before = (await require_seller(connection, msisdn)).seller
        after = replace(before, state=SellerState.DISABLED)
        await write_seller(connection, after)
        ended = await end_seller_sessions_of(connection, after.seller_id)
        facts = {"sessions_ended": ended}
        await note(connection, actor, "DisableSeller", subject_of(after), after=facts)
    return after, ended


def _start_pin(msisdn: int) -> str:
    """Return a PIN that might be kept: none that would be refused."""
    while True:
        pin = f"{secrets.randbelow(10**PIN_DIGITS):0{PIN_DIGITS}d}"
        try:
            require_pin(pin, msisdn)
        except PinTooWeak:
            continue
        return pin
