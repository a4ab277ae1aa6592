"""Whose an API key is, and what it may do."""

from dataclasses import dataclass

from tambah.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyView:
    """A live key's partner and scopes; the key itself is known to its holder only."""

    partner_id: int
    partner_suspended: bool
    speaks_for_lines: bool
    scopes: frozenset[str]


async def read_api_key(database: Database, digest: bytes) -> ApiKeyView | None:
    """Return what the key of this digest may do; None when it is unknown or revoked."""
    row = await database.fetch_row(
        """
        SELECT partner_id, suspended, speaks_for_lines, scopes
          FROM api_key
          JOIN partner USING (partner_id)
         WHERE digest = $1 AND revoked_at IS NULL
        """,
        digest,
    )
    if row is None:
        return None
    return ApiKeyView(
        partner_id=row[0],
        partner_suspended=row[1],
        speaks_for_lines=row[2],
        scopes=frozenset(row[3]),
    )
