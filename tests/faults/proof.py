"""What must hold after every kill, and in the end. All reading is done from one snapshot."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from tambah.engine.verifying import close_books, verify

from .house import House
from .load import Credit, Ledger

SHOWN = 5
_NOTICED_SECONDS = 5.0
_HANDED_OVER_SECONDS = 90.0

# Each row: what must be equal, and both sides of it.
_PAIRS = """
SELECT 'main credit: buckets and transfers',
       (SELECT coalesce(sum(remaining_micros), 0) FROM bucket WHERE kind = 1),
       (SELECT coalesce(sum(CASE WHEN credit = 1 THEN amount_micros ELSE -amount_micros END), 0)
          FROM transfer WHERE credit = 1 OR debit = 1)
UNION ALL
SELECT 'bonus credit: buckets and transfers',
       (SELECT coalesce(sum(remaining_micros), 0) FROM bucket WHERE kind = 2),
       (SELECT coalesce(sum(CASE WHEN credit = 2 THEN amount_micros ELSE -amount_micros END), 0)
          FROM transfer WHERE credit = 2 OR debit = 2)
UNION ALL
SELECT 'floats: buckets and transfers',
       (SELECT coalesce(sum(remaining_micros), 0) FROM bucket WHERE kind = 3),
       (SELECT coalesce(sum(CASE WHEN credit = 3 THEN amount_micros ELSE -amount_micros END), 0)
          FROM transfer WHERE credit = 3 OR debit = 3)
UNION ALL
SELECT 'transit comes out even',
       (SELECT coalesce(sum(amount_micros), 0) FROM transfer WHERE credit = 11),
       (SELECT coalesce(sum(amount_micros), 0) FROM transfer WHERE debit = 11)
UNION ALL
SELECT 'main credit given: top-ups and transfers',
       (SELECT coalesce(sum(main_micros), 0) FROM topup),
       (SELECT coalesce(sum(amount_micros), 0) FROM transfer WHERE kind IN (1, 2))
UNION ALL
SELECT 'sequences without a gap',
       (SELECT coalesce(sum(transfer_seq), 0) FROM line)
           + (SELECT coalesce(sum(transfer_seq), 0) FROM partner),
       (SELECT count(*) FROM transfer)
UNION ALL
SELECT 'redeemed cards and credits for cards',
       (SELECT count(*) FROM voucher WHERE state = 3),
       (SELECT count(*) FROM topup WHERE batch_id IS NOT NULL)
UNION ALL
SELECT 'no card twice',
       (SELECT count(*) FROM topup WHERE batch_id IS NOT NULL),
       (SELECT count(*) FROM (SELECT DISTINCT batch_id, number FROM topup
                               WHERE batch_id IS NOT NULL) AS card)
UNION ALL
SELECT 'every credit has its message',
       (SELECT count(*) FROM topup),
       (SELECT count(*) FROM outbox WHERE template IN ('credited', 'credited_with_bonus'))
"""

_FOUND = """
SELECT asked.place, topup.receipt, topup.main_micros, topup.bonus_micros, topup.reference,
       voucher.digest
  FROM unnest($1::bigint[], $2::integer[], $3::integer[]) AS asked (msisdn, topup_no, place)
  JOIN number ON number.msisdn = asked.msisdn
  JOIN topup ON topup.line_id = number.line_id AND topup.topup_no = asked.topup_no
  LEFT JOIN voucher_serial ON voucher_serial.batch_id = topup.batch_id
                          AND voucher_serial.number = topup.number
  LEFT JOIN voucher ON voucher.digest = voucher_serial.digest AND voucher.state = 3
                   AND voucher.redeemed_line_id = topup.line_id
                   AND voucher.redeemed_topup_no = topup.topup_no
"""

_BALANCES = """
SELECT number.msisdn,
       coalesce(sum(remaining_micros) FILTER (WHERE kind = 1), 0)::bigint,
       coalesce(sum(remaining_micros) FILTER (WHERE kind = 2), 0)::bigint
  FROM number JOIN bucket ON bucket.owner_id = number.line_id
 WHERE number.msisdn = ANY($1::bigint[])
 GROUP BY number.msisdn
