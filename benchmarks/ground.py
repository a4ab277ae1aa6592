"""The database that everything is measured on: embedded PostgreSQL, fsync on, filled by SQL."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from tambah.domain.voucher import check_digit
from tambah.engine.keys import Keys, parse_peppers
from tambah.store.embedded import EmbeddedServer
from tambah.store.migrate import migrate

LINES = 100_000
PARTNERS = 1_000
FIRST_NUMBER = 60_110_000_000
FIRST_PARTNER = 2_000_000
FIRST_LINE = 10_000_000
PEPPER = "ab" * 32


@dataclass
class Ground:
    """A server with a filled database; `api_key` tops up from `partner_id`'s float."""

    folder: Path
    server: EmbeddedServer
    keys: Keys
    lines: int = LINES
    partner_id: int = FIRST_PARTNER
    api_key: str = "tk_test_benchmark_key_of_no_value_elsewhere"
    codes: list[str] = field(default_factory=list)
    _taken: int = 0

    @property
    def dsn(self) -> str:
        """Return the address as the product's own role."""
        return self.server.dsn

    async def owner(self) -> Any:
        """Return a connection of the owner."""
        return await asyncpg.connect(self.server.owner_dsn)

    async def do(self, sql: str, *values: object) -> None:
        """Run a statement as the owner."""
        connection = await self.owner()
        await connection.execute(sql, *values)
        await connection.close()

    def take_codes(self, count: int) -> list[str]:
        """Return live codes that were not handed out before."""
        taken = self.codes[self._taken : self._taken + count]
        self._taken += count
        if len(taken) < count:
            raise RuntimeError("the benchmark ran out of codes")
        return taken

    def close(self) -> None:
        """Stop the server and drop its data."""
        self.server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


async def make_ground(codes: int) -> Ground:
    """Start a server and fill it: lines, partners, known codes."""
    folder = Path(tempfile.mkdtemp(prefix="tambah-bench-", dir=os.environ.get("TAMBAH_BENCH_DIR")))
    # pgbench needs a connection for each of its 256 clients; the product never does.
    os.environ.setdefault("TAMBAH_POSTGRES_SETTINGS", "max_connections=320")
    server = EmbeddedServer.start(folder / "data")
    ground = Ground(folder=folder, server=server, keys=parse_peppers(PEPPER))
    await migrate(server.owner_dsn, server.dsn)
    await add_lines(ground, 0, LINES)
    await _add_partners(ground)
    await add_known_codes(ground, codes)
    await ground.do("VACUUM ANALYZE")
    return ground


async def add_lines(ground: Ground, first: int, count: int) -> None:
    """Add active lines with an empty main credit, straight in the tables."""
    connection = await ground.owner()
    await connection.execute(
        f"""
        INSERT INTO line (line_id, msisdn, language, plan, state, last_at, barred, suspended,
                          activated_at, active_until, grace_until, transfer_seq, bucket_seq,
                          topup_seq, message_seq, own_wrong, guest_wrong, reminds,
                          own_bar, import_digest)
        SELECT {FIRST_LINE} + n, {FIRST_NUMBER} + n, 1 + n % 4, 'standard', 2, now(), false,
               false, now(), date_trunc('day', now()) + interval '10 days 16 hours',
               date_trunc('day', now()) + interval '60 days 16 hours', 0, 1, 0, 0, 0, 0, true,
               false, ''
          FROM generate_series({first}, {first + count - 1}) AS n
        """
    )
    await connection.execute(
        f"""
        INSERT INTO number SELECT {FIRST_NUMBER} + n, {FIRST_LINE} + n
          FROM generate_series({first}, {first + count - 1}) AS n
        """
    )
    await connection.execute(
        f"""
        INSERT INTO bucket SELECT {FIRST_LINE} + n, 1, 1, 0, NULL
          FROM generate_series({first}, {first + count - 1}) AS n
        """
    )
    await connection.close()
    ground.lines = first + count


async def _add_partners(ground: Ground) -> None:
    connection = await ground.owner()
    await connection.execute(
        f"""
        INSERT INTO partner (partner_id, name, suspended, speaks_for_lines, credit_limit_micros,
                             least_micros, most_micros, sold_micros, transfer_seq, created_at)
        SELECT {FIRST_PARTNER} + n, 'Benchmark', false, true, 1000000000000000, 1000000,
               500000000, 0, 0, now()
          FROM generate_series(0, {PARTNERS - 1}) AS n
        """
    )
    await connection.execute(
        f"""
        INSERT INTO bucket SELECT {FIRST_PARTNER} + n, 1, 3, 0, NULL
          FROM generate_series(0, {PARTNERS - 1}) AS n
        """
    )
    await connection.execute(
        """
        INSERT INTO api_key (digest, prefix, partner_id, label, scopes, created_at)
        VALUES ($1, 'tk_test_bench', $2, 'benchmark',
                '{topups:write,redemptions:write,packages:write,lines:read}', now())
        """,
        ground.keys.digest("api_key", ground.api_key),
        ground.partner_id,
    )
    await connection.close()


async def add_known_codes(ground: Ground, count: int) -> None:
    """Add a released batch of live codes that the benchmark knows, scattered by their digests."""
    drawn = {int.from_bytes(os.urandom(8)) % 10**15 for _ in range(count + count // 1000 + 10)}
    stems = [f"{number:015d}" for number in drawn][:count]
    codes = [stem + check_digit(stem) for stem in stems]
    connection = await ground.owner()
    batch_id: int = await connection.fetchval(
        "SELECT coalesce(max(batch_id), 0) + 1 FROM voucher_batch"
    )
    await connection.execute(
        """
        INSERT INTO voucher_batch (batch_id, state, key_id, quantity, stored, lettered,
                                   born_active, price_micros, tax_micros, credit_micros,
                                   bonus_micros, valid_days, bonus_days, created_at)
        VALUES ($1, 3, 1, $2, $2, false, true, 10000000, 0, 10000000, 0, 10, 0, now())
        """,
        batch_id,
        count,
    )
    cards = sorted(
        (ground.keys.code_digest(code, 1), number) for number, code in enumerate(codes, 1)
    )
    await connection.copy_records_to_table(
        "voucher",
        records=[(digest, batch_id, number, 2, True) for digest, number in cards],
        columns=["digest", "batch_id", "number", "state", "activated"],
    )
    await connection.close()
    ground.codes += codes
