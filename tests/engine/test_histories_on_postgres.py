"""The engine on PostgreSQL leaves the same rows as the rules in memory, whatever is asked.

A history runs through both, alone and in batches; then every table is compared field by field
and the books are verified.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tambah.domain.balance import MAIN_BUCKET_ID
from tambah.domain.commands import Command, Outcome, Reversed
from tambah.domain.dealer import Dealer
from tambah.domain.payment import Payment, Refund
from tambah.domain.records import replace
from tambah.domain.refusals import Refusal
from tambah.domain.replaying import LineHistory
from tambah.domain.state import Known, LineAccount
from tambah.domain.validity import ValidityPolicy
from tambah.engine.answers import request_digest
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys, parse_peppers
from tambah.engine.verifying import close_books, verify
from tambah.store.database import Connection, Database
from tambah.store.ledger import lines
from tambah.store.views.recent_topups import recent_topups
from tests.conftest import Fresh
from tests.domain.histories import histories, history_rules
from tests.domain.memory_books import MemoryBooks, Row, _row_key
from tests.domain.test_previewing import line_histories
from tests.domain.world import START, WORLD, World, fund, import_line, reverse, top_up

Answer = Outcome | Refusal
Step = tuple[datetime, list[Command]]

KEYS = parse_peppers(f"1: {'11' * 32}")
SETTINGS = settings(
    max_examples=7,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # shrinking would run the database for minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class StoredBooks(MemoryBooks):
    """Books in memory that load what the store loads: no bucket that was emptied but the main."""

    def known(self, command: Command, now: datetime) -> Known:
        """Return what a command touches."""
        known = super().known(command, now)
        if known.line is None:
            return known
        held = tuple(
            bucket
            for bucket in known.line.buckets
            if bucket.remaining_micros != 0 or bucket.bucket_id == MAIN_BUCKET_ID
        )
        return replace(known, line=replace(known.line, buckets=held))

    def _write_line(self, account: LineAccount) -> None:
        before = self.lines.get(account.line.line_id)
        super()._write_line(account)
        if before is not None:
            buckets = {b.bucket_id: b for b in (*before.buckets, *account.buckets)}
            merged = replace(account, buckets=tuple(buckets.values()))
            self.lines[account.line.line_id] = merged


@pytest.fixture
def keys() -> Keys:
    """Return the keys that the history's cards are stored under."""
    return KEYS


class Instant:
    """The batch's instant, in place of the database's clock."""

    def __init__(self) -> None:
        self.now = START


@pytest.fixture
def instant(monkeypatch: pytest.MonkeyPatch) -> Instant:
    """Have the engine's batches take place at an instant of the test's."""
    instant = Instant()
    find_lines = lines.find_lines

    async def at_instant(
        connection: Connection, msisdns: Collection[int]
    ) -> tuple[datetime, dict[int, int]]:
        _, line_of = await find_lines(connection, msisdns)
        return instant.now, line_of

    monkeypatch.setattr(lines, "find_lines", at_instant)
    return instant


@pytest.fixture
async def owner(fresh: Fresh) -> AsyncIterator[Any]:
    """Connect as the database's owner."""
    owner: Any = await asyncpg.connect(fresh.owner_dsn)
    yield owner
    await owner.close()