"""


@dataclass(frozen=True, slots=True)
class Before:
    """How the books stood before the load: main and bonus by number, and how many top-ups."""

    balances: dict[str, tuple[int, int]]
    topups: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What came of it. lost, doubled: of acknowledged credits. told_twice: messages."""

    acknowledged: int
    lost: int
    doubled: int
    messages: int
    told_twice: int
    brought_forward: int


async def look_before(house: House, msisdns: list[str]) -> Before:
    """Return how the books stand."""
    async with house.looked_into() as connection:
        return Before(
            balances=await _balances(connection, msisdns),
            topups=await connection.fetchval("SELECT count(*) FROM topup"),
        )


async def check_now(house: House, ledger: Ledger, since: int) -> int:
    """Check the books and the credits acknowledged from the `since`th on; return how many.

    Violations go to the ledger.
    """
    credits = ledger.credits[since:]
    async with _snapshot(house) as connection:
        for name, left, right in await connection.fetch(_PAIRS):
            if left != right:
                ledger.complain(f"{name}: {left} is not {right}")
        await _find_lost(house, connection, ledger, credits)
    return len(credits)


async def prove_books(
    house: House, ledger: Ledger, *, full: bool = False, closes: bool = False
) -> None:
    """Have the product prove its own books, as `tambah verify` does; now and then close them."""
    async with house.database() as database:
        if closes:
            verdict = (await close_books(database)).verdict
        else:
            verdict = await verify(database, full=full)
    for finding in verdict.findings[:SHOWN]:
        ledger.complain(f"verify: {finding.kind} {finding.subject}: {finding.detail}")
    if not verdict.is_clean:
        ledger.complain(f"verify: {verdict.total} findings in all")


async def check_finally(house: House, ledger: Ledger, before: Before) -> Counts:
    """Check everything once the load has ended: nothing lost, nothing doubled, everyone told."""
    async with _snapshot(house) as connection:
        await _prove_the_proof(house, connection, ledger)
        lost = await _find_lost(house, connection, ledger, ledger.credits)
        topups: int = await connection.fetchval("SELECT count(*) FROM topup")
        balances = await _balances(connection, list(before.balances))
    doubled = topups - before.topups - (len(ledger.credits) - lost)
    if doubled:
        ledger.complain(f"{doubled} credits that nobody was promised")
    twice = Counter(credit.wish.key for credit in ledger.credits)
    for key in [key for key, times in twice.items() if times > 1][:SHOWN]:
        ledger.complain(f"key {key} was answered with more than one credit")
    _compare_balances(ledger, before, balances)
    messages, told_twice, forward = await check_messages(house, ledger)
    return Counts(
        acknowledged=len(ledger.credits),
        lost=lost,
        doubled=doubled,
        messages=messages,
        told_twice=told_twice,
        brought_forward=forward,
    )


async def check_messages(house: House, ledger: Ledger) -> tuple[int, int, int]:
    """Wait until all messages are handed over; return messages, told twice, brought forward."""
    forward = await _hand_over_all(house, ledger)
    async with house.looked_into() as connection:
        row = await connection.fetchrow(
            """
            WITH told AS (SELECT line_id, number, count(*) AS times
                            FROM sandbox_sms GROUP BY line_id, number)
            SELECT count(*),
                   count(*) FILTER (WHERE outbox.state <> 2),
                   count(*) FILTER (WHERE times IS NULL),
                   count(*) FILTER (WHERE times > 1)
              FROM outbox LEFT JOIN told USING (line_id, number)
            """
        )
    messages, unsent, untold, twice = row
    if unsent:
        ledger.complain(f"{unsent} messages were not handed over in the end")
    if untold:
        ledger.complain(f"{untold} messages never came into the inbox")
    return messages, twice, forward


