"""Cards that were sold: when, by what one knows it, and what of them was used since.

Who sold a card is known from a dealer's sale, from the audited activation of its range, or from
the release of a batch whose cards need none. A card that can be used, or was, and of which none of
these is known was never sold.

`count_cards` reads every card there is: the proof of a close. `count_moved` reads those to which
something happened in the period, which is all that a period's facts are of, and all by which what
is owed at its end differs from what was owed at its beginning.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import LiteralString
from zoneinfo import ZoneInfo

from tambah.domain.finance.cards import BatchCards, Range, earliest, serial_key
from tambah.domain.finance.three_way import CardFacts, OddSale, UnsoldCards
from tambah.domain.refusals import VoucherUnknown
from tambah.domain.voucher import parse_serial
from tambah.store.database import Connection, Record
from tambah.store.views.dated_cards import (
    COUNT,
    EVERY_CARD,
    MOVED_CARDS,
    NEVER_SOLD,
    ODD_SALES,
    UNDONE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cards:
    """What the stock says of a period: facts for the three sides, and what is owed by batch.

    before, after: sold and not used when it began and when it ended.
    """

    facts: CardFacts
    before: tuple[BatchCards, ...]
    after: tuple[BatchCards, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Marks:
    """Ranges as three arrays, each beginning with one that no card is in."""

    firsts: list[int]
    lasts: list[int]
    instants: list[datetime]


async def count_cards(
    connection: Connection, since: datetime, before: datetime, zone: ZoneInfo
) -> Cards:
    """Say what was sold, used and left of cards from `since` to before `before`; read them all.

    Of odd sales its facts say nothing: see `find_odd_sales`.
    """
    sold, void = await _both_ranges(connection)
    values = _values(sold, void, since, before, zone)
    rows = await connection.fetch(EVERY_CARD + COUNT, *values)
    undone = await connection.fetch(UNDONE, since, before, zone.key)
    unsold = [
        _unsold(row, count, row["day"])
        for row in rows
        if not row["is_sold"] and (count := row["used"] if row["day"] else row["usable"])
    ]
    return _cards(rows, undone, unsold)


async def count_moved(
    connection: Connection, since: datetime, before: datetime, zone: ZoneInfo
) -> Cards:
    """Say the same, and `before` and `after` of those cards alone that moved in the period.

    Of what is usable and was never sold its facts say nothing either: see `find_never_sold`.
    """
    sold, void = await _both_ranges(connection)
    values = _values(sold, void, since, before, zone)
    within = _within(sold, void, since, before)
    rows = await connection.fetch(MOVED_CARDS + COUNT, *values, *within)
    undone = await connection.fetch(UNDONE, since, before, zone.key)
    unsold = [
        _unsold(row, row["used"], row["day"])
        for row in rows
        if not row["is_sold"] and row["day"] and row["used"]
    ]
    return _cards(rows, undone, unsold)


async def find_never_sold(connection: Connection, before: datetime) -> tuple[UnsoldCards, ...]:
    """Return the cards that can be used now and were never sold. before: when they are looked at.

    Reads the states of every card of the batches that need activation: once, and plainly.
    """
    sold = _marks(await _ranges(connection, "activate_vouchers"))
    rows = await connection.fetch(NEVER_SOLD, sold.firsts, sold.lasts, before)
    return tuple(_unsold(row, row["usable"]) for row in rows)


async def find_odd_sales(
    connection: Connection, since: datetime, before: datetime, zone: ZoneInfo
) -> tuple[OddSale, ...]:
    """Return the period's sales by dealers that the cards do not explain, a thousand at most."""
    marks = _marks(await _ranges(connection, "activate_vouchers"))
    rows = await connection.fetch(
        ODD_SALES, marks.firsts, marks.lasts, marks.instants, since, before, zone.key
    )
    return tuple(
        OddSale(day=row[0], partner_id=row[1], reference=row[2], amount_micros=row[3])
        for row in rows
    )


