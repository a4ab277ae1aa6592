"""One top-up point, written by hand."""

from __future__ import annotations

from datetime import datetime

from tambah.domain.actor import Actor
from tambah.domain.point import Point
from tambah.engine.administer import acting, note
from tambah.store.database import Database
from tambah.store.points import all_points, lock_points, write_points


async def write_point(database: Database, point: Point, actor: Actor, now: datetime) -> bool:
    """Add a point, or put it in the place of the one with its code; say whether that changed it.

    Raises ReasonMissing.
    """
    async with acting(database) as connection:
        await lock_points(connection)
        before = (await all_points(connection)).get(point.code)
        if before == point:
            return False
        await write_points(connection, [point], now)
        subject = f"point:{point.code}"
        was, is_now = (_facts(before) if before else None), _facts(point)
        await note(connection, actor, "WritePoint", subject, before=was, after=is_now)
    return True


def _facts(point: Point) -> dict[str, object]:
    """Return what the audit trail keeps of a point: what its page shows."""
    return {
        "name": point.name,
        "address": point.address,
        "town": point.town,
        "hours": point.hours,
        "sells_cards": point.sells_cards,
        "sells_reloads": point.sells_reloads,
        "withdrawn": point.withdrawn,
    }
