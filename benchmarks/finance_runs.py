"""The console's pages of finance and its lists, on ten million cards with sixty days' past."""

from __future__ import annotations

import http.client
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import uvloop

from tambah.domain.staff import Role
from tambah.store.database import Database
from tambah.store.views.due import due_lines

from .console_runs import hire, largest_batch, post, sign_in
from .ground import FIRST_LINE, FIRST_PARTNER, PARTNERS, Ground
from .http_runs import Server

DAYS = 60
SOLD = 500_000
_TIMES = 3
_SHOP_BATCH = 9_000
_SEQ = 900_000
_ZONE = ZoneInfo("Asia/Kuala_Lumpur")


async def fill(ground: Ground) -> None:
    """Let a million cards be redeemed, and half a million of another batch be sold by dealers.

    Straight in the tables, oldest first, as they would have come.
    """
    batch_id, _ = await largest_batch(ground)
    await ground.do(
        "UPDATE voucher_batch SET created_at = now() - interval '90 days',"
        " released_at = now() - interval '90 days' WHERE batch_id = $1",
        batch_id,
    )
    await _redeem(ground, batch_id)
    await _sell(ground)
    await ground.do("VACUUM ANALYZE voucher, voucher_serial, topup, transfer, bucket, dealer_sale")
    await ground.do("CHECKPOINT")


async def _redeem(ground: Ground, batch_id: int) -> None:
    """Redeem every tenth card, one for each line, spread over the days."""
    at = f"now() - interval '{DAYS} days' * (1 - n / {float(ground.lines)})"
    lines = f"generate_series(0, {ground.lines - 1}) AS n"
    await ground.do(
        f"""
        INSERT INTO topup (line_id, topup_no, at, source, price_micros, tax_micros, main_micros,
                           bonus_micros, valid_days, active_until, receipt, batch_id, number,
                           reactivation_micros)
        SELECT {FIRST_LINE} + n, {_SEQ}, {at}, 1, 10000000, 0, 10000000, 0, 10, now(),
               'B' || n, {batch_id}, 1 + n * 10, 0
          FROM {lines}
        """
    )
    await ground.do(
        f"""
        INSERT INTO transfer (owner_id, seq, at, kind, debit, credit, amount_micros, bucket_id,
                              balance_micros, topup_no, request)
        SELECT {FIRST_LINE} + n, {_SEQ}, {at}, 1, 10, 1, 10000000, 1, 10000000, {_SEQ}, ''
          FROM {lines}
        """
    )
    await ground.do(
        f"""
        UPDATE bucket SET remaining_micros = remaining_micros + 10000000
         WHERE bucket_id = 1 AND owner_id BETWEEN {FIRST_LINE} AND {FIRST_LINE + ground.lines - 1}
        """
    )
    await ground.do(
        f"""
        UPDATE voucher
           SET state = 3, redeemed_line_id = {FIRST_LINE} + n, redeemed_topup_no = {_SEQ},
               redeemed_at = {at}
          FROM {lines}
          JOIN voucher_serial AS card ON card.batch_id = {batch_id} AND card.number = 1 + n * 10
         WHERE voucher.digest = card.digest
        """
    )


async def _sell(ground: Ground) -> None:
    """Add a batch of twice as many cards as dealers sell of it, spread over the days."""
    await ground.do(
        f"""
        INSERT INTO voucher_batch (batch_id, state, key_id, quantity, stored, lettered,
                                   born_active, price_micros, tax_micros, credit_micros,
                                   bonus_micros, valid_days, bonus_days, created_at, released_at)
        VALUES ({_SHOP_BATCH}, 3, 1, {2 * SOLD}, {2 * SOLD}, false, false, 10000000, 0, 10000000,
                0, 10, 0, now() - interval '90 days', now() - interval '90 days')
        """
    )
    await ground.do(
        f"""
        INSERT INTO voucher (digest, batch_id, number, state, activated)
        SELECT sha256(('shop' || n)::bytea), {_SHOP_BATCH}, n,
               CASE WHEN n <= {SOLD} THEN 2 ELSE 1 END, n <= {SOLD}
          FROM generate_series(1, {2 * SOLD}) AS n
         ORDER BY 1
        """
    )
    await ground.do(
        f"""
        INSERT INTO voucher_serial (batch_id, number, digest)
        SELECT {_SHOP_BATCH}, n, sha256(('shop' || n)::bytea)
          FROM generate_series(1, {2 * SOLD}) AS n
        """
    )
    at = f"now() - interval '{DAYS} days' * (1 - n / {float(SOLD)})"
    who = f"{FIRST_PARTNER} + n % {PARTNERS}"
    await ground.do(
        f"""
        INSERT INTO transfer (owner_id, seq, at, kind, debit, credit, amount_micros, request)
        SELECT {who}, {_SEQ} + n, {at}, 22, 3, 10, 10000000, ''
          FROM generate_series(0, {SOLD - 1}) AS n
        """
    )
    await ground.do(
        f"""
        INSERT INTO dealer_sale (partner_id, payer_id, payer_seq, at, kind, price_micros, batch_id,
                                 number)
        SELECT {who}, {who}, {_SEQ} + n, {at}, 1, 10000000, {_SHOP_BATCH}, 1 + n
          FROM generate_series(0, {SOLD - 1}) AS n
        """
    )
    each = SOLD // PARTNERS * 10_000_000
    await ground.do(
        f"""
        UPDATE bucket SET remaining_micros = remaining_micros - {each}
         WHERE kind = 3 AND owner_id BETWEEN {FIRST_PARTNER} AND {FIRST_PARTNER + PARTNERS - 1}
        """
    )


