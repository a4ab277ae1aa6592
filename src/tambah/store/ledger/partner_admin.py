"""Partners and keys as staff make them."""

from dataclasses import dataclass
from datetime import datetime

from tambah.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPartner:
    """A partner to be added. Micro-ringgit: credit limit, least and most of a sale, daily cap."""

    partner_id: int
    name: str
    speaks_for_lines: bool
    credit_limit_micros: int
    least_micros: int
    most_micros: int
    daily_cap_micros: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """An API key to be added: its digest, and the first characters, by which people name it."""

    digest: bytes
    prefix: str
    partner_id: int
    label: str
    scopes: tuple[str, ...]
    created_at: datetime


async def insert_partner(connection: Connection, new: NewPartner) -> None:
    """Add a partner and its empty float."""
    await connection.execute(
        """
        INSERT INTO partner (partner_id, name, suspended, speaks_for_lines, credit_limit_micros,
                             least_micros, most_micros, daily_cap_micros, sold_micros,
                             transfer_seq, created_at)
        VALUES ($1, $2, false, $3, $4, $5, $6, $7, 0, 0, $8)
        """,
        new.partner_id,
        new.name,
        new.speaks_for_lines,
        new.credit_limit_micros,
        new.least_micros,
        new.most_micros,
        new.daily_cap_micros,
        new.created_at,
    )
    await connection.execute(
        "INSERT INTO bucket (owner_id, bucket_id, kind, remaining_micros) VALUES ($1, 1, 3, 0)",
        new.partner_id,
    )


async def name_of(connection: Connection, partner_id: int) -> str | None:
    """Return a partner's name, None for no partner."""
    return await connection.fetchval("SELECT name FROM partner WHERE partner_id = $1", partner_id)


async def partner_exists(connection: Connection, partner_id: int) -> bool:
    """Say whether there is such a partner."""
    return await name_of(connection, partner_id) is not None


async def suspend_partner(
    connection: Connection, partner_id: int, *, suspended: bool
) -> bool | None:
    """Keep a partner from selling, or let it again; return how it was, None for no partner."""
    was = await connection.fetchval(
        "SELECT suspended FROM partner WHERE partner_id = $1 FOR NO KEY UPDATE", partner_id
    )
    if was is None or was == suspended:
        return was
    await connection.execute(
        "UPDATE partner SET suspended = $2 WHERE partner_id = $1", partner_id, suspended
    )
    return not suspended


async def insert_key(connection: Connection, new: NewKey) -> None:
    """Add an API key."""
    await connection.execute(
        """
        INSERT INTO api_key (digest, prefix, partner_id, label, scopes, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        """,
        new.digest,
        new.prefix,
        new.partner_id,
        new.label,
        list(new.scopes),
        new.created_at,
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
