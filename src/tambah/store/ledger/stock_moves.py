"""Moves of cards between holders, and who holds them since."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from tambah.domain.card_stock import Holding, Move
from tambah.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveNote:
    """What stands beside a move: its place among those of its batch, when, who, why, on what."""

    move_no: int
    at: datetime
    document: str
    who: str
    why: str


async def read_holdings(connection: Connection, batch_id: int) -> list[Holding]:
    """Return who holds a batch's cards, nothing for a batch that nobody follows."""
    rows = await connection.fetch(
        """
        SELECT first, last, holder_id
          FROM stock_holding
         WHERE batch_id = $1
         ORDER BY first
        """,
        batch_id,
    )
    return [Holding(row[0], row[1], row[2]) for row in rows]


async def last_move_no(connection: Connection, batch_id: int) -> int:
    """Return how often a batch's cards were moved."""
    return await connection.fetchval(
        "SELECT coalesce(max(move_no), 0) FROM stock_move WHERE batch_id = $1", batch_id
    )


async def first_sold(connection: Connection, batch_id: int, first: int, last: int) -> int | None:
    """Return the lowest number of a range whose sale stands, None for none."""
    return await connection.fetchval(
        """
        SELECT min(number)
          FROM dealer_sale
         WHERE kind = 1 AND undone_at IS NULL AND batch_id = $1 AND number BETWEEN $2 AND $3
        """,
        batch_id,
        first,
        last,
    )


async def insert_move(connection: Connection, move: Move, note: MoveNote) -> None:
    """Add a move."""
    await connection.execute(
        """
        INSERT INTO stock_move (batch_id, move_no, at, kind, first, last, from_id, to_id, document,
                                who, why)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        """,
        move.batch_id,
        note.move_no,
        note.at,
        move.kind,
        move.first,
        move.last,
        move.from_id,
        move.to_id,
        note.document,
        note.who,
        note.why,
    )


async def put_holdings(
    connection: Connection,
    batch_id: int,
    *,
    gone: Collection[Holding],
    new: Sequence[Holding],
) -> None:
    """Put holdings of a batch in the place of others."""
    await connection.execute(
        "DELETE FROM stock_holding WHERE batch_id = $1 AND first = ANY($2::integer[])",
        batch_id,
        [held.first for held in gone],
    )
    await connection.execute(
        """
        INSERT INTO stock_holding (batch_id, first, last, holder_id)
        SELECT $1, first, last, holder_id
          FROM unnest($2::integer[], $3::integer[], $4::bigint[]) AS new (first, last, holder_id)
        """,
        batch_id,
        [held.first for held in new],
        [held.last for held in new],
        [held.holder_id for held in new],
    )


async def parents_of(
    connection: Connection, partner_ids: Collection[int]
) -> dict[int, int | None]:
    """Return the parents of those of the partners that are dealers."""
    rows = await connection.fetch(
        "SELECT partner_id, parent_id FROM dealer WHERE partner_id = ANY($1::bigint[])",
        list(partner_ids),
    )
    return {row[0]: row[1] for row in rows}
