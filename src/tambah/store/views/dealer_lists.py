"""The console's lists of dealers, of who holds which cards, and of how cards moved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tambah.domain.card_stock import MoveKind
from tambah.domain.dealer import DealerKind
from tambah.store.database import Database, Record
from tambah.store.views.dealers import DealerView, HoldingView, MoveView, dealer_from_row
from tambah.store.views.listed import Listed


@dataclass(frozen=True, slots=True, kw_only=True)
class DealersWanted:
    """Which dealers to list. under: a dealer and all below it; called: a part of the name."""

    kind: DealerKind | None = None
    suspended: bool | None = None
    under: int | None = None
    called: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DealerRow:
    """A dealer in the tree. path: from the root to itself."""

    view: DealerView
    path: tuple[int, ...]


def dealers_listed(wanted: DealersWanted, after: tuple[int, ...] | None) -> Listed[DealerRow]:
    """Ask for dealers, each before its children. after: the path of the last."""
    return Listed(
        sql="""
            SELECT dealer.partner_id, dealer.parent_id, dealer.kind, dealer.path, partner.name,
                   partner.suspended, cardinality(dealer.path) - 1 AS depth,
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
             WHERE ($1::smallint IS NULL OR dealer.kind = $1)
               AND ($2::boolean IS NULL OR partner.suspended = $2)
               AND ($3::bigint IS NULL OR $3 = ANY(dealer.path))
               AND ($4::text IS NULL OR strpos(lower(partner.name), lower($4)) > 0)
               AND ($5::bigint[] IS NULL OR dealer.path > $5)
             ORDER BY dealer.path
             LIMIT $6::bigint
            """,
        values=(
            wanted.kind,
            wanted.suspended,
            wanted.under,
            wanted.called,
            list(after) if after else None,
        ),
        read=_dealer,
    )


def _dealer(row: Record) -> DealerRow:
    values = {name: value for name, value in row.items() if name != "path"}
    return DealerRow(view=dealer_from_row(values), path=tuple(row["path"]))


async def dealers_called(database: Database, name: str, limit: int = 2) -> list[int]:
    """Return the dealers of that name, whole, in whichever case it is written."""
    rows = await database.fetch(
        """
        SELECT partner_id
          FROM dealer
          JOIN partner USING (partner_id)
         WHERE lower(name) = lower($1)
         ORDER BY partner_id
         LIMIT $2
        """,
        name,
        limit,
    )
    return [row[0] for row in rows]


def holdings_listed(
    batch_id: int | None, holder_id: int | None, after: tuple[int, int] | None
) -> Listed[HoldingView]:
    """Ask for who holds which cards, in order of serials. after: batch and first of the last."""
    return Listed(
        sql="""
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
               AND ($3::integer IS NULL OR (held.batch_id, held.first) > ($3, $4::integer))
             ORDER BY held.batch_id, held.first
             LIMIT $5::bigint
            """,
        values=(batch_id, holder_id, *(after or (None, None))),
        read=lambda row: HoldingView(**dict(row.items())),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MovesWanted:
    """Which moves: of a batch, from or to a holder, of a kind; since, before an instant."""

    batch_id: int | None = None
    holder_id: int | None = None
    kind: MoveKind | None = None
    since: datetime | None = None
    until: datetime | None = None


def moves_listed(wanted: MovesWanted, after: tuple[datetime, int, int] | None) -> Listed[MoveView]:
    """Ask for moves of cards, the latest first. after: when, batch and number of the last."""
    return Listed(
        sql="""
            SELECT batch_id, move_no, at, kind, first, last, from_id, to_id, document, who, why
              FROM stock_move
             WHERE ($1::integer IS NULL OR batch_id = $1)
               AND ($2::bigint IS NULL OR $2 IN (from_id, to_id))
               AND ($3::smallint IS NULL OR kind = $3)
               AND ($4::timestamptz IS NULL OR at >= $4)
               AND ($5::timestamptz IS NULL OR at < $5)
               AND ($6::timestamptz IS NULL OR (at, batch_id, move_no)
                                               < ($6, $7::integer, $8::integer))
             ORDER BY at DESC, batch_id DESC, move_no DESC
             LIMIT $9::bigint
            """,
        values=(
            wanted.batch_id,
            wanted.holder_id,
            wanted.kind,
            wanted.since,
            wanted.until,
            *(after or (None, None, None)),
        ),
        read=lambda row: MoveView(**dict(row.items())),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Cards of a range that are in one holder's hands; holder: a partner's name."""

    first: int
    last: int
    holder_id: int
    holder: str | None


