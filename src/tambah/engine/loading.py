"""What a batch touches: locked in one global order, then read."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tambah.domain.balance import Bucket
from tambah.domain.care_commands import MoveTopUp
from tambah.domain.commands import (
    BY_LINE,
    BY_PARTNER,
    OF_A_PAYMENT,
    Command,
    NewsKind,
    OpenPayment,
    PaymentNews,
    RedeemVoucher,
    RefundPayment,
    ReverseTopUp,
    TopUp,
)
from tambah.domain.dealer import DealerSale
from tambah.domain.dealer_commands import MoveFloat
from tambah.domain.guessing import Audience
from tambah.domain.payment import PaymentAccount
from tambah.domain.rules import Rules
from tambah.domain.state import (
    Annex,
    AnnexKey,
    LineAccount,
    PartnerAccount,
    TopUpRecord,
)
from tambah.domain.voucher import Voucher
from tambah.engine.annexes import due_keys, keys_of, read_annexes
from tambah.engine.keys import Keys
from tambah.engine.pending import Pending, owner_of
from tambah.engine.trade import Trade, find_undone, load_trade, undone_line_ids
from tambah.store.database import Connection, Record
from tambah.store.ledger import (
    attempts,
    buckets,
    lines,
    partners,
    payments,
    requests,
    topups,
    vouchers,
)

_WINDOW = timedelta(hours=1)
_OF_PARTNERS = (TopUp, *BY_PARTNER)
_WITHOUT_NUMBER = (*BY_PARTNER, *BY_LINE)


@dataclass(slots=True)
class GuestWatch:
    """How many wrong codes guests tried in the last hour, remembered for a second."""

    counted: int = 0
    fresh_until: float = 0.0


@dataclass(slots=True, kw_only=True)
class Loaded:
    """What the batch touches, as it stands after the commands decided so far.

    paid_today: prices of the lines' payments since `today_from`, by line and number.
    """

    now: datetime
    line_of: dict[int, int]
    lines: dict[int, LineAccount]
    partners: dict[int, PartnerAccount]
    vouchers: dict[bytes, Voucher]
    answered: dict[tuple[int, bytes], requests.Answered]
    references: set[tuple[int, int, str]]
    topups: dict[int, list[TopUpRecord]]
    payments: dict[tuple[int, int], PaymentAccount]
    today_from: datetime
    paid_today: dict[int, dict[int, int]]
    by_source: dict[bytes, int]
    guests: int
    annexes: dict[AnnexKey, Annex]
    trade: Trade


async def load(
    connection: Connection,
    batch: list[Pending],
    rules: Rules,
    keys: Keys,
    offset: timedelta,
    guests: GuestWatch,
) -> Loaded:
    """Lock in one global order, each by key, then read the rest.

    The order is lines, partners, batches that cards are sold of, vouchers.
    """
    commands = [pending.command for pending in batch]
    msisdns = {c.msisdn for c in commands if not isinstance(c, _WITHOUT_NUMBER)}
    # A move touches two lines; both are locked in the one order of all lines.
    msisdns.update(c.to_msisdn for c in commands if isinstance(c, MoveTopUp))
    named_ids = {c.line_id for c in commands if isinstance(c, BY_LINE)}
    undone = await find_undone(connection, commands)
    named_ids.update(sale.line_id for sale in undone if sale.line_id is not None)
    database_now, line_of = await lines.find_lines(connection, msisdns)
    now = database_now + offset
    today_from = rules.validity.start_of(rules.validity.local_day(now))
    line_ids = named_ids.union(line_of.values())
    line_rows = await lines.lock_lines(connection, line_ids) if line_ids else {}
    found_topups = await _load_topups(connection, commands, line_of, undone)
    partner_ids = _partner_ids(commands, found_topups)
    partner_rows = await partners.lock_partners(connection, partner_ids) if partner_ids else {}
    dealer_ids = {i for i in partner_ids if i in partner_rows and partner_rows[i]["is_dealer"]}
    trade = await load_trade(connection, commands, rules, dealer_ids, found_topups)
    found_vouchers = await _load_vouchers(connection, commands, keys, trade)
    held = await buckets.read_buckets(connection, [*line_rows, *partner_rows])
    by_source, guests_wrong = await _load_attempts(connection, commands, rules, now, guests)
    return Loaded(
        now=now,
        line_of=line_of,
        lines={
            line_id: LineAccount(
                line=lines.line_from_row(row),
                buckets=tuple(held.get(line_id, ())),
                iccid=row["iccid"],
                import_digest=row["import_digest"],
            )
            for line_id, row in line_rows.items()
        },
        partners={
            partner_id: _partner(row, held[partner_id][0])
            for partner_id, row in partner_rows.items()
        },
        vouchers=found_vouchers,
        answered=await _load_answered(connection, batch, line_of),
        references=await _load_references(connection, commands, line_of),
        topups=found_topups,
        payments=await _load_payments(connection, commands),
        today_from=today_from,
        paid_today=await _load_paid_today(connection, commands, line_of, today_from),
        by_source=by_source,
        guests=guests_wrong,
        annexes=await _load_annexes(connection, commands, line_of, line_rows, now),
        trade=trade,
    )


def _partner(row: Record, float_bucket: Bucket) -> PartnerAccount:
    values = dict(row.items())
    del values["is_dealer"]
    return PartnerAccount(**values, float_bucket=float_bucket)


async def _load_topups(
    connection: Connection,
    commands: list[Command],
    line_of: dict[int, int],
    undone: list[DealerSale],
) -> dict[int, list[TopUpRecord]]:
    """Read all top-ups of lines that have one reversed: its days are worked out from the rest."""
    line_ids = {
        line_of[c.msisdn]
        for c in commands
        if isinstance(c, ReverseTopUp | MoveTopUp) and c.msisdn in line_of
    }
    line_ids.update(
        c.line_id
        for c in commands
        if isinstance(c, RefundPayment)
        or (isinstance(c, PaymentNews) and c.kind is NewsKind.REFUNDED)
    )
    line_ids |= undone_line_ids(commands, undone, line_of)
    return await topups.read_topups(connection, line_ids) if line_ids else {}


def _partner_ids(commands: list[Command], found_topups: dict[int, list[TopUpRecord]]) -> set[int]:
    ids = {c.partner_id for c in commands if isinstance(c, _OF_PARTNERS)}
    ids.update(c.to_partner_id for c in commands if isinstance(c, MoveFloat))
    for records in found_topups.values():
        # Whose float paid stands above its dealer and is locked with it.
        ids.update(t.partner_id for t in records if t.partner_id is not None)
    return ids


async def _load_payments(
    connection: Connection, commands: list[Command]
) -> dict[tuple[int, int], PaymentAccount]:
    wanted = {(c.line_id, c.payment_no) for c in commands if isinstance(c, OF_A_PAYMENT)}
    return await payments.read_payments(connection, wanted) if wanted else {}


async def _load_paid_today(
    connection: Connection,
    commands: list[Command],
    line_of: dict[int, int],
    today_from: datetime,
) -> dict[int, dict[int, int]]:
    line_ids = {
        line_of[c.msisdn] for c in commands if isinstance(c, OpenPayment) and c.msisdn in line_of
    }
    return await payments.prices_since(connection, line_ids, today_from) if line_ids else {}


async def _load_vouchers(
    connection: Connection, commands: list[Command], keys: Keys, trade: Trade
) -> dict[bytes, Voucher]:
    digests = [
        digest
        for c in commands
        if isinstance(c, RedeemVoucher)
        for digest in keys.code_digests(c.digits)
    ]
    digests.extend(trade.digests.values())
    return await vouchers.lock_vouchers(connection, digests) if digests else {}


async def _load_attempts(
    connection: Connection,
    commands: list[Command],
    rules: Rules,
    now: datetime,
    guests: GuestWatch,
) -> tuple[dict[bytes, int], int]:
    redemptions = [c for c in commands if isinstance(c, RedeemVoucher)]
    sources = {c.source for c in redemptions if c.source}
    since = now - _WINDOW
    by_source = await attempts.count_by_source(connection, sources, since) if sources else {}
    if any(c.audience is Audience.GUEST for c in redemptions):
        loop_now = asyncio.get_running_loop().time()
        if loop_now >= guests.fresh_until:
            limit = rules.guessing.guests_hourly
            guests.counted = await attempts.count_guests(connection, since, limit)
            guests.fresh_until = loop_now + 1.0
    return by_source, guests.counted


async def _load_annexes(
    connection: Connection,
    commands: list[Command],
    line_of: dict[int, int],
    line_rows: Mapping[int, Record],
    now: datetime,
) -> dict[AnnexKey, Annex]:
    wanted: set[AnnexKey] = set()
    for line_id, row in line_rows.items():
        wanted.update(due_keys(line_id, row["package_due_at"], max(now, row["last_at"])))
    for command in commands:
        owner_id = owner_of(command, line_of)
        row = None if owner_id is None else line_rows.get(owner_id)
        wanted.update(keys_of(command, owner_id, row["iccid"] if row else None))
    return await read_annexes(connection, wanted) if wanted else {}


async def _load_answered(
    connection: Connection, batch: list[Pending], line_of: dict[int, int]
) -> dict[tuple[int, bytes], requests.Answered]:
    wanted = [
        (owner_id, pending.digest)
        for pending in batch
        if pending.digest and (owner_id := owner_of(pending.command, line_of)) is not None
    ]
    return await requests.read_requests(connection, wanted) if wanted else {}


async def _load_references(
    connection: Connection, commands: list[Command], line_of: dict[int, int]
) -> set[tuple[int, int, str]]:
    wanted = [
        (line_of[c.msisdn], c.partner_id, c.reference)
        for c in commands
        if isinstance(c, TopUp) and c.msisdn in line_of
    ]
    return await topups.find_references(connection, wanted) if wanted else set()
