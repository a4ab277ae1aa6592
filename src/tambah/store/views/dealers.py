"""Dealers as pages, programs and staff look at them: floats, figures, children, sales, stock."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from tambah.domain.dealer import Agreement, DealerKind, SaleKind
from tambah.domain.voucher import format_serial
from tambah.store.database import Database, Record
from tambah.store.ledger.dealers import agreement_from_row


@dataclass(frozen=True, slots=True, kw_only=True)
class DealerView:
    """A dealer with its float and figures; all amounts in micro-ringgit.

    payer_id: whose float pays for what it sells; payer_float: what that holds. sold, sold_on: of
    the last day that it sold on. owed: commission not paid yet. depth: 0 at the root.
    """

    partner_id: int
    parent_id: int | None
    name: str
    kind: DealerKind
    depth: int
    suspended: bool
    payer_id: int
    float_micros: int
    payer_float_micros: int
    credit_limit_micros: int
    least_micros: int
    most_micros: int
    daily_cap_micros: int | None
    sold_on: date | None
    sold_micros: int
    owed_micros: int
    children: int

    def sold_today(self, today: date) -> int:
        """Return what it sold on a local day that is today, micro-ringgit."""
        return self.sold_micros if self.sold_on == today else 0


async def read_dealer(database: Database, partner_id: int) -> DealerView | None:
    """Return a dealer, None for a partner that is none."""
    row = await database.fetch_row(
        """
        SELECT dealer.partner_id, dealer.parent_id, dealer.kind, partner.name, partner.suspended,
               cardinality(dealer.path) - 1 AS depth,
               dealer.charged[cardinality(dealer.charged)] AS payer_id,
               own.remaining_micros AS float_micros,
               payer.remaining_micros AS payer_float_micros, partner.credit_limit_micros,
               partner.least_micros, partner.most_micros, partner.daily_cap_micros,
               partner.sold_on, partner.sold_micros,
               (SELECT coalesce(sum(amount_micros), 0)::bigint FROM commission
                 WHERE commission.partner_id = dealer.partner_id AND paid_seq IS NULL)
                   AS owed_micros,
               (SELECT count(*) FROM dealer AS child
                 WHERE child.parent_id = dealer.partner_id) AS children
          FROM dealer
          JOIN partner ON partner.partner_id = dealer.partner_id
          JOIN bucket AS own ON own.owner_id = dealer.partner_id AND own.bucket_id = 1
          JOIN bucket AS payer ON payer.bucket_id = 1
               AND payer.owner_id = dealer.charged[cardinality(dealer.charged)]
         WHERE dealer.partner_id = $1
        """,
        partner_id,
    )
    return None if row is None else dealer_from_row(row)


async def list_dealers(
    database: Database, under: int | None = None, limit: int = 1000
) -> list[DealerView]:
    """Return the tree, or what is under a dealer and itself, each before its children."""
    rows = await database.fetch(
        """
        SELECT dealer.partner_id, dealer.parent_id, dealer.kind, partner.name, partner.suspended,
               cardinality(dealer.path) - 1 AS depth,
               dealer.charged[cardinality(dealer.charged)] AS payer_id,
               own.remaining_micros AS float_micros,
               payer.remaining_micros AS payer_float_micros, partner.credit_limit_micros,
               partner.least_micros, partner.most_micros, partner.daily_cap_micros,
               partner.sold_on, partner.sold_micros,
               (SELECT coalesce(sum(amount_micros), 0)::bigint FROM commission
                 WHERE commission.partner_id = dealer.partner_id AND paid_seq IS NULL)
                   AS owed_micros,
               (SELECT count(*) FROM dealer AS child
                 WHERE child.parent_id = dealer.partner_id) AS children
          FROM dealer
          JOIN partner ON partner.partner_id = dealer.partner_id
          JOIN bucket AS own ON own.owner_id = dealer.partner_id AND own.bucket_id = 1
          JOIN bucket AS payer ON payer.bucket_id = 1
               AND payer.owner_id = dealer.charged[cardinality(dealer.charged)]
         WHERE $1::bigint IS NULL OR $1 = ANY(dealer.path)
         ORDER BY dealer.path
         LIMIT $2
        """,
        under,
        limit,
    )
    return [dealer_from_row(row) for row in rows]


def dealer_from_row(row: Record | Mapping[str, Any]) -> DealerView:
    """Make a DealerView of a row that has its columns."""
    values: dict[str, Any] = dict(row.items())
    values["kind"] = DealerKind(values["kind"])
    return DealerView(**values)


async def children_of(database: Database, partner_id: int) -> list[DealerView]:
    """Return a dealer's own children."""
    found = await list_dealers(database, partner_id)
    return [one for one in found if one.parent_id == partner_id]


