"""Partners as they stand, for whoever only looks."""

from __future__ import annotations

from dataclasses import dataclass

from tambah.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatView:
    """A partner and what its float holds (micro-ringgit; below nothing on credit)."""

    partner_id: int
    name: str
    float_micros: int


async def read_float(database: Database, partner_id: int) -> FloatView | None:
    """Return a partner with its float, None for nobody."""
    row = await database.fetch_row(
        """
        SELECT partner_id, name, remaining_micros AS float_micros
          FROM partner
          JOIN bucket ON owner_id = partner_id AND kind = 3
         WHERE partner_id = $1
        """,
        partner_id,
    )
    return FloatView(**dict(row.items())) if row else None