@pytest.mark.parametrize("policy", ValidityPolicy)
@SETTINGS
@given(history=histories(), is_batched=st.booleans(), is_closed=st.booleans())
async def test_a_history_leaves_the_same_books_as_in_memory(
    policy: ValidityPolicy,
    history: list[tuple[int, Command]],
    is_batched: bool,
    is_closed: bool,
    database: Database,
    owner: Any,
    instant: Instant,
) -> None:
    steps = in_steps(history, is_batched=is_batched)
    rules = history_rules(policy)
    books = StoredBooks(rules, digest=lambda caller, key: request_digest(KEYS, caller, key))
    await lay_out(owner)
    engine = Engine(database, rules=rules, keys=KEYS, clock=Clock())
    await engine.start()
    try:
        for place, (now, commands) in enumerate(steps):
            instant.now = now
            futures = [engine.enqueue(command) for command in commands]
            expected = [answer_in_memory(books, command, now) for command in commands]
            answers = [await answer(future) for future in futures]
            assert [comparable(a) for a in answers] == [comparable(a) for a in expected]
            if is_closed and place == len(steps) // 2:
                closed = await close_books(database)
                assert closed.verdict.findings == ()
    finally:
        await engine.stop()

    stored = await snapshot(owner)
    for table, rows in books.snapshot().items():
        assert stored[table] == rows, table
    assert (await verify(database)).findings == ()
    assert (await verify(database, full=True)).findings == ()
    # A preview of promotions sees the same top-ups in both.
    seen = await recent_topups(database, 1000)
    assert [comparable_past(line) for line in seen] == [
        comparable_past(line)
        for line in line_histories(books)
        if any(one.topup.reversed_at is None for one in line.past)
    ]


async def test_a_top_up_can_be_reversed_in_its_own_batch(
    database: Database, owner: Any, instant: Instant
) -> None:
    await lay_out(owner)
    engine = Engine(database, rules=history_rules(ValidityPolicy.ADD), keys=KEYS, clock=Clock())
    await engine.start()
    try:
        await engine.submit(import_line())
        await engine.submit(fund("fund"))
        futures = [engine.enqueue(top_up("sale")), engine.enqueue(reverse("undo", 1))]
        answers = [await answer(future) for future in futures]
    finally:
        await engine.stop()

    assert isinstance(answers[1], Reversed)
    assert (await verify(database)).findings == ()


def in_steps(history: list[tuple[int, Command]], *, is_batched: bool) -> list[Step]:
    """Return the commands by the instant at which they are given, alone or seven at once."""
    steps: list[Step] = []
    now = START
    for place, (seconds, command) in enumerate(history):
        now += timedelta(seconds=seconds)
        if is_batched and place % 7:
            steps[-1][1].append(command)
        else:
            steps.append((now, [command]))
    return steps


def answer_in_memory(books: MemoryBooks, command: Command, now: datetime) -> Answer:
    """Return what the rules answer."""
    try:
        return books.submit(command, now)
    except Refusal as refusal:
        return refusal


async def answer(future: Any) -> Answer:
    """Return what the engine answers."""
    try:
        return await future
    except Refusal as refusal:
        return refusal


def comparable_past(line: LineHistory) -> LineHistory:
    """Return a line's past without what no preview looks at."""
    past = tuple(
        replace(
            one,
            topup=replace(one.topup, page_token=None),
            is_asked=one.is_asked or one.topup.reversed_at is not None,
        )
        for one in line.past
    )
    return replace(line, past=past)


def comparable(answer: Answer) -> object:
    """Return an answer as something that equals another of the same content."""
    return (answer.code, answer.params) if isinstance(answer, Refusal) else answer


