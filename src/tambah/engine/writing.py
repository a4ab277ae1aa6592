"""What a batch changed, written with a handful of set-based statements."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from tambah.domain.balance import Bucket
from tambah.domain.commands import (
    PersonRecord,
)
from tambah.domain.dealer import Commission, DealerSale
from tambah.domain.ledger import Transfer
from tambah.domain.payment import PaymentAccount
from tambah.domain.state import (
    Annex,
    AnnexKey,
    AuditEntry,
    CommissionRun,
    LineAccount,
    Message,
    PartnerAccount,
    PaymentRef,
    TopUpRecord,
)
from tambah.domain.voucher import Voucher
from tambah.engine.annexes import write_annexes
from tambah.store.database import Connection
from tambah.store.ledger import (
    attempts,
    audit,
    buckets,
    dealer_sales,
    lines,
    messages,
    partners,
    payments,
    persons,
    requests,
    topups,
    transfers,
    vouchers,
)
from tambah.store.ledger.topups import Page

SaleKey = tuple[int, int, int]


class ChangedElsewhere(Exception):
    """A row was not as it was when it was locked: a broken promise, never expected."""


@dataclass(slots=True)
class Changes:
    """What is to be written, in the order it was decided."""

    lines: dict[int, LineAccount] = field(default_factory=dict[int, LineAccount])
    new_line_ids: set[int] = field(default_factory=set[int])
    standings: set[int] = field(default_factory=set[int])
    recycled: dict[int, int] = field(default_factory=dict[int, int])
    on_sims: dict[int, str | None] = field(default_factory=dict[int, "str | None"])
    persons: list[tuple[int, PersonRecord, datetime]] = field(
        default_factory=list[tuple[int, PersonRecord, datetime]]
    )
    partners: dict[int, PartnerAccount] = field(default_factory=dict[int, PartnerAccount])
    buckets: dict[tuple[int, int], Bucket] = field(default_factory=dict[tuple[int, int], Bucket])
    transfers: list[Transfer] = field(default_factory=list[Transfer])
    topups: list[TopUpRecord] = field(default_factory=list[TopUpRecord])
    reversed: list[TopUpRecord] = field(default_factory=list[TopUpRecord])
    pages: list[tuple[Page, int | None]] = field(default_factory=list[tuple[Page, int | None]])
    payments: dict[tuple[int, int], PaymentAccount] = field(
        default_factory=dict[tuple[int, int], PaymentAccount]
    )
    new_payments: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])
    payment_refs: list[PaymentRef] = field(default_factory=list[PaymentRef])
    redeemed: list[tuple[Voucher, int]] = field(default_factory=list[tuple[Voucher, int]])
    sold_cards: dict[bytes, Voucher] = field(default_factory=dict[bytes, Voucher])
    sales: dict[SaleKey, DealerSale] = field(default_factory=dict[SaleKey, DealerSale])
    new_sales: set[SaleKey] = field(default_factory=set[SaleKey])
    commissions: list[Commission] = field(default_factory=list[Commission])
    commission_runs: list[CommissionRun] = field(default_factory=list[CommissionRun])
    messages: list[Message] = field(default_factory=list[Message])
    attempts: list[tuple[datetime, bytes, int, int]] = field(
        default_factory=list[tuple[datetime, bytes, int, int]]
    )
    requests: list[requests.Answered] = field(default_factory=list[requests.Answered])
    audits: list[AuditEntry] = field(default_factory=list[AuditEntry])
    annexes: dict[AnnexKey, Annex] = field(default_factory=dict[AnnexKey, Annex])


async def write(connection: Connection, changes: Changes) -> None:
    """Write everything with a handful of set-based statements."""
    await _write_lines(connection, changes)
    if changes.partners:
        await partners.update_partners(connection, list(changes.partners.values()))
    if changes.buckets:
        # In key order, like every lock.
        ordered = [changes.buckets[key] for key in sorted(changes.buckets)]
        await buckets.write_buckets(connection, ordered)
    if changes.transfers:
        await transfers.insert_transfers(connection, changes.transfers)
    await _write_trade(connection, changes)
    await _write_topups(connection, changes)
    await _write_payments(connection, changes)
    await _write_rest(connection, changes)


async def _write_rest(connection: Connection, changes: Changes) -> None:
    if changes.requests:
        await requests.insert_requests(connection, changes.requests)
    if changes.messages:
        await messages.insert_messages(connection, _addressed(changes))
    if changes.attempts:
        await attempts.insert_attempts(connection, changes.attempts)
    if changes.annexes:
        await write_annexes(connection, changes.annexes)
    if changes.audits:
        await audit.append(connection, changes.audits)


async def _write_lines(connection: Connection, changes: Changes) -> None:
    new = [changes.lines[line_id] for line_id in sorted(changes.new_line_ids)]
    old = [
        changes.lines[line_id].line
        for line_id in sorted(changes.lines)
        if line_id not in changes.new_line_ids
    ]
    if old:
        await lines.update_lines(connection, old)
    standings = [changes.lines[i].line for i in sorted(changes.standings - changes.new_line_ids)]
    if standings:
        await lines.update_standings(connection, standings)
    on_sims = {
        i: changes.on_sims[i] for i in sorted(changes.on_sims.keys() - changes.new_line_ids)
    }
    if on_sims:
        await lines.update_iccids(connection, on_sims)
    if new:
        await lines.insert_lines(connection, new, changes.recycled)
    if changes.recycled:
        owners = {account.line.msisdn: account.line.line_id for account in new}
        passed = await lines.pass_numbers_on(connection, changes.recycled, owners)
        if passed != len(changes.recycled):
            raise ChangedElsewhere
        await messages.drop_messages(connection, changes.recycled.values())
    if changes.persons:
        await persons.insert_persons(connection, changes.persons)


async def _write_trade(connection: Connection, changes: Changes) -> None:
    # Before the commissions of this batch: a run pays what was owed when it was summed.
    for run in changes.commission_runs:
        await dealer_sales.mark_paid(connection, run)
    if changes.sold_cards:
        # Before the redeemed ones: a card may be sold and used in one batch.
        cards = [changes.sold_cards[digest] for digest in sorted(changes.sold_cards)]
        if await vouchers.mark_sold(connection, cards) != len(cards):
            raise ChangedElsewhere
    keys = sorted(changes.sales)
    new = [changes.sales[key] for key in keys if key in changes.new_sales]
    undone = [changes.sales[key] for key in keys if key not in changes.new_sales]
    if new:
        await dealer_sales.insert_sales(connection, new)
    if undone and await dealer_sales.mark_undone(connection, undone) != len(undone):
        raise ChangedElsewhere
    if changes.commissions:
        await dealer_sales.insert_commissions(connection, changes.commissions)


async def _write_topups(connection: Connection, changes: Changes) -> None:
    if changes.redeemed:
        cards = [card for card, _ in changes.redeemed]
        marked = await vouchers.mark_redeemed(
            connection, cards, [topup_no for _, topup_no in changes.redeemed]
        )
        if marked != len(cards):
            raise ChangedElsewhere
    if changes.topups:
        await topups.insert_topups(connection, changes.topups)
    if changes.reversed:
        await topups.mark_reversed(connection, changes.reversed)
    if changes.pages:
        await topups.insert_result_pages(connection, changes.pages)


async def _write_payments(connection: Connection, changes: Changes) -> None:
    keys = sorted(changes.payments)
    new = [changes.payments[key].payment for key in keys if key in changes.new_payments]
    old = [changes.payments[key].payment for key in keys if key not in changes.new_payments]
    if new:
        await payments.insert_payments(connection, new)
    if old:
        await payments.update_payments(connection, old)
    refunds = [refund for key in keys for refund in changes.payments[key].refunds]
    if refunds:
        await payments.write_refunds(connection, refunds)
    if changes.payment_refs:
        await payments.insert_refs(connection, changes.payment_refs)


def _addressed(changes: Changes) -> Iterable[tuple[Message, int, int]]:
    for message in changes.messages:
        line = changes.lines[message.line_id].line
        yield message, line.msisdn, line.language
