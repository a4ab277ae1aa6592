"""The catalogue of packages: drafted, looked at, asked for, sold once another agreed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambah.config import Brand, Operator
from tambah.console.package_draft import CHOSEN, TICKED, TYPED, fields_of, read_draft
from tambah.domain.package import Package, find_package, on_sale
from tambah.domain.package_commands import BuyPackage
from tambah.domain.records import replace as changed
from tambah.domain.refusals import FieldMalformed, FieldMissing, PackageChanged, PackageUnknown
from tambah.domain.staff import Role
from tambah.engine.live_packages import PackageSource
from tambah.engine.verifying import verify
from tambah.i18n import LANGUAGES, texts
from tambah.jobs.renewing import Renewal
from tambah.store.package_versions import read_versions
from tests.conftest import RM, make_rules
from tests.portal.conftest import field, text_of

from .conftest import ALICE, World
from .test_acts import reload
from .test_promotions import agree

NEW, LIST, OFF = "/console/packages/new", "/console/packages", "/console/packages/withdraw"
DRAFT: dict[str, Any] = {
    "pack_code": "data7",
    "pack_name_en": "Data week",
    "pack_name_ms": "Data minggu",
    "pack_name_zh_hans": "一周数据",
    "pack_name_ta": "வார டேட்டா",
    "pack_price": "RM10",
    "pack_allowances": "3 GB, 300 minutes on-net domestic",
    "pack_days": "7",
    "pack_recurring": ["yes"],
    "pack_plans": ["standard"],
    "pack_stacking": "extend",
    "reason": "for the holidays",
}
OPERATOR = Operator(brand=Brand(name="Testel"), denominations=())


async def ask(browser: httpx.AsyncClient, path: str, typed: dict[str, Any]) -> httpx.Response:
    """Fill the form in, look, and ask for it, carrying along what the page carries."""
    seen = await browser.post(path, data=typed)
    assert seen.status_code == 200, text_of(seen)
    carried = {
        name: ",".join(value) if isinstance(value, list) else value
        for name, value in typed.items()
    }
    return await browser.post(path, data=carried | {"token": field(seen, "token")})


async def sell(world: World, **changes: Any) -> str:
    """Have a package drafted and agreed to; return what its request says then."""
    async with await world.enter_as(Role.MARKETING) as browser:
        asked = await ask(browser, NEW, DRAFT | changes)
    return await agree(world, asked.headers["location"])


async def withdraw(world: World, code: str = "DATA7") -> str:
    """Have a package taken off sale by two; return what the request says then."""
    path = f"{OFF}?code={code}"
    async with await world.enter_as(Role.MARKETING) as browser:
        asked = await ask(browser, path, {"reason": "too dear for us"})
    return await agree(world, asked.headers["location"])


def renewal_of(world: World) -> Renewal:
    """Return what notices new versions, as every process has it."""
    site = world.site
    return Renewal(site.engine, [PackageSource(site.database, site.rules)])


async def buy(world: World, key: str, **changes: Any) -> Any:
    """Buy it for Alice's line, as a partner does."""
    plain = {"caller": "test", "request_key": key, "msisdn": ALICE, "package": "DATA7"}
    return await world.site.engine.submit(BuyPackage(**plain | changes))


async def test_a_draft_is_looked_at_asked_for_and_sold_once_another_agrees(world: World) -> None:
    site, live = world.site, renewal_of(world)
    await live.look()
    await reload(world, 30 * RM)
    with pytest.raises(PackageUnknown):
        await buy(world, "before")
    async with await world.enter_as(Role.MARKETING) as browser:
        seen = text_of(await browser.post(NEW, data=DRAFT))
        for part in ("DATA7", "RM10.00", "3 GB of data", "300 minutes", "7 days", "一周数据"):
            assert part in seen, part
        assert "lengthens what is running" in seen
        asked = await ask(browser, NEW, DRAFT)
        own = await browser.post(f"{asked.headers['location']}/approve", data={"answer": ""})
        assert own.status_code == 403
    assert await read_versions(site.database) == []

    told = await agree(world, asked.headers["location"])
    assert "for the holidays" in told
    await live.look()
    bought = await buy(world, "after")

    assert bought.price_micros == 10 * RM
    assert (await verify(site.database)).findings == ()
    async with await world.enter_as(Role.MARKETING) as browser:
        page = text_of(await browser.get(LIST))
        assert "DATA7 · Data week" in page
        again = text_of(await browser.post(NEW, data=DRAFT | {"pack_price": "9"}))
        assert "RM9.00" in again
        assert "RM10.00" in again
        assert "Runs on so many lines 1" in again


