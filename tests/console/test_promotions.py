"""Promotions in the console: drafted, looked at, asked for, in force once another agreed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambah.config import Brand, ConfigError, Operator
from tambah.console.promotion_draft import TICKED, TYPED, read_draft
from tambah.domain.commands import RedeemVoucher
from tambah.domain.gift import GiftKind
from tambah.domain.guessing import Audience
from tambah.domain.promotion import Promotion
from tambah.domain.refusals import FieldMalformed, FieldMissing
from tambah.domain.staff import Role
from tambah.engine.live_promotions import PromotionSource, with_made
from tambah.engine.verifying import verify
from tambah.i18n import LANGUAGES, texts
from tambah.jobs.renewing import Renewal
from tambah.store.promotions import read_promotions
from tests.conftest import RM, make_rules
from tests.portal.conftest import field, text_of

from .conftest import ALICE, CODES, World
from .test_acts import reload

NEW, LIST = "/console/promotions/new", "/console/promotions"
DRAFT: dict[str, Any] = {
    "promo_name": "new-year",
    "promo_since": "2020-01-01",
    "promo_until": "",
    "promo_percent": "10",
    "promo_bonus_days": "14",
    "promo_days": "3",
    "promo_allowances": "1 GB 7, 30 minutes 10",
    "promo_prices": "10.00, RM30",
    "promo_sources": ["voucher", "partner"],
    "reason": "campaign of January",
}
OPERATOR = Operator(brand=Brand(name="Testel"), denominations=())


async def ask(browser: httpx.AsyncClient, path: str, typed: dict[str, Any]) -> httpx.Response:
    """Fill a form in, look, and ask for it; what was ticked is carried along as the page does."""
    seen = await browser.post(path, data=typed)
    assert seen.status_code == 200, seen.text
    carried = {
        name: ",".join(value) if isinstance(value, list) else value
        for name, value in typed.items()
    }
    return await browser.post(path, data=carried | {"token": field(seen, "token")})


async def agree(world: World, where: str) -> str:
    """Have somebody else of marketing approve; return what the request says then."""
    async with await world.enter_as(Role.MARKETING) as browser:
        await browser.post(f"{where}/approve", data={"answer": ""})
        return text_of(await browser.get(where))


async def make(world: World, **changes: Any) -> str:
    """Have a promotion drafted and agreed to; return where its request is."""
    async with await world.enter_as(Role.MARKETING) as browser:
        asked = await ask(browser, NEW, DRAFT | changes)
    await agree(world, asked.headers["location"])
    return asked.headers["location"]


async def test_a_draft_is_looked_at_asked_for_and_in_force_when_another_agrees(
    world: World,
) -> None:
    site = world.site
    live = Renewal(site.engine, [PromotionSource(site.database, site.rules)])
    await live.look()
    await reload(world, 10 * RM)
    async with await world.enter_as(Role.MARKETING) as browser:
        seen = text_of(await browser.post(NEW, data=DRAFT))
        for part in ("10 %", "14 days", "3 days", "+1 GB of data for 7 days", "RM10.00 · RM30.00"):
            assert part in seen, part
        assert "Would have given something with 1" in seen
        assert "Bonus in all RM1.00" in seen
        asked = await ask(browser, NEW, DRAFT)
        own = await browser.post(f"{asked.headers['location']}/approve", data={"answer": ""})
        assert own.status_code == 403
    assert await read_promotions(site.database) == []

    told = await agree(world, asked.headers["location"])
    assert "campaign of January" in told
    await live.look()
    await redeem(world, 0)

    gift = await site.database.fetch_row(
        "SELECT promotion, amount FROM topup_gift WHERE kind = $1", GiftKind.BONUS
    )
    assert gift is not None
    assert (gift["promotion"], gift["amount"]) == ("new-year", RM)
    assert (await verify(site.database)).findings == ()


async def redeem(world: World, number: int) -> None:
    """Use a card on Alice's line."""
    await world.site.engine.submit(
        RedeemVoucher(
            caller="test",
            request_key=f"card {number}",
            msisdn=ALICE,
            digits=CODES[number],
            audience=Audience.OWN,
        )
    )


async def test_it_is_in_force_from_its_approval_and_not_before(world: World) -> None:
    before = world.clock.now()
    await make(world)
    (made,) = await read_promotions(world.site.database)
    assert made.promotion.since >= before
    async with await world.enter_as(Role.AUDITOR) as browser:
        assert "new-year" in text_of(await browser.get("/console/audit"))


