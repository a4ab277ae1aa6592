"""Partners and keys as staff make them."""

from collections.abc import Sequence
from datetime import datetime

from tambah.store.database import Connection


async def insert_partner(
    connection: Connection,
    *,
    partner_id: int,
    name: str,
    speaks_for_lines: bool,
    credit_limit_micros: int,
    limits_micros: tuple[int, int, int | None],
    at: datetime,
) -> None:
    """Add a partner and its empty float. limits: least and most of a sale, daily cap."""
    least_micros, most_micros, daily_cap_micros = limits_micros
    await connection.execute(
        """
        INSERT INTO partner (partner_id, name, suspended, speaks_for_lines, credit_limit_micros,
                             least_micros, most_micros, daily_cap_micros, sold_micros,
                             transfer_seq, created_at)
        VALUES ($1, $2, false, $3, $4, $5, $6, $7, 0, 0, $8)
        """,
        partner_id,
        name,
        speaks_for_lines,
        credit_limit_micros,
        least_micros,
        most_micros,
        daily_cap_micros,
        at,
    )
    await connection.execute(
        "INSERT INTO bucket (owner_id, bucket_id, kind, remaining_micros) VALUES ($1, 1, 3, 0)",
        partner_id,
    )


async def partner_exists(connection: Connection, partner_id: int) -> bool:
    """Say whether there is such a partner."""
    found = await connection.fetchval(
        "SELECT true FROM partner WHERE partner_id = $1", partner_id
    )
    return found is True


async def insert_key(
    connection: Connection,
    *,
    digest: bytes,
    prefix: str,
    partner_id: int,
    label: str,
    scopes: Sequence[str],
    at: datetime,
) -> None:
    """Add an API key's digest."""
    await connection.execute(
        """
        INSERT INTO api_key (digest, prefix, partner_id, label, scopes, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        """,
        digest,
        prefix,
        partner_id,
        label,
        list(scopes),
        at,
    )


async def revoke_keys(connection: Connection, prefix: str, at: datetime) -> list[tuple[int, str]]:
    """End the live keys with that prefix; return (partner, label) of each."""
    rows = await connection.fetch(
        """
        UPDATE api_key SET revoked_at = $2
         WHERE prefix = $1 AND revoked_at IS NULL
        RETURNING partner_id, label
        """,
        prefix,
        at,
    )
    return [(row[0], row[1]) for row in rows]
