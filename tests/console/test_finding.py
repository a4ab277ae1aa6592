"""The search box: whatever names a record leads straight to it, as far as a role goes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tambah.domain.actor import Actor
from tambah.domain.commands import AdjustCredit, BarLine, OpenPayment, RedeemVoucher, TopUp
from tambah.domain.guessing import Audience
from tambah.domain.line import Language
from tambah.domain.numbering import luhn_remainder
from tambah.domain.payment import ProviderId, show_reference
from tambah.domain.staff import Role
from tambah.domain.ticket import Category, show_ticket
from tambah.engine.operator import ticket_rule
from tambah.engine.tickets import Added, Facts, NewTicket, open_ticket
from tambah.i18n import LANGUAGES, texts
from tambah.store.tickets import tie_ticket
from tambah.store.views.lines import find_line_id
from tests.conftest import RM
from tests.engine.books import add_partner
from tests.portal.conftest import WRONG, text_of

from .conftest import ALICE, BOB, CODES, World

ADMIN = Actor(who="cli:test", why="ticket 7")


async def search(browser: httpx.AsyncClient, typed: str) -> httpx.Response:
    """Type something into the box and press the button."""
    return await browser.post("/console/search", data={"q": typed})


async def redeem(world: World, code: str, msisdn: int = ALICE) -> Any:
    """Redeem a card for a line."""
    return await world.site.engine.submit(
        RedeemVoucher(
            caller="test", request_key=code, msisdn=msisdn, digits=code, audience=Audience.OWN
        )
    )


async def pay(world: World) -> str:
    """Open a payment for Alice; return its reference."""
    opened = await world.site.engine.submit(
        OpenPayment(
            caller="test",
            request_key="pay",
            msisdn=ALICE,
            amount_micros=30 * RM,
            provider=ProviderId.SANDBOX,
            method="sandbox",
        )
    )
    return opened.reference


async def ask(world: World, **more: Any) -> str:
    """Open a ticket about Alice's line; return its reference."""
    site = world.site
    new = NewTicket(
        facts=Facts(msisdn=ALICE),
        category=Category.OTHER,
        language=Language.EN,
        first=Added(form=b"form", text="Where is my credit?", **more),
    )
    rule, now = ticket_rule(site.operator), site.clock.now() - timedelta(days=9)
    ticket = await open_ticket(site.database, site.keys, rule, new, now)
    line_id = await find_line_id(site.database, ALICE)
    assert line_id is not None
    await tie_ticket(site.database, ticket.reference, line_id)
    return ticket.reference


def an_iccid() -> str:
    """Return a well-formed number of a SIM."""
    stem = "896099000000000000"
    return next(stem + d for d in "0123456789" if luhn_remainder(stem + d) == 0)


async def put_sim(world: World) -> str:
    """Put Alice's line on a SIM of the stock."""
    database, iccid = world.site.database, an_iccid()
    line_id = await find_line_id(database, ALICE)
    await database.execute(
        """
        INSERT INTO sim (iccid, kind, state, line_id, smdp_address, digest, shown, assigned_at)
        VALUES ($1, 1, 2, $2, '', '', 0, now())
        """,
        iccid,
        line_id,
    )
    await database.execute("UPDATE line SET iccid = $1 WHERE line_id = $2", iccid, line_id)
    return iccid


@pytest.mark.parametrize(
    "typed",
    ["0123456789", "012-345 6789", "+60 12 345 6789", "60123456789", "０１２３４５６７８９"],
)
async def test_a_number_in_any_writing_leads_to_its_line(world: World, typed: str) -> None:
    async with await world.enter_as(Role.CARE) as browser:
        answer = await search(browser, f"  {typed} ")

    assert (answer.status_code, answer.headers["location"]) == (303, f"/console/lines/{ALICE}")


