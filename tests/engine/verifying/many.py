"""Books of any size, made in the database: five transfers, two top-ups and two cards a line.

As a program it measures: `python -m tests.engine.verifying.many 400000` makes that many lines on
a server of its own and prints how long each way of verifying them takes.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import asyncpg

from tambah.engine.verifying import close_books, verify
from tambah.store.database import Database
from tambah.store.embedded import EmbeddedServer
from tambah.store.migrate import migrate

FIRST_LINE = 1001
PARTNERS = 20

# The n-th line (n from 0) redeems card n+1 (RM10: RM9.40, tax RM0.60, bonus RM1 for later cards
# none) and is topped up with RM10 by partner n % 20, as the (n / 20 + 1)-th sale after funding.
_LINES = """
    INSERT INTO line (line_id, msisdn, language, plan, state, last_at, barred, suspended,
                      activated_at, active_until, grace_until, transfer_seq, bucket_seq,
                      topup_seq, message_seq, own_wrong, guest_wrong, import_digest, reminds,
                      own_bar)
    SELECT 1001 + n, 60120000000 + n, 1, 'standard', 2, now(), false, false,
           now() - interval '90 days', now() + interval '10 days', now() + interval '60 days',
           4, 2, 2, 0, 0, 0, '', true, false
      FROM generate_series(0, {lines} - 1) AS n;
    INSERT INTO number (msisdn, line_id)
    SELECT 60120000000 + n, 1001 + n FROM generate_series(0, {lines} - 1) AS n;
    INSERT INTO bucket (owner_id, bucket_id, kind, remaining_micros, expires_at)
    SELECT 1001 + n, place, place,
           CASE place WHEN 1 THEN 19400000 ELSE 1000000 END,
           CASE place WHEN 2 THEN now() + interval '30 days' END
      FROM generate_series(0, {lines} - 1) AS n, generate_series(1, 2) AS place
"""
_PARTNERS = """
    INSERT INTO partner (partner_id, name, suspended, speaks_for_lines, credit_limit_micros,
                         least_micros, most_micros, sold_micros, transfer_seq, created_at)
    SELECT p + 1, 'Dealer', false, false, 0, 1, 1000000000, 0,
           1 + ({lines} - p + 19) / 20, now()
      FROM generate_series(0, 19) AS p;
    INSERT INTO bucket (owner_id, bucket_id, kind, remaining_micros)
    SELECT p + 1, 1, 3, 10000000::bigint * ({lines} - ({lines} - p + 19) / 20)
      FROM generate_series(0, 19) AS p
"""
_CARDS = """
    INSERT INTO voucher_batch (batch_id, state, key_id, quantity, stored, lettered, born_active,
                               price_micros, tax_micros, credit_micros, bonus_micros,
                               valid_days, bonus_days, created_at)
    VALUES (1, 3, 1, 2 * {lines}, 2 * {lines}, false, true,
            10000000, 600000, 9400000, 1000000, 10, 30, now());
    INSERT INTO voucher (digest, batch_id, number, state, activated, redeemed_line_id,
                         redeemed_topup_no, redeemed_at)
    SELECT decode(md5('card' || n), 'hex'), 1, n + 1,
           CASE WHEN n < {lines} THEN 3 ELSE 2 END, true,
           CASE WHEN n < {lines} THEN 1001 + n END, CASE WHEN n < {lines} THEN 1 END,
           CASE WHEN n < {lines} THEN now() - {ago} - interval '1 hour' END
      FROM generate_series(0, 2 * {lines} - 1) AS n;
    INSERT INTO voucher_serial (batch_id, number, digest)
    SELECT 1, number, digest FROM voucher
"""
_TOPUPS = """
    INSERT INTO topup (line_id, topup_no, at, source, price_micros, tax_micros, main_micros,
                       bonus_micros, bonus_bucket_id, valid_days, active_until, receipt,
                       reference, partner_id, batch_id, number, reactivation_micros)
    SELECT 1001 + n, 1, now() - {ago} - interval '1 hour', 1, 10000000, 600000, 9400000,
           1000000, 2, 10, now(), 'R' || n, NULL, NULL, 1, n + 1, 0
      FROM generate_series(0, {lines} - 1) AS n
    UNION ALL
    SELECT 1001 + n, 2, now() - {ago}, 2, 10000000, 0, 10000000, 0, NULL, 10, now(), 'S' || n,
           'till ' || n, n % 20 + 1, NULL, NULL, 0
      FROM generate_series(0, {lines} - 1) AS n
