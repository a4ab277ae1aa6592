"""The page of a line's SIM: whom it shows an eSIM's code, how often, and what it leaves behind."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from structlog.testing import capture_logs

from tambah.domain.actor import Actor
from tambah.domain.commands import BarLine
from tambah.domain.esim import parse_activation_code
from tambah.domain.sim import Sim, SimKind
from tambah.domain.sim_commands import ReplaceSim, ReportInstalled
from tambah.engine.secret_params import open_params
from tambah.engine.sims import seal_code
from tambah.portal.sims import draw_code
from tambah.store.ledger import sims
from tambah.web.site import Site
from tests.engine.books import add_line

from .conftest import ALICE, TYPED_NUMBER, client_of, text_of

STAFF = Actor(who="test", why="Ticket 7")
CARD, ESIM, SPARE = "8960000000000000007", "8960000000000000023", "8960000000000000015"
SECRET = "QX7F2-9KLM4-Z8W3T"
CODE = f"LPA:1$SMDP.EXAMPLE.COM${SECRET}"
BOB, BOBS_NUMBER = 60112345678, "011-234 5678"


@pytest.fixture
async def house(site: Site) -> Site:
    """Return the site with Alice's line on an eSIM, and Bob's on a card."""
    connection = await site.database.connect_writer()
    code = parse_activation_code(CODE)
    esim = Sim(
        iccid=ESIM,
        kind=SimKind.ESIM,
        smdp_address=code.smdp_address,
        sealed=seal_code(site.keys, ESIM, code),
    )
    async with connection.transaction():
        await sims.insert_sims(connection, [esim, Sim(iccid=SPARE)])
    await connection.close()
    await add_line(site.engine, site.database, BOB, iccid=CARD)
    await replace_sim(site, ALICE, ESIM)
    await site.database.execute("UPDATE line SET hold_until = NULL")
    return site


async def replace_sim(site: Site, msisdn: int, iccid: str) -> None:
    command = ReplaceSim(caller="test", request_key=iccid, msisdn=msisdn, iccid=iccid, actor=STAFF)
    await site.engine.submit(command)


async def sign_in(site: Site, visitor: httpx.AsyncClient, number: str = TYPED_NUMBER) -> None:
    await visitor.post("/account/sign-in", data={"number": number})
    rows = await site.database.fetch(
        "SELECT sealed FROM outbox WHERE template = 'sign_in_code' AND sealed IS NOT NULL"
        " ORDER BY at DESC, number DESC LIMIT 1"
    )
    code = open_params(site.keys, rows[0][0])["code"]
    proved = await visitor.post("/account/sign-in/code", data={"code": code})
    assert proved.status_code == 303


@pytest.fixture
async def alice(house: Site) -> AsyncIterator[httpx.AsyncClient]:
    """Return Alice's browser, signed in."""
    async with client_of(house) as client:
        await sign_in(house, client)
        yield client


@pytest.fixture
async def bob(house: Site) -> AsyncIterator[httpx.AsyncClient]:
    """Return Bob's browser, signed in."""
    async with client_of(house) as client:
        await sign_in(house, client, BOBS_NUMBER)
        yield client


async def grow_stale(site: Site) -> None:
    await site.database.execute("UPDATE session SET proved_at = now() - interval '10 minutes'")


