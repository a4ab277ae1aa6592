"""What a batch changed, written with set-based statements."""

from __future__ import annotations

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
from tambah.store.ledger.batch_rows import BatchRows, write_rows
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
    pages: list[Page] = field(default_factory=list[Page])
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
    """Write everything: what most batches change in one statement, the rest table by table."""
    await _write_new_lines(connection, changes)
    await _write_sold(connection, changes)
    rows = _rows_of(changes)
    # A batch of nothing but refusals and repeats writes nothing.
    if any(rows) and await write_rows(connection, rows) != len(changes.redeemed):
        raise ChangedElsewhere
    await _write_standings(connection, changes)
    await _write_trade(connection, changes)
    await _write_topups(connection, changes)
    await _write_payments(connection, changes)
    if changes.attempts:
        await attempts.insert_attempts(connection, changes.attempts)
    if changes.annexes:
        await write_annexes(connection, changes.annexes)
    if changes.audits:
        await audit.append(connection, changes.audits)


def _rows_of(changes: Changes) -> BatchRows:
    old = [i for i in sorted(changes.lines) if i not in changes.new_line_ids]
    messages_to = ((m, changes.lines[m.line_id].line) for m in changes.messages)
    return BatchRows(
        lines=[lines.line_after(changes.lines[line_id].line) for line_id in old],
        partners=[partners.partner_after(p) for p in changes.partners.values()],
        # In key order, like every lock.
        buckets=[buckets.bucket_after(changes.buckets[key]) for key in sorted(changes.buckets)],
        cards=[vouchers.card_redeemed(card, topup_no) for card, topup_no in changes.redeemed],
        transfers=[transfers.new_transfer(transfer) for transfer in changes.transfers],
        topups=[topups.new_topup(topup) for topup in changes.topups],
        pages=list(changes.pages),
        requests=[requests.new_request(answered) for answered in changes.requests],
        messages=[messages.new_message(m, to.msisdn, to.language) for m, to in messages_to],
    )


async def _write_new_lines(connection: Connection, changes: Changes) -> None:
    new = [changes.lines[line_id] for line_id in sorted(changes.new_line_ids)]
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


async def _write_standings(connection: Connection, changes: Changes) -> None:
    standings = [changes.lines[i].line for i in sorted(changes.standings - changes.new_line_ids)]
    if standings:
        await lines.update_standings(connection, standings)
    on_sims = {
        i: changes.on_sims[i] for i in sorted(changes.on_sims.keys() - changes.new_line_ids)
    }
    if on_sims:
        await lines.update_iccids(connection, on_sims)


async def _write_sold(connection: Connection, changes: Changes) -> None:
    """Mark cards as sold, before the redeemed ones: a card may be sold and used in one batch."""
    cards = [changes.sold_cards[digest] for digest in sorted(changes.sold_cards)]
    if cards and await vouchers.mark_sold(connection, cards) != len(cards):
        raise ChangedElsewhere


async def _write_trade(connection: Connection, changes: Changes) -> None:
    # Before the commissions of this batch: a run pays what was owed when it was summed.
    for run in changes.commission_runs:
        await dealer_sales.mark_paid(connection, run)
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
    await topups.insert_gifts(connection, changes.topups)
    if changes.reversed:
        await topups.mark_reversed(connection, changes.reversed)


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
