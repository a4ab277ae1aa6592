"""Cards that were sold: when, by what one knows it, and what of them was used since.

Who sold a card is known from a dealer's sale, from the audited activation of its range, or from
the release of a batch whose cards need none. A card that can be used, or was, and of which none of
these is known was never sold.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import LiteralString
from zoneinfo import ZoneInfo

from tambah.domain.finance.cards import BatchCards, Range, earliest, serial_key
from tambah.domain.finance.three_way import CardFacts, OddSale, UnsoldCards
from tambah.domain.refusals import VoucherUnknown
from tambah.domain.voucher import parse_serial
from tambah.store.database import Connection, Record
from tambah.store.views.card_sales import DEALER_SALES


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


# A card's place among the ranges is found by halving: one reading of the cards, no join.
# The trail's instants are of the machine that wrote them, the books' of the database: minutes
# between the two are no theft.
_CARD: LiteralString = "\n".join(
    (
        "WITH every_sale AS MATERIALIZED (",
        DEALER_SALES,
        """),
    sale AS MATERIALIZED (
        SELECT DISTINCT ON (key) key, at
          FROM every_sale
         WHERE undone_at IS NULL
         ORDER BY key, at),
    marked AS (
        SELECT voucher.batch_id, number, voucher.state, redeemed_at AS used_at, batch.state = 3
                   AND (redeem_before IS NULL OR redeem_before > $8) AS is_open,
               voucher.batch_id::bigint * 1000000000 + number AS key,
               CASE WHEN born_active THEN released_at END AS born_at,
               width_bucket(voucher.batch_id::bigint * 1000000000 + number, $1::bigint[])
                   AS sold_place,
               width_bucket(voucher.batch_id::bigint * 1000000000 + number, $4::bigint[])
                   AS void_place
          FROM voucher
          JOIN voucher_batch AS batch USING (batch_id)
         -- What was used before the period is neither owed nor used in it.
         WHERE (voucher.state IN (2, 3) OR voucher.activated)
           AND (redeemed_at IS NULL OR redeemed_at >= $7)),
    dated AS (
        SELECT batch_id, number, state, used_at, is_open, key, sale.at AS dealer_at,
               least(born_at, sale.at, CASE WHEN key <= ($2::bigint[])[sold_place]
                                            THEN ($3::timestamptz[])[sold_place] END) AS sold_at,
               CASE WHEN state = 5 AND key <= ($5::bigint[])[void_place]
                    THEN ($6::timestamptz[])[void_place] END AS void_at
          FROM marked
          LEFT JOIN sale USING (key)),
    card AS (
        SELECT batch_id, number, state, used_at, void_at, is_open, key, dealer_at,
               coalesce(dealer_at = sold_at, false) AS is_dealers,
               CASE WHEN used_at IS NULL OR sold_at <= used_at + interval '5 minutes'
                    THEN least(sold_at, used_at) END AS sold_at
          FROM dated)
""",
    )
)

_COUNTED: LiteralString = "\n".join(
    (
        _CARD,
        """
    , counted AS (
        SELECT batch_id, sold_at IS NOT NULL AS is_sold,
               CASE WHEN sold_at IS NULL AND state = 3
                    THEN (used_at AT TIME ZONE $9)::date END AS day,
               min(number) AS first,
               count(*) FILTER (WHERE sold_at < $7 AND (used_at < $7) IS NOT TRUE
                                  AND (void_at < $7) IS NOT TRUE) AS before,
               count(*) FILTER (WHERE sold_at < $8 AND (used_at < $8) IS NOT TRUE
                                  AND (void_at < $8) IS NOT TRUE) AS after,
               count(*) FILTER (WHERE sold_at >= $7 AND sold_at < $8 AND NOT is_dealers)
                   AS outside,
               count(*) FILTER (WHERE sold_at >= $7 AND sold_at < $8 AND is_dealers) AS by_dealers,
               count(*) FILTER (WHERE used_at >= $7 AND used_at < $8) AS used,
               count(*) FILTER (WHERE void_at >= $7 AND void_at < $8) AS voided,
               count(*) FILTER (WHERE state = 2 AND is_open) AS usable
          FROM card
         WHERE sold_at IS NOT NULL OR state = 2 OR used_at >= $7 AND used_at < $8
         GROUP BY 1, 2, 3)
    SELECT batch_id, is_sold, day, first, before, after, outside, by_dealers, used, voided, usable,
           price_micros, credit_micros + tax_micros AS gave_micros,
           (created_at AT TIME ZONE $9)::date AS made_on,
           coalesce(redeem_before <= $8, false) AS is_past
      FROM counted
      JOIN voucher_batch USING (batch_id)
     ORDER BY batch_id, is_sold, day NULLS LAST
