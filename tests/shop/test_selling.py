"""Selling cards and reloads from the shop's pages: read back, once, undone."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import timedelta

import msgspec
import pytest

from tambah.config import BankEntry
from tambah.domain.commands import RedeemVoucher
from tambah.domain.floats import float_reference
from tambah.domain.guessing import Audience
from tambah.domain.payment import show_reference
from tambah.engine.verifying import verify
from tambah.i18n import LANGUAGES
from tests.engine.dealers.tree import float_of
from tests.portal.conftest import field, text_of

from .conftest import ALICE, CODES, PIN, World, check, load, sell_card

RM = 1_000_000


def redeem(digits: str) -> RedeemVoucher:
    """Turn a code into credit."""
    return RedeemVoucher(
        caller="web", request_key=digits, msisdn=ALICE, digits=digits, audience=Audience.GUEST
    )


async def test_a_card_is_read_back_sold_and_worth_something(world: World) -> None:
    async with await world.enter() as browser:
        page = await browser.post("/shop/card", data={"serial": world.serial(1)})
        assert f"{world.serial(1)} Nothing is sold yet." in text_of(page)
        assert "The customer pays RM10.00 From the float RM9.70 Your commission RM0.30" in text_of(
            page
        )
        assert await world.sales() == 0
        sent = {"token": field(page, "token"), "serial": field(page, "serial")}
        answer = await browser.post("/shop/card/sell", data=sent)
        assert answer.status_code == 303
        slip = await browser.get(answer.headers["location"])

    assert f"Serial number {world.serial(1)}" in text_of(slip)
    assert "Counter 1" in text_of(slip)
    assert await float_of(world.site.database, world.tree.shop) == 90_300_000
    credited = await world.site.engine.submit(redeem(CODES[0]))
    assert credited.credited_micros == 10 * RM
    assert (await verify(world.site.database)).findings == ()


async def test_pressed_twice_at_once_and_again_it_is_one_sale(world: World) -> None:
    async with await world.enter() as browser:
        sent = await check(browser, "card", serial=world.serial(1))
        answers = await asyncio.gather(
            *(browser.post("/shop/card/sell", data=sent) for _ in range(4))
        )
        later = await browser.post("/shop/card/sell", data=sent)

    assert len({answer.headers["location"] for answer in (*answers, later)}) == 1
    assert await world.sales() == 1
    assert await float_of(world.site.database, world.tree.shop) == 90_300_000


async def test_a_reload_pressed_twice_is_one_reload_and_another_page_another(
    world: World,
) -> None:
    async with await world.enter() as browser:
        sent = await check(browser, "reload", number="012-345 6789", amount="10.00")
        answers = await asyncio.gather(
            *(browser.post("/shop/reload/load", data=sent) for _ in range(4))
        )
        assert len({answer.headers["location"] for answer in answers}) == 1
        assert await world.sales() == 1
        other = await load(browser, "0123456789", "10.00")

    assert other.headers["location"] != answers[0].headers["location"]
    assert await world.sales() == 2


async def test_a_number_is_read_back_without_name_or_balance(world: World) -> None:
    async with await world.enter() as browser:
        page = await browser.post(
            "/shop/reload", data={"number": "+60 12 345 6789", "amount": "10.00"}
        )

    assert "012-345 6789 A number of ours that can be reloaded." in text_of(page)


@pytest.mark.parametrize(
    ("what", "typed", "status", "said"),
    [
        ("card", {"serial": "nonsense"}, 404, "serial number"),
        ("card", {"serial": "0999-00000001"}, 404, "serial number"),
        ("reload", {"number": "123", "amount": "10.00"}, 422, "number"),
        ("reload", {"number": "0187654321", "amount": "10.00"}, 404, "number"),
        ("reload", {"number": "0123456789"}, 422, "amount"),
    ],
)
async def test_what_cannot_be_sold_is_said_before_the_read_back(
    world: World, what: str, typed: dict[str, str], status: int, said: str
) -> None:
    async with await world.enter() as browser:
        page = await browser.post(f"/shop/{what}", data=typed)

    assert page.status_code == status
    assert 'role="alert"' in page.text
    assert said in text_of(page).lower()


async def test_a_recharge_code_in_the_wrong_field_is_not_shown_again(world: World) -> None:
    async with await world.enter() as browser:
        page = await browser.post("/shop/card", data={"serial": CODES[0]})

    assert page.status_code == 404
    assert CODES[0] not in page.text


async def test_a_card_sold_by_hand_is_undone_and_sold_again(world: World) -> None:
    async with await world.enter() as browser:
        place = (await sell_card(browser, world.serial(1))).headers["location"]
        undone = await browser.post(f"{place}/undo")
        assert (undone.status_code, undone.headers["location"]) == (303, place)
        again = await browser.post(f"{place}/undo")
        assert again.status_code == 303
        assert "Sale undone" in text_of(await browser.get(place))
        assert (await sell_card(browser, world.serial(1))).status_code == 303
        shown = text_of(await browser.get("/shop/sales"))

    assert shown.count(world.serial(1)) == 2
    assert await float_of(world.site.database, world.tree.shop) == 90_300_000
    assert (await verify(world.site.database)).findings == ()


async def test_a_used_card_is_not_undone(world: World) -> None:
    async with await world.enter() as browser:
        place = (await sell_card(browser, world.serial(1))).headers["location"]
        await world.site.engine.submit(redeem(CODES[0]))
        page = await browser.post(f"{place}/undo")
        shown = text_of(await browser.get("/shop/sales"))

    assert page.status_code == 409
    assert 'role="alert"' in page.text
    assert "Sold, used" in shown


async def test_after_a_pause_the_pin_is_asked_and_a_wrong_one_sells_nothing(world: World) -> None:
    async with await world.enter() as browser:
        world.clock.ahead = timedelta(minutes=16)
        page = await browser.post("/shop/card", data={"serial": world.serial(1)})
        assert "Your PIN" in text_of(page)
        sent = {"token": field(page, "token"), "serial": world.serial(1)}
        for pin in ("", "402959"):
            refused = await browser.post("/shop/card/sell", data=sent | {"pin": pin})
            assert refused.status_code == 422
            assert field(refused, "token") == sent["token"]
        assert await world.sales() == 0
        sold = await browser.post("/shop/card/sell", data=sent | {"pin": PIN})
        assert sold.status_code == 303
        # Not again while it is fresh.
        assert (await sell_card(browser, world.serial(2))).status_code == 303


async def test_a_token_of_nobody_sells_nothing(world: World) -> None:
    async with await world.enter() as browser:
        page = await browser.post(
            "/shop/card/sell", data={"token": "made up", "serial": world.serial(1)}
        )

    assert page.status_code == 422
    assert await world.sales() == 0


async def test_home_shows_float_and_what_was_earned_today(world: World) -> None:
    async with await world.enter() as browser:
        await sell_card(browser, world.serial(1))
        await load(browser, "0123456789", "10.00")
        page = text_of(await browser.get("/shop"))

    assert "Float available RM80.60" in page
    assert "Sales 2 Sold RM20.00 Commission RM0.60" in page


async def test_a_sale_of_another_dealer_is_nowhere(world: World) -> None:
    async with await world.enter() as browser:
        place = (await sell_card(browser, world.serial(1))).headers["location"]
    await world.site.database.execute("UPDATE seller SET partner_id = $1", world.tree.till)
    async with await world.enter() as browser:
        for answer in (await browser.get(place), await browser.post(f"{place}/undo")):
            assert answer.status_code == 404


async def test_a_shop_is_told_how_to_buy_float(world: World) -> None:
    plain = world.site
    account = BankEntry(bank_name="Demo Bank", account_name="Testel", account_number="5140 1234")
    world.site = dataclasses.replace(
        plain, operator=msgspec.structs.replace(plain.operator, bank=account)
    )
    async with await world.enter() as browser:
        assert "/shop/float" in (await browser.get("/shop")).text
        for tag in LANGUAGES:
            page = await browser.get(f"/shop/float?lang={tag}")
            assert page.status_code == 200
            assert show_reference(float_reference(world.tree.shop)) in page.text
            assert "5140 1234" in page.text
    world.site = plain
    async with await world.enter() as browser:
        page = await browser.get("/shop/float?lang=en")
        assert "takes no bank transfers" in page.text
