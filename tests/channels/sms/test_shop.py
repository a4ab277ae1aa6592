"""Selling by SMS: a card at once, a number after its read-back, each message once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from structlog.testing import capture_logs

from tambah.channels.attendant import Attendant
from tambah.channels.sms.answering import SHOP_MESSAGES_HOURLY, SmsDoor
from tambah.channels.sms.inbound import InboundSms
from tambah.channels.sms.shop import REFUSED
from tambah.channels.sms.shop_words import KEYWORDS, Ask, read_shop_request
from tambah.engine.clock import Clock
from tambah.engine.sellers import new_pin
from tambah.engine.verifying import verify
from tambah.i18n.sms_linter import TO_SELLERS
from tambah.web.site import Site
from tests.engine.dealers.tree import STAFF, float_of
from tests.portal.conftest import CODES as CARDS
from tests.shop.conftest import PIN, SHOP, World
from tests.shop.conftest import quick as quick
from tests.shop.conftest import world as world

GATEWAY = "smsc"
Told = list[tuple[str, dict[str, str | int]]]


def door_of(site: Site, *trusted: str) -> SmsDoor:
    """Return a process's door."""
    return SmsDoor(site, Attendant(site), trusted=trusted or (GATEWAY,))


def sms(text: str, *, sender: int = SHOP, gateway: str = GATEWAY) -> InboundSms:
    """Return a message from the shop, unless told."""
    return InboundSms(
        gateway=gateway, sender=f"+{sender}", text=text, message_id=None, at=datetime.now(UTC)
    )


def ahead(world: World, by: timedelta) -> Site:
    """Return the site with its doors' clock put forward."""
    return replace(world.site, clock=Clock(by))


@pytest.fixture(autouse=True)
def present(world: World) -> None:
    """Use the present: inbound messages are of now."""
    world.site = replace(world.site, clock=Clock())


async def told(world: World) -> Told:
    """Return template and params of what waits for the seller, in order."""
    rows = await world.site.database.fetch(
        "SELECT template, params::text FROM outbox WHERE line_id = $1 AND msisdn = $2"
        " ORDER BY number",
        world.seller.seller_id,
        SHOP,
    )
    return [(row[0], msgspec.json.decode(row[1])) for row in rows]


async def test_a_card_is_sold_at_once_and_answered_with_the_float(world: World) -> None:
    await door_of(world.site).answer(sms(f"sell {world.serial(3)} {PIN}"))

    [(template, params)] = await told(world)
    assert (template, params["card"], params["float_micros"]) == (
        "shop_sold",
        "*0003",
        90_300_000,
    )
    sale = await world.site.database.fetch_row("SELECT reference, terminal FROM dealer_sale")
    assert sale is not None
    assert (sale[0], sale[1]) == (params["reference"], "Counter 1")


async def test_a_message_delivered_five_times_to_two_processes_is_one_sale(world: World) -> None:
    doors = [door_of(world.site), door_of(world.site)]
    message = sms(f"JUAL {world.serial(1)} {PIN}")
    await asyncio.gather(*(doors[n % 2].answer(message) for n in range(5)))
    await doors[0].answer(message)

    assert [one[0] for one in await told(world)] == ["shop_sold"]
    assert await world.sales() == 1


async def test_a_number_is_read_back_and_loaded_after_yes_once(world: World) -> None:
    door = door_of(world.site)
    await door.answer(sms(f"LOAD 012-345 6789 10 {PIN}"))
    [(template, params)] = await told(world)
    assert (template, params["number"]) == ("shop_confirm", "012-*** 6789")
    assert await world.sales() == 0

    await door.answer(sms(f"YES {params['code']}"))
    await door.answer(sms(f"ya {params['code']}"))

    assert [one[0] for one in await told(world)] == ["shop_confirm", "shop_loaded", "shop_loaded"]
    assert await world.sales() == 1
    assert await float_of(world.site.database, world.tree.shop) == 90_300_000
    assert (await verify(world.site.database)).findings == ()


async def test_a_yes_that_is_late_wrong_or_for_nothing_loads_nothing(world: World) -> None:
    door = door_of(world.site)
    await door.answer(sms("YES 1234"))
    await door.answer(sms(f"TAMBAH 0123456789 RM10 {PIN}"))
    code = str((await told(world))[1][1]["code"])
    await door.answer(sms(f"YES {(int(code) + 1) % 10_000:04d}"))
    late = door_of(ahead(world, timedelta(minutes=11)))
    await late.answer(sms(f"YES {code}"))

    templates = [one[0] for one in await told(world)]
    assert templates == [
        "shop_nothing_waits",
        "shop_confirm",
        "shop_nothing_waits",
        "shop_nothing_waits",
    ]
    assert await world.sales() == 0