async def test_it_is_ended_early_by_two_and_stays_on_the_list(world: World) -> None:
    site = world.site
    live = Renewal(site.engine, [PromotionSource(site.database, site.rules)])
    await make(world)
    await live.look()
    assert [one.is_running(world.clock.now()) for one in site.promotions] == [True]
    async with await world.enter_as(Role.MARKETING) as browser:
        page = await browser.get(LIST)
        assert "/console/promotions/end?name=new-year" in page.text
        end = "/console/promotions/end?name=new-year"
        form = await browser.get(end)
        assert "takes two people" in text_of(form)
        typed = {"reason": "budget is spent", "token": field(form, "token")}
        asked = await browser.post(end, data=typed)
        again = await browser.post(end, data=typed)
        assert asked.headers["location"] == again.headers["location"]

    told = await agree(world, asked.headers["location"])
    assert "no end" in told
    await live.look()

    (ended,) = site.promotions
    assert not ended.is_running(world.clock.now() + timedelta(seconds=1))
    (made,) = await read_promotions(site.database)
    assert (made.version, made.promotion.until) == (2, ended.until)
    async with await world.enter_as(Role.MARKETING) as browser:
        page = text_of(await browser.get(LIST))
        assert "Over" in page
        assert "version 2" in page
        over = await browser.get("/console/promotions/end?name=new-year")
        assert over.status_code == 409


async def test_a_name_is_for_ever(world: World) -> None:
    site = world.site
    of_file = Promotion(name="of the file", since=world.clock.now(), bonus_micros=RM)
    world.site = replace(site, rules=replace(site.rules, promotions=(of_file,)))
    await make(world)
    async with await world.enter_as(Role.MARKETING) as browser:
        for name in ("new-year", "of the file"):
            refused = await browser.post(NEW, data=DRAFT | {"promo_name": name})
            assert refused.status_code == 409
            assert name in refused.text
        page = await browser.get(LIST)
        assert texts("en").get("promotions.in_file") in text_of(page)
        assert "end?name=of" not in page.text
        unknown = await browser.get("/console/promotions/end?name=of+the+file")
        assert unknown.status_code == 404
        looked = await browser.get("/console/promotions/look?name=of+the+file")
        assert "Latest top-ups looked at 0" in text_of(looked)
        assert (await browser.get("/console/promotions/look?name=none")).status_code == 404

    taken = Promotion(name="new-year", since=world.clock.now(), bonus_micros=RM)
    with pytest.raises(ConfigError, match="new-year"):
        await with_made(site.database, replace(site.rules, promotions=(taken,)))


async def test_of_two_drafts_with_one_name_the_second_fails(world: World) -> None:
    async with await world.enter_as(Role.MARKETING) as browser:
        first = await ask(browser, NEW, DRAFT)
        second = await ask(browser, NEW, DRAFT | {"promo_percent": "20"})
    await agree(world, first.headers["location"])
    told = await agree(world, second.headers["location"])

    assert texts("en").get("refusal.promotion_name_taken").partition(".")[0] in told
    (made,) = await read_promotions(world.site.database)
    assert made.promotion.extra_permille == 100


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        ({"promo_name": ""}, "promo_name"),
        ({"promo_since": ""}, "promo_since"),
        ({"promo_since": "soon"}, "promo_since"),
        ({"promo_until": "2019-01-01"}, "promo_until"),
        ({"promo_percent": "much"}, "promo_percent"),
        ({"promo_percent": "0.05"}, "promo_percent"),
        ({"promo_percent": "5000"}, "promo_percent"),
        ({"promo_bonus": "x"}, "promo_bonus"),
        ({"promo_days": "-1"}, "promo_days"),
        ({"promo_allowances": "1 TB 7"}, "promo_allowances"),
        ({"promo_allowances": "0 GB 7"}, "promo_allowances"),
        ({"promo_prices": "ten"}, "promo_prices"),
        ({"promo_plans": "gold"}, "promo_plans"),
        ({"promo_name": "x" * 65}, "promo_name"),
        ({"promo_percent": "", "promo_days": "", "promo_allowances": ""}, "gives"),
    ],
)
def test_a_draft_that_cannot_be_names_its_field(
    typed: dict[str, str], named: str, rules: Any
) -> None:
    fields = {k: ",".join(v) if isinstance(v, list) else v for k, v in DRAFT.items()} | typed
    with pytest.raises((FieldMalformed, FieldMissing)) as refused:
        read_draft(fields, OPERATOR, rules.validity)
    assert refused.value.params == {"field": named}


@given(st.dictionaries(st.sampled_from([*TYPED, *TICKED]), st.text(max_size=30)))
def test_whatever_is_typed_makes_a_promotion_or_is_refused(fields: dict[str, str]) -> None:
    try:
        drafted = read_draft(fields, OPERATOR, make_rules().validity)
    except (FieldMalformed, FieldMissing):
        return
    assert drafted.name


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_its_pages_are_whole_in_every_language(world: World, tag: str) -> None:
    await make(world)
    async with await world.enter_as(Role.MARKETING) as browser:
        page = text_of(await browser.get(f"{LIST}?lang={tag}"))
        assert texts(tag).get("promotions.is.running") in page
        form = text_of(await browser.get(f"{NEW}?lang={tag}"))
        assert texts(tag).get("acts.hint.promo_allowances") in form
        looked = await browser.get(f"/console/promotions/look?name=new-year&lang={tag}")
        assert texts(tag).get("promotions.would") in text_of(looked)