@asynccontextmanager
async def _snapshot(house: House) -> AsyncGenerator[Any]:
    async with (
        house.looked_into() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield connection


async def _prove_the_proof(house: House, connection: Any, ledger: Ledger) -> None:
    """See that a credit that is not as promised would be noticed, in each thing promised."""
    genuine = [credit for credit in ledger.credits if credit.wish.code][:1]
    for credit in genuine:
        wrong = [
            replace(credit, topup_no=credit.topup_no + 1_000_000),
            replace(credit, credited_micros=credit.credited_micros + 1),
            replace(credit, bonus_micros=credit.bonus_micros + 1),
            replace(credit, receipt="NOTGIVEN"),
            replace(credit, wish=replace(credit.wish, reference="never given")),
            replace(credit, wish=replace(credit.wish, code=credit.wish.code[::-1])),
        ]
        noticed = await _find_lost(house, connection, Ledger(), [credit, *wrong])
        if noticed != len(wrong):
            ledger.complain(f"the proof noticed {noticed} of {len(wrong)} false promises")


async def _hand_over_all(house: House, ledger: Ledger) -> int:
    """Let the notifier empty the queue; return how many messages had to be brought forward.

    A killed notifier's claims come again when their lease ends, refused hand-overs after a
    pause of up to hours. That time has passed, we say, once nothing else is left to do: the
    promise is that they come again, not how long a minute takes.
    """
    forward = 0
    deadline = time.monotonic() + _HANDED_OVER_SECONDS
    while True:
        async with house.looked_into() as connection:
            due, later = await connection.fetchrow(
                """
                SELECT count(*) FILTER (WHERE due_at <= now()),
                       count(*) FILTER (WHERE due_at > now())
                  FROM outbox WHERE state = 1
                """
            )
            if due == later == 0:
                return forward
            if due == 0 and not await _moves(connection, later):
                forward += later
                await connection.execute("UPDATE outbox SET due_at = now() WHERE state = 1")
        if time.monotonic() > deadline:
            ledger.complain(f"{due + later} messages wait, {due} of them due: nobody sends them")
            return forward
        await asyncio.sleep(0.2)


async def _moves(connection: Any, waiting: int) -> bool:
    """Say whether a notifier that lives is at work: its claims are marked within seconds."""
    await asyncio.sleep(_NOTICED_SECONDS)
    return waiting != await connection.fetchval("SELECT count(*) FROM outbox WHERE state = 1")


async def _find_lost(house: House, connection: Any, ledger: Ledger, credits: list[Credit]) -> int:
    """Look every credit up as it was acknowledged; return how many are missing or differ."""
    keys = house.keys()
    rows = await connection.fetch(
        _FOUND,
        [int(credit.wish.msisdn) for credit in credits],
        [credit.topup_no for credit in credits],
        list(range(len(credits))),
    )
    found: dict[int, list[tuple[Any, ...]]] = {}
    for place, *row in rows:
        found.setdefault(place, []).append(tuple(row))
    lost = 0
    for place, credit in enumerate(credits):
        wish = credit.wish
        expected = (
            credit.receipt,
            credit.credited_micros,
            credit.bonus_micros,
            wish.reference or None,
            keys.code_digest(wish.code, keys.current_id) if wish.code else None,
        )
        if found.get(place) != [expected]:
            lost += 1
            if lost <= SHOWN:
                ledger.complain(
                    f"lost or altered: key {wish.key}, line {wish.msisdn}, number"
                    f" {credit.topup_no}: found {len(found.get(place, []))}"
                )
    return lost


def _compare_balances(
    ledger: Ledger, before: Before, balances: dict[str, tuple[int, int]]
) -> None:
    """Every line holds what it held plus what was acknowledged, to the micro-ringgit."""
    expected = {msisdn: list(pair) for msisdn, pair in before.balances.items()}
    for credit in ledger.credits:
        expected[credit.wish.msisdn][0] += credit.credited_micros
        expected[credit.wish.msisdn][1] += credit.bonus_micros
    wrong = [m for m, pair in expected.items() if balances.get(m) != tuple(pair)]
    for msisdn in wrong[:SHOWN]:
        ledger.complain(
            f"line {msisdn} holds {balances.get(msisdn)}, not {tuple(expected[msisdn])}"
        )


async def _balances(connection: Any, msisdns: list[str]) -> dict[str, tuple[int, int]]:
    rows = await connection.fetch(_BALANCES, [int(msisdn) for msisdn in msisdns])
    return {str(row[0]): (row[1], row[2]) for row in rows}
