"""True books are proved: at rest, under traffic, in parts and as a whole."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Any

import asyncpg
import pytest

from tambah.domain.commands import TopUp
from tambah.domain.ledger import Account, allowance_of
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.verifying import Proved, close_books, verify
from tambah.store.database import Database
from tests.conftest import Fresh
from tests.engine.books import RM, add_line, add_partner

from .history import Counter, Owners, first_part, second_part, tamper
from .many import make_books


async def test_verify_of_empty_books_is_clean(database: Database) -> None:
    verdict = await verify(database)

    assert verdict.is_clean
    assert verdict.findings == ()
    assert verdict.accounts == {}
    assert verdict.proved == Proved(
        transfers=0, owners=0, buckets=0, topups=0, vouchers=0, sales=0, audit_rows=0
    )


async def test_verify_proves_a_history_of_every_kind(history: None, database: Database) -> None:
    verdict = await verify(database)

    assert verdict.findings == ()
    assert verdict.closed_at is None
    assert verdict.proved == Proved(
        transfers=52, owners=5, buckets=10, topups=11, vouchers=4, sales=7, audit_rows=11
    )
    held: dict[int, int] = {
        row[0]: row[1]
        for row in await database.fetch(
            "SELECT kind, sum(remaining_micros)::bigint FROM bucket GROUP BY kind"
        )
    }
    accounts = verdict.accounts
    assert {1: accounts["line_main"], 2: accounts["line_bonus"], 3: accounts["float"]} == held
    assert sum(accounts.values()) == 0
    assert accounts["transit"] == 0
    assert accounts["tax"] == 3_600_000
    of_payments = {"held", "disputes", "fees_earned"}  # see test_payments.py
    assert {a for a in accounts if not a.startswith("clearing_")} == set(accounts)
    assert set(accounts) | of_payments == {
        a.name.lower()
        for a in Account
        if not a.name.startswith("CLEARING_") and allowance_of(a) is None
    } - {"revenue", "commissions"} - {"package_revenue", "usage_revenue"}  # see their own tests


async def test_verify_goes_on_from_the_last_closing(
    counter: Counter, clock: Clock, database: Database
) -> None:
    await first_part(counter)
    closed = await close_books(database)
    untouched = await verify(database)
    await second_part(counter, clock)

    verdict = await verify(database)

    assert closed.closed_at == untouched.closed_at == verdict.closed_at == closed.verdict.at
    assert untouched.proved.transfers == 0
    assert untouched.accounts == closed.verdict.accounts
    assert closed.verdict.proved.transfers + verdict.proved.transfers == 52
    whole = await verify(database, full=True)
    assert whole.accounts == verdict.accounts
    assert whole.findings == verdict.findings == ()
    again = await close_books(database, full=True)
    assert again.closed_at is not None
    assert (await verify(database)).accounts == whole.accounts


async def test_close_books_writes_nothing_when_the_books_are_wrong(
    history: None, database: Database, fresh: Fresh
) -> None:
    await tamper(fresh.owner_dsn, "UPDATE bucket SET remaining_micros = 1 WHERE owner_id = 4")

    closed = await close_books(database)

    assert closed.closed_at is None
    assert [(f.kind, f.subject) for f in closed.verdict.findings] == [("bucket", "bucket:4/1")]
    assert closed.verdict.findings[0].detail == "holds RM0.000001, its transfers make RM0.00"
    for table in ("closing", "owner_closing", "bucket_closing", "account_closing"):
        assert await database.fetch_value(f"SELECT count(*) FROM {table}") == 0  # type: ignore[arg-type]


async def test_closings_at_once_take_turns(history: None, database: Database) -> None:
    closed = await asyncio.gather(*(close_books(database) for _ in range(4)))

    assert all(c.closed_at is not None for c in closed)
    assert sorted(c.verdict.proved.transfers for c in closed) == [0, 0, 0, 52]
    assert (await verify(database, full=True)).is_clean


async def test_verify_under_traffic_stays_clean(engine: Engine, database: Database) -> None:
    numbers = [60130000000 + n for n in range(64)]
    for number in numbers:
        await add_line(engine, database, number)
    partners = [await add_partner(database) for _ in range(3)]
    references = count()
    ended = asyncio.Event()

    async def call(number: int) -> int:
        sold = 0
        while not ended.is_set():
            reference = f"r{next(references)}"
            top_up = TopUp(
                caller="test",
                request_key=reference,
                msisdn=number,
                partner_id=partners[sold % 3],
                amount_micros=(10, 30)[sold % 2] * RM,
                reference=reference,
            )
            await engine.submit(top_up)
            sold += 1
            if sold % 100 == 0:  # the line is full
                return sold
        return sold

    callers = [asyncio.create_task(call(number)) for number in numbers]
    proved: list[int] = []
    for turn in range(6):
        verdict = await verify(database, full=turn % 2 == 0)
        assert verdict.findings == ()
        proved.append(verdict.proved.transfers)
        closed = await close_books(database)
        assert closed.closed_at is not None, closed.verdict.findings
    ended.set()
    sold = sum(await asyncio.gather(*callers))

    last = await verify(database, full=True)
    assert last.findings == ()
    assert last.proved.sales == sold
    assert proved[0] < last.proved.transfers, "there was traffic"


async def test_findings_are_counted_in_full_and_named_up_to_a_thousand(
    database: Database, fresh: Fresh
) -> None:
    await make_books(fresh.owner_dsn, 1500)
    whole = await verify(database)
    assert whole.findings == ()
    assert (whole.proved.transfers, whole.proved.vouchers) == (7520, 1500)

    await tamper(
        fresh.owner_dsn,
        "UPDATE transfer SET balance_micros = 1 WHERE kind = 1",
        "DELETE FROM audit_head WHERE false; UPDATE line SET grace_until = active_until - "
        "interval '1 day'",
    )

    verdict = await verify(database)
    assert verdict.total == 3000
    by_kind = [f.kind for f in verdict.findings]
    assert (by_kind.count("balance"), by_kind.count("line"), len(by_kind)) == (1000, 1000, 2000)


async def test_verify_tells_how_far_it_is(history: None, database: Database) -> None:
    told: list[tuple[str, int, int]] = []

    await verify(database, progress=lambda *step: told.append(step))

    assert [done for _, done, _ in told] == list(range(20))
    assert {of for _, _, of in told} == {19}
    assert [step for step, _, _ in told][1:4] == [
        "transfers and buckets",
        "sales on a float",
        "dealers' sales",
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE transfer SET amount_micros = 1",
        "DELETE FROM transfer",
        "TRUNCATE transfer",
        "UPDATE transfer_other SET amount_micros = 1",
        "UPDATE audit SET why = ''",
        "DELETE FROM audit",
        "TRUNCATE audit",
    ],
)
async def test_the_products_role_cannot_alter_the_books(
    statement: str, owners: Owners, fresh: Fresh
) -> None:
    app: Any = await asyncpg.connect(fresh.dsn)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(statement)
        months = await app.fetch(
            "SELECT inhrelid::regclass::text FROM pg_inherits "
            "WHERE inhparent = 'transfer'::regclass"
        )
        for (month,) in months:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.execute(f"DELETE FROM {month}")
    finally:
        await app.close()
