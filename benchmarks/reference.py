"""What we compare with: the same rows, one transaction for each top-up.

`pgbench` calls a server-side function (the least that PostgreSQL can do for one top-up); `own`
does the same work from Python, statement by statement, on the driver that the engine uses.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import asyncpg

from tambah.store.embedded import bin_dir

from .ground import FIRST_NUMBER, FIRST_PARTNER, PARTNERS, Ground

SQL = Path(__file__).with_name("reference.sql")

_RANDOM = f"""\\set n random(0, :lines - 1)
\\set p random(0, {PARTNERS - 1})
\\set k random(1, 9000000000000000000)
SELECT bench_top_up({FIRST_NUMBER} + :n, {FIRST_PARTNER} + :p, 10000000, :k);
"""
_HOT = _RANDOM.replace("random(0, :lines - 1)", "0")


async def install(ground: Ground) -> None:
    """Add the reference's function to the database."""
    await ground.do(SQL.read_text(encoding="utf-8"))


_last_rate: dict[tuple[int, bool], float] = {}


def pgbench(ground: Ground, clients: int, seconds: float, *, hot: bool = False) -> float:
    """Return top-ups a second of pgbench with so many clients, once all are connected.

    It is given a number of transactions, not a time, for its clock also counts the connecting,
    which takes 256 clients longer than the measurement. A short run tells how many.
    """
    if (clients, hot) not in _last_rate:
        _last_rate[clients, hot] = _pgbench(ground, clients, 10 if clients > 1 else 300, hot=hot)
    transactions = max(10, round(_last_rate[clients, hot] * seconds / clients))
    rate = _pgbench(ground, clients, transactions, hot=hot)
    _last_rate[clients, hot] = rate
    return rate


def _pgbench(ground: Ground, clients: int, transactions: int, *, hot: bool) -> float:
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(_HOT if hot else _RANDOM)
        script.flush()
        ran = subprocess.run(
            [
                str(bin_dir() / "pgbench"),
                "--no-vacuum",
                "--protocol=prepared",
                f"--client={clients}",
                "--jobs=1",
                f"--transactions={transactions}",
                f"--define=lines={ground.lines}",
                f"--file={script.name}",
                ground.server.owner_dsn,
            ],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    match = re.search(r"tps = ([0-9.]+)", ran.stdout)
    if match is None or ran.returncode != 0:
        raise RuntimeError(f"pgbench failed: {ran.stderr[-2000:]}")
    return float(match[1])


async def own(ground: Ground, callers: int, seconds: float) -> float:
    """Return top-ups a second with one transaction for each, from Python, on a pool of 16."""
    pool: Any = await asyncpg.create_pool(ground.server.owner_dsn, min_size=16, max_size=16)
    done = 0
    stop = time.perf_counter() + seconds

    async def call(seed: int) -> None:
        nonlocal done
        draw = random.Random(seed)
        while time.perf_counter() < stop:
            async with pool.acquire() as connection:
                await _own_top_up(connection, ground, draw)
            done += 1

    began = time.perf_counter()
    await asyncio.gather(*(call(time.time_ns() + place) for place in range(callers)))
    rate = done / (time.perf_counter() - began)
    await pool.close()
    return rate


async def _own_top_up(connection: Any, ground: Ground, draw: random.Random) -> None:
    msisdn = FIRST_NUMBER + draw.randrange(ground.lines)
    partner_id = FIRST_PARTNER + draw.randrange(PARTNERS)
    key = draw.getrandbits(62)
    async with connection.transaction():
        line_id = await connection.fetchval("SELECT line_id FROM number WHERE msisdn = $1", msisdn)
        line = await connection.fetchrow(
            "SELECT *, now() AS present FROM line WHERE line_id = $1 FOR NO KEY UPDATE", line_id
        )
        partner = await connection.fetchrow(
            "SELECT * FROM partner WHERE partner_id = $1 FOR NO KEY UPDATE", partner_id
        )
        main = await connection.fetchval(
            "SELECT remaining_micros FROM bucket WHERE owner_id = $1 AND bucket_id = 1", line_id
        )
        held = await connection.fetchval(
            "SELECT remaining_micros FROM bucket WHERE owner_id = $1 AND bucket_id = 1", partner_id
        )
        digest = key.to_bytes(8) * 2
        if await connection.fetchval(
            "SELECT true FROM request WHERE owner_id = $1 AND digest = $2", line_id, digest
        ):
            return
        await connection.execute(
            """
            UPDATE line SET state = 2, last_at = $2, transfer_seq = transfer_seq + 1,
                   topup_seq = topup_seq + 1, message_seq = message_seq + 1,
                   active_until = active_until + interval '10 days',
                   grace_until = grace_until + interval '10 days'
             WHERE line_id = $1
            """,
            line_id,
            line["present"],
        )
        await connection.execute(
            "UPDATE partner SET transfer_seq = transfer_seq + 1, sold_micros = sold_micros + $2"
            " WHERE partner_id = $1",
            partner_id,
            10_000_000,
        )
        await connection.execute(
            "UPDATE bucket SET remaining_micros = $2 WHERE owner_id = $1 AND bucket_id = 1",
            line_id,
            main + 10_000_000,
        )
        await connection.execute(
            "UPDATE bucket SET remaining_micros = $2 WHERE owner_id = $1 AND bucket_id = 1",
            partner_id,
            held - 10_000_000,
        )
        await connection.executemany(
            """
            INSERT INTO transfer (owner_id, seq, at, kind, debit, credit, amount_micros,
                                  bucket_id, balance_micros, topup_no, reference, peer_owner_id,
                                  peer_seq, request)
            VALUES ($1, $2, $3, $4, $5, $6, 10000000, 1, $7, $8, $9, $10, $11, $12)
            """,
            [
                (partner_id, partner["transfer_seq"] + 1, line["present"], 10, 3, 11,
                 held - 10_000_000, None, str(key), line_id, line["transfer_seq"] + 1, digest),
                (line_id, line["transfer_seq"] + 1, line["present"], 2, 11, 1,
                 main + 10_000_000, line["topup_seq"] + 1, str(key), partner_id,
                 partner["transfer_seq"] + 1, digest),
            ],
        )  # fmt: skip
        await connection.execute(
            """
            INSERT INTO topup (line_id, topup_no, at, source, price_micros, tax_micros,
                               main_micros, bonus_micros, valid_days, active_until_before,
                               active_until, receipt, reference, partner_id,
                               reactivation_micros)
            VALUES ($1, $2, $3, 2, 10000000, 0, 10000000, 0, 10, $4, $4, 'ABCDEFGH', $5, $6, 0)
            """,
            line_id,
            line["topup_seq"] + 1,
            line["present"],
            line["active_until"],
            str(key),
            partner_id,
        )
        await connection.execute(
            "INSERT INTO request VALUES ($1, $2, $2, 'Credited', $3, $4)",
            line_id,
            digest,
            b"x" * 330,
            line["present"],
        )
        await connection.execute(
            """
            INSERT INTO outbox (line_id, number, at, template, params, language, msisdn, state,
                                attempts, due_at)
            VALUES ($1, $2, $3, 'credited', $4, 1, $5, 1, 0, $3)
            """,
            line_id,
            line["message_seq"] + 1,
            line["present"],
            '{"credited_micros":10000000,"bonus_micros":0,"balance_micros":10000000,'
            '"active_until":"2026-12-31T16:00:00+00:00","receipt":"ABCDEFGH"}',
            msisdn,
        )
