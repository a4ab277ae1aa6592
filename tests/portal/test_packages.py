"""`/packages` for everybody; buying one from credit, and switching its renewal, signed in."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tambah.domain.balance import BucketKind
from tambah.domain.package import Package, PackageAllowance
from tambah.domain.records import replace as changed
from tambah.domain.rules import Rules
from tambah.i18n import LANGUAGES
from tambah.web.site import Site
from tests.engine.books import add_line

from .conftest import client_of
from .signing import sign_in

RM = 1_000_000
BOB = 60112345678
SINCE = datetime(2020, 1, 1, tzinfo=UTC)


def named(name: str) -> dict[str, str]:
    """Return a name in each language."""
    return {tag: f"{name} {tag}" for tag in LANGUAGES}


PACKAGES = (
    Package(
        code="DATA30",
        names=named("Month"),
        terms=named("Terms"),
        price_micros=30 * RM,
        allowances=(PackageAllowance(kind=BucketKind.BYTES, amount=2**30, scope="social x-1"),),
        days=30,
        recurring=True,
        auto_renew=True,
        on_sale_from=SINCE,
    ),
    Package(
        code="TALK",
        names=named("Talk"),
        terms={},
        price_micros=2 * RM,
        allowances=(
            PackageAllowance(kind=BucketKind.SECONDS, amount=3600, scope="on-net"),
            PackageAllowance(kind=BucketKind.MESSAGES, amount=10),
        ),
        on_sale_from=SINCE,
    ),
    Package(
        code="OTHERS",
        names=named("Others"),
        terms={},
        price_micros=RM,
        allowances=(PackageAllowance(kind=BucketKind.BYTES, amount=2**20),),
        hours=48,
        plans=("tourist",),
        on_sale_from=SINCE,
    ),
)


@pytest.fixture
def rules(rules: Rules) -> Rules:
    """Return rules with packages."""
    return replace(rules, packages=PACKAGES)


def text_of(page: Any) -> str:
    """Return what a page says."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page.text)))


def token_of(page: Any) -> str:
    """Return the token of a page's form."""
    found = re.search(r'name="token" value="([^"]+)"', page.text)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_the_list_is_for_everybody_in_each_language(tag: str, site: Site) -> None:
    async with client_of(site) as browser:
        page = await browser.get(f"/packages?lang={tag}")

    assert page.status_code == 200
    said = text_of(page)
    for name in ("Month", "Talk", "Others", "Terms"):
        assert f"{name} {tag}" in said
    assert "RM30.00" in said
    assert "x-1" in said, "a class without a text is shown as written"
    assert "packages." not in said


async def test_the_list_is_narrowed_to_a_kind(site: Site) -> None:
    async with client_of(site) as browser:
        calls = text_of(await browser.get("/packages?kind=calls&lang=en"))
        data = text_of(await browser.get("/packages?kind=data&lang=en"))
        other = text_of(await browser.get("/packages?kind=none&lang=en"))

    assert ("Talk en" in calls, "Month en" in calls) == (True, False)
    assert ("Talk en" in data, "Month en" in data) == (False, True)
    assert "Talk en" in other
    assert "RM1.00 a day" in data


async def test_the_home_page_has_two_tabs_where_packages_are_sold(
    site: Site, empty_site: Site
) -> None:
    async with client_of(site) as browser:
        home = await browser.get("/")
    assert 'href="/packages"' in home.text

    async with client_of(replace(empty_site, rules=replace(site.rules, packages=()))) as browser:
        home = await browser.get("/")
        none = await browser.get("/packages?lang=en")
    assert 'href="/packages"' not in home.text
    assert "no packages on sale" in text_of(none)


async def test_who_is_signed_in_reads_the_list_in_their_own_language(
    site: Site,
) -> None:
    await site.database.execute("UPDATE line SET language = 2 WHERE msisdn = 60123456789")
    async with client_of(site) as browser:
        before = await browser.get("/packages", headers={"accept-language": "ta"})
        await sign_in(site, browser)
        after = await browser.get("/packages", headers={"accept-language": "ta"})

    assert '<html lang="ta"' in before.text
    assert '<html lang="ms"' in after.text


async def test_who_is_not_signed_in_signs_in_and_is_back_at_the_package(site: Site) -> None:
    async with client_of(site) as browser:
        sent = await browser.get("/account/packages/TALK")
        assert sent.headers["location"] == "/account/sign-in?to=/account/packages/TALK"
        form = await browser.get(sent.headers["location"])
        assert 'name="to" value="/account/packages/TALK"' in form.text

        elsewhere = await browser.get("/account/sign-in?to=//evil.example")
        assert "evil" not in elsewhere.text

        await sign_in(site, browser)
        again = await browser.get("/account/sign-in?to=/account/packages/TALK")
        assert again.headers["location"] == "/account/packages/TALK"


