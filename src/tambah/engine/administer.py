"""What staff set up by hand: partners and their keys. Each action leaves an audit row."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from tambah.domain.actor import Actor
from tambah.domain.money import ringgit
from tambah.domain.refusals import FieldMalformed, KeyUnknown, PartnerUnknown, ReasonMissing
from tambah.domain.state import AuditEntry
from tambah.engine.keys import Keys
from tambah.store.database import Connection, Database
from tambah.store.ledger import audit, lines, partner_admin

SCOPES = (
    "charge",
    "lines:read",
    "rates:read",
    "packages:read",
    "packages:write",
    "redemptions:write",
    "sales:read",
    "sales:write",
    "topups:write",
    "transfers:read",
    "vouchers:read",
)
PREFIX_LENGTH = 14


@asynccontextmanager
async def acting(database: Database) -> AsyncGenerator[Connection]:
    """Lend a writing connection within a transaction; it commits when the block ends."""
    connection = await database.connect_writer()
    try:
        async with connection.transaction():
            yield connection
    finally:
        await connection.close()


async def add_partner(
    database: Database,
    *,
    name: str,
    actor: Actor,
    speaks_for_lines: bool = False,
    credit_limit_micros: int = 0,
    limits_micros: tuple[int, int, int | None] = (1_000_000, 500_000_000, None),
) -> int:
    """Add a partner with an empty float; return its id. Raises ReasonMissing, FieldMalformed.

    limits_micros: least and most of one sale, and a cap for a day (None for none).
    """
    if not name.strip():
        raise FieldMalformed(field="name")
    async with acting(database) as connection:
        now: datetime = await connection.fetchval("SELECT now()")
        partner_id = (await lines.mint_owner_ids(connection, 1))[0]
        await partner_admin.insert_partner(
            connection,
            partner_admin.NewPartner(
                partner_id=partner_id,
                name=name.strip(),
                speaks_for_lines=speaks_for_lines,
                credit_limit_micros=credit_limit_micros,
                least_micros=limits_micros[0],
                most_micros=limits_micros[1],
                daily_cap_micros=limits_micros[2],
                created_at=now,
            ),
        )
        after = {"name": name, "credit_limit": ringgit(credit_limit_micros)}
        await note(connection, actor, "AddPartner", f"partner:{partner_id}", after=after)
    return partner_id


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRequest:
    """What API key to make: whose, what for, what it may do; is_test marks a sandbox's."""

    partner_id: int
    label: str
    scopes: tuple[str, ...]
    is_test: bool = False


async def add_key(database: Database, keys: Keys, wanted: KeyRequest, actor: Actor) -> str:
    """Make an API key of a partner; return it, for the only time.

    Raises PartnerUnknown, FieldMalformed (a scope that does not exist) and ReasonMissing.
    """
    if not wanted.scopes or not set(wanted.scopes) <= set(SCOPES):
        raise FieldMalformed(field="scopes")
    key = f"tk_{'test' if wanted.is_test else 'live'}_{secrets.token_urlsafe(32)}"
    async with acting(database) as connection:
        if not await partner_admin.partner_exists(connection, wanted.partner_id):
            raise PartnerUnknown
        now: datetime = await connection.fetchval("SELECT now()")
        await partner_admin.insert_key(
            connection,
            partner_admin.NewKey(
                digest=keys.digest("api_key", key),
                prefix=key[:PREFIX_LENGTH],
                partner_id=wanted.partner_id,
                label=wanted.label,
                scopes=wanted.scopes,
                created_at=now,
            ),
        )
        after = {"prefix": key[:PREFIX_LENGTH], "scopes": list(wanted.scopes)}
        await note(connection, actor, "AddKey", f"partner:{wanted.partner_id}", after=after)
    return key


async def revoke_key(database: Database, prefix: str, actor: Actor) -> int:
    """End the live keys with that prefix; return how many. Raises KeyUnknown, ReasonMissing."""
    async with acting(database) as connection:
        now: datetime = await connection.fetchval("SELECT now()")
        ended = await partner_admin.revoke_keys(connection, prefix[:PREFIX_LENGTH], now)
        if not ended:
            raise KeyUnknown
        for partner_id, label in ended:
            before = {"prefix": prefix[:PREFIX_LENGTH], "label": label}
            await note(connection, actor, "RevokeKey", f"partner:{partner_id}", before=before)
    return len(ended)


async def note(
    connection: Connection,
    actor: Actor,
    action: str,
    subject: str,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    """Add an audit row in the caller's transaction. Raises ReasonMissing."""
    if not actor.why.strip():
        raise ReasonMissing
    entry = AuditEntry(
        at=datetime.now(UTC),
        who=actor.who,
        action=action,
        subject=subject,
        why=actor.why,
        before=dict(before or {}),
        after=dict(after or {}),
    )
    await audit.append(connection, [entry])
