"""Float that a dealer buys by bank transfer: a statement's entry told to the engine, once.

An entry is marked before the engine is told of it, and told of it again, under its own name, by
whoever comes next after a crash: the engine answers the second time as the first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from tambah.domain.actor import Actor
from tambah.domain.commands import Funded, FundFromBank
from tambah.domain.money import require_ringgit
from tambah.domain.refusals import (
    BankEntryDone,
    BankEntryUnknown,
    Busy,
    DealerUnknown,
    FieldMalformed,
    ReasonMissing,
    Refusal,
    Unavailable,
)
from tambah.store.bank import (
    BY_HAND,
    TELLING,
    BankRow,
    EntryState,
    KnownDealer,
    Verdict,
    dealers_meant,
    find_entry,
    one_at_a_time,
    write_by_hand,
    write_verdicts,
)
from tambah.store.database import Database

FLOAT = "float"
_STATEMENT = Actor(who="bank", why="a statement's entry names the dealer's reference")


class Fund(Protocol):
    """The engine's `submit`, as far as float needs it."""

    async def __call__(self, command: FundFromBank, /) -> Funded:
        """Have the engine book it."""
        ...


async def tell_of_float(fund: Fund, row: BankRow) -> Verdict:
    """Have the engine book an entry that is marked for a dealer; return what becomes of it.

    Raises Busy and Unavailable: then it stays marked.
    """
    try:
        await fund(_command(row, _STATEMENT))
    except (Busy, Unavailable):
        raise
    except Refusal as refusal:
        return replace(row.verdict, state=EntryState.QUEUED, reason=refusal.code, partner_id=None)
    return replace(row.verdict, state=EntryState.MATCHED, reason=FLOAT)


async def foresee_assignment(
    database: Database, name: str, dealer_id: int
) -> tuple[BankRow, KnownDealer]:
    """Return an entry that waits and the dealer that it could be assigned to.

    Raises BankEntryUnknown, BankEntryDone, CurrencyNotAccepted, DealerUnknown, and FieldMalformed
    (entry) for money that went out.
    """
    row = await find_entry(database, name)
    if row is None:
        raise BankEntryUnknown
    if row.verdict.state is not EntryState.QUEUED or row.verdict.reason == TELLING:
        raise BankEntryDone
    require_ringgit(row.currency)
    if not row.is_credit:
        raise FieldMalformed(field="entry")
    dealer = (await dealers_meant(database, [dealer_id])).get(dealer_id)
    if dealer is None:
        raise DealerUnknown
    return row, dealer


async def assign_entry(
    database: Database, fund: Fund, name: str, dealer_id: int, actor: Actor
) -> Funded:
    """Say by hand whose float an entry pays for: that which pays for what the dealer sells.

    Raises ReasonMissing, what `foresee_assignment` does, and what the engine refuses.
    """
    if not actor.why.strip():
        raise ReasonMissing
    async with one_at_a_time(database):
        row, dealer = await foresee_assignment(database, name, dealer_id)
        claim = Verdict(state=EntryState.QUEUED, reason=TELLING, partner_id=dealer.payer_id)
        if not await write_by_hand(database, row, claim, actor, "bank_match"):
            raise BankEntryDone
        try:
            funded = await fund(_command(replace(row, verdict=claim), actor))
        except (Busy, Unavailable):
            raise
        except Refusal:
            await write_verdicts(database, [(row.fingerprint, row.verdict)])
            raise
        done = replace(claim, state=EntryState.MATCHED, reason=BY_HAND)
        await write_verdicts(database, [(row.fingerprint, done)])
    return funded


def _command(row: BankRow, actor: Actor) -> FundFromBank:
    entry, partner_id = row.fingerprint.hex(), row.verdict.partner_id
    assert partner_id is not None, f"bank entry {row.name} is marked for a dealer"
    return FundFromBank(
        caller="bank",
        request_key=f"entry {entry}",
        partner_id=partner_id,
        amount_micros=row.amount_micros,
        entry=entry,
        actor=actor,
    )
