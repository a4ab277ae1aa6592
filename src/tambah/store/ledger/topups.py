"""Top-ups as subscribers see them: receipts, references, result pages."""

from collections.abc import Collection, Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from tambah.domain.gift import Gift, GiftKind
from tambah.domain.line import LineState
from tambah.domain.state import TopUpRecord, TopUpSource
from tambah.store.database import Connection, Record

_COLUMNS = (
    "line_id",
    "topup_no",
    "at",
    "source",
    "price_micros",
    "tax_micros",
    "main_micros",
    "bonus_micros",
    "bonus_bucket_id",
    "valid_days",
    "active_until_before",
    "active_until",
    "receipt",
    "reference",
    "partner_id",
    "batch_id",
    "number",
    "payment_no",
    "reactivation_micros",
    "line_state",
    "payer_id",
    "moved_line_id",
    "moved_topup_no",
)
new_topup = attrgetter(*_COLUMNS)
"""A top-up as a row (`batch_rows`)."""
_gift_values = attrgetter(*Gift.__struct_fields__)
_GIFT_COLUMNS = ("line_id", "topup_no", "gift_no", *Gift.__struct_fields__)


async def find_references(
    connection: Connection, wanted: Collection[tuple[int, int, str]]
) -> set[tuple[int, int, str]]:
    """Return which (line, partner, reference) already stand for a top-up.

    OFFSET 0 holds the planner to one look-up for each that is asked: planned on an empty table,
    a plain join went through the whole index, for ever after.
    """
    asked = list(wanted)
    rows = await connection.fetch(
        """
        SELECT found.line_id, found.partner_id, found.reference
          FROM unnest($1::bigint[], $2::bigint[], $3::text[])
               AS asked (line_id, partner_id, reference),
               LATERAL (SELECT line_id, partner_id, reference
                          FROM topup
                         WHERE topup.line_id = asked.line_id
                           AND topup.partner_id = asked.partner_id
                           AND topup.reference = asked.reference
                           AND topup.partner_id IS NOT NULL
                        OFFSET 0) AS found
        """,
        [line_id for line_id, _, _ in asked],
        [partner_id for _, partner_id, _ in asked],
        [reference for _, _, reference in asked],
    )
    return {(row[0], row[1], row[2]) for row in rows}


async def read_topups(
    connection: Connection, line_ids: Collection[int]
) -> dict[int, list[TopUpRecord]]:
    """Return the lines' top-ups with their gifts, by line, in order."""
    rows = await connection.fetch(
        """
        SELECT line_id, topup_no, at, source, price_micros, tax_micros, main_micros,
               bonus_micros, bonus_bucket_id, valid_days, active_until_before, active_until,
               receipt, reference, partner_id, batch_id, number, payment_no, reversed_at,
               reactivation_micros, line_state, payer_id, moved_line_id, moved_topup_no
          FROM topup
         WHERE line_id = ANY($1::bigint[])
         ORDER BY line_id, topup_no
        """,
        list(line_ids),
    )
    gifts = await read_gifts(connection, line_ids)
    found: dict[int, list[TopUpRecord]] = {}
    for row in rows:
        found.setdefault(row["line_id"], []).append(topup_from_row(row, gifts))
    return found


async def read_gifts(
    connection: Connection, line_ids: Collection[int]
) -> dict[tuple[int, int], tuple[Gift, ...]]:
    """Return what promotions gave lines, by line and top-up."""
    rows = await connection.fetch(
        """
        SELECT line_id, topup_no, promotion, kind, amount, bucket_id, expires_at
          FROM topup_gift
         WHERE line_id = ANY($1::bigint[])
         ORDER BY line_id, topup_no, gift_no
        """,
        list(line_ids),
    )
    found: dict[tuple[int, int], tuple[Gift, ...]] = {}
    for row in rows:
        key = (row["line_id"], row["topup_no"])
        found[key] = (*found.get(key, ()), gift_from_row(row))
    return found


def gift_from_row(row: Record) -> Gift:
    """Make a Gift of a row of its table."""
    values: dict[str, Any] = {name: row[name] for name in Gift.__struct_fields__}
    values["kind"] = GiftKind(values["kind"])
    return Gift(**values)


def topup_from_row(row: Record, gifts: Mapping[tuple[int, int], tuple[Gift, ...]]) -> TopUpRecord:
    """Make a TopUpRecord of a row that has its columns, and the gifts by line and top-up."""
    values: dict[str, Any] = {name: row[name] for name in (*_COLUMNS, "reversed_at")}
    values["source"] = TopUpSource(values["source"])
    state = values["line_state"]
    values["line_state"] = None if state is None else LineState(state)
    return TopUpRecord(**values, gifts=gifts.get((row["line_id"], row["topup_no"]), ()))


async def insert_gifts(connection: Connection, topups: Sequence[TopUpRecord]) -> None:
    """Add what promotions gave with top-ups."""
    gifts = [
        (topup.line_id, topup.topup_no, no, *_gift_values(gift))
        for topup in topups
        for no, gift in enumerate(topup.gifts, start=1)
    ]
    if gifts:
        await connection.copy_records_to_table("topup_gift", records=gifts, columns=_GIFT_COLUMNS)


async def mark_reversed(connection: Connection, topups: Sequence[TopUpRecord]) -> None:
    """Say when top-ups were reversed, and where they were moved to, if they were."""
    await connection.execute(
        """
        UPDATE topup
           SET reversed_at = new.reversed_at, moved_line_id = new.moved_line_id,
               moved_topup_no = new.moved_topup_no
          FROM unnest($1::bigint[], $2::integer[], $3::timestamptz[], $4::bigint[],
                      $5::integer[])
               AS new (line_id, topup_no, reversed_at, moved_line_id, moved_topup_no)
         WHERE topup.line_id = new.line_id AND topup.topup_no = new.topup_no
        """,
        [t.line_id for t in topups],
        [t.topup_no for t in topups],
        [t.reversed_at for t in topups],
        [t.moved_line_id for t in topups],
        [t.moved_topup_no for t in topups],
    )


class Page(NamedTuple):
    """A lasting address: a token's digest, and the top-up or the payment that stands there.

    language: the one that it was asked for in.
    """

    token: bytes
    line_id: int
    topup_no: int | None
    payment_no: int | None
    language: int | None
