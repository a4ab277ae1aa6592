"""Independent programs and our server understand each other, field by field."""

from __future__ import annotations

from tambah.domain.charging_rule import MEGABYTE
from tambah.engine.verifying import verify
from tambah.store.database import Database
from tests.charging.diameter.conftest import Credit
from tests.charging.diameter.test_sessions import balance
from tests.charging.diameter.world import CORE, PGW, RM
from tests.diameter_peers.programs import Capture, Element, Relay

INITIAL, UPDATE, TERMINATION, EVENT = 1, 2, 3, 4
DATA, VOICE, SMS = "32251@3gpp.org", "32260@3gpp.org", "32274@3gpp.org"
_CALLED = (
    "'Service-Information' => #{'IMS-Information' =>"
    " #{'Called-Party-Address' => [\"tel:+60198765432\"]}}"
)
_SENT_TO = (
    "'Service-Information' => #{'SMS-Information' => #{'Recipient-Info' =>"
    " [#{'Recipient-Address' => [#{'Address-Data' => [\"60198765432\"]}]}]}}"
)


def service(used: int | None = None, *, more: bool = True, unit: str = "CC-Total-Octets") -> str:
    """Return a Multiple-Services-Credit-Control of rating group 1, in Erlang."""
    parts = ["'Rating-Group' => 1"]
    if more:
        parts.append("'Requested-Service-Unit' => #{}")
    if used is not None:
        parts.append(f"'Used-Service-Unit' => [#{{'{unit}' => {used}}}]")
    return f"'Multiple-Services-Credit-Control' => [#{{{', '.join(parts)}}}]"


async def a_day(element: Element, credit: Credit) -> None:
    """Use data, call and send a message until the credit is used up; top up; go on."""
    await credit(10 * RM)
    data, call, message = (f"{PGW};1;{number}" for number in (1, 2, 3))
    answers = [
        await element.ask(
            call, VOICE, INITIAL, 0, f"'Requested-Service-Unit' => #{{}}, {_CALLED}"
        ),
        await element.ask(call, VOICE, UPDATE, 1, f"{service(60, unit='CC-Time')}, {_CALLED}"),
        await element.ask(
            call, VOICE, TERMINATION, 2, f"{service(40, more=False, unit='CC-Time')}"
        ),
        await element.ask(message, SMS, EVENT, 0, f"'Requested-Action' => 0, {_SENT_TO}"),
        await element.ask(f"{message}1", SMS, EVENT, 0, f"'Requested-Action' => 3, {_SENT_TO}"),
        await element.ask(f"{message}2", SMS, EVENT, 0, f"'Requested-Action' => 2, {_SENT_TO}"),
        await element.ask(data, DATA, INITIAL, 0, service()),
    ]
    assert [one.result for one in answers] == [2001] * 7
    assert answers[0].number("CC-Time") == 300
    assert answers[3].number("Value-Digits") == 100_000
    assert answers[4].number("Value-Digits") == 100_000
    assert answers[5].number("Check-Balance-Result") == 0
    assert answers[6].number("CC-Total-Octets") == 50 * MEGABYTE

    last = await element.ask(data, DATA, UPDATE, 1, service(50 * MEGABYTE))
    out = await element.ask(data, DATA, UPDATE, 2, service(39 * MEGABYTE))
    assert last.number("Final-Unit-Action") == 1
    assert last.number("CC-Total-Octets") == 39 * MEGABYTE
    assert sorted(out.results) == [2001, 4012]

    await credit(RM)
    asked = await element.program.line("asked =>")
    again = await element.ask(data, DATA, UPDATE, 3, service())
    ended = await element.ask(data, DATA, TERMINATION, 4, service(MEGABYTE, more=False))
    unknown = await element.ask(f"{data}9", DATA, UPDATE, 1, service(1))
    wrong = await element.ask(data, "nonsense@3gpp.org", INITIAL, 0, service())

    assert "'RAR'" in asked
    assert "errors => []" in asked
    assert again.results == [2001, 2001]
    assert [ended.result, unknown.result, wrong.result] == [2001, 5002, 5031]
    everything = [*answers, last, out, again, ended, unknown, wrong]
    assert {one.errors for one in everything} == {"[]"}


async def test_erlang_understands_every_field(
    element: Element, credit: Credit, database: Database
) -> None:
    await a_day(element, credit)

    assert await balance(database) == 900_000
    assert (await verify(database, full=True)).findings == ()


async def test_tshark_finds_nothing_malformed(
    capture: Capture, element: Element, credit: Credit
) -> None:
    await a_day(element, credit)
    await element.stop()

    # The element's requests hold empty groups, of which tshark warns; of ours it says nothing.
    ours = f"tcp.srcport == {capture.port} && diameter"
    malformed = await capture.read("-Y", "_ws.malformed")
    doubted = await capture.read("-Y", f"{ours} && _ws.expert.severity >= 0x600000", "-V")
    said = await capture.read("-T", "fields", "-e", "diameter.cmd.code", "-Y", "diameter")

    assert (malformed, doubted) == ([], [])
    codes = {code for line in said for code in line.split(",")}
    assert codes >= {"257", "258", "272"}


async def test_free_diameter_relays_everything(
    world: object, folder: object, relay: Relay, credit: Credit, database: Database
) -> None:
    element = await Element.start(world, folder, PGW, CORE, relay.port)  # type: ignore[arg-type]
    try:
        await a_day(element, credit)
    finally:
        await element.stop()

    assert await balance(database) == 900_000
    assert not [line for line in relay.program.said if "ERROR" in line or "discard" in line]


async def test_an_element_lost_in_mid_session_comes_back_and_goes_on(
    world: object, folder: object, element: Element, credit: Credit, database: Database
) -> None:
    await credit(10 * RM)
    session = f"{PGW};2;1"
    await element.ask(session, DATA, INITIAL, 0, service())
    element.program.process.kill()
    await element.program.process.wait()

    other = await Element.start(
        world,  # type: ignore[arg-type]
        folder,  # type: ignore[arg-type]
        PGW,
        CORE,
        element.port,
    )
    went_on = await other.ask(session, DATA, UPDATE, 1, service(MEGABYTE))
    ended = await other.ask(session, DATA, TERMINATION, 2, service(MEGABYTE, more=False))
    await other.stop()

    assert (went_on.result, ended.result) == (2001, 2001)
    assert await balance(database) == 10 * RM - 200_000