async def agreements_with(database: Database, partner_id: int) -> list[Agreement]:
    """Return what was agreed with a dealer, the newest first."""
    rows = await database.fetch(
        """
        SELECT effective_at, rate_bp, paid_as, most_sale_micros, most_day_micros
          FROM dealer_agreement
         WHERE partner_id = $1
         ORDER BY effective_at DESC
        """,
        partner_id,
    )
    return [agreement_from_row(row) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleView:
    """A sale as its seller looks back on it. Micro-ringgit.

    commission: what the seller itself earned, nothing of an undone one. msisdn: of a reload;
    serial: of a card. receipt: of a reload's top-up. is_used: whether a card was redeemed.
    payer_seq: of the transfer that paid for it; no two of one dealer have the same.
    """

    partner_id: int
    payer_seq: int
    at: datetime
    kind: SaleKind
    price_micros: int
    commission_micros: int
    reference: str | None
    terminal: str | None
    serial: str | None
    msisdn: int | None
    receipt: str | None
    is_used: bool
    undone_at: datetime | None


async def recent_sales(
    database: Database,
    partner_ids: Collection[int],
    limit: int = 10,
    *,
    before: tuple[datetime, int] | None = None,
) -> list[SaleView]:
    """Return the last sales of some dealers together, the newest first.

    before: when and `payer_seq` of the last sale of the page before; of one dealer alone, whose
    sales one float pays.
    """
    rows = await database.fetch(
        """
        SELECT sale.partner_id, sale.payer_seq, sale.at, sale.kind, sale.price_micros,
               sale.reference,
               sale.terminal, sale.batch_id, sale.number, line.msisdn, topup.receipt,
               coalesce(voucher.state = 3, false) AS is_used, sale.undone_at,
               (SELECT coalesce(sum(amount_micros), 0)::bigint FROM commission
                 WHERE commission.partner_id = sale.partner_id
                   AND commission.payer_id = sale.payer_id
                   AND commission.payer_seq = sale.payer_seq) AS commission_micros
          FROM (SELECT * FROM dealer_sale
                 WHERE partner_id = ANY($1::bigint[])
                   AND ($3::timestamptz IS NULL OR (at, payer_seq) < ($3, $4::integer))
                 ORDER BY at DESC, payer_seq DESC
                 LIMIT $2) AS sale
          LEFT JOIN topup USING (line_id, topup_no)
          LEFT JOIN line USING (line_id)
          LEFT JOIN voucher_serial AS serial
               ON serial.batch_id = sale.batch_id AND serial.number = sale.number
          LEFT JOIN voucher ON voucher.digest = serial.digest
         ORDER BY sale.at DESC, sale.payer_seq DESC
        """,
        list(partner_ids),
        limit,
        *(before or (None, None)),
    )
    return [_sale(row) for row in rows]


def _sale(row: Record) -> SaleView:
    batch_id, number = row["batch_id"], row["number"]
    return SaleView(
        partner_id=row["partner_id"],
        payer_seq=row["payer_seq"],
        at=row["at"],
        kind=SaleKind(row["kind"]),
        price_micros=row["price_micros"],
        commission_micros=row["commission_micros"],
        reference=row["reference"],
        terminal=row["terminal"],
        serial=None if batch_id is None else format_serial(batch_id, number),
        msisdn=row["msisdn"],
        receipt=row["receipt"],
        is_used=row["is_used"],
        undone_at=row["undone_at"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingView:
    """A range of cards in somebody's hands. holder_id: a partner's, 0 the warehouse, -1 stolen.

    price: micro-ringgit of one card. sold: cards of the range whose sale stands.
    """

    batch_id: int
    first: int
    last: int
    holder_id: int
    holder: str | None
    price_micros: int
    sold: int

    @property
    def cards(self) -> int:
        """Return how many cards the range has."""
        return self.last - self.first + 1

    @property
    def unsold(self) -> int:
        """Return how many of them are still to be sold."""
        return self.cards - self.sold


async def stock_by_range(
    database: Database,
    *,
    batch_id: int | None = None,
    holder_id: int | None = None,
    limit: int = 1000,
) -> list[HoldingView]:
    """Return who holds which cards, of a batch, of a holder, or all, in order of serials."""
    rows = await database.fetch(
        """
        SELECT held.batch_id, held.first, held.last, held.holder_id, partner.name AS holder,
               batch.price_micros,
               (SELECT count(*) FROM dealer_sale AS sale
                 WHERE sale.kind = 1 AND sale.undone_at IS NULL
                   AND sale.batch_id = held.batch_id
                   AND sale.number BETWEEN held.first AND held.last) AS sold
          FROM stock_holding AS held
          JOIN voucher_batch AS batch ON batch.batch_id = held.batch_id
          LEFT JOIN partner ON partner.partner_id = held.holder_id
         WHERE ($1::integer IS NULL OR held.batch_id = $1)
           AND ($2::bigint IS NULL OR held.holder_id = $2)
         ORDER BY held.batch_id, held.first
         LIMIT $3
        """,
        batch_id,
        holder_id,
        limit,
    )
    return [HoldingView(**dict(row.items())) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveView:
    """A move of cards, as it was written down."""

    batch_id: int
    move_no: int
    at: datetime
    kind: int
    first: int
    last: int
    from_id: int
    to_id: int
    document: str
    who: str
    why: str


async def moves_of(database: Database, batch_id: int, limit: int = 100) -> list[MoveView]:
    """Return the last moves of a batch's cards, the newest first."""
    rows = await database.fetch(
        """
        SELECT batch_id, move_no, at, kind, first, last, from_id, to_id, document, who, why
          FROM stock_move
         WHERE batch_id = $1
         ORDER BY move_no DESC
         LIMIT $2
        """,
        batch_id,
        limit,
    )
    return [MoveView(**dict(row.items())) for row in rows]


async def dealers_owed(database: Database, before: datetime) -> list[int]:
    """Return the dealers that are owed something of sales before an instant, to pay them."""
    rows = await database.fetch(
        """
        SELECT partner_id
          FROM commission
         WHERE at < $1 AND paid_seq IS NULL
         GROUP BY partner_id
        HAVING sum(amount_micros) > 0
         ORDER BY partner_id
        """,
        before,
    )
    return [row[0] for row in rows]