""",
    )
)

_ODD_SALES: LiteralString = "\n".join(
    (
        _CARD,
        """
    SELECT (sold.at AT TIME ZONE $9)::date, sold.partner_id, sold.serial,
           CASE WHEN is_theirs THEN sold.amount_micros - price_micros
                ELSE sold.amount_micros END AS odd_micros
      FROM every_sale AS sold
      LEFT JOIN card USING (key)
      LEFT JOIN voucher_batch AS batch ON batch.batch_id = sold.key / 1000000000
      CROSS JOIN LATERAL (
           SELECT price_micros IS NOT NULL
                  AND (undone_at IS NOT NULL OR is_dealers AND sold.at = card.dealer_at) IS TRUE
                  AS is_theirs) AS told
     WHERE sold.at >= $7 AND sold.at < $8
       AND (is_theirs AND sold.amount_micros = price_micros) IS NOT TRUE
     ORDER BY sold.at, sold.partner_id, sold.serial
     LIMIT 1000
""",
    )
)

_WERE_SALES: LiteralString = "\n".join(
    (
        "WITH every_sale AS (",
        DEALER_SALES,
        ") SELECT EXISTS (SELECT FROM every_sale WHERE at >= $1 AND at < $2)",
    )
)

# A sale that was undone is owed for in between; the card is what it was before.
_UNDONE: LiteralString = "\n".join(
    (
        "WITH every_sale AS (",
        DEALER_SALES,
        """)
    SELECT batch_id, price_micros, (created_at AT TIME ZONE $3)::date AS made_on,
           coalesce(redeem_before <= $2, false) AS is_past,
           count(*) FILTER (WHERE at < $1 AND undone_at >= $1) AS before,
           count(*) FILTER (WHERE at < $2 AND undone_at >= $2) AS after,
           count(*) FILTER (WHERE at >= $1 AND at < $2)
               - count(*) FILTER (WHERE undone_at >= $1 AND undone_at < $2) AS by_dealers
      FROM every_sale
      JOIN voucher_batch ON batch_id = key / 1000000000
     WHERE undone_at IS NOT NULL AND undone_at >= $1 AND at < $2
     GROUP BY batch_id
     ORDER BY batch_id
""",
    )
)


async def count_cards(
    connection: Connection, since: datetime, before: datetime, zone: ZoneInfo
) -> Cards:
    """Say what was sold, used and left of cards from `since` to before `before`."""
    sold = _marks(await _ranges(connection, "activate_vouchers"))
    void = _marks(await _ranges(connection, "void_vouchers"))
    values = (
        *(sold.firsts, sold.lasts, sold.instants),
        *(void.firsts, void.lasts, void.instants),
        *(since, before, zone.key),
    )
    rows = await connection.fetch(_COUNTED, *values)
    were_sales: bool = await connection.fetchval(_WERE_SALES, since, before)
    odd = await connection.fetch(_ODD_SALES, *values) if were_sales else []
    undone = await connection.fetch(_UNDONE, since, before, zone.key)
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
        unsold=tuple(
            _unsold(row["day"], row["batch_id"], row["first"], count, row["gave_micros"])
            for row in rows
            if not row["is_sold"] and (count := row["used"] if row["day"] else row["usable"])
        ),
        odd_sales=tuple(
            OddSale(day=row[0], partner_id=row[1], reference=row[2], amount_micros=row[3])
            for row in odd
        ),
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
    return tuple(
        BatchCards(
            batch_id=batch_id,
            made_on=row["made_on"],
            count=counts[batch_id],
            price_micros=row["price_micros"],
            is_past=row["is_past"],
        )
        for batch_id, row in sorted(batches.items())
        if counts[batch_id]
    )


def _unsold(
    day: date | None, batch_id: int, first: int, count: int, gave_micros: int
) -> UnsoldCards:
    return UnsoldCards(
        batch_id=batch_id, first=first, count=count, amount_micros=count * gave_micros, day=day
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
