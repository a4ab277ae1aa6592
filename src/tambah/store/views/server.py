"""What a PostgreSQL server is and how it is set: for those who look after it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from tambah.store.database import Database

_driver: Any = asyncpg


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerView:
    """A server's version and the settings that durability hangs on.

    version_number: as PostgreSQL counts, 180000 for 18.0. clock: its present instant.
    """

    version: str
    version_number: int
    fsync: str
    full_page_writes: str
    synchronous_commit: str
    clock: datetime


async def read_server(database: Database) -> ServerView:
    """Return what the server says of itself, as the writers' connections have it."""
    row = await database.fetch_row(
        """
        SELECT current_setting('server_version'), current_setting('server_version_num')::integer,
               current_setting('fsync'), current_setting('full_page_writes'),
               current_setting('synchronous_commit'), clock_timestamp()
        """
    )
    if row is None:
        raise AssertionError("a query without FROM has one row")
    return ServerView(
        version=row[0],
        version_number=row[1],
        fsync=row[2],
        full_page_writes=row[3],
        synchronous_commit=row[4],
        clock=row[5],
    )


async def tables_open_to_change(database: Database) -> list[str]:
    """Return which of the books' tables the present role may change or delete from."""
    rows = await database.fetch(
        """
        SELECT relname
          FROM pg_class
         WHERE (relname IN ('transfer', 'audit')
                OR oid IN (SELECT inhrelid FROM pg_inherits
                            WHERE inhparent = 'transfer'::regclass))
           AND (has_table_privilege(oid, 'UPDATE') OR has_table_privilege(oid, 'DELETE')
                OR has_table_privilege(oid, 'TRUNCATE'))
         ORDER BY relname
        """
    )
    return [row[0] for row in rows]


async def months_ahead(database: Database) -> int:
    """Return for how many months to come, this one not counted, transfers have a partition."""
    return await database.fetch_value(
        """
        SELECT count(*)
          FROM pg_inherits
          JOIN pg_class ON pg_class.oid = inhrelid
         WHERE inhparent = 'transfer'::regclass
           AND relname ~ '^transfer_[0-9]{6}$'
           AND relname > 'transfer_' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMM')
        """
    )


async def strays(database: Database) -> int:
    """Return how many transfers lie outside the monthly partitions (a thousand at most)."""
    return await database.fetch_value(
        "SELECT count(*) FROM (SELECT FROM transfer_other LIMIT 1000) AS stray"
    )


async def has_tables(dsn: str) -> bool:
    """Say whether a database has any table of anybody's in its public schema."""
    connection = await _driver.connect(dsn, timeout=10)
    try:
        return await connection.fetchval(
            "SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = 'public')"
        )
    finally:
        await connection.close()


async def major_version(dsn: str) -> int:
    """Return the major version of the server at an address, 18 for 18.4."""
    connection = await _driver.connect(dsn, timeout=10)
    try:
        number = await connection.fetchval("SELECT current_setting('server_version_num')::int")
    finally:
        await connection.close()
    return int(number) // 10_000