async def test_wrong_pins_lock_for_both_doors_and_one_message_counts_once(world: World) -> None:
    door = door_of(world.site)
    for wrong in range(5):
        for _ in range(2):
            await door.answer(sms(f"SELL {world.serial(1)} 11122{wrong}"))
    await door.answer(sms(f"SELL {world.serial(1)} {PIN}"))

    assert [one[0] for one in await told(world)] == ["shop_pin_wrong"] * 6
    assert await world.sales() == 0
    assert await world.site.database.fetch_value("SELECT wrong FROM seller") == 5


@pytest.mark.parametrize(
    ("text", "template"),
    [
        (f"SELL 0999-00000001 {PIN}", "shop_card_unknown"),
        (f"LOAD 0198765432 10 {PIN}", "shop_number_refused"),
        (f"LOAD 0123456789 9000 {PIN}", "shop_amount_refused"),
        (f"LOAD 0123456789 ten {PIN}", "shop_amount_refused"),
        (f"PIN {PIN} 123456", "shop_pin_weak"),
        (f"PIN {PIN} {PIN}", "shop_pin_weak"),
        ("PIN 111222 835204", "shop_pin_wrong"),
        (f"PIN {PIN} 835204", "shop_pin_changed"),
        ("SELL", "shop_help"),
        ("KEDAI", "shop_help"),
    ],
)
async def test_whatever_else_is_asked_is_answered(world: World, text: str, template: str) -> None:
    await door_of(world.site).answer(sms(text))

    assert [one[0] for one in await told(world)] == [template]


async def test_a_float_that_is_too_low_says_so(world: World) -> None:
    await world.site.database.execute("UPDATE partner SET most_micros = 900000000")
    door = door_of(world.site)
    for number in range(1, 12):
        await door.answer(sms(f"SELL {world.serial(number)} {PIN}"))

    assert (await told(world))[-1][0] == "shop_float_low"


async def test_the_first_pin_sells_nothing_by_sms(world: World) -> None:
    _, start = await new_pin(world.site.database, SHOP, actor=STAFF)
    await door_of(world.site).answer(sms(f"SELL {world.serial(1)} {start}"))

    assert [one[0] for one in await told(world)] == ["shop_pin_first"]
    assert await world.sales() == 0


async def test_the_last_three_are_told(world: World) -> None:
    door = door_of(world.site)
    await door.answer(sms(f"SELL {world.serial(7)} {PIN}"))
    await door.answer(sms("LAST"))

    assert (await told(world))[1] == ("shop_last", {"one": "RM10 *0007", "two": "-", "three": "-"})


@pytest.mark.parametrize("sender", [60123456789, 60199999999])
async def test_nobody_else_sells(world: World, sender: int) -> None:
    await door_of(world.site).answer(sms(f"SELL {world.serial(1)} {PIN}", sender=sender))

    assert await world.sales() == 0
    assert await told(world) == []


async def test_a_gateway_whose_senders_are_not_believed_sells_nothing(world: World) -> None:
    await door_of(world.site).answer(sms(f"SELL {world.serial(1)} {PIN}", gateway="stranger"))

    assert await world.sales() == 0
    assert await told(world) == []


async def test_a_seller_is_answered_so_often_an_hour(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert SHOP_MESSAGES_HOURLY > 60
    monkeypatch.setattr("tambah.channels.sms.answering.SHOP_MESSAGES_HOURLY", 2)
    door = door_of(world.site)
    for text in ("LAST", "SHOP", "KEDAI"):
        await door.answer(sms(text))

    assert len(await told(world)) == 2


async def test_no_pin_stands_in_a_log_or_in_the_database(world: World) -> None:
    with capture_logs() as logs:
        door = door_of(world.site)
        await door.answer(sms(f"SELL {world.serial(1)} {PIN}"))
        await door.answer(sms(f"LOAD 0123456789 10 {PIN}"))
    rows = [
        row[0]
        for table in ("inbound_sms", "conversation", "outbox", "audit", "request", "dealer_sale")
        for row in await world.site.database.fetch(f"SELECT t::text FROM {table} AS t")  # type: ignore[arg-type]
    ]

    assert rows
    assert PIN not in str(logs)
    assert not any(PIN in row for row in rows)


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("keyword", ["TAMBAH", "RELOAD"])
def test_a_recharge_code_is_no_load(card: str, keyword: str) -> None:
    in_fours = " ".join(card[at : at + 4] for at in range(0, 16, 4))

    assert read_shop_request(f"{keyword} {card}") is None
    assert read_shop_request(f"{keyword} {in_fours}") is None


def test_every_keyword_is_read_in_any_case() -> None:
    assert {read_shop_request(word.lower()).ask for word in KEYWORDS[Ask.SELL]} == {  # type: ignore[union-attr]
        Ask.HELP
    }
    assert read_shop_request("") is None
    assert read_shop_request("BAL") is None


def test_every_refusal_is_told_by_a_message_there_is() -> None:
    assert set(REFUSED.values()) <= set(TO_SELLERS)
