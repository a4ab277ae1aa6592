"""Replacing a lost or damaged card: it is voided, and an unsold one is activated for it.

Nothing is printed again, for nobody can: the substitute is a card that lies in a drawer.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from tambah.domain.actor import Actor
from tambah.domain.refusals import (
    BatchStateWrong,
    BatchUnknown,
    CardRedeemed,
    SubstituteUnfit,
    VoucherStateWrong,
    VoucherUnknown,
)
from tambah.domain.state import AuditEntry
from tambah.domain.voucher import Batch, BatchState, VoucherState, format_serial
from tambah.engine.vouchers.auditing import require_reason
from tambah.engine.vouchers.moving import transact
from tambah.store.database import Connection, Database
from tambah.store.ledger import audit, voucher_replacement, voucher_stock
from tambah.store.ledger.voucher_replacement import HeldCard, Serial

_REPLACEABLE = {VoucherState.ACTIVE, VoucherState.LOCKED}
"""A card that was never activated was never sold: it is sold instead, not replaced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """A card and the one given for it, by their serial numbers."""

    lost: str
    given: str
    price_micros: int


async def replace_card(
    database: Database, lost: Serial, given: Serial, actor: Actor, now: datetime
) -> Replaced:
    """Void the card `lost` and activate `given` for it, in one transaction.

    `given` must be worth as much, unsold and of a released batch. Raises ReasonMissing,
    BatchUnknown, VoucherUnknown, BatchStateWrong (the lost card's batch would not redeem it),
    CardRedeemed, VoucherStateWrong and SubstituteUnfit.
    """
    require_reason(actor)
    if lost == given:
        raise SubstituteUnfit
    connection = await database.connect_writer()
    try:
        return await transact(
            connection, partial(_replace, lost=lost, given=given, actor=actor, now=now)
        )
    finally:
        await connection.close()


async def _replace(
    connection: Connection, lost: Serial, given: Serial, actor: Actor, now: datetime
) -> Replaced:
    batches = await _lock_batches(connection, {lost[0], given[0]})
    cards = await voucher_replacement.lock_cards(connection, lost, given)
    if lost not in cards or given not in cards:
        raise VoucherUnknown
    old = batches[lost[0]]
    _require_replaceable(old, cards[lost], now)
    _require_fit(old, batches[given[0]], cards[given], now)
    await _move(connection, cards[lost], VoucherState.VOID)
    await _move(connection, cards[given], VoucherState.ACTIVE)
    await voucher_replacement.insert_replacement(connection, lost, given, now)
    await audit.append(connection, _entries(lost, given, cards[lost], actor, now))
    return Replaced(
        lost=format_serial(*lost), given=format_serial(*given), price_micros=old.price_micros
    )


async def _lock_batches(connection: Connection, batch_ids: set[int]) -> dict[int, Batch]:
    batches: dict[int, Batch] = {}
    for batch_id in sorted(batch_ids):
        stock = await voucher_stock.lock_batch(connection, batch_id, to_change=False)
        if stock is None:
            raise BatchUnknown
        batches[batch_id] = stock.batch
    return batches


def _require_replaceable(batch: Batch, card: HeldCard, now: datetime) -> None:
    if card.redeemed_at is not None:
        raise CardRedeemed(used_at=card.redeemed_at)
    if card.state not in _REPLACEABLE:
        raise VoucherStateWrong(state=card.state.name.lower())
    if batch.state is not BatchState.RELEASED:
        raise BatchStateWrong(state=batch.state.name.lower())
    if _has_ended(batch, now):
        raise VoucherStateWrong(state="expired")


def _require_fit(old: Batch, new: Batch, card: HeldCard, now: datetime) -> None:
    """Refuse a card that promises less than the lost one did, or that does not redeem."""
    fits = (
        card.state is VoucherState.GENERATED
        and new.state is BatchState.RELEASED
        and not _has_ended(new, now)
        and new.price_micros == old.price_micros
        and new.credit_micros >= old.credit_micros
        and new.bonus_micros >= old.bonus_micros
        and new.valid_days >= old.valid_days
    )
    if not fits:
        raise SubstituteUnfit


def _has_ended(batch: Batch, now: datetime) -> bool:
    return batch.redeem_before is not None and now >= batch.redeem_before


async def _move(connection: Connection, card: HeldCard, after: VoucherState) -> None:
    changed = await voucher_stock.set_voucher_states(
        connection, [card.digest], expected=[card.state], after=after
    )
    if changed != 1:
        raise AssertionError("a card that is held changed its state")


def _entries(
    lost: Serial, given: Serial, old: HeldCard, actor: Actor, now: datetime
) -> list[AuditEntry]:
    """Return a row about each card; each names the other."""
    told = (
        (lost, "replace_voucher", old.state, VoucherState.VOID, {"replaced_by": given}),
        (
            given,
            "activate_substitute",
            VoucherState.GENERATED,
            VoucherState.ACTIVE,
            {"replaces": lost},
        ),
    )
    return [
        AuditEntry(
            at=now,
            who=actor.who,
            action=action,
            subject=f"voucher:{format_serial(*serial)}..{format_serial(*serial)}",
            why=actor.why,
            before={"state": before.name.lower()},
            after={
                "state": after.name.lower(),
                **{name: format_serial(*other) for name, other in link.items()},
            },
        )
        for serial, action, before, after, link in told
    ]