"""
_TRANSFERS = """
    INSERT INTO transfer (owner_id, seq, at, kind, debit, credit, amount_micros, bucket_id,
                          balance_micros, topup_no, reference, peer_owner_id, peer_seq, request)
    SELECT p + 1, 1, now() - interval '80 days', 5, 17, 3, 10000000::bigint * {lines}, 1,
           10000000::bigint * {lines}, NULL, 'bank', NULL, NULL, decode(md5('fund' || p), 'hex')
      FROM generate_series(0, 19) AS p;
    INSERT INTO transfer (owner_id, seq, at, kind, debit, credit, amount_micros, bucket_id,
                          balance_micros, topup_no, reference, peer_owner_id, peer_seq, request)
    SELECT leg.*, decode(md5('ask' || n), 'hex')
      FROM generate_series(0, {lines} - 1) AS n,
           LATERAL (VALUES
             (1001 + n, 1, now() - {ago} - interval '1 hour', 1, 10, 1, 9400000::bigint, 1,
              9400000::bigint, 1, 'R' || n, NULL::bigint, NULL::integer),
             (1001 + n, 2, now() - {ago} - interval '1 hour', 4, 10, 13, 600000, NULL, NULL, 1,
              NULL, NULL, NULL),
             (1001 + n, 3, now() - {ago} - interval '1 hour', 3, 12, 2, 1000000, 2, 1000000, 1,
              NULL, NULL, NULL),
             (1001 + n, 4, now() - {ago}, 2, 11, 1, 10000000, 1, 19400000, 2, 'till ' || n,
              n % 20 + 1, n / 20 + 2),
             (n % 20 + 1, n / 20 + 2, now() - {ago}, 10, 3, 11, 10000000, 1,
              10000000::bigint * ({lines} - 1 - n / 20), NULL, 'till ' || n, 1001 + n, 4))
           AS leg
"""


async def make_books(owner_dsn: str, lines: int) -> None:
    """Fill an empty database with that many lines, 20 dealers and what they did."""
    ago = f"interval '75 days' * ({lines} - n) / {lines}"
    owner: Any = await asyncpg.connect(owner_dsn)
    try:
        async with owner.transaction():  # one now()
            for statement in (_LINES, _PARTNERS, _CARDS, _TOPUPS, _TRANSFERS):
                await owner.execute(statement.format(lines=lines, ago=ago))
        await owner.execute("VACUUM ANALYZE")
    finally:
        await owner.close()


async def measure(owner_dsn: str, dsn: str, lines: int) -> None:
    """Print how long each way of verifying takes."""
    await migrate(owner_dsn, dsn)
    started = time.monotonic()
    await make_books(owner_dsn, lines)
    print(f"made in {time.monotonic() - started:.1f} s")
    database = Database(dsn)
    steps: list[tuple[float, str]] = []

    def progress(step: str, done: int, of: int) -> None:
        steps.append((time.monotonic(), step))

    async def run(name: str, *, full: bool) -> None:
        steps.clear()
        verdict = await verify(database, full=full, progress=progress)
        _print(name, verdict.seconds, verdict.proved.transfers, verdict.total)
        for (at, step), (then, _) in pairwise(steps):
            print(f"    {then - at:6.2f} s  {step}")

    await run("first", full=False)
    await run("full", full=True)
    closed = await close_books(database)
    _print("closing", closed.verdict.seconds, closed.verdict.proved.transfers, 0)
    await run("untouched", full=False)
    await run("full, with closing", full=True)


def _print(name: str, seconds: float, transfers: int, total: int) -> None:
    rate = f", {seconds / transfers * 1e6:.2f} s per million" if transfers else ""
    print(f"{name}: {seconds:.2f} s for {transfers} transfers{rate}; {total} findings")


def main() -> None:
    """Measure on a server of its own."""
    folder = Path(tempfile.mkdtemp(prefix="tambah-many-"))
    server = EmbeddedServer.start(folder)
    try:
        asyncio.run(measure(server.owner_dsn, server.dsn, int(sys.argv[1])))
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