async def holders_of(database: Database, batch_id: int, first: int, last: int) -> list[Part]:
    """Return who holds cards of a range now; nothing where nobody follows the batch."""
    rows = await database.fetch(
        """
        SELECT greatest(first, $2::integer) AS first, least(last, $3::integer) AS last, holder_id,
               partner.name AS holder
          FROM stock_holding
          LEFT JOIN partner ON partner_id = holder_id
         WHERE batch_id = $1 AND first <= $3 AND last >= $2
         ORDER BY first
         LIMIT 20
        """,
        batch_id,
        first,
        last,
    )
    return [Part(**dict(row.items())) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """What a dealer is owed, micro-ringgit."""

    partner_id: int
    name: str
    amount_micros: int


async def owed_until(database: Database, before: datetime, only: int | None) -> list[Owed]:
    """Return what dealers (or one) are owed of sales before an instant, where it is something."""
    rows = await database.fetch(
        """
        SELECT commission.partner_id, partner.name, sum(amount_micros)::bigint AS amount_micros
          FROM commission
          JOIN partner USING (partner_id)
         WHERE at < $1 AND paid_seq IS NULL
           AND ($2::bigint IS NULL OR commission.partner_id = $2)
         GROUP BY commission.partner_id, partner.name
        HAVING sum(amount_micros) > 0
         ORDER BY commission.partner_id
        """,
        before,
        only,
    )
    return [Owed(**dict(row.items())) for row in rows]


async def commission_paid(database: Database, partner_id: int) -> int:
    """Return the commission that a dealer was paid, micro-ringgit; margins are not in it."""
    return await database.fetch_value(
        """
        SELECT coalesce(sum(amount_micros), 0)::bigint
          FROM commission
         WHERE partner_id = $1 AND paid_as = 2 AND paid_seq IS NOT NULL
        """,
        partner_id,
    )


async def float_moved_since(
    database: Database, partner_id: int, since: datetime, *, but_for: bytes
) -> int:
    """Return how much float a dealer gave to others since an instant, micro-ringgit.

    but_for: the digest of a request whose own moves do not count.
    """
    return await database.fetch_value(
        """
        SELECT coalesce(sum(amount_micros), 0)::bigint FROM transfer
         WHERE owner_id = $1 AND kind = 24 AND debit = 3 AND at >= $2 AND request <> $3
        """,
        partner_id,
        since,
        but_for,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyView:
    """An API key as people name it: by its beginning."""

    prefix: str
    label: str
    scopes: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None


async def keys_of(database: Database, partner_id: int) -> list[KeyView]:
    """Return a partner's API keys, the newest first."""
    rows = await database.fetch(
        """
        SELECT prefix, label, scopes, created_at, revoked_at
          FROM api_key
         WHERE partner_id = $1
         ORDER BY created_at DESC, prefix
         LIMIT 100
        """,
        partner_id,
    )
    return [
        KeyView(
            prefix=row["prefix"],
            label=row["label"],
            scopes=tuple(row["scopes"]),
            created_at=row["created_at"],
            revoked_at=row["revoked_at"],
        )
        for row in rows
    ]


async def names_of(database: Database, partner_ids: list[int]) -> dict[int, str]:
    """Return partners' names."""
    rows = await database.fetch(
        "SELECT partner_id, name FROM partner WHERE partner_id = ANY($1::bigint[])", partner_ids
    )
    return {row[0]: row[1] for row in rows}