async def owed_after(
    connection: Connection,
    closed: Mapping[int, int],
    moved: Cards,
    before: datetime,
    zone: ZoneInfo,
) -> tuple[tuple[BatchCards, ...], tuple[BatchCards, ...]]:
    """Return what was owed for cards at a close and what is owed at `before`, by batch.

    closed: how many were sold and unused by batch, as the close says. moved: since then.
    """
    counts = Counter(closed)
    counts.update({one.batch_id: one.count for one in moved.after})
    counts.subtract({one.batch_id: one.count for one in moved.before})
    rows = await connection.fetch(
        """
        SELECT batch_id, price_micros, (created_at AT TIME ZONE $3)::date AS made_on,
               coalesce(redeem_before <= $2, false) AS is_past
          FROM voucher_batch
         WHERE batch_id = ANY($1::integer[])
         ORDER BY batch_id
        """,
        list(counts),
        before,
        zone.key,
    )
    batches = {row["batch_id"]: row for row in rows}
    return _batches(batches, closed), _batches(batches, counts)


async def _both_ranges(connection: Connection) -> tuple[list[Range], list[Range]]:
    return (
        await _ranges(connection, "activate_vouchers"),
        await _ranges(connection, "void_vouchers"),
    )


def _values(
    sold: list[Range], void: list[Range], since: datetime, before: datetime, zone: ZoneInfo
) -> tuple[object, ...]:
    """Return $1 to $9 of the SQL."""
    marks = [_marks(sold), _marks(void)]
    ranges = [part for one in marks for part in (one.firsts, one.lasts, one.instants)]
    return (*ranges, since, before, zone.key)


def _within(
    sold: list[Range], void: list[Range], since: datetime, before: datetime
) -> tuple[list[int], list[int]]:
    """Return $10 and $11: the ranges to which something was done in the period."""
    found = [one for one in (*sold, *void) if since <= one.at < before]
    return [one.first for one in found], [one.last for one in found]


def _cards(
    rows: Sequence[Record],
    undone: Sequence[Record],
    unsold: Sequence[UnsoldCards],
) -> Cards:
    of_sold = [row for row in rows if row["is_sold"]]

    def priced(what: str) -> int:
        return sum(row[what] * row["price_micros"] for row in of_sold)

    facts = CardFacts(
        outside_micros=priced("outside"),
        by_dealers_micros=priced("by_dealers")
        + sum(row["by_dealers"] * row["price_micros"] for row in undone),
        used_micros=priced("used"),
        kept_micros=priced("used") - sum(row["used"] * row["gave_micros"] for row in of_sold),
        voided_micros=priced("voided"),
        unsold=tuple(unsold),
    )
    both = [*of_sold, *undone]
    return Cards(facts=facts, before=_owed(both, "before"), after=_owed(both, "after"))


def _owed(rows: Iterable[Record], when: str) -> tuple[BatchCards, ...]:
    """Add up what is owed by batch, `before` or `after`."""
    counts = Counter[int]()
    batches: dict[int, Record] = {}
    for row in rows:
        counts[row["batch_id"]] += row[when]
        batches[row["batch_id"]] = row
    return _batches(batches, counts)


def _batches(batches: Mapping[int, Record], counts: Mapping[int, int]) -> tuple[BatchCards, ...]:
    return tuple(
        BatchCards(
            batch_id=batch_id,
            made_on=row["made_on"],
            count=counts[batch_id],
            price_micros=row["price_micros"],
            is_past=row["is_past"],
        )
        for batch_id, row in sorted(batches.items())
        if counts.get(batch_id)
    )


def _unsold(row: Record, count: int, day: date | None = None) -> UnsoldCards:
    return UnsoldCards(
        batch_id=row["batch_id"],
        first=row["first"],
        count=count,
        amount_micros=count * row["gave_micros"],
        day=day,
    )


async def _ranges(connection: Connection, action: LiteralString) -> list[Range]:
    """Return the ranges that an action was done to, as the trail has them, none overlapping."""
    rows = await connection.fetch(
        """
        SELECT at, subject
          FROM audit
         WHERE action IN ('activate_vouchers', 'void_vouchers') AND action = $1
        """,
        action,
    )
    found: list[Range] = []
    for at, subject in rows:
        try:
            first, last = map(parse_serial, subject.removeprefix("voucher:").split(".."))
        except (VoucherUnknown, ValueError):
            continue  # a row that no version of ours wrote
        found.append(Range(first=serial_key(*first), last=serial_key(*last), at=at))
    return earliest(found)


def _marks(ranges: list[Range]) -> _Marks:
    return _Marks(
        firsts=[0, *(one.first for one in ranges)],
        lasts=[-1, *(one.last for one in ranges)],
        instants=[datetime(1970, 1, 1, tzinfo=UTC), *(one.at for one in ranges)],
    )
