"""Forward-only migrations: plain SQL, run by Alembic, safe when two processes start at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncpg
from alembic import command, op
from alembic.config import Config
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

HEAD = "0021"
MONTHS_AHEAD = 13

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 7_262_471_001  # any number that nobody else takes an advisory lock on
_driver: Any = asyncpg


def run_sql_file(name: str) -> None:
    """Run a SQL file, statement by statement (they are parted by a line ending in `;`).

    For the files in `versions/` alone.
    """
    for statement in (_FOLDER / name).read_text(encoding="utf-8").split(";\n"):
        if _has_sql(statement):
            op.get_bind().exec_driver_sql(statement)


async def migrate(owner_dsn: str, app_dsn: str = "") -> None:
    """Bring a database to the present schema, its partitions and its grants.

    owner_dsn: a role that may create tables. app_dsn: the role that the product runs as, which
    is given no right to change or delete a transfer, an audit row, a close or a rate, nor what
    a request that takes two people asked for.
    """
    lock = await _driver.connect(owner_dsn, timeout=10)
    try:
        # Two processes that start at once take turns; the second finds nothing left to do.
        await lock.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await _upgrade(owner_dsn)
        await ensure_partitions(lock)
        if app_dsn and app_dsn != owner_dsn:
            await _grant(lock, app_dsn)
    finally:
        await lock.close()


async def current_version(dsn: str) -> str | None:
    """Return the schema's version, None for a database without one."""
    connection = await _driver.connect(dsn, timeout=10)
    try:
        if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
            return None
        return await connection.fetchval("SELECT version_num FROM alembic_version")
    finally:
        await connection.close()


async def ensure_partitions(owner: Any) -> None:
    """Make the monthly partitions of `transfer` for last month and the coming year.

    A month that already has rows in the default partition is left there.
    """
    await owner.execute(
        """
        DO $$
        DECLARE
            month date := date_trunc('month', now() AT TIME ZONE 'UTC')::date - interval '1 month';
        BEGIN
            FOR ahead IN 0..14 LOOP
                BEGIN
                    EXECUTE format(
                        'CREATE TABLE IF NOT EXISTS %I PARTITION OF transfer'
                        ' FOR VALUES FROM (%L) TO (%L)',
                        'transfer_' || to_char(month, 'YYYYMM'),
                        month::timestamp AT TIME ZONE 'UTC',
                        (month + interval '1 month')::timestamp AT TIME ZONE 'UTC');
                EXCEPTION WHEN check_violation THEN
                    NULL;
                END;
                month := month + interval '1 month';
            END LOOP;
        END $$
        """
    )


async def _upgrade(owner_dsn: str) -> None:
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: _driver.connect(owner_dsn, timeout=10),
        poolclass=NullPool,
    )
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))

    def run(connection: object) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    async with engine.begin() as connection:
        await connection.run_sync(run)
    await engine.dispose()


async def _grant(owner: Any, app_dsn: str) -> None:
    app = await _driver.connect(app_dsn, timeout=10)
    try:
        role: str = await app.fetchval("SELECT current_user")
    finally:
        await app.close()
    grants: list[str] = [
        row[0]
        for row in await owner.fetch(
            """
            SELECT format(grants.text, $1::text)
              FROM (VALUES
                   (1, 'GRANT USAGE ON SCHEMA public TO %I'),
                   (2, 'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES'
                       ' IN SCHEMA public TO %I'),
                   (3, 'GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO %I'),
                   (4, 'REVOKE UPDATE, DELETE ON alembic_version, audit, book_close,'
                       ' book_close_line, package_version, promotion, stock_move, transfer'
                       ' FROM %I'),
                   (5, 'REVOKE INSERT, UPDATE, DELETE ON approval FROM %I'),
                   (6, 'GRANT INSERT (deed, subject, params, before, why, maker, made_at,'
                       ' expires_at, request) ON approval TO %I'),
                   (7, 'GRANT UPDATE (state, decided_by, decided_at, collect_until, answer,'
                       ' tries, held_until, done_at, outcome) ON approval TO %I'),
                   (8, 'REVOKE UPDATE, DELETE ON tariff_sheet, tariff_rate FROM %I'),
                   (9, 'GRANT UPDATE (effective_from, agreed_at) ON tariff_sheet TO %I'))
                   AS grants (place, text)
             ORDER BY place
            """,
            role,
        )
    ]
    grants += [
        row[0]
        for row in await owner.fetch(
            """
            SELECT format('REVOKE UPDATE, DELETE ON %s FROM %I', inhrelid::regclass, $1::text)
              FROM pg_inherits
             WHERE inhparent = 'transfer'::regclass
            """,
            role,
        )
    ]
    for grant in grants:
        await owner.execute(grant)


def _has_sql(statement: str) -> bool:
    lines = (line.strip() for line in statement.splitlines())
    return any(line and not line.startswith("--") for line in lines)