async def test_every_name_of_a_record_leads_to_it(world: World) -> None:
    receipt = (await redeem(world, CODES[0])).receipt
    payment, ticket, iccid = await pay(world), await ask(world), await put_sim(world)
    line = f"/console/lines/{ALICE}"
    expected = {
        "0001-00000002": "/console/vouchers/0001-00000002",
        "000100000002": "/console/vouchers/0001-00000002",
        payment: f"/console/payments/{payment}",
        show_reference(payment).lower(): f"/console/payments/{payment}",
        show_ticket(ticket): f"/console/tickets/{ticket}",
        receipt: line,
        receipt.lower(): line,
        iccid: f"/console/sims/{iccid}",
    }
    async with await world.enter_as(Role.CARE) as browser:
        found = {typed: await search(browser, typed) for typed in expected}
        assert {t: a.headers.get("location") for t, a in found.items()} == expected
        for path in set(expected.values()):
            page = await browser.get(path)
            assert page.status_code == 200
            # From each record one comes to the line, but for a card that nobody used.
            if path != line and "vouchers" not in path:
                assert f'href="{line}"' in page.text
        kept = await browser.post("/console/search?lang=ta", data={"q": iccid})
        assert kept.headers["location"] == f"/console/sims/{iccid}?lang=ta"


@pytest.mark.parametrize(
    "typed", ["0199999999", "9999-00000001", "nonsense", "<b>", "8" * 64, "no\0thing"]
)
async def test_what_names_nothing_is_said_so(world: World, typed: str) -> None:
    async with await world.enter_as(Role.CARE) as browser:
        answer = await search(browser, typed)

    assert answer.status_code == 404
    assert "Nothing found" in text_of(answer)
    assert "<b>" not in answer.text


async def test_an_empty_box_says_what_can_be_found(world: World) -> None:
    async with await world.enter_as(Role.WAREHOUSE) as browser:
        answer = await search(browser, "   ")

    assert answer.status_code == 422
    assert "serial number, 0007-00001234" in text_of(answer)
    assert "012-345 6789" not in text_of(answer)


async def test_a_recharge_code_is_neither_found_nor_written_back(world: World) -> None:
    async with await world.enter_as(Role.FINANCE) as browser:
        for typed in (CODES[0], WRONG[0]):
            answer = await search(browser, f"{typed[:4]} {typed[4:]}")
            assert answer.status_code == 404
            assert "recharge code" in text_of(answer)
            assert typed[4:] not in answer.text


async def test_care_finds_a_card_by_its_code_and_each_look_is_in_the_trail(world: World) -> None:
    async with await world.enter_as(Role.CARE) as browser:
        found = await search(browser, f"{CODES[0][:4]}-{CODES[0][4:]}")
        assert found.headers["location"] == "/console/vouchers/0001-00000001"
        missing = await search(browser, WRONG[0])
        assert missing.status_code == 404
        assert WRONG[0][4:] not in missing.text
        for _ in range(28):
            await search(browser, WRONG[0])
        assert (await search(browser, CODES[1])).status_code == 429

    rows = await world.site.database.fetch(
        "SELECT subject, before || after FROM audit WHERE action = 'FindByCode' ORDER BY seq"
    )
    assert tuple(rows[0]) == ("voucher:0001-00000001", '{}{"found":true}')
    assert len(rows) == 30
    assert not any(CODES[0] in str(tuple(row)) for row in rows)


@pytest.mark.parametrize("role", [Role.WAREHOUSE, Role.MARKETING, Role.ADMINISTRATOR])
async def test_nobody_finds_what_they_may_not_see(world: World, role: Role) -> None:
    async with await world.enter_as(role) as browser:
        answer = await search(browser, "0123456789")

    assert answer.status_code == 404


