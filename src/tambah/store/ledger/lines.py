"""Lines and their numbers, as the engine locks and writes them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from operator import attrgetter

from tambah.domain.line import Language, Line, LineState
from tambah.domain.state import LineAccount
from tambah.store.database import Connection, Record

_COLUMNS = Line.__struct_fields__
_values = attrgetter(*_COLUMNS)
_NOBODY = 0  # asked for too, so that the clock is read even when no number is


async def find_lines(
    connection: Connection, msisdns: Collection[int]
) -> tuple[datetime, dict[int, int]]:
    """Return the transaction's instant by the database's clock, and whose line each number is.

    Numbers that are nobody's are left out. OFFSET 0: see `topups.find_references`.
    """
    rows = await connection.fetch(
        """
        SELECT now(), asked.msisdn, found.line_id
          FROM unnest($1::bigint[]) AS asked (msisdn)
          LEFT JOIN LATERAL (SELECT line_id
                               FROM number
                              WHERE number.msisdn = asked.msisdn
                             OFFSET 0) AS found ON true
        """,
        [_NOBODY, *msisdns],
    )
    return rows[0][0], {row[1]: row[2] for row in rows if row[2] is not None}


async def lock_lines(connection: Connection, line_ids: Collection[int]) -> dict[int, Record]:
    """Hold the lines' rows until the transaction ends, and return them as they are then.

    Locked in key order, so that overlapping batches queue up instead of deadlocking. A locked row
    comes back as its last holder left it; rows joined to it would not, which is why buckets are
    read in a statement of their own, afterwards.
    """
    rows = await connection.fetch(
        """
        SELECT line_id, msisdn, language, plan, state, last_at, barred, suspended, activated_at,
               active_until, grace_until, transfer_seq, bucket_seq, topup_seq, message_seq,
               payment_seq, own_wrong, own_locked_until, guest_wrong, guest_locked_until,
               due_at, reactivation_until, hold_until, reminds, low_credit_micros,
               own_bar, package_due_at, iccid, import_digest
          FROM line
         WHERE line_id = ANY($1::bigint[])
         ORDER BY line_id
           FOR NO KEY UPDATE
        """,
        list(line_ids),
    )
    return {row[0]: row for row in rows}


def line_from_row(row: Record) -> Line:
    """Make a Line of a row of `lock_lines`."""
    return Line(
        line_id=row[0],
        msisdn=row[1],
        language=Language(row[2]),
        plan=row[3],
        state=LineState(row[4]),
        last_at=row[5],
        barred=row[6],
        suspended=row[7],
        activated_at=row[8],
        active_until=row[9],
        grace_until=row[10],
        transfer_seq=row[11],
        bucket_seq=row[12],
        topup_seq=row[13],
        message_seq=row[14],
        payment_seq=row[15],
        own_wrong=row[16],
        own_locked_until=row[17],
        guest_wrong=row[18],
        guest_locked_until=row[19],
        due_at=row[20],
        reactivation_until=row[21],
        hold_until=row[22],
        reminds=row[23],
        low_credit_micros=row[24],
        own_bar=row[25],
        package_due_at=row[26],
    )


line_after = attrgetter(
    "line_id",
    "state",
    "last_at",
    "active_until",
    "grace_until",
    "transfer_seq",
    "bucket_seq",
    "topup_seq",
    "message_seq",
    "payment_seq",
    "due_at",
)
"""What a top-up changes of a line: stage, dates and counters (`batch_rows`)."""


async def update_standings(connection: Connection, lines: Sequence[Line]) -> None:
    """Write what seldom changes: what `standing` names."""
    await connection.execute(
        """
        UPDATE line
           SET barred = new.barred, suspended = new.suspended, activated_at = new.activated_at,
               own_wrong = new.own_wrong, own_locked_until = new.own_locked_until,
               guest_wrong = new.guest_wrong, guest_locked_until = new.guest_locked_until,
               language = new.language, reactivation_until = new.reactivation_until,
               hold_until = new.hold_until, reminds = new.reminds,
               low_credit_micros = new.low_credit_micros, own_bar = new.own_bar,
               package_due_at = new.package_due_at
          FROM unnest($1::bigint[], $2::boolean[], $3::boolean[], $4::timestamptz[],
                      $5::integer[], $6::timestamptz[], $7::integer[], $8::timestamptz[],
                      $9::smallint[], $10::timestamptz[], $11::timestamptz[], $12::boolean[],
                      $13::bigint[], $14::boolean[], $15::timestamptz[])
               AS new (line_id, barred, suspended, activated_at, own_wrong, own_locked_until,
                       guest_wrong, guest_locked_until, language, reactivation_until,
                       hold_until, reminds, low_credit_micros, own_bar, package_due_at)
         WHERE line.line_id = new.line_id
        """,
        [line.line_id for line in lines],
        [line.barred for line in lines],
        [line.suspended for line in lines],
        [line.activated_at for line in lines],
        [line.own_wrong for line in lines],
        [line.own_locked_until for line in lines],
        [line.guest_wrong for line in lines],
        [line.guest_locked_until for line in lines],
        [line.language for line in lines],
        [line.reactivation_until for line in lines],
        [line.hold_until for line in lines],
        [line.reminds for line in lines],
        [line.low_credit_micros for line in lines],
        [line.own_bar for line in lines],
        [line.package_due_at for line in lines],
    )


async def update_iccids(connection: Connection, on_sims: Mapping[int, str | None]) -> None:
    """Write on which SIM lines are from now on. on_sims: its number by line."""
    await connection.execute(
        """
        UPDATE line SET iccid = new.iccid
          FROM unnest($1::bigint[], $2::text[]) AS new (line_id, iccid)
         WHERE line.line_id = new.line_id
        """,
        list(on_sims),
        list(on_sims.values()),
    )


standing = attrgetter(
    "barred",
    "suspended",
    "activated_at",
    "own_wrong",
    "own_locked_until",
    "guest_wrong",
    "guest_locked_until",
    "language",
    "reactivation_until",
    "hold_until",
    "reminds",
    "low_credit_micros",
    "own_bar",
    "package_due_at",
)
"""What `update_standings` writes of a line."""


async def insert_lines(
    connection: Connection, accounts: Sequence[LineAccount], recycled: Collection[int] = ()
) -> None:
    """Write lines that are new, and whose their numbers are from now on.

    recycled: numbers that an ended line had before; `pass_numbers_on` gives them away.
    """
    lines = [account.line for account in accounts]
    await connection.copy_records_to_table(
        "line",
        records=(
            (*_values(account.line), account.iccid, account.import_digest) for account in accounts
        ),
        columns=(*_COLUMNS, "iccid", "import_digest"),
    )
    # A number that another process has just given away raises here; the batch is run again and
    # sees whose it is.
    await connection.execute(
        """
        INSERT INTO number (msisdn, line_id)
        SELECT msisdn, line_id FROM unnest($1::bigint[], $2::bigint[]) AS new (msisdn, line_id)
         WHERE msisdn <> ALL ($3::bigint[])
        """,
        [line.msisdn for line in lines],
        [line.line_id for line in lines],
        list(recycled),
    )


async def pass_numbers_on(
    connection: Connection, recycled: Mapping[int, int], new: Mapping[int, int]
) -> int:
    """Give numbers of ended lines to new ones; return how many still were the ended ones'.

    recycled, new: the ended and the new line of each number.
    """
    done = await connection.execute(
        """
        UPDATE number SET line_id = new.line_id
          FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS new (msisdn, ended_id, line_id)
         WHERE number.msisdn = new.msisdn AND number.line_id = new.ended_id
        """,
        list(recycled),
        list(recycled.values()),
        [new[msisdn] for msisdn in recycled],
    )
    return int(done.rsplit(" ", 1)[1])


async def mint_owner_ids(connection: Connection, count: int) -> list[int]:
    """Return fresh ids for lines or partners."""
    rows = await connection.fetch(
        "SELECT nextval('owner_id_seq') FROM generate_series(1, $1::integer)", count
    )
    return [row[0] for row in rows]