async def test_a_change_is_drafted_from_what_stands(world: World) -> None:
    await sell(world)
    async with await world.enter_as(Role.MARKETING) as browser:
        page = await browser.get(f"{NEW}?code=DATA7")
        assert page.status_code == 200
        assert field(page, "pack_price") == "10.00"
        assert field(page, "pack_allowances") == "3 GB, 300 minutes domestic on-net"
        assert field(page, "pack_name_ta") == "வார டேட்டா"
        unknown = await browser.get(f"{NEW}?code=NOTHING")
        assert unknown.status_code == 404


async def test_what_is_cheaper_is_sold_at_once_and_what_is_dearer_with_notice(
    world: World,
) -> None:
    live, now = renewal_of(world), world.clock.now()
    await sell(world)
    await sell(world, pack_price="8")
    await live.look()
    assert find_package(world.site.packages, "DATA7", world.clock.now()).price_micros == 8 * RM

    await sell(world, pack_price="12")
    await live.look()

    sold = world.site.packages
    validity = world.site.rules.validity
    begins = validity.start_of(validity.local_day(now) + timedelta(days=3))
    assert find_package(sold, "DATA7", begins - timedelta(seconds=1)).price_micros == 8 * RM
    assert find_package(sold, "DATA7", begins).price_micros == 12 * RM


async def test_it_is_taken_off_sale_by_two_and_stays_on_the_list(world: World) -> None:
    live = renewal_of(world)
    await sell(world)
    await live.look()
    assert [one.code for one in on_sale(world.site.packages, world.clock.now())] == ["DATA7"]

    told = await withdraw(world)

    assert "too dear for us" in told
    await live.look()
    assert on_sale(world.site.packages, world.clock.now()) == []
    with pytest.raises(PackageUnknown):
        await buy(world, "off")
    async with await world.enter_as(Role.MARKETING) as browser:
        assert "No longer on sale" in text_of(await browser.get(LIST))
        assert (await browser.get(f"{OFF}?code=DATA7")).status_code == 404
    async with await world.enter_as(Role.AUDITOR) as browser:
        trail = text_of(await browser.get("/console/audit"))
        assert "took a package off sale" in trail
        assert "put a package on sale" in trail


async def test_a_request_that_another_has_overtaken_fails(world: World) -> None:
    async with await world.enter_as(Role.MARKETING) as browser:
        first = await ask(browser, NEW, DRAFT)
        second = await ask(browser, NEW, DRAFT | {"pack_price": "5"})
    await agree(world, first.headers["location"])
    told = await agree(world, second.headers["location"])

    assert texts("en").get("refusal.package_changed").partition(".")[0] in told
    (made,) = await read_versions(world.site.database)
    assert made.what.package is not None
    assert made.what.package.price_micros == 10 * RM


async def test_a_package_of_the_file_is_changed_and_taken_off_as_well(world: World) -> None:
    drafted = read_draft(_as_carried(DRAFT), OPERATOR, world.site.rules.validity, ())
    of_file = replace(world.site.rules, packages=(drafted,))
    site = replace(world.site, rules=of_file)
    source = PackageSource(site.database, of_file)
    await sell(world, pack_price="4")

    sold = (await source.renew(of_file)).packages

    now = world.clock.now()
    assert [one.price_micros for one in on_sale(sold, now)] == [4 * RM]
    assert find_package(sold, "DATA7", now - timedelta(days=1)).price_micros == 10 * RM


