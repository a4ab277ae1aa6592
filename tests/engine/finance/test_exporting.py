"""The journal: what is written, whose codes, and what a spreadsheet must not run."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

from tambah.config import Brand, ConfigError, FinanceEntry, Operator
from tambah.domain.actor import Actor
from tambah.domain.commands import FundPartner
from tambah.domain.matching import Span
from tambah.domain.refusals import ReasonMissing
from tambah.domain.rules import Rules
from tambah.engine.engine import Engine
from tambah.engine.finance import JournalRequest, write_journal
from tambah.engine.operator import account_codes
from tambah.store.database import Database
from tests.conftest import KUALA_LUMPUR, RM
from tests.engine.books import add_line, add_partner

ANNA = Actor(who="anna", why="month end")


def codes_of(**accounts: str) -> dict[object, str]:
    """Return the codes that an operator's file comes to."""
    entry = FinanceEntry(accounts=accounts)
    operator = Operator(brand=Brand(name="Testel"), denominations=(), finance=entry)
    return dict(account_codes(operator))


async def journal(
    database: Database, rules: Rules, *, each: bool = False, actor: Actor = ANNA
) -> list[dict[str, str]]:
    """Return yesterday's and today's journal, read back."""
    today = datetime.now(UTC).astimezone(KUALA_LUMPUR).date()
    pieces = write_journal(
        database,
        JournalRequest(span=Span(first=today - timedelta(days=1), last=today), each_transfer=each),
        actor,
        codes=codes_of(float="300-FL"),  # type: ignore[arg-type]
        validity=rules.validity,
    )
    text = "".join([piece async for piece in pieces])
    assert text.startswith("\ufeffday,")
    return list(csv.DictReader(io.StringIO(text[1:])))


async def fund(engine: Engine, database: Database, reference: str) -> None:
    """Fund a partner's float with RM5."""
    await engine.submit(
        FundPartner(
            caller="cli",
            request_key=reference,
            partner_id=await add_partner(database),
            amount_micros=5 * RM,
            reference=reference,
            actor=ANNA,
        )
    )


async def test_bookings_of_a_day_are_one_line(
    engine: Engine, database: Database, rules: Rules
) -> None:
    for number in range(3):
        await fund(engine, database, f"cheque {number}")

    rows = await journal(database, rules)

    assert sum(int(row["transfers"]) for row in rows) == 3
    assert {(row["debit_code"], row["credit_code"], row["kind"]) for row in rows} == {
        ("1200", "300-FL", "funding")
    }


async def test_what_others_sent_is_never_a_formula(
    engine: Engine, database: Database, rules: Rules
) -> None:
    for reference in ('=HYPERLINK("x")', "@SUM(A1)", "-1", "plain", 'with "quotes", and more'):
        await fund(engine, database, reference)

    rows = await journal(database, rules, each=True)

    assert sorted(row["reference"] for row in rows) == sorted(
        ['\'=HYPERLINK("x")', "'@SUM(A1)", "'-1", "plain", 'with "quotes", and more']
    )


async def test_allowances_and_thousands_of_transfers(
    engine: Engine, database: Database, rules: Rules
) -> None:
    line_id = await add_line(engine, database, 60123456789)
    await database.execute(
        """
        INSERT INTO transfer (owner_id, seq, at, kind, debit, credit, amount_micros, request)
        SELECT $1, n, now(), CASE WHEN n % 2 = 0 THEN 20 ELSE 3 END,
               CASE WHEN n % 2 = 0 THEN 42 ELSE 12 END, CASE WHEN n % 2 = 0 THEN 6 ELSE 2 END,
               1500000, ''
          FROM generate_series(1000, 4999) AS n
        """,
        line_id,
    )

    every = await journal(database, rules, each=True)
    rows = await journal(database, rules)

    assert (len(every), {row["credit_account"] for row in every}) == (2000, {"line_bonus"})
    assert [(row["amount"], row["transfers"]) for row in rows] == [("3000.00", "2000")]


async def test_a_reason_is_needed_before_anything_is_read(
    database: Database, rules: Rules
) -> None:
    with pytest.raises(ReasonMissing):
        await journal(database, rules, actor=Actor(who="anna", why=" "))


def test_a_code_of_no_account_is_a_mistake_of_the_file() -> None:
    with pytest.raises(ConfigError, match=r"finance\.accounts: .*cash"):
        codes_of(cash="1000")
