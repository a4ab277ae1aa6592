"""Who sells for dealers by page and SMS, and who of them is signed in. Nothing here moves money.

PINs come hashed and secrets by digest; see `engine.sellers`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from tambah.domain.line import Language
from tambah.domain.seller import Seller, SellerSession, SellerState
from tambah.store.database import Connection, Database, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class SellerAccount:
    """A seller with the hash of the PIN."""

    seller: Seller
    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatedSeller:
    """A session with whose it is."""

    session: SellerSession
    seller: Seller


async def insert_seller(connection: Connection, seller: Seller, pin: str) -> bool:
    """Add a seller with a hashed PIN; say whether the number was still free."""
    done = await connection.execute(
        """
        INSERT INTO seller (seller_id, partner_id, name, msisdn, language, state, created_at, pin,
                            must_change, wrong, message_seq)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, true, 0, 0)
            ON CONFLICT (msisdn) WHERE state = 1 DO NOTHING
        """,
        seller.seller_id,
        seller.partner_id,
        seller.name,
        seller.msisdn,
        seller.language,
        seller.state,
        seller.created_at,
        pin,
    )
    return done.endswith(" 1")


async def lock_seller(connection: Connection, msisdn: int) -> SellerAccount | None:
    """Hold the seller that has a number now until the transaction ends, and return them."""
    row = await connection.fetchrow(
        "SELECT * FROM seller WHERE msisdn = $1 AND state = 1 FOR UPDATE", msisdn
    )
    return _account(row) if row else None


async def write_seller(connection: Connection, seller: Seller) -> None:
    """Write what may change of a seller who is held, but for the PIN."""
    await connection.execute(
        """
        UPDATE seller SET state = $2, must_change = $3, wrong = $4, locked_until = $5
         WHERE seller_id = $1
        """,
        seller.seller_id,
        seller.state,
        seller.must_change,
        seller.wrong,
        seller.locked_until,
    )


async def write_pin(connection: Connection, seller_id: int, pin: str) -> None:
    """Write a seller's PIN, hashed."""
    await connection.execute("UPDATE seller SET pin = $2 WHERE seller_id = $1", seller_id, pin)


async def next_message_number(connection: Connection, seller_id: int) -> int:
    """Return the number of a seller's next message in the outbox."""
    return await connection.fetchval(
        """
        UPDATE seller SET message_seq = message_seq + 1 WHERE seller_id = $1
        RETURNING message_seq
        """,
        seller_id,
    )


async def read_seller(database: Database, msisdn: int) -> SellerAccount | None:
    """Return the seller that has a number now."""
    row = await database.fetch_row("SELECT * FROM seller WHERE msisdn = $1 AND state = 1", msisdn)
    return _account(row) if row else None


async def list_sellers(database: Database, partner_id: int | None = None) -> list[Seller]:
    """Return all sellers, or a dealer's, those disabled too."""
    rows = await database.fetch(
        """
        SELECT * FROM seller
         WHERE $1::bigint IS NULL OR partner_id = $1
         ORDER BY partner_id, name, seller_id
        """,
        partner_id,
    )
    return [_seller(row) for row in rows]


async def insert_session(connection: Connection, session: SellerSession) -> None:
    """Write a session that is new."""
    await connection.execute(
        """
        INSERT INTO seller_session (digest, seller_id, proved_at, seen_at, expires_at)
        VALUES ($1, $2, $3, $4, $5)
        """,
        session.digest,
        session.seller_id,
        session.proved_at,
        session.seen_at,
        session.expires_at,
    )


async def read_seated_seller(database: Database, digest: bytes) -> SeatedSeller | None:
    """Return a session, ended or not, with whose it is."""
    row = await database.fetch_row(
        """
        SELECT seller.*, digest, proved_at, seen_at, expires_at
          FROM seller_session
          JOIN seller USING (seller_id)
         WHERE digest = $1
        """,
        digest,
    )
    if row is None:
        return None
    session = SellerSession(
        seller_id=row["seller_id"],
        digest=row["digest"],
        proved_at=row["proved_at"],
        seen_at=row["seen_at"],
        expires_at=row["expires_at"],
    )
    return SeatedSeller(session=session, seller=_seller(row))


async def touch_seller_session(database: Database, digest: bytes, now: datetime) -> None:
    """Note that a session was used."""
    await database.execute(
        "UPDATE seller_session SET seen_at = $2 WHERE digest = $1 AND seen_at < $2", digest, now
    )


async def prove_seller_session(
    connection: Connection | Database, digest: bytes, now: datetime
) -> None:
    """Note that the PIN was given, or a sale made while it still counted."""
    await connection.execute(
        "UPDATE seller_session SET proved_at = $2 WHERE digest = $1 AND proved_at < $2",
        digest,
        now,
    )


async def end_seller_session(connection: Connection, digest: bytes) -> None:
    """End one session."""
    await connection.execute("DELETE FROM seller_session WHERE digest = $1", digest)


async def end_seller_sessions_of(
    connection: Connection, seller_id: int, *, keep: bytes = b""
) -> int:
    """End every session of a seller, one perhaps kept; return how many."""
    done = await connection.execute(
        "DELETE FROM seller_session WHERE seller_id = $1 AND digest <> $2", seller_id, keep
    )
    return int(done.rsplit(" ", 1)[1])


async def prune_seller_sessions(database: Database, before: datetime) -> int:
    """Forget sessions that ended before an instant; return how many."""
    done = await database.execute("DELETE FROM seller_session WHERE expires_at < $1", before)
    return int(done.rsplit(" ", 1)[1])


def _seller(row: Record) -> Seller:
    return Seller(
        seller_id=row["seller_id"],
        partner_id=row["partner_id"],
        name=row["name"],
        msisdn=row["msisdn"],
        language=Language(row["language"]),
        state=SellerState(row["state"]),
        created_at=row["created_at"],
        must_change=row["must_change"],
        wrong=row["wrong"],
        locked_until=row["locked_until"],
    )


def _account(row: Record) -> SellerAccount:
    return SellerAccount(seller=_seller(row), pin=row["pin"])
