"""Connections: who is let in, what is answered to what cannot be taken, how one parts."""

from __future__ import annotations

import asyncio

import pytest

from tambah.charging.diameter.avps import group, make
from tambah.charging.diameter.names import (
    AUTH_APPLICATION_ID,
    CC_REQUEST_NUMBER,
    CC_REQUEST_TYPE,
    DESTINATION_HOST,
    DESTINATION_REALM,
    DISCONNECT_CAUSE,
    FAILED_AVP,
    INBAND_SECURITY_ID,
    MULTIPLE_SERVICES_CREDIT_CONTROL,
    ORIGIN_HOST,
    ORIGIN_STATE_ID,
    PRODUCT_NAME,
    PROXY_INFO,
    REQUESTED_ACTION,
    SERVICE_CONTEXT_ID,
    SUBSCRIPTION_ID,
    VENDOR_ID,
    VENDOR_SPECIFIC_APPLICATION_ID,
    Command,
    Name,
    RequestType,
)
from tambah.charging.diameter.server import DiameterServer
from tambah.config import DiameterPeerEntry
from tambah.desks.charging import ChargingDesk
from tambah.domain.rules import Rules
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.store.database import Database
from tests.charging.diameter.client import DATA, Client, Message, Session, service
from tests.charging.diameter.conftest import Credit
from tests.charging.diameter.world import CORE, PGW, RELAY, RM, entry

INITIAL = RequestType.INITIAL


def failed(message: Message) -> tuple[int | None, Name | None]:
    """Return the result, and what a message says is wrong."""
    found = message.fields.first(FAILED_AVP)
    if found is None:
        return message.result, None
    (inner,) = message.under(FAILED_AVP).avps
    return message.result, Name(inner.code, inner.vendor_id)


async def test_capabilities_are_exchanged(where: str) -> None:
    client = await Client.to(where)

    answer = await client.introduce()
    again = await client.introduce()

    assert (answer.result, again.result, answer.header.is_error) == (2001, 2001, False)
    assert answer.fields.number(AUTH_APPLICATION_ID) == 4
    assert answer.fields.text(PRODUCT_NAME) == "Tambah"
    product = answer.fields.first(PRODUCT_NAME)
    assert product is not None
    assert not product.is_mandatory
    await client.close()


async def test_a_relay_and_a_vendor_specific_application_are_let_in(where: str) -> None:
    relay = await Client.to(where, RELAY)
    gateway = await Client.to(where)
    three = group(
        VENDOR_SPECIFIC_APPLICATION_ID, make(VENDOR_ID, 10415), make(AUTH_APPLICATION_ID, 4)
    )

    by_relay = await relay.introduce(application=0xFFFFFFFF)
    by_vendor = await gateway.introduce(three, application=16777238)

    assert (by_relay.result, by_vendor.result) == (2001, 2001)
    await relay.close()
    await gateway.close()


@pytest.mark.parametrize(
    ("host", "realm", "application", "more", "result"),
    [
        ("stranger.core.test", CORE, 4, [], 3010),
        (PGW, "elsewhere.test", 4, [], 3010),
        (PGW, CORE, 16777238, [], 5010),
        (PGW, CORE, 4, [make(INBAND_SECURITY_ID, 1)], 5017),
    ],
)
async def test_who_is_not_known_is_told_and_let_go(
    where: str, host: str, realm: str, application: int, more: list[object], result: int
) -> None:
    client = await Client.to(where, host, realm)

    answer = await client.introduce(*more, application=application)  # type: ignore[arg-type]

    assert answer.result == result
    assert answer.header.is_error is (result == 3010)
    await client.ended()
    await client.close()


async def test_an_address_that_is_not_allowed_is_let_go(
    engine: Engine, database: Database, rules: Rules
) -> None:
    peer = DiameterPeerEntry(host=PGW, realm=CORE, allow=("192.0.2.0/24",))
    desk = ChargingDesk(engine, database, rules, Clock())
    server = DiameterServer(entry(peers=(peer,)), desk, database, rules.numbers)
    client = await Client.to(await server.start())

    answer = await client.introduce()

    assert answer.result == 3010
    await client.ended()
    await client.close()
    await server.stop()


async def test_whoever_does_not_say_who_it_is_or_speaks_no_diameter_is_let_go(where: str) -> None:
    impatient = await Client.to(where)
    with pytest.raises(ConnectionResetError):
        await impatient.request(Command.CREDIT_CONTROL, [])
    browser = await Client.to(where)
    with pytest.raises(ConnectionResetError):
        await browser.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", 1)
    await impatient.close()
    await browser.close()