async def sweep_ms(ground: Ground) -> float:
    """Return how long the sweep looks for lines that are due, when none is."""
    database = Database(ground.dsn)
    await database.open(readers=1)
    long_ago = datetime(2000, 1, 1, tzinfo=UTC)
    took: list[float] = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        await due_lines(database, long_ago, limit=500)
        took.append((time.perf_counter() - began) * 1000)
    await database.close()
    return statistics.median(took)


@dataclass
class Looked:
    """Milliseconds by page, and what the server took of memory after the first and the last."""

    took: dict[str, float] = field(default_factory=dict[str, float])
    first_rss_mb: float = 0
    rss_mb: float = 0


def look(ground: Ground) -> Looked:
    """Look at each page, and close two days: the first reads all there ever was."""
    finance = uvloop.run(hire(ground, Role.FINANCE))
    auditor = uvloop.run(hire(ground, Role.AUDITOR))
    batch_id, _ = uvloop.run(largest_batch(ground))
    server, looked = Server(ground), Looked()
    try:
        hers, reads = sign_in(server, finance), sign_in(server, auditor)
        _note(looked, "finance_unclosed_ms", lambda: _get(reads, "/console/finance"), times=1)
        looked.first_rss_mb = server.rss_mb
        yesterday = datetime.now(_ZONE).date() - timedelta(days=1)
        for name, day in (("first", yesterday - timedelta(days=1)), ("next", yesterday)):
            _note(looked, f"finance_{name}_close_ms", lambda day=day: _close(hers, day), times=1)
        for name, path in _pages(batch_id, yesterday).items():
            _note(looked, name, lambda path=path: _get(reads, path))
        looked.rss_mb = server.rss_mb
    finally:
        server.stop()
    return looked


def _pages(batch_id: int, day: date) -> dict[str, str]:
    """Return the pages to look at, by the name of their figure."""
    batch, week = f"/console/batches/{batch_id}", day - timedelta(days=6)
    return {
        "finance_standing_ms": "/console/finance",
        "finance_three_way_ms": f"/console/finance/reconcile?from={day}&to={day}",
        "finance_three_way_week_ms": f"/console/finance/reconcile?from={week}&to={day}",
        "console_figures_ms": "/console/figures",
        "console_lines_ms": "/console/lines",
        "console_lines_starts_ms": "/console/lines?starts=019",
        "console_lines_grace_ms": "/console/lines?line_state=grace",
        "console_batches_ms": "/console/batches",
        "console_batch_ms": batch,
        "console_cards_ms": f"{batch}/cards",
        "console_cards_used_ms": f"{batch}/cards?state=redeemed",
        "console_cards_void_ms": f"{batch}/cards?state=void",
        "console_dealers_ms": "/console/dealers",
        "console_stock_ms": "/console/stock",
        "console_audit_ms": "/console/audit",
        "console_payments_ms": "/console/payments",
        "console_tickets_ms": "/console/tickets",
    }


def _note(looked: Looked, name: str, do: Callable[[], None], times: int = _TIMES) -> None:
    """Note the median of how long something takes."""
    took: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        do()
        took.append((time.perf_counter() - began) * 1000)
    looked.took[name] = statistics.median(took)
    print(f"  {name} {looked.took[name]:,.0f}", flush=True)


def _get(who: tuple[http.client.HTTPConnection, str], path: str) -> None:
    door, cookie = who
    door.close()  # the server ends what says nothing for a while; the next request opens it again
    door.request("GET", path, headers={"cookie": cookie})
    answer = door.getresponse()
    answer.read()
    if answer.status != http.client.OK:
        raise RuntimeError(f"{path}: {answer.status}")


def _close(who: tuple[http.client.HTTPConnection, str], day: date) -> None:
    door, cookie = who
    door.close()
    answer = post(door, "/console/finance/closes", {"period": f"{day}", "why": "bench"}, cookie)
    if answer.status != http.client.SEE_OTHER:
        raise RuntimeError(f"the close of {day} was refused: {answer.status}")
