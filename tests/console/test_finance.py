"""Finance in the console: what is owed, closing, the three-way screen, the journal."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from tambah.domain.actor import Actor
from tambah.domain.commands import AdjustCredit, RedeemVoucher
from tambah.domain.guessing import Audience
from tambah.domain.staff import Role
from tambah.i18n import LANGUAGES, texts
from tests.conftest import RM, Fresh
from tests.portal.conftest import text_of

from .conftest import ALICE, CODES, World

A_DAY = timedelta(days=1)


def today(world: World) -> date:
    """Return the local day that it is."""
    return world.site.rules.validity.local_day(world.clock.now())


async def redeem(world: World, code: str) -> None:
    """Redeem a card for Alice."""
    await world.site.engine.submit(
        RedeemVoucher(
            caller="web",
            request_key=code,
            msisdn=ALICE,
            digits=code,
            audience=Audience.GUEST,
        )
    )


async def by_hand(fresh: Fresh, statement: str) -> None:
    """Do something in the database as its owner."""
    owner: Any = await asyncpg.connect(fresh.owner_dsn)
    await owner.execute(statement)
    await owner.close()


async def ask(browser: httpx.AsyncClient, world: World, tag: str = "en") -> httpx.Response:
    """Open the three-way screen of today."""
    day = today(world)
    return await browser.get(f"/console/finance/reconcile?from={day}&to={day}&lang={tag}")


async def test_what_is_owed_is_shown_with_cards_by_age(world: World, fresh: Fresh) -> None:
    await by_hand(fresh, "UPDATE voucher_batch SET released_at = created_at")
    await redeem(world, CODES[0])
    async with await world.enter_as(Role.FINANCE) as browser:
        page = text_of(await browser.get("/console/finance?lang=en"))

    assert "Cards sold and not used RM0.00 RM30.00 RM10.00 RM20.00" in page
    assert "Credit of lines RM0.00 RM10.00 RM0.00 RM10.00" in page
    assert "Up to 30 days 2 RM20.00 RM0.00" in page
    assert "nothing is closed yet" in page


async def test_a_day_is_closed_with_a_reason_and_once(world: World) -> None:
    day = today(world) - 2 * A_DAY  # the last is not settled in its first minutes
    async with await world.enter_as(Role.FINANCE) as browser:
        without = await browser.post("/console/finance/closes", data={"period": str(day)})
        assert without.status_code == 422
        assert "reason" in without.text
        form = {"period": str(day), "why": "The day is over."}
        for _ in range(2):
            done = await browser.post("/console/finance/closes", data=form)
            where = f"/console/finance/closes/{day}"
            assert (done.status_code, done.headers["location"]) == (303, where)
        page = text_of(await browser.get(f"{where}?lang=en"))
        assert "by staff:demo-0. The day is over." in page
        listed = await browser.get("/console/finance/closes?lang=en")
        assert f'value="{day}"' not in listed.text
        assert "staff:demo-0 The day is over." in text_of(listed)
        later = {"period": str(day + 3 * A_DAY), "why": "Too early."}
        refused = await browser.post("/console/finance/closes?lang=en", data=later)
        assert refused.status_code == 409
        assert "may be closed from" in refused.text
    close = await world.site.database.fetch_value("SELECT count(*) FROM book_close")
    assert close == 1


@pytest.mark.parametrize("period", ["2026-13", "2026", "yesterday", "1999-01-01", ""])
async def test_what_is_no_period_is_refused(world: World, period: str) -> None:
    async with await world.enter_as(Role.FINANCE) as browser:
        form = {"period": period, "why": "The day is over."}
        assert (await browser.post("/console/finance/closes", data=form)).status_code == 422
        if period:
            shown = await browser.get(f"/console/finance/closes/{period}")
            assert shown.status_code == 404


async def test_an_auditor_sees_closes_and_closes_nothing(world: World) -> None:
    async with await world.enter_as(Role.AUDITOR) as browser:
        page = await browser.get("/console/finance/closes?lang=en")
        assert (page.status_code, '<form class="narrow"' in page.text) == (200, False)


async def test_a_broken_chain_is_told(world: World, fresh: Fresh) -> None:
    day = today(world) - 2 * A_DAY  # the last is not settled in its first minutes
    async with await world.enter_as(Role.FINANCE) as browser:
        form = {"period": str(day), "why": "The day is over."}
        await browser.post("/console/finance/closes", data=form)
        await by_hand(fresh, "UPDATE book_close SET who = 'nobody'")
        page = await browser.get("/console/finance/closes?lang=en")
    assert "is not what was written" in page.text


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_what_is_unexplained_is_one_figure_with_its_items(
    world: World, fresh: Fresh, tag: str
) -> None:
    await by_hand(fresh, "UPDATE voucher SET state = 5, activated = false WHERE number > 1")
    await redeem(world, CODES[0])  # of a batch that nobody released
    await world.site.engine.submit(
        AdjustCredit(
            caller="cli",
            request_key="hand",
            msisdn=ALICE,
            amount_micros=30 * RM,
            actor=Actor(who="cli:anna", why="promised <b>it</b>"),
        )
    )
    said = texts(tag)
    async with await world.enter_as(Role.FINANCE) as browser:
        answer = await ask(browser, world, tag)

    page = text_of(answer)
    assert "−RM40.00" in page
    assert said.get("finance.item.card_never_sold") in page
    assert said.get("finance.item.manual_credit") in page
    assert said.get("finance.advice.manual_credit") in page
    assert 'href="/console/vouchers/0001-00000001' in answer.text
    assert "promised &lt;b&gt;it&lt;/b&gt;" in answer.text
    assert said.plural("finance.items", 2) in page


async def test_nothing_unexplained_is_said_too(world: World, fresh: Fresh) -> None:
    await by_hand(fresh, "UPDATE voucher_batch SET released_at = created_at")
    await redeem(world, CODES[0])
    async with await world.enter_as(Role.AUDITOR) as browser:
        page = text_of(await ask(browser, world))
    assert "RM0.00 0 items" in page


@pytest.mark.parametrize(
    "query", ["from=2026-02-30", "from=2026-03-02&to=2026-03-01", "from=2026-01-01&to=2026-12-31"]
)
async def test_days_that_make_no_sense_are_refused(world: World, query: str) -> None:
    async with await world.enter_as(Role.FINANCE) as browser:
        answer = await browser.get(f"/console/finance/reconcile?{query}")
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


async def test_the_journal_is_taken_with_a_reason(world: World, fresh: Fresh) -> None:
    await by_hand(fresh, "UPDATE voucher_batch SET released_at = created_at")
    await redeem(world, CODES[0])
    day = str(today(world))
    form = {"from": day, "to": day, "why": "For the accounts."}
    async with await world.enter_as(Role.FINANCE) as browser:
        without = await browser.post("/console/finance/journal", data={**form, "why": ""})
        assert without.status_code == 422
        wrong = await browser.post("/console/finance/journal", data={**form, "to": "2000-01-01"})
        assert wrong.status_code == 422
        taken = await browser.post("/console/finance/journal", data=form)
        every = await browser.post("/console/finance/journal", data={**form, "each": "yes"})

    assert taken.headers["content-type"] == "text/csv; charset=utf-8"
    name = f'attachment; filename="journal-{day}-{day}.csv"'
    assert taken.headers["content-disposition"] == name
    assert taken.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(taken.content.decode("utf-8-sig"))))
    assert rows == [
        {
            "day": day,
            "kind": "redemption",
            "debit_code": "2100",
            "debit_account": "cards_sold",
            "credit_code": "2110",
            "credit_account": "line_main",
            "amount": "10.00",
            "transfers": "1",
        }
    ]
    (one,) = csv.DictReader(io.StringIO(every.content.decode("utf-8-sig")))
    assert (one["amount"], one["transfer"][-2:]) == ("10.00", "/1")
    trail = await world.site.database.fetch(
        "SELECT who, subject, why FROM audit WHERE action = 'ExportJournal' ORDER BY seq"
    )
    assert [tuple(row) for row in trail] == [
        ("staff:demo-0", f"books:{day}..{day}", "For the accounts.")
    ] * 2