async def buy(browser: Any, code: str, **fields: str) -> Any:
    """Buy a package with a fresh form."""
    page = await browser.get(f"/account/packages/{code}?lang=en")
    assert page.status_code == 200
    data = {"token": token_of(page), **fields}
    return await browser.post(f"/account/packages/{code}?lang=en", data=data)


async def test_a_package_is_bought_once_and_shown_with_what_is_left(site: Site) -> None:
    await add_line(site.engine, site.database, BOB, opening_micros=40 * RM)
    async with client_of(site) as browser:
        await sign_in(site, browser, "011-2345678")
        page = await browser.get("/account/packages/DATA30?lang=en")
        assert "1 GB of data (social applications, x-1)" in text_of(page)
        data = {"token": token_of(page), "renews": "yes"}

        first = await browser.post("/account/packages/DATA30?lang=en", data=data)
        again = await browser.post("/account/packages/DATA30?lang=en", data=data)
        account = await browser.get(first.headers["location"])
        history = text_of(await browser.get("/account/history?lang=en"))

    assert (first.status_code, again.status_code) == (303, 303)
    assert await site.database.fetch_value("SELECT count(*) FROM subscription") == 1
    said = text_of(account)
    assert "Month en" in said
    assert "1 GB of data left of 1 GB of data (social applications, x-1)" in said
    assert 'value="100"' in account.text
    assert "Renewed when it ends, last for RM30.00." in said
    assert "RM10.00" in said
    assert "Package bought" in history


async def test_a_renewal_is_switched_off_and_on(site: Site) -> None:
    await add_line(site.engine, site.database, BOB, opening_micros=40 * RM)
    async with client_of(site) as browser:
        await sign_in(site, browser, "011-2345678")
        await buy(browser, "DATA30", renews="yes")

        for renews, said in (("no", "Ends for good"), ("yes", "Renewed when it ends")):
            sent = await browser.post(
                "/account/renewals?lang=en", data={"number": "1", "renews": renews}
            )
            assert sent.status_code == 303
            assert said in text_of(await browser.get("/account?lang=en"))
        none = await browser.post("/account/renewals", data={"number": "9", "renews": "no"})
        bad = await browser.post("/account/renewals", data={"number": "x", "renews": "no"})
    assert (none.status_code, bad.status_code) == (404, 422)


async def test_what_is_missing_is_said_to_the_sen(site: Site) -> None:
    await add_line(site.engine, site.database, BOB, opening_micros=20 * RM)
    async with client_of(site) as browser:
        await sign_in(site, browser, "011-2345678")
        refused = await buy(browser, "DATA30")
        not_for_you = await buy(browser, "OTHERS")
        expired = await browser.post("/account/packages/TALK?lang=en", data={"token": "x"})
        unknown = await browser.get("/account/packages/NONE")

    assert refused.status_code == 409
    assert "Your credit is RM10.00 too low for this package." in text_of(refused)
    assert "for another plan than yours" in text_of(not_for_you)
    assert expired.status_code != 303
    assert unknown.status_code == 404
    assert await site.database.fetch_value("SELECT count(*) FROM subscription") == 0


async def test_a_form_from_another_site_buys_nothing(site: Site) -> None:
    await add_line(site.engine, site.database, BOB, opening_micros=40 * RM)
    async with client_of(site) as browser:
        await sign_in(site, browser, "011-2345678")
        page = await browser.get("/account/packages/TALK")
        sent = await browser.post(
            "/account/packages/TALK",
            data={"token": token_of(page)},
            headers={"sec-fetch-site": "cross-site"},
        )
    assert sent.status_code != 303
    assert await site.database.fetch_value("SELECT count(*) FROM subscription") == 0


async def test_a_catalogue_that_changes_while_running_is_sold_as_it_is_now(site: Site) -> None:
    async with client_of(site) as browser:
        await sign_in(site, browser)
        seen = await browser.get("/account/packages/TALK?lang=en")
        form = {"token": token_of(seen), "price": "2.00"}
        dearer = changed(PACKAGES[1], price_micros=3 * RM)
        site.engine.renew(replace(site.engine.rules, packages=(PACKAGES[0], dearer)))

        told = await browser.post("/account/packages/TALK?lang=en", data=form)
        assert told.status_code == 409
        assert "changed or taken off sale" in text_of(told)
        assert "RM3.00" in text_of(told)
        assert "RM3.00" in text_of(await browser.get("/packages?lang=en"))

        site.engine.renew(replace(site.engine.rules, packages=(PACKAGES[0],)))
        gone = await browser.post("/account/packages/TALK?lang=en", data=form | {"price": "3.00"})
        assert gone.status_code == 404
        assert "Talk" not in text_of(await browser.get("/packages?lang=en"))
    bought = await site.database.fetch_value("SELECT count(*) FROM subscription")
    assert bought == 0