async def test_watchdogs_are_answered(client: Client) -> None:
    answer = await client.request(Command.DEVICE_WATCHDOG, client.origin(), application=0)

    assert answer.result == 2001
    assert answer.fields.number(ORIGIN_STATE_ID) is not None


async def test_a_silent_peer_is_asked_then_let_go(
    engine: Engine, database: Database, rules: Rules
) -> None:
    desk = ChargingDesk(engine, database, rules, Clock())
    server = DiameterServer(entry(watchdog_seconds=0.2), desk, database, rules.numbers)
    client = await Client.introduced(await server.start())

    asked = await asyncio.wait_for(client.asked.get(), 20)
    client.answers_with[Command.DEVICE_WATCHDOG] = 0
    await client.ended()

    assert asked.header.command_code == Command.DEVICE_WATCHDOG
    assert server.node.connected[PGW] is False
    await client.close()
    await server.stop()


async def test_a_peer_that_leaves_is_let_go(
    client: Client, server_of_diameter: DiameterServer
) -> None:
    cause = make(DISCONNECT_CAUSE, 0)

    answer = await client.request(
        Command.DISCONNECT_PEER, [*client.origin(), cause], application=0
    )

    assert answer.result == 2001
    await client.ended()
    assert server_of_diameter.node.connected[PGW] is False


async def test_a_server_that_ends_answers_what_was_asked_and_says_so(
    where: str, server_of_diameter: DiameterServer, credit: Credit
) -> None:
    await credit(RM)
    client = await Client.introduced(where)
    asking = asyncio.create_task(Session.of(client, DATA).ask(INITIAL, 0, service(1)))
    await asyncio.sleep(0)

    await server_of_diameter.node.stop()

    told = await asyncio.wait_for(client.asked.get(), 20)
    assert told.header.command_code == Command.DISCONNECT_PEER
    assert told.fields.number(DISCONNECT_CAUSE) == 0
    assert (await asking).result in (2001, 3004)
    await client.ended()
    await client.close()


async def test_a_peer_that_connects_anew_takes_the_place_of_its_lost_connection(
    where: str, client: Client, credit: Credit
) -> None:
    await credit(RM)
    data = Session.of(client, DATA)
    began = await data.ask(INITIAL, 0, service(1))

    other = await Client.introduced(where)
    went_on = await data._replace(client=other).ask(RequestType.UPDATE, 1, service(1, used=1000))

    assert (began.result, went_on.result) == (2001, 2001)
    await client.ended()
    await other.close()


async def test_what_is_missing_or_wrong_is_named(client: Client) -> None:
    data = Session.of(client, DATA)

    async def answer(*, without: Name | None = None, **changed: object) -> object:
        avps = [avp for avp in data.avps(INITIAL, 0) if (avp.code, avp.vendor_id) != without]
        for avp in avps:
            if avp.code == changed.get("code"):
                avp.payload = changed["payload"]  # type: ignore[assignment]
        return failed(await client.ask(*avps))

    for name in (SERVICE_CONTEXT_ID, CC_REQUEST_TYPE, CC_REQUEST_NUMBER, SUBSCRIPTION_ID):
        assert await answer(without=name) == (5005, name)
    assert await answer(without=DESTINATION_REALM) == (5005, DESTINATION_REALM)
    assert await answer(code=416, payload=b"\0\0\0\x09") == (5004, CC_REQUEST_TYPE)
    assert await answer(code=415, payload=b"\0\0\x09") == (5014, CC_REQUEST_NUMBER)
    assert await answer(code=461, payload=b"nonsense@3gpp.org") == (5031, SERVICE_CONTEXT_ID)
    assert await answer(code=461, payload=b"\xff\xfe") == (5004, SERVICE_CONTEXT_ID)
    assert await answer(code=443, payload=b"\0\0\1\xc2\x40\0\0\x40") == (5014, Name(450))
    event = await client.ask(*data.avps(RequestType.EVENT, 0))
    assert failed(event) == (5005, REQUESTED_ACTION)
    unknown = make(REQUESTED_ACTION, 9)
    assert failed(await client.ask(*data.avps(RequestType.EVENT, 0, unknown))) == (
        5004,
        REQUESTED_ACTION,
    )


