"""SIMs, for whoever only looks. An eSIM's code is never among what is read."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tambah.domain.sim import SimKind, SimState
from tambah.store.database import Database, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class SimView:
    """A SIM as it stands. line_id: whom it serves, or served. has_code: it can still be shown."""

    iccid: str
    imsi: str | None
    kind: SimKind
    state: SimState
    line_id: int | None
    smdp_address: str
    has_code: bool
    imported_at: datetime | None
    assigned_at: datetime | None
    shown_at: datetime | None
    shown: int
    installed_at: datetime | None
    ended_at: datetime | None


async def read_sim(database: Database, iccid: str) -> SimView | None:
    """Return a SIM, None for one that the inventory does not know."""
    row = await database.fetch_row(
        """
        SELECT iccid, imsi, kind, state, line_id, smdp_address, sealed IS NOT NULL AS has_code,
               imported_at, assigned_at, shown_at, shown, installed_at, ended_at
          FROM sim
         WHERE iccid = $1
        """,
        iccid,
    )
    return _view(row) if row else None


async def read_sim_of(database: Database, line_id: int) -> SimView | None:
    """Return the SIM that a line is on, None for none.

    Which it is is asked first: it lies on another shard.
    """
    iccid = await database.fetch_value("SELECT iccid FROM line WHERE line_id = $1", line_id)
    sim = None if iccid is None else await read_sim(database, iccid)
    return sim if sim is not None and sim.line_id == line_id else None


async def find_msisdn_of_imsi(database: Database, imsi: str) -> int | None:
    """Return the number of the line that a SIM in service is for, None where there is none.

    Three questions, for each answer lies on a shard of its own.
    """
    iccid = await database.fetch_value("SELECT iccid FROM sim_imsi WHERE imsi = $1", imsi)
    line_id = await database.fetch_value(
        "SELECT line_id FROM sim WHERE iccid = $1 AND state = $2", iccid, SimState.ASSIGNED
    )
    return await database.fetch_value("SELECT msisdn FROM line WHERE line_id = $1", line_id)


async def list_sims(database: Database, state: SimState | None, limit: int) -> list[SimView]:
    """Return SIMs by their numbers, of one state or of all."""
    rows = await database.fetch(
        """
        SELECT iccid, imsi, kind, state, line_id, smdp_address, sealed IS NOT NULL AS has_code,
               imported_at, assigned_at, shown_at, shown, installed_at, ended_at
          FROM sim
         WHERE $1::smallint IS NULL OR state = $1
         ORDER BY iccid
         LIMIT $2
        """,
        state,
        limit,
    )
    return [_view(row) for row in rows]


async def count_sims(database: Database) -> dict[tuple[SimState, SimKind], int]:
    """Return how many SIMs there are of each state and kind."""
    rows = await database.fetch(
        "SELECT state, kind, count(*) FROM sim GROUP BY 1, 2 ORDER BY 1, 2"
    )
    return {(SimState(row[0]), SimKind(row[1])): row[2] for row in rows}


def _view(row: Record) -> SimView:
    facts: dict[str, Any] = dict(row.items())
    facts["kind"], facts["state"] = SimKind(row["kind"]), SimState(row["state"])
    return SimView(**facts)
