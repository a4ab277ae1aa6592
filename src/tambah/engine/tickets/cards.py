"""A damaged card that somebody claims: by its serial number, and what can be read of its code.

Staff learn whether that is the card, and what state it is in. The code itself is made up in
memory, compared by its digest, and shown to nobody.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tambah.domain.commands import Actor, Credited, RedeemVoucher
from tambah.domain.guessing import Audience
from tambah.domain.refusals import (
    CardNotIdentified,
    NumberUnknown,
    Refusal,
    TicketUnknown,
    VoucherStateWrong,
)
from tambah.domain.ticket import UNREADABLE, Ticket, completions
from tambah.domain.voucher import BatchState, VoucherState, parse_serial
from tambah.engine.administer import note
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.engine.tickets.sealing import Facts, open_facts
from tambah.store.database import Database
from tambah.store.tickets import read_ticket
from tambah.store.views.lines import find_line_id
from tambah.store.views.vouchers import VoucherView, read_printed, read_voucher

CALLER = "tickets"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardCheck:
    """What staff are told of a claimed card.

    is_this_card: the readable digits belong to the card of that serial number, and lead to it
    alone. unreadable: how many are not readable; tried: how many codes they may be part of.
    card: as the store has it, None where there is no such serial number.
    """

    serial: str
    unreadable: int
    tried: int
    is_this_card: bool
    card: VoucherView | None
    digits: str = field(default="", repr=False)


async def check_card(database: Database, keys: Keys, reference: str, actor: Actor) -> CardCheck:
    """Say whether a ticket's claim leads to one card. Audited.

    Raises TicketUnknown, CardNotIdentified (no card is claimed), ReasonMissing.
    """
    ticket = await _require_ticket(database, reference)
    check = await _check(database, keys, _claim_of(keys, ticket))
    found: dict[str, object] = {"serial": check.serial, "is_this_card": check.is_this_card}
    await _audit(database, actor, "CheckTicketCard", reference, found)
    return check


async def redeem_card(
    database: Database, keys: Keys, engine: Engine, reference: str, actor: Actor
) -> Credited:
    """Redeem a claimed card for the ticket's number; again for the same ticket: the first answer.

    Audited before and after, so that nothing is redeemed without a row. Raises TicketUnknown,
    CardNotIdentified, NumberUnknown (no line's, or another's by now), VoucherStateWrong (never
    sold: asking the engine would count against the line), and what redeeming raises.
    """
    ticket = await _require_ticket(database, reference)
    facts = _claim_of(keys, ticket)
    check = await _check(database, keys, facts)
    asked: dict[str, object] = {"serial": check.serial, "is_this_card": check.is_this_card}
    await _audit(database, actor, "RedeemTicketCard", reference, {**asked, "done": "asked"})
    if not check.is_this_card or check.card is None:
        raise CardNotIdentified
    _require_sold(check.card)
    if ticket.line_id is None:
        raise NumberUnknown
    if await find_line_id(database, facts.msisdn) != ticket.line_id:
        raise NumberUnknown
    command = RedeemVoucher(
        caller=CALLER,
        request_key=f"card:{reference}",
        msisdn=facts.msisdn,
        digits=check.digits,
        audience=Audience.OWN,
    )
    try:
        credited = await engine.submit(command)
    except Refusal as refusal:
        outcome = {**asked, "done": refusal.code}
        await _audit(database, actor, "RedeemTicketCard", reference, outcome)
        raise
    outcome = {**asked, "done": "redeemed", "receipt": credited.receipt}
    await _audit(database, actor, "RedeemTicketCard", reference, outcome)
    return credited


async def _check(database: Database, keys: Keys, facts: Facts) -> CardCheck:
    """Try every completion of the readable digits against the digest of the card's code."""
    batch_id, number = parse_serial(facts.serial)
    printed = await read_printed(database, batch_id, number)
    card = await read_voucher(database, batch_id, number)
    tried = 0
    digits: list[str] = []
    if printed is not None and printed.key_id in keys.peppers:
        for completion in completions(facts.readable):
            tried += 1
            if keys.code_digest(completion, printed.key_id) == printed.digest:
                digits.append(completion)
    return CardCheck(
        serial=facts.serial,
        unreadable=facts.readable.count(UNREADABLE),
        tried=tried,
        is_this_card=len(digits) == 1,
        card=card,
        digits=digits[0] if len(digits) == 1 else "",
    )


def _require_sold(card: VoucherView) -> None:
    unreleased = card.batch_state in (BatchState.DRAFT, BatchState.GENERATED)
    if card.state is VoucherState.GENERATED or unreleased:
        raise VoucherStateWrong(state=card.state.name.lower())


async def _require_ticket(database: Database, reference: str) -> Ticket:
    ticket = await read_ticket(database, reference)
    if ticket is None:
        raise TicketUnknown
    return ticket


def _claim_of(keys: Keys, ticket: Ticket) -> Facts:
    """Return a ticket's facts with the card that is claimed. Raises CardNotIdentified."""
    if ticket.sealed is None:
        raise CardNotIdentified
    facts = open_facts(keys, ticket.reference, ticket.sealed)
    if not facts.serial or not facts.readable:
        raise CardNotIdentified
    return facts


async def _audit(
    database: Database, actor: Actor, action: str, reference: str, after: dict[str, object]
) -> None:
    connection = await database.connect_writer()
    try:
        async with connection.transaction():
            await note(connection, actor, action, f"ticket:{reference}", after=after)
    finally:
        await connection.close()