async def test_a_lines_page_tells_everything_that_happened_to_it(world: World) -> None:
    site = world.site
    partner_id = await add_partner(site.database)
    await redeem(world, CODES[0])
    await site.engine.submit(
        TopUp(
            caller="shop",
            request_key="1",
            msisdn=ALICE,
            partner_id=partner_id,
            amount_micros=30 * RM,
            reference="till-1",
        )
    )
    await site.engine.submit(
        AdjustCredit(caller="a", request_key="2", msisdn=ALICE, amount_micros=-3 * RM, actor=ADMIN)
    )
    await site.engine.submit(
        BarLine(caller="a", request_key="3", msisdn=ALICE, barred=True, actor=ADMIN)
    )
    ticket, iccid = await ask(world), await put_sim(world)
    await site.database.execute(
        "UPDATE line SET own_wrong = 3, guest_locked_until = now() + interval '9 minutes'"
    )
    async with await world.enter_as(Role.CARE) as browser:
        page = await browser.get(f"/console/lines/{ALICE}")
    said = text_of(page)
    assert page.status_code == 200
    for part in (
        "012-345 6789",
        "active · barred",
        "Credit RM37.00",
        "RM2.00 until",
        "Active until",
        "Grace period until",
        "Kept for the owner until",
        "Recharge codes, owner 3 wrong",
        "Recharge codes, guests locked until",
        show_ticket(ticket),
        "late",
        iccid,
        "cli:test: put credit right",
        "cli:test: barred the line or lifted the bar",
        "ticket 7",
        "SMS credited",
        "+RM30.00",
        "−RM3.00",
        "MYT",
    ):
        assert part in said, part


@pytest.mark.parametrize(
    ("role", "sees", "does_not"),
    [
        (Role.NETWORK, ["SIM card"], ["Open tickets", "Recent payments"]),
        (Role.FINANCE, ["Recent payments"], ["Open tickets", "SIM card"]),
    ],
)
async def test_a_role_sees_of_a_line_what_it_may(
    world: World, role: Role, sees: list[str], does_not: list[str]
) -> None:
    async with await world.enter_as(role) as browser:
        said = text_of(await browser.get(f"/console/lines/{ALICE}"))

    assert [part for part in sees if part not in said] == []
    assert [part for part in does_not if part in said] == []


async def test_a_card_says_why_it_does_not_redeem_and_who_used_it(world: World) -> None:
    await redeem(world, CODES[0])
    await world.site.database.execute("UPDATE voucher SET state = 4 WHERE number = 2")
    async with await world.enter_as(Role.WAREHOUSE) as browser:
        used = await browser.get("/console/vouchers/0001-00000001")
        locked = await browser.get("/console/vouchers/0001-00000002")
        good = await browser.get("/console/vouchers/0001-00000003")
        nothing = await browser.get("/console/vouchers/0001-00000009")

    assert "It has been used. " in text_of(used)
    assert f'href="/console/lines/{ALICE}"' in used.text
    assert "It is locked." in text_of(locked)
    assert "Why it does not redeem" not in text_of(good)
    assert nothing.status_code == 404
    assert [code for code in CODES if code in used.text + locked.text + good.text] == []


async def test_a_card_of_a_line_that_is_gone_leads_nowhere(world: World) -> None:
    """A recycled number is a new line: nothing of the old one may show there."""
    await redeem(world, CODES[0])
    await world.site.database.execute("UPDATE number SET line_id = 999")
    async with await world.enter_as(Role.CARE) as browser:
        used = await browser.get("/console/vouchers/0001-00000001")

    assert "012-345 6789" in text_of(used)
    assert "/console/lines/" not in used.text


async def test_numbers_that_are_nobodys_and_nonsense_are_not_found(world: World) -> None:
    async with await world.enter_as(Role.CARE) as browser:
        assert (await browser.get(f"/console/lines/{BOB}")).status_code == 404
        told = {
            (await browser.get(f"/console/{kind}/nonsense")).status_code
            for kind in ("lines", "vouchers", "payments", "tickets", "sims")
        }

    assert told <= {404, 422}


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_records_are_told_in_the_readers_language(world: World, tag: str) -> None:
    payment, ticket = await pay(world), await ask(world)
    said = texts(tag)
    async with await world.enter_as(Role.AUDITOR) as browser:
        for path, word in (
            (f"/console/lines/{ALICE}", "console.line.events"),
            (f"/console/payments/{payment}", "console.fact.pays"),
            (f"/console/tickets/{ticket}", "console.fact.due"),
            ("/console/vouchers/0001-00000001", "console.fact.sold"),
        ):
            page = await browser.get(f"{path}?lang={tag}")
            assert (page.status_code, said.get(word) in page.text) == (200, True)
