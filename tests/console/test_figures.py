"""Charts: where bars stand, what is said of them, and that the table has the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambah.console.charts import HEIGHT, WIDTH, Chart, Series, draw, nice_top, shown_labels
from tambah.console.figures import PastDays
from tambah.domain.actor import Actor
from tambah.domain.card_stock import Move, MoveKind
from tambah.domain.dealer_commands import SellCard
from tambah.domain.finance.closing import Period, PeriodKind
from tambah.domain.staff import Role
from tambah.engine.dealers import move_stock
from tambah.engine.finance import close_period
from tambah.i18n import LANGUAGES
from tambah.store.views.figures import DayCount
from tests.engine.books import add_cards
from tests.engine.dealers.tree import fund, plant
from tests.portal.conftest import code, text_of

from .conftest import ALICE, CODES, World
from .test_finding import redeem
from .test_lists import pay

FRESH_CODES = [code(800_000_000_000_000 + number * 7_919) for number in range(3)]


def chart(*counts: tuple[int, ...]) -> Chart:
    """Return a chart of series with those counts."""
    return Chart(
        word="w",
        title="Title",
        description="What it shows",
        head="Day",
        labels=tuple(str(n) for n in range(len(counts[0]))),
        names=tuple(f"day {n}" for n in range(len(counts[0]))),
        series=tuple(Series(name=f"s{n}", counts=one) for n, one in enumerate(counts)),
    )


@pytest.mark.parametrize(
    ("most", "top"), [(0, 2), (1, 2), (2, 2), (3, 4), (9, 10), (11, 20), (99, 100), (601, 800)]
)
def test_an_axis_ends_at_a_round_number(most: int, top: int) -> None:
    assert nice_top(most) == top


@given(st.integers(0, 10**12))
def test_no_bar_is_higher_than_its_axis_nor_lower_than_a_tenth(most: int) -> None:
    assert most <= nice_top(most) <= max(2, 10 * most)


def test_parts_of_a_bar_stand_on_each_other_within_the_picture() -> None:
    drawing = draw(chart((3, 0), (1, 2)))

    first, second, third = drawing.bars
    assert (first.series, second.series, third.series) == (0, 1, 1)
    assert first.x == second.x < third.x
    assert second.y + second.height == pytest.approx(first.y)
    assert first.height == pytest.approx(3 * second.height)
    assert all(bar.x >= 0 and bar.x + bar.width <= WIDTH for bar in drawing.bars)
    assert all(bar.y >= 0 and bar.y + bar.height <= HEIGHT for bar in drawing.bars)
    assert [tick.text for tick in drawing.levels] == ["0", "2", "4"]
    assert chart((3, 0), (1, 2)).rows == [("day 0", (3, 1)), ("day 1", (0, 2))]


def test_shares_are_of_the_whole() -> None:
    share = replace(chart((75,)), unit="%")

    assert [tick.text for tick in draw(share).levels] == ["0%", "50%", "100%"]


def test_labels_are_thinned_out_and_the_last_stays() -> None:
    labels = [str(n) for n in range(30)]

    shown = shown_labels(labels)
    assert len(shown) <= 8
    assert shown[-1] == (29, "29")
    assert shown_labels([]) == []


async def test_a_day_that_is_over_is_counted_once(world: World) -> None:
    asked: list[date] = []

    async def count(since: datetime, _until: datetime) -> list[DayCount]:
        zone = world.site.rules.validity.zone
        asked.append(since.astimezone(zone).date())
        return [DayCount(day=since.astimezone(zone).date(), kind=1, count=7)]

    now = world.clock.now()
    today = world.site.rules.validity.local_day(now)
    days = [today - timedelta(days=2), today - timedelta(days=1), today]
    past = PastDays(count)
    first = await past.count(world.site, days, now)
    second = await past.count(world.site, days, now)

    assert first == second
    assert [(one.day, one.count) for one in first] == [(days[0], 7), (today, 7)]
    assert asked == [days[0], today, today]


async def test_figures_are_those_of_a_role_each_with_its_table(world: World) -> None:
    await redeem(world, CODES[0])
    await pay(world, 2)
    await world.site.database.execute(
        "UPDATE payment SET state = CASE payment_no WHEN 1 THEN 5 ELSE 6 END, provider = 1"
    )
    await world.site.database.execute(
        "INSERT INTO attempt (at, source, audience, line_id) VALUES (now(), 'x', 2, 1)"
    )
    expected = {
        Role.AUDITOR: {"topups", "liability", "stock", "success", "wrong"},
        Role.FINANCE: {"topups", "liability", "stock", "success"},
        Role.CARE: {"stock", "success"},
        Role.MARKETING: set[str](),
    }
    for role, words in expected.items():
        async with await world.enter_as(role) as browser:
            page = await browser.get("/console/figures")
        every = ("topups", "liability", "stock", "success", "wrong")
        assert {word for word in every if f'h-{word}"' in page.text} == words
    async with await world.enter_as(Role.AUDITOR) as browser:
        for tag in LANGUAGES:
            assert (await browser.get(f"/console/figures?lang={tag}")).status_code == 200
        page = await browser.get("/console/figures?lang=en")
    said = text_of(page)
    assert "1 in 30 days; most on" in said
    assert "Sandbox 50%" in said
    assert page.text.count("<details>") == 3
    assert "style=" not in page.text
    assert str(ALICE) not in page.text


async def test_what_is_owed_and_who_holds_cards_is_drawn_with_its_table(world: World) -> None:
    site, tree = world.site, await plant(world.site.database)
    actor = Actor(who="test", why="order 7")
    batch_id = await add_cards(site.database, site.keys, FRESH_CODES, state=1)
    move = Move(batch_id=batch_id, first=1, last=3, kind=MoveKind.SHIP, from_id=0, to_id=tree.shop)
    await move_stock(site.database, move, actor, "")
    await fund(site.engine, tree.shop, 50)
    await site.engine.submit(
        SellCard(
            caller="dealer",
            request_key="s",
            partner_id=tree.shop,
            batch_id=batch_id,
            number=1,
            reference="s",
        )
    )
    today = site.rules.validity.local_day(world.clock.now())
    period = Period(kind=PeriodKind.DAY, first=today - timedelta(days=2))  # settled at any hour
    await close_period(site.database, period, actor, site.rules.validity)

    async with await world.enter_as(Role.FINANCE) as browser:
        for tag in LANGUAGES:
            assert (await browser.get(f"/console/figures?lang={tag}")).status_code == 200
        page = await browser.get("/console/figures?lang=en")

    said = text_of(page)
    assert f"Test shop ({tree.shop}) 2" in said
    assert "RM0 was owed at the end of" in said
    assert page.text.count('class="chart"') == 3