async def lay_out(owner: Any, world: World = WORLD) -> None:
    """Empty every table and put the world's partners, dealers and cards there."""
    tables = await owner.fetch(
        """
        SELECT relname FROM pg_class
         WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
           AND NOT relispartition AND relname <> 'alembic_version'
        """
    )
    for (table,) in tables:
        await owner.execute(f"DELETE FROM {table}")
    for partner in world.partners:
        await owner.execute(
            """
            INSERT INTO partner (partner_id, name, suspended, speaks_for_lines,
                                 credit_limit_micros, least_micros, most_micros,
                                 daily_cap_micros, sold_micros, transfer_seq, created_at)
            VALUES ($1, $2, $3, false, $4, $5, $6, $7, 0, 0, now())
            """,
            partner.partner_id,
            partner.name,
            partner.suspended,
            partner.credit_limit_micros,
            partner.least_micros,
            partner.most_micros,
            partner.daily_cap_micros,
        )
        await owner.execute("INSERT INTO bucket VALUES ($1, 1, 3, 0)", partner.partner_id)
    for dealer in world.dealers:
        await lay_out_dealer(owner, dealer)
    batches = {card.batch.batch_id: card.batch for card in world.cards.values()}
    for batch in batches.values():
        await owner.execute(
            """
            INSERT INTO voucher_batch (batch_id, state, key_id, quantity, stored, lettered,
                                       born_active, price_micros, tax_micros, credit_micros,
                                       bonus_micros, valid_days, bonus_days, redeem_before,
                                       created_at)
            VALUES ($1, $2, 1, 9, 9, false, true, $3, $4, $5, $6, $7, $8, $9, now())
            """,
            batch.batch_id,
            batch.state,
            batch.price_micros,
            batch.tax_micros,
            batch.credit_micros,
            batch.bonus_micros,
            batch.valid_days,
            batch.bonus_days,
            batch.redeem_before,
        )
    cards = [
        (KEYS.code_digest(code, 1), card.batch.batch_id, card.number, int(card.state),
         card.was_activated)
        for code, card in world.cards.items()
    ]  # fmt: skip
    await owner.executemany(
        "INSERT INTO voucher (digest, batch_id, number, state, activated) "
        "VALUES ($1, $2, $3, $4, $5)",
        cards,
    )
    await owner.executemany(
        "INSERT INTO voucher_serial (digest, batch_id, number) VALUES ($1, $2, $3)",
        [card[:3] for card in cards],
    )


async def lay_out_dealer(owner: Any, dealer: Dealer) -> None:
    """Put a dealer in its place, with what was agreed with it."""
    await owner.execute(
        "INSERT INTO dealer VALUES ($1, $2, $3, $4, $5, now())",
        dealer.partner_id,
        dealer.parent_id,
        dealer.kind,
        list(dealer.path),
        list(dealer.charged),
    )
    for one in dealer.agreements.get(dealer.partner_id, ()):
        await owner.execute(
            "INSERT INTO dealer_agreement VALUES ($1, $2, $3, $4, $5, $6)",
            dealer.partner_id,
            one.effective_at,
            one.rate_bp,
            one.paid_as,
            one.most_sale_micros,
            one.most_day_micros,
        )


_JSON = ("names", "granted", "paid")
COLUMNS = {
    "number": "*",
    "line": "*",
    "bucket": "*",
    "partner": "partner_id, name, suspended, credit_limit_micros, least_micros, most_micros, "
    "daily_cap_micros, sold_on, sold_micros, transfer_seq",
    "transfer": "*",
    "topup": "*",
    "topup_gift": "*",
    "outbox": "line_id, number, at, template, params",
    "voucher": "batch_id, number, state, activated, redeemed_line_id, redeemed_at",
    "payment": ", ".join(Payment.__struct_fields__),
    "refund": ", ".join(Refund.__struct_fields__),
    "payment_ref": "*",
    "subscription": "*",
    "dealer_sale": "*",
    "commission": "*",
    "audit": "at, who, action, subject, why, before, after",
    "reservation": "*",
    "usage_record": "*",
}


async def snapshot(owner: Any) -> dict[str, list[Row]]:
    """Return the tables' rows as `MemoryBooks.snapshot` has them."""
    stored: dict[str, list[Row]] = {}
    for table, columns in COLUMNS.items():
        order = "ORDER BY day, seq" if table == "audit" else ""
        found = await owner.fetch(f"SELECT {columns} FROM {table} {order}")
        rows = [dict(row) for row in found]
        for row in rows:
            for name in ("params", "before", "after", "promised", "groups", "answer", *_JSON):
                if name in row:
                    row[name] = json.loads(row[name])
        stored[table] = sorted(rows, key=_row_key)
    return stored
