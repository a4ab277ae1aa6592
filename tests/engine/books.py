"""Small ways to fill the books in tests: lines, partners, cards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tambah.domain.commands import ImportLine
from tambah.domain.line import Language
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.store.database import Database

RM = 1_000_000


async def add_line(engine: Engine, database: Database, msisdn: int, **changes: object) -> int:
    """Import an active line with ten days left; return its id."""
    line_id = await database.fetch_value("SELECT nextval('owner_id_seq')")
    today = datetime.now(UTC).replace(hour=16, minute=0, second=0, microsecond=0)
    values: dict[str, object] = {
        "language": Language.EN,
        "plan": "standard",
        "activated_at": today - timedelta(days=30),
        "active_until": today + timedelta(days=10),
        "grace_until": today + timedelta(days=60),
        **changes,
    }
    command = ImportLine(line_id=line_id, msisdn=msisdn, digest=b"test", **values)  # type: ignore[arg-type]
    await engine.submit(command)
    return line_id


async def add_partner(database: Database, float_micros: int = 0, **changes: object) -> int:
    """Add a partner; its float is granted by credit limit, so that the books need no opening."""
    partner_id = await database.fetch_value("SELECT nextval('owner_id_seq')")
    await database.execute(
        """
        INSERT INTO partner (partner_id, name, suspended, speaks_for_lines, credit_limit_micros,
                             least_micros, most_micros, daily_cap_micros, sold_micros,
                             transfer_seq, created_at)
        VALUES ($1, 'Test partner', false, $4, $2, 1000000, 1000000000, $3, 0, 0, now())
        """,
        partner_id,
        changes.get("credit_limit_micros", 10**15),
        changes.get("daily_cap_micros"),
        changes.get("speaks_for_lines", False),
    )
    await database.execute(
        "INSERT INTO bucket (owner_id, bucket_id, kind, remaining_micros) VALUES ($1, 1, 3, 0)",
        partner_id,
    )
    return partner_id


async def add_cards(
    database: Database, keys: Keys, codes: list[str], *, state: int = 2, batch_state: int = 3
) -> int:
    """Add a batch of RM10 cards with the given codes; return its id."""
    batch_id: int = await database.fetch_value(
        """
        INSERT INTO voucher_batch (batch_id, state, key_id, quantity, stored, lettered,
                                   born_active, price_micros, tax_micros, credit_micros,
                                   bonus_micros, valid_days, bonus_days, created_at)
        SELECT coalesce(max(batch_id), 0) + 1, $1, $2, $3::integer, $3::integer, false, true,
               10000000, 0, 10000000, 0, 10, 0, now()
          FROM voucher_batch
        RETURNING batch_id
        """,
        batch_state,
        keys.current_id,
        len(codes),
    )
    await database.execute(
        """
        WITH card AS (
            INSERT INTO voucher (digest, batch_id, number, state, activated)
            SELECT digest, $2, place, $3::smallint, $3::smallint <> 1
              FROM unnest($1::bytea[]) WITH ORDINALITY AS new (digest, place)
            RETURNING digest, number)
        INSERT INTO voucher_serial (batch_id, number, digest) SELECT $2, number, digest FROM card
        """,
        [keys.code_digest(code, keys.current_id) for code in codes],
        batch_id,
        state,
    )
    return batch_id