async def test_the_page_names_the_sim_by_its_last_digits_alone(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    page = await alice.get("/account/sim")
    assert page.headers["cache-control"] == "no-store"
    assert "ends in 0023" in text_of(page)
    assert "Show my activation code" in text_of(page)
    for secret in (ESIM, SECRET, "SMDP.EXAMPLE.COM"):
        assert secret not in page.text
    card = await bob.get("/account/sim")
    assert "ends in 0007" in text_of(card)
    assert "activation code" not in text_of(card)


async def test_the_code_is_shown_as_text_picture_and_links(alice: httpx.AsyncClient) -> None:
    page = await alice.post("/account/sim/code")
    assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
    assert page.headers["referrer-policy"] == "no-referrer"
    assert f'<code id="lpa">{CODE}</code>' in page.text
    assert '<svg role="img" ' in page.text
    links = re.findall(r'<a class="go" href="([^"]+)" rel="noreferrer noopener">', page.text)
    parts = [urlsplit(html.unescape(link)) for link in links]
    assert [(one.scheme, one.hostname, one.path) for one in parts] == [
        ("https", "esimsetup.apple.com", "/esim_qrcode_provisioning"),
        ("https", "esimsetup.android.com", "/esim_qrcode_provisioning"),
    ]
    assert [parse_qs(one.query) for one in parts] == [{"carddata": [CODE]}] * 2


async def test_the_code_is_shown_again_only_after_a_fresh_password(
    house: Site, alice: httpx.AsyncClient
) -> None:
    await grow_stale(house)
    assert SECRET in (await alice.post("/account/sim/code")).text

    again = await alice.post("/account/sim/code")

    assert (again.status_code, again.headers["location"]) == (
        303,
        "/account/sign-in/again?to=/account/sim",
    )
    assert SECRET not in again.text
    page = await alice.get("/account/sim")
    assert "Show it again" in text_of(page)
    await sign_in(house, alice)
    assert SECRET in (await alice.post("/account/sim/code")).text
    audits = await house.database.fetch(
        "SELECT who, subject FROM audit WHERE action = 'ShowEsimCode'"
    )
    line_id = await house.database.fetch_value(
        "SELECT line_id FROM number WHERE msisdn = $1", ALICE
    )
    assert [tuple(row) for row in audits] == [("subscriber", f"line:{line_id}")] * 2


async def test_nobody_else_reaches_the_code(house: Site, bob: httpx.AsyncClient) -> None:
    refused = await bob.post("/account/sim/code", data={"iccid": ESIM, "line_id": "1"})
    assert refused.status_code == 409
    assert "There is no eSIM code to show" in text_of(refused)
    assert SECRET not in refused.text
    async with client_of(house) as stranger:
        for answer in (
            await stranger.get("/account/sim"),
            await stranger.post("/account/sim/code"),
        ):
            assert (answer.status_code, answer.headers["location"]) == (303, "/account/sign-in")


async def test_another_site_s_form_is_refused(alice: httpx.AsyncClient) -> None:
    answer = await alice.post("/account/sim/code", headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 422
    assert SECRET not in answer.text


async def test_an_address_shows_no_code(alice: httpx.AsyncClient) -> None:
    answer = await alice.get("/account/sim/code?lang=ms")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account/sim?lang=ms")


async def test_while_the_hold_lasts_the_code_is_not_shown_again(
    house: Site, alice: httpx.AsyncClient
) -> None:
    await alice.post("/account/sim/code")
    await house.database.execute("UPDATE line SET hold_until = now() + interval '1 day'")
    page = await alice.get("/account/sim")
    assert "some changes have to wait until" in text_of(page)
    assert "Show it again" not in text_of(page)
    refused = await alice.post("/account/sim/code")
    assert refused.status_code == 409
    assert SECRET not in refused.text
    assert "For your safety" in text_of(refused)


async def test_who_was_signed_in_is_not_any_more_once_the_sim_is_replaced(
    house: Site, alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    await replace_sim(house, ALICE, SPARE)
    assert (await alice.get("/account/sim")).headers["location"] == "/account/sign-in"
    assert (await bob.get("/account/sim")).status_code == 200
    await sign_in(house, alice)
    page = await alice.get("/account/sim")
    assert "ends in 0015" in text_of(page)
    assert "For your safety" in text_of(page)


async def test_a_barred_line_shows_no_code(house: Site, alice: httpx.AsyncClient) -> None:
    await house.engine.submit(
        BarLine(caller="test", request_key="bar", msisdn=ALICE, barred=True, actor=STAFF)
    )
    refused = await alice.post("/account/sim/code")
    assert refused.status_code == 409
    assert SECRET not in refused.text


async def test_the_page_of_an_installed_esim_says_since_when(
    house: Site, alice: httpx.AsyncClient
) -> None:
    line_id = await house.database.fetch_value(
        "SELECT line_id FROM number WHERE msisdn = $1", ALICE
    )
    await house.engine.submit(ReportInstalled(line_id=line_id, iccid=ESIM, actor=STAFF))
    page = text_of(await alice.get("/account/sim"))
    assert "On your phone since" in page
    assert "used and erased" in page


async def test_a_line_whose_sim_is_not_known_says_so(
    house: Site, alice: httpx.AsyncClient
) -> None:
    await house.database.execute("UPDATE line SET iccid = NULL")
    assert "no SIM on record" in text_of(await alice.get("/account/sim"))


async def test_the_help_is_for_everybody(empty_pages: httpx.AsyncClient) -> None:
    page = await empty_pages.get("/account/sim/help")
    assert page.status_code == 200
    for family in ("iPhone", "Samsung Galaxy", "Google Pixel", "Huawei"):
        assert family in text_of(page)


def test_a_code_that_needs_a_confirmation_code_says_so_in_its_links() -> None:
    drawn = draw_code(parse_activation_code(f"{CODE}$$1"), "QR")
    assert drawn.iphone_url.endswith(f"carddata={CODE}$$1")


async def test_the_secret_is_left_nowhere(house: Site, alice: httpx.AsyncClient) -> None:
    with capture_logs() as logged:
        assert SECRET in (await alice.post("/account/sim/code")).text
        await grow_stale(house)
        await alice.post("/account/sim/code")
        await replace_sim(house, ALICE, SPARE)
    assert SECRET not in repr(logged)
    for name, text in (await everything(house)).items():
        for form in (SECRET, SECRET.encode().hex(), SECRET.replace("-", "")):
            assert form.lower() not in text.lower(), name


async def everything(site: Site) -> dict[str, str]:
    """Return all that the database holds, by table."""
    found: dict[str, str] = {}
    database: Any = site.database
    for row in await database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        rows = await database.fetch(f"SELECT t::text FROM {row[0]} AS t")
        found[row[0]] = "\n".join(r[0] for r in rows)
    assert "sim" in found
    return found
