"""SIMs and the lines they serve, as the engine reads and writes them."""

from collections.abc import Collection, Sequence

from tambah.domain.sim import Sim, SimKind, SimState
from tambah.store.database import Connection, Record

_COLUMNS = (
    "iccid",
    "imsi",
    "kind",
    "state",
    "line_id",
    "smdp_address",
    "sealed",
    "digest",
    "imported_at",
    "assigned_at",
    "shown_at",
    "shown",
    "installed_at",
    "ended_at",
)


class SimChangedElsewhere(Exception):
    """A SIM was not as it was when it was locked: a broken promise, never expected."""


async def lock_sims(connection: Connection, iccids: Collection[str]) -> dict[str, Sim]:
    """Hold the SIMs' rows until the transaction ends, and return them as they are then."""
    rows = await connection.fetch(
        """
        SELECT iccid, imsi, kind, state, line_id, smdp_address, sealed, digest, imported_at,
               assigned_at, shown_at, shown, installed_at, ended_at
          FROM sim
         WHERE iccid = ANY($1::text[])
         ORDER BY iccid
           FOR NO KEY UPDATE
        """,
        list(iccids),
    )
    return {row[0]: sim_from_row(row) for row in rows}


async def read_sims(connection: Connection, iccids: Collection[str]) -> dict[str, Sim]:
    """Return SIMs as they are, without holding them."""
    rows = await connection.fetch(
        """
        SELECT iccid, imsi, kind, state, line_id, smdp_address, sealed, digest, imported_at,
               assigned_at, shown_at, shown, installed_at, ended_at
          FROM sim
         WHERE iccid = ANY($1::text[])
        """,
        list(iccids),
    )
    return {row[0]: sim_from_row(row) for row in rows}


def sim_from_row(row: Record) -> Sim:
    """Make a Sim of a row that has all its columns, in their order."""
    return Sim(
        iccid=row[0],
        imsi=row[1],
        kind=SimKind(row[2]),
        state=SimState(row[3]),
        line_id=row[4],
        smdp_address=row[5],
        sealed=row[6],
        digest=row[7],
        imported_at=row[8],
        assigned_at=row[9],
        shown_at=row[10],
        shown=row[11],
        installed_at=row[12],
        ended_at=row[13],
    )


async def write_sims(connection: Connection, sims: Sequence[Sim]) -> None:
    """Write SIMs that were locked, and those that are new.

    One that another process has just added raises here; the batch is run again and sees it.
    """
    if new := [one for one in sims if one.is_new]:
        await insert_sims(connection, new)
    if old := [one for one in sims if not one.is_new]:
        await update_sims(connection, old)


async def insert_sims(connection: Connection, sims: Sequence[Sim]) -> None:
    """Add SIMs that the inventory does not have."""
    await connection.copy_records_to_table(
        "sim",
        records=[tuple(getattr(one, column) for column in _COLUMNS) for one in sims],
        columns=_COLUMNS,
    )


async def update_sims(connection: Connection, sims: Sequence[Sim]) -> None:
    """Write SIMs that are locked; none changes hands from one line to another, none goes back."""
    done = await connection.execute(
        """
        UPDATE sim
           SET imsi = new.imsi, kind = new.kind, state = new.state, line_id = new.line_id,
               smdp_address = new.smdp_address, sealed = new.sealed, digest = new.digest,
               imported_at = new.imported_at, assigned_at = new.assigned_at,
               shown_at = new.shown_at, shown = new.shown, installed_at = new.installed_at,
               ended_at = new.ended_at
          FROM unnest($1::text[], $2::text[], $3::smallint[], $4::smallint[], $5::bigint[],
                      $6::text[], $7::bytea[], $8::bytea[], $9::timestamptz[],
                      $10::timestamptz[], $11::timestamptz[], $12::integer[],
                      $13::timestamptz[], $14::timestamptz[])
               AS new (iccid, imsi, kind, state, line_id, smdp_address, sealed, digest,
                       imported_at, assigned_at, shown_at, shown, installed_at, ended_at)
         WHERE sim.iccid = new.iccid AND sim.state <= new.state
           AND (sim.line_id IS NULL OR sim.line_id = new.line_id)
        """,
        *([getattr(one, column) for one in sims] for column in _COLUMNS),
    )
    if done != f"UPDATE {len(sims)}":
        raise SimChangedElsewhere


async def find_imsis(connection: Connection, imsis: Collection[str]) -> dict[str, str]:
    """Return which SIM each IMSI is on, those of none left out."""
    rows = await connection.fetch(
        "SELECT imsi, iccid FROM sim_imsi WHERE imsi = ANY($1::text[])", list(imsis)
    )
    return {row[0]: row[1] for row in rows}


async def insert_imsis(connection: Connection, sims: Sequence[Sim]) -> None:
    """Say which SIM each IMSI is on. Raises UniqueViolation for one that is on another."""
    await connection.copy_records_to_table(
        "sim_imsi",
        records=sorted((one.imsi, one.iccid) for one in sims if one.imsi is not None),
        columns=("imsi", "iccid"),
    )
