"""Counts, passwords and sessions of signing in, as the engine reads and writes them."""

from collections.abc import Collection, Sequence

from tambah.domain.signing_in import Session, SessionsEnded, SignIn, SignInCode
from tambah.store.database import Connection


async def read_sign_ins(connection: Connection, line_ids: Collection[int]) -> dict[int, SignIn]:
    """Return the lines' counts; the lines are locked by now."""
    rows = await connection.fetch(
        """
        SELECT line_id, wrong, locked_until, asked, asked_from
          FROM sign_in
         WHERE line_id = ANY($1::bigint[])
        """,
        list(line_ids),
    )
    return {row[0]: SignIn(**dict(row.items())) for row in rows}


async def write_sign_ins(connection: Connection, counts: Sequence[SignIn]) -> None:
    """Write lines' counts."""
    await connection.execute(
        """
        INSERT INTO sign_in (line_id, wrong, locked_until, asked, asked_from)
        SELECT line_id, wrong, locked_until, asked, asked_from
          FROM unnest($1::bigint[], $2::integer[], $3::timestamptz[], $4::integer[],
                      $5::timestamptz[]) AS new (line_id, wrong, locked_until, asked, asked_from)
            ON CONFLICT (line_id) DO UPDATE
           SET wrong = excluded.wrong, locked_until = excluded.locked_until,
               asked = excluded.asked, asked_from = excluded.asked_from
        """,
        [one.line_id for one in counts],
        [one.wrong for one in counts],
        [one.locked_until for one in counts],
        [one.asked for one in counts],
        [one.asked_from for one in counts],
    )


async def read_codes(
    connection: Connection, keys: Collection[tuple[int, bytes]]
) -> dict[tuple[int, bytes], SignInCode]:
    """Return passwords that were sent, by line and challenge.

    OFFSET 0: see `topups.find_references`.
    """
    rows = await connection.fetch(
        """
        SELECT found.*
          FROM unnest($1::bigint[], $2::bytea[]) AS asked (line_id, challenge),
               LATERAL (SELECT line_id, challenge, digest, expires_at, used
                          FROM sign_in_code AS sent
                         WHERE sent.line_id = asked.line_id
                           AND sent.challenge = asked.challenge
                        OFFSET 0) AS found
        """,
        [line_id for line_id, _ in keys],
        [challenge for _, challenge in keys],
    )
    codes = [SignInCode(**dict(row.items())) for row in rows]
    return {code.key: code for code in codes}


async def write_codes(connection: Connection, codes: Sequence[SignInCode]) -> None:
    """Write passwords that were sent or used."""
    await connection.execute(
        """
        INSERT INTO sign_in_code (line_id, challenge, digest, expires_at, used)
        SELECT line_id, challenge, digest, expires_at, used
          FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::timestamptz[], $5::boolean[])
               AS new (line_id, challenge, digest, expires_at, used)
            ON CONFLICT (line_id, challenge) DO UPDATE
           SET digest = excluded.digest, expires_at = excluded.expires_at, used = excluded.used
        """,
        [one.line_id for one in codes],
        [one.challenge for one in codes],
        [one.digest for one in codes],
        [one.expires_at for one in codes],
        [one.used for one in codes],
    )


async def insert_sessions(connection: Connection, sessions: Sequence[Session]) -> None:
    """Write sessions that are new."""
    await connection.copy_records_to_table(
        "session",
        records=[
            (one.line_id, one.digest, one.proved_at, one.seen_at, one.expires_at)
            for one in sessions
        ],
        columns=("line_id", "digest", "proved_at", "seen_at", "expires_at"),
    )


async def end_sessions(connection: Connection, ended: Sequence[SessionsEnded]) -> None:
    """End all sessions of lines, and take the passwords that are on their way."""
    line_ids = [one.line_id for one in ended]
    await connection.execute("DELETE FROM session WHERE line_id = ANY($1::bigint[])", line_ids)
    await connection.execute(
        "DELETE FROM sign_in_code WHERE line_id = ANY($1::bigint[])", line_ids
    )
