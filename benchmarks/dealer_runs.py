"""A tree of dealers in the engine: a hundred tills on one float against a thousand shops."""

from __future__ import annotations

import asyncio
import random
import time

from tambah.app import spare_collector
from tambah.config import read_operator
from tambah.domain.commands import TopUp
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.operator import operator_rules
from tambah.store.database import Database

from .engine_runs import OPERATOR
from .ground import FIRST_NUMBER, Ground

ROOT = 3_000_000
FIRST_SHOP, SHOPS = ROOT + 1, 1_000
FIRST_TILL, TILLS = ROOT + 10_000, 100
_AMPLE = 10**15


async def add_tree(ground: Ground) -> None:
    """Add a distributor, its shops with a margin of 3 %, and tills that draw on the first one."""
    shops, tills = FIRST_SHOP + SHOPS - 1, FIRST_TILL + TILLS - 1
    connection = await ground.owner()
    await connection.execute(
        f"""
        INSERT INTO partner (partner_id, name, suspended, speaks_for_lines, credit_limit_micros,
                             least_micros, most_micros, sold_micros, transfer_seq, created_at)
        SELECT n, 'Dealer ' || n, false, false, {_AMPLE}, 1000000, 500000000, 0, 0, now()
          FROM (SELECT {ROOT} AS n
                UNION ALL SELECT generate_series({FIRST_SHOP}, {shops})
                UNION ALL SELECT generate_series({FIRST_TILL}, {tills})) AS ids
            ON CONFLICT DO NOTHING
        """
    )
    await connection.execute(
        f"""
        INSERT INTO bucket (owner_id, bucket_id, kind, remaining_micros)
        SELECT partner_id, 1, 3, 0 FROM partner WHERE partner_id BETWEEN {ROOT} AND {tills}
            ON CONFLICT DO NOTHING
        """
    )
    await connection.execute(
        f"""
        INSERT INTO dealer (partner_id, parent_id, kind, path, charged, created_at)
        SELECT {ROOT}, NULL, 1, ARRAY[{ROOT}]::bigint[], ARRAY[{ROOT}]::bigint[], now()
        UNION ALL
        SELECT n, {ROOT}, 3, ARRAY[{ROOT}, n]::bigint[], ARRAY[n]::bigint[], now()
          FROM generate_series({FIRST_SHOP}, {shops}) AS n
        UNION ALL
        SELECT n, {FIRST_SHOP}, 4, ARRAY[{ROOT}, {FIRST_SHOP}, n]::bigint[],
               ARRAY[n, {FIRST_SHOP}]::bigint[], now()
          FROM generate_series({FIRST_TILL}, {tills}) AS n
            ON CONFLICT DO NOTHING
        """
    )
    await connection.execute(
        f"""
        INSERT INTO dealer_agreement (partner_id, effective_at, rate_bp, paid_as)
        SELECT partner_id, '2020-01-01', CASE WHEN partner_id = {ROOT} THEN 500 ELSE 300 END, 1
          FROM dealer WHERE partner_id < {FIRST_TILL}
            ON CONFLICT DO NOTHING
        """
    )
    await connection.execute("ANALYZE")
    await connection.close()


async def sales(ground: Ground, callers: int, seconds: float, *, hot: bool) -> float:
    """Return reloads a second of tills on one float (hot), or of shops on their own floats."""
    database = Database(ground.dsn)
    await database.open(readers=1)
    engine = Engine(
        database,
        rules=operator_rules(read_operator(OPERATOR)),
        keys=ground.keys,
        clock=Clock(),
    )
    await engine.start()
    spare_collector()  # as the server does
    done = 0
    stop = time.perf_counter() + seconds
    first, count = (FIRST_TILL, TILLS) if hot else (FIRST_SHOP, SHOPS)

    async def call(seed: int) -> None:
        nonlocal done
        draw = random.Random(seed)
        while time.perf_counter() < stop:
            key = str(draw.getrandbits(62))
            await engine.submit(
                TopUp(
                    caller="bench",
                    request_key=key,
                    msisdn=FIRST_NUMBER + draw.randrange(ground.lines),
                    partner_id=first + draw.randrange(count),
                    amount_micros=10_000_000,
                    reference=key,
                )
            )
            done += 1

    began = time.perf_counter()
    await asyncio.gather(*(call(time.time_ns() + place) for place in range(callers)))
    rate = done / (time.perf_counter() - began)
    await engine.stop()
    await database.close()
    return rate
