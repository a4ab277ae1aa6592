"""Dealers as staff set them up."""

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from tambah.domain.dealer import Agreement, DealerKind
from tambah.store.database import Connection, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class DealerPlace:
    """A dealer's place in the tree; see `domain.dealer.Dealer`.

    sibling_name: its name as no other child of its parent is called; see `folded_name`.
    """

    partner_id: int
    parent_id: int | None
    kind: DealerKind
    path: tuple[int, ...]
    charged: tuple[int, ...]
    created_at: datetime
    sibling_name: str | None = None


async def lock_dealer(connection: Connection, partner_id: int) -> DealerPlace | None:
    """Hold a dealer's row, which sales do not lock, and return its place; None for no dealer."""
    row = await connection.fetchrow(
        """
        SELECT partner_id, parent_id, kind, path, charged, created_at
          FROM dealer
         WHERE partner_id = $1
           FOR UPDATE
        """,
        partner_id,
    )
    if row is None:
        return None
    return DealerPlace(
        partner_id=row["partner_id"],
        parent_id=row["parent_id"],
        kind=DealerKind(row["kind"]),
        path=tuple(row["path"]),
        charged=tuple(row["charged"]),
        created_at=row["created_at"],
    )


def folded_name(name: str) -> str:
    """Return a dealer's name as its siblings' names are compared with it."""
    return " ".join(name.split()).casefold()


async def insert_dealer(connection: Connection, place: DealerPlace) -> bool:
    """Add a dealer; its partner is there. Say whether it was: no sibling is called the same.

    Whoever adds the same one at the same instant is waited for.
    """
    added = await connection.fetchval(
        """
        INSERT INTO dealer (partner_id, parent_id, kind, path, charged, created_at, sibling_name)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT DO NOTHING
        RETURNING true
        """,
        place.partner_id,
        place.parent_id,
        place.kind,
        list(place.path),
        list(place.charged),
        place.created_at,
        place.sibling_name,
    )
    return added is True


async def find_child(connection: Connection, parent_id: int | None, name: str) -> int | None:
    """Return the child (None: root) of a dealer that is called so, None for none."""
    return await connection.fetchval(
        """
        SELECT partner_id
          FROM dealer
         WHERE coalesce(parent_id, 0) = coalesce($1::bigint, 0) AND sibling_name = $2
        """,
        parent_id,
        folded_name(name),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A dealer that is there. told: its kind, whether it draws on its parent, its limits."""

    partner_id: int
    name: str
    told: tuple[DealerKind, bool, int, int, int | None]


async def all_planted(connection: Connection) -> list[Planted]:
    """Return every dealer there is."""
    return [_planted(row) for row in await connection.fetch(_PLANTED, None)]


async def read_planted(connection: Connection, partner_id: int) -> Planted:
    """Return a dealer, which is there."""
    [row] = await connection.fetch(_PLANTED, partner_id)
    return _planted(row)


_PLANTED: LiteralString = """
    SELECT partner_id, name, kind, cardinality(charged) > 1 AS draws, least_micros, most_micros,
           daily_cap_micros
      FROM dealer
      JOIN partner USING (partner_id)
     WHERE $1::bigint IS NULL OR partner_id = $1
"""


def _planted(row: Record) -> Planted:
    limits = (row["least_micros"], row["most_micros"], row["daily_cap_micros"])
    return Planted(
        partner_id=row["partner_id"],
        name=row["name"],
        told=(DealerKind(row["kind"]), row["draws"], *limits),
    )


async def insert_agreement(connection: Connection, partner_id: int, new: Agreement) -> None:
    """Add what was agreed with a dealer."""
    await connection.execute(
        """
        INSERT INTO dealer_agreement (partner_id, effective_at, rate_bp, paid_as,
                                      most_sale_micros, most_day_micros)
        VALUES ($1, $2, $3, $4, $5, $6)
        """,
        partner_id,
        new.effective_at,
        new.rate_bp,
        new.paid_as,
        new.most_sale_micros,
        new.most_day_micros,
    )


async def children_of(connection: Connection, partner_id: int) -> list[int]:
    """Return a dealer's own children."""
    rows = await connection.fetch(
        "SELECT partner_id FROM dealer WHERE parent_id = $1 ORDER BY partner_id", partner_id
    )
    return [row[0] for row in rows]