async def test_who_was_told_another_price_is_refused(world: World) -> None:
    live = renewal_of(world)
    await reload(world, 30 * RM)
    await sell(world)
    await live.look()
    with pytest.raises(PackageChanged):
        await buy(world, "told", price_micros=8 * RM)


@pytest.mark.parametrize(
    ("changes", "field_name"),
    [
        ({"pack_code": ""}, "pack_code"),
        ({"pack_code": "7DATA"}, "pack_code"),
        ({"pack_name_ta": ""}, "pack_name_ta"),
        ({"pack_name_ms": "x" * 41}, "pack_name_ms"),
        ({"pack_price": "0"}, "pack_price"),
        ({"pack_price": "1.005"}, "pack_price"),
        ({"pack_allowances": "3 TB"}, "pack_allowances"),
        ({"pack_allowances": "many"}, "pack_allowances"),
        ({"pack_days": "x"}, "pack_days"),
        ({"pack_days": "7", "pack_hours": "24"}, "pack_days"),
        ({"pack_days": "", "pack_hours": "", "pack_recurring": ["yes"]}, "pack_recurring"),
        ({"pack_recurring": [], "pack_auto_renew": ["yes"]}, "pack_auto_renew"),
        ({"pack_terms_en": "Only in English"}, "pack_terms_ms"),
        ({"pack_needs": "NOTHERE"}, "pack_needs"),
        ({"pack_forbids": "NOTHERE"}, "pack_forbids"),
        ({"pack_since": "tomorrow"}, "pack_since"),
        ({"pack_since": "2030-02-01", "pack_until": "2030-01-01"}, "pack_until"),
        ({"pack_plans": ["nobodys"]}, "pack_plans"),
        ({"pack_stacking": "heap"}, "pack_stacking"),
    ],
)
async def test_what_is_wrong_is_named_and_what_was_typed_is_kept(
    world: World, changes: dict[str, Any], field_name: str
) -> None:
    async with await world.enter_as(Role.MARKETING) as browser:
        page = await browser.post(NEW, data=DRAFT | changes)
    assert page.status_code in (400, 422)
    assert texts("en").get(f"acts.field.{field_name}") in text_of(page).partition("Leave")[0]
    assert field(page, "pack_name_en") == "Data week"
    assert await read_versions(world.site.database) == []


async def test_the_last_day_may_not_be_past(world: World) -> None:
    async with await world.enter_as(Role.MARKETING) as browser:
        page = await browser.post(NEW, data=DRAFT | {"pack_until": "2021-01-01"})
    assert page.status_code == 409
    assert "last day on sale is past" in text_of(page)


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_its_pages_are_whole_in_every_language(world: World, tag: str) -> None:
    await sell(world)
    async with await world.enter_as(Role.MARKETING) as browser:
        pages = [
            await browser.get(f"{path}{'&' if '?' in path else '?'}lang={tag}")
            for path in (LIST, NEW, f"{NEW}?code=DATA7", f"{OFF}?code=DATA7")
        ]
        pages.append(await browser.post(f"{NEW}?lang={tag}", data=DRAFT | {"pack_price": "20"}))
    for page in pages:
        assert page.status_code == 200
        assert f'lang="{tag}"' in page.text


_TEXT = st.text(max_size=30)
_FORM = st.dictionaries(st.sampled_from([*TYPED, *TICKED, CHOSEN]), _TEXT)


@given(_FORM)
def test_whatever_is_typed_makes_a_package_or_is_refused(typed: dict[str, str]) -> None:
    validity = make_rules().validity
    try:
        made = read_draft(_as_carried(DRAFT) | typed, OPERATOR, validity, ())
    except (FieldMalformed, FieldMissing):
        return
    assert isinstance(made, Package)
    # What is written back into the form is the same package again.
    again = read_draft(fields_of(made, validity), OPERATOR, validity, ())
    assert changed(again, on_sale_from=made.on_sale_from) == made


def _as_carried(typed: dict[str, Any]) -> dict[str, str]:
    return {
        name: ",".join(value) if isinstance(value, list) else value
        for name, value in typed.items()
    }