async def test_an_avp_of_a_wrong_length_is_named(client: Client) -> None:
    data = Session.of(client, DATA)
    wrong = make(MULTIPLE_SERVICES_CREDIT_CONTROL, [])
    content = b"".join(avp.as_bytes() for avp in data.avps(INITIAL, 0))
    for length in (3, 200):
        bad = wrong.as_bytes()[:5] + length.to_bytes(3, "big")
        size = (20 + len(content) + 8).to_bytes(3, "big")
        header = b"\x01" + size + b"\xc0\0\x01\x10" + b"\0\0\0\4" + b"\0\0\0\7" * 2

        answer = await client.send(header + content + bad, 7)

        assert failed(answer) == (5014, MULTIPLE_SERVICES_CREDIT_CONTROL)


async def test_what_must_be_understood_and_is_not_is_named(client: Client) -> None:
    data = Session.of(client, DATA)
    from diameter.message.avp import Avp

    must, may = Avp(60_000, 60_001, b"1234", 0xC0), Avp(60_000, 60_001, b"1234", 0x80)

    refused = await client.ask(*data.avps(INITIAL, 0, must))
    passed = await client.ask(*data.avps(INITIAL, 0, may))

    assert failed(refused) == (5001, Name(60_000, 60_001))
    assert passed.result == 5030


async def test_what_is_not_for_us_is_refused(client: Client) -> None:
    data = Session.of(client, DATA)
    avps = data.avps(INITIAL, 0)
    elsewhere = [avp for avp in avps if avp.code != DESTINATION_REALM.code]

    other_realm = await client.ask(*elsewhere, make(DESTINATION_REALM, b"elsewhere.test"))
    other_host = await client.ask(*avps, make(DESTINATION_HOST, b"other.tambah.test"))
    other_application = await client.request(272, avps, application=16777238)
    other_command = await client.request(275, avps)
    own_command = await client.request(300, client.origin(), application=0)
    no_request = await client.ask(*avps, flags=0xE0)

    assert [one.result for one in (other_realm, other_host)] == [3003, 3002]
    assert [one.result for one in (other_application, other_command)] == [3007, 3001]
    assert [one.result for one in (own_command, no_request)] == [3001, 3008]
    assert other_realm.header.is_error


async def test_only_a_relay_asks_for_others(where: str, client: Client, credit: Credit) -> None:
    await credit(RM)
    relay = await Client.introduced(where, RELAY)
    path = group(PROXY_INFO, make(Name(280), b"dra"), make(Name(33), b"state"))

    def of_another() -> list[object]:
        data = Session.of(client, DATA)
        own = data.avps(INITIAL, 0, service(1), path)
        return [avp for avp in own if avp.code != ORIGIN_HOST.code] + [
            make(ORIGIN_HOST, b"Smf.core.test")
        ]

    direct = await client.ask(*of_another())  # type: ignore[arg-type]
    relayed = await relay.ask(*of_another())  # type: ignore[arg-type]

    assert (direct.result, relayed.result) == (5003, 2001)
    proxy = relayed.fields.first(PROXY_INFO)
    assert proxy is not None
    assert proxy.as_bytes() == path.as_bytes()
    await relay.close()


async def test_a_host_behind_a_relay_is_told_of_a_top_up_by_the_relay(
    where: str, credit: Credit
) -> None:
    await credit(RM)
    relay = await Client.introduced(where, RELAY)
    relay.host = "smf.core.test"  # what it passes on
    data = Session.of(relay, DATA)
    await data.ask(INITIAL, 0, service(1))
    await data.ask(RequestType.UPDATE, 1, service(1, used=10 << 20))

    await credit(RM)
    told = await asyncio.wait_for(relay.asked.get(), 20)

    assert told.fields.text(DESTINATION_HOST) == "smf.core.test"
    assert told.fields.text(DESTINATION_REALM) == CORE
    await relay.close()


async def test_a_request_that_takes_long_is_put_off_and_charged_once(
    where: str, server_of_diameter: DiameterServer, credit: Credit, database: Database
) -> None:
    await credit(RM)
    client = await Client.introduced(where)
    data = Session.of(client, DATA)
    await data.ask(INITIAL, 0, service(1))
    control = server_of_diameter._control
    control._answer_seconds = 0

    late = await data.ask(RequestType.UPDATE, 1, service(1, used=1 << 20))
    await control.drain()
    control._answer_seconds = 20
    again = await data.ask(RequestType.UPDATE, 1, service(1, used=1 << 20))
    await data.ask(RequestType.TERMINATION, 2)

    assert (late.result, late.header.is_error, again.result) == (3004, True, 2001)
    spent = "SELECT sum(charged_micros) FROM usage_record"
    assert await database.fetch_value(spent) == 100_000
    await client.close()
