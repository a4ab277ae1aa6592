"""Every scenario of scenarios.toml at every door, on one database with real pages."""

from __future__ import annotations

import asyncio
import os
import tomllib
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from tambah.channels.ussd import gateway
from tambah.desks import recovery
from tambah.domain.guessing import Audience
from tambah.domain.line import LANGUAGE_BY_TAG
from tambah.engine.tickets import number_digest
from tambah.engine.verifying import verify
from tambah.portal import signing_in
from tambah.store.database import Database
from tests.channels.drivers import DRIVERS, Driver, Place, UssdDriver
from tests.channels.house import SPELLINGS, Subscriber, Town, found_town
from tests.channels.transports import Heard, note_screen
from tests.conftest import Server, make_keys, make_rules, with_database
from tests.engine.books import RM

DOORS = tuple(DRIVERS)


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of the file; see its head."""

    name: str
    steps: list[str]
    said: list[str]
    line: str = "active"
    who: str = "own"
    house: str = "well"
    has_person: bool = False
    wrong_before: int = 0
    other_wrong: int = 0
    said_on: dict[str, list[str]] = {}
    credit: int = 0
    bonus: int = 0
    wrong: int = 0
    locked: bool = False
    left: int | None = None
    told: list[str] = []
    language: str = "en"
    tickets: int = 0
    barred: bool = False
    not_on: dict[str, str] = {}

    def said_at(self, door: str) -> list[str]:
        """Return what is heard at a door. By SMS nobody answers whom nothing vouches for."""
        if door == "sms" and self.who == "guest":
            return ["credited" if one == "credited" else "" for one in self.said]
        return self.said_on.get(door, self.said)


_FILE = tomllib.loads(Path(__file__).with_name("scenarios.toml").read_text(encoding="utf-8"))
SCENARIOS = msgspec.convert(_FILE["scenario"], list[Scenario])
CASES = [
    pytest.param(scenario, door, id=f"{door}: {scenario.name}")
    for scenario in SCENARIOS
    for door in DOORS
    if door not in scenario.not_on
]


@pytest.fixture(scope="module")
async def town(server: Server) -> AsyncIterator[Town]:
    """Found a town on a database of its own; when all is done its books must agree."""
    name = f"town{os.getpid()}"
    template = f"tambah_template_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    owner: Any = await asyncpg.connect(server.owner_dsn)
    await owner.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    database = Database(with_database(server.dsn, name))
    await database.open(readers=8)
    town = await found_town(database, make_rules(), make_keys())
    yield town
    verdict = await verify(database, full=True)
    await town.stop()
    await database.close()
    await owner.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await owner.close()
    assert verdict.findings == ()


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "WRONG_ANSWER_SECONDS", 0.0)
    monkeypatch.setattr(signing_in, "WRONG_ANSWER_SECONDS", 0.0)
    monkeypatch.setattr("tambah.channels.attendant.RETRY_SECONDS", ())


@pytest.fixture(autouse=True)
async def _hung_up(town: Town, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Note what screens show; leave no call open."""
    monkeypatch.setattr(gateway, "render_screen", note_screen)
    yield
    await town.hang_up()


@pytest.mark.parametrize(("scenario", "door"), CASES)
async def test_scenario(scenario: Scenario, door: str, town: Town) -> None:
    subject, caller = await town.add_line(scenario.line), await town.add_line("active")
    own = scenario.who == "own"
    mine, others = (Audience.OWN, Audience.GUEST) if own else (Audience.GUEST, Audience.OWN)
    await town.try_wrong(subject, scenario.wrong_before, mine)
    await town.try_wrong(subject, scenario.other_wrong, others)
    stage = Stage(town, scenario, door, subject, caller)
    await stage.prepare()
    before = await state_of(town, subject)

    said = [await stage.act(step) for step in scenario.steps]

    assert [heard.first for heard in said] == scenario.said_at(door)
    if door != "sms" or own:
        assert scenario.left is None or said[-1].left == scenario.left
    for heard in said:
        assert bool(dict(heard.params).get("used_at")) == (heard.first == "code_already_yours")
    after = await state_of(town, subject)
    assert changes(before, after) == expected(scenario, mine)
    assert await count_tickets(town, subject) == scenario.tickets


class Stage:
    """Plays a scenario's steps at a door."""

    def __init__(
        self, town: Town, scenario: Scenario, door: str, subject: Subscriber, caller: Subscriber
    ) -> None:
        self._town = town
        self._scenario = scenario
        self._door = door
        self._subject = subject
        self._caller = caller
        self._cards: dict[str, str] = {}
        self._drivers: dict[str, Driver] = {}

    async def prepare(self) -> None:
        """Make the cards that are named, once each, but for those of no card."""
        for step in self._scenario.steps:
            verb, _, rest = step.partition(" ")
            kind = self._parse(rest)[0] if verb == "redeem" else "good"
            if kind not in self._cards and kind != "unknown":
                self._cards[kind] = await self._town.add_card(kind, self._subject)

    async def act(self, step: str) -> Heard:
        """Do one step."""
        verb, _, rest = step.partition(" ")
        if verb == "redeem":
            return await self._redeem(rest)
        driver, person = self._driver(self._scenario.house), self._subject.person
        wrong = "801231999999", "0139999999"
        match step.split(" "):
            case ["language", tag]:
                return await driver.language(tag)
            case ["lost", "phone", "right"]:
                return await driver.lost_phone(person.document, person.contact)
            case ["lost", "phone", "wrong", "document"]:
                return await driver.lost_phone(wrong[0], person.contact)
            case ["lost", "phone", "wrong", "contact"]:
                return await driver.lost_phone(person.document, wrong[1])
            case ["forgotten", "right"]:
                claim = person.document, person.contact
                return await driver.forgotten(*claim, code_is_right=True)
            case ["forgotten", "wrong", what]:
                document = wrong[0] if what == "document" else person.document
                return await driver.forgotten(document, person.contact, code_is_right=False)
            case ["hang", "up", "at", where]:
                return await driver.hang_up(where, self._cards["good"])
            case _:
                return await getattr(driver, step.replace(" ", "_"))()

    async def _redeem(self, rest: str) -> Heard:
        kind, spelling, twice, house = self._parse(rest)
        digits = self._cards.get(kind) or await self._town.add_card(kind, self._subject)
        typed = SPELLINGS[spelling](digits) if spelling else digits
        return await self._driver(house).redeem(typed, twice=twice)

    def _parse(self, rest: str) -> tuple[str, str, bool, str]:
        """Read `<card> [<spelling>] [twice] [at <house>]`."""
        rest, _, house = rest.partition(" at ")
        twice = rest.endswith(" twice")
        rest = rest.removesuffix(" twice")
        spelling = next((one for one in SPELLINGS if rest.endswith(f" {one}")), "")
        kind = rest.removesuffix(f" {spelling}") if spelling else rest
        return kind, spelling, twice, house or self._scenario.house

    def _driver(self, house: str) -> Driver:
        """Return the door's driver at a house, one for all steps."""
        if house not in self._drivers:
            place = Place(
                town=self._town,
                house=house,
                who=self._scenario.who,
                subject=self._subject,
                caller=self._caller,
                has_person=self._scenario.has_person,
            )
            self._drivers[house] = DRIVERS[self._door](place)
        return self._drivers[house]


State = dict[str, Any]


async def state_of(town: Town, subject: Subscriber) -> State:
    """Return what is true of a line; of a number that is nobody's, that nothing is."""
    row = await town.database.fetch_row(
        """
        SELECT own_wrong, guest_wrong, coalesce(own_locked_until > now(), false),
               coalesce(guest_locked_until > now(), false), language, barred,
               (SELECT coalesce(sum(amount_micros), 0)::bigint FROM transfer
                 WHERE owner_id = line_id AND kind = 1),
               (SELECT coalesce(sum(remaining_micros), 0)::bigint FROM bucket
                 WHERE owner_id = line_id AND kind = 2),
               (SELECT count(*) FROM topup WHERE topup.line_id = line.line_id)
          FROM line WHERE line_id = $1
        """,
        subject.line_id,
    )
    told = await town.database.fetch(
        "SELECT template FROM outbox WHERE line_id = $1 ORDER BY number", subject.line_id
    )
    return {
        "row": tuple(row) if row else (0, 0, False, False, 1, False, 0, 0, 0),
        "told": [one[0] for one in told],
    }


def changes(before: State, after: State) -> State:
    """Return what is true after, and by how much the money changed."""
    then, now = before["row"], after["row"]
    told = after["told"][len(before["told"]) :]
    return {
        "wrong": now[0:2],
        "locked": now[2:4],
        "language": now[4],
        "barred": now[5],
        "credit": now[6] - then[6],
        "bonus": now[7] - then[7],
        "topups": now[8] - then[8],
        "told": [one for one in told if one != "sign_in_code" and not one.startswith("answer_")],
    }


def expected(scenario: Scenario, mine: Audience) -> State:
    """Return what must be true after a scenario."""
    step = 1 if mine is Audience.OWN else -1
    return {
        "wrong": (scenario.wrong, scenario.other_wrong)[::step],
        "locked": (scenario.locked, scenario.other_wrong >= 5)[::step],
        "language": int(LANGUAGE_BY_TAG[scenario.language]),
        "barred": scenario.barred,
        "credit": scenario.credit * RM,
        "bonus": scenario.bonus * RM,
        "topups": sum(one.startswith(("credited", "reactivated")) for one in scenario.told),
        "told": scenario.told,
    }


async def count_tickets(town: Town, subject: Subscriber) -> int:
    """Return how many tickets a number has."""
    digest = number_digest(town.keys, subject.msisdn)
    return await town.database.fetch_value(
        "SELECT count(*) FROM ticket WHERE number_digest = $1", digest
    )


def test_there_are_enough_scenarios_and_each_says_why_it_leaves_out_a_door() -> None:
    assert len(SCENARIOS) >= 60
    assert [name for name, n in Counter(one.name for one in SCENARIOS).items() if n > 1] == []
    for scenario in SCENARIOS:
        assert len(scenario.said) == len(scenario.steps)
        assert set(scenario.not_on) | set(scenario.said_on) <= set(DOORS)
        assert all(scenario.not_on.values())


def place(town: Town, who: str, subject: Subscriber) -> Place:
    """Return where a driver stands in the house where all is well."""
    return Place(town=town, house="well", who=who, subject=subject, caller=subject)


async def test_one_code_tried_at_all_doors_at_the_same_instant_is_credited_once(
    town: Town,
) -> None:
    lines = [await town.add_line("active") for _ in DOORS for _ in range(2)]
    digits = await town.add_card("good", lines[0])
    drivers: list[Driver] = [
        DRIVERS[door](place(town, "own", line))
        for door, line in zip(DOORS * 2, lines, strict=True)
    ]

    said = await asyncio.gather(*(driver.redeem(digits) for driver in drivers))

    assert Counter(heard.first for heard in said) == {"credited": 1, "code_not_usable": 9}
    states = [await state_of(town, line) for line in lines]
    assert sum(state["row"][6] for state in states) == 10 * RM
    assert sum("credited" in state["told"] for state in states) == 1


async def test_one_code_for_one_line_at_all_doors_at_the_same_instant_is_credited_once(
    town: Town,
) -> None:
    line = await town.add_line("active")
    digits = await town.add_card("good", line)
    drivers: list[Driver] = [DRIVERS[door](place(town, "own", line)) for door in DOORS]

    said = await asyncio.gather(*(driver.redeem(digits) for driver in drivers))

    # The message of the credit may be what the SMS door's driver saw come.
    told = Counter(heard.first for heard in said)
    assert set(told) <= {"credited", "code_already_yours"}
    assert told["code_already_yours"] >= len(DOORS) - 2
    state = await state_of(town, line)
    assert (state["row"][6], state["row"][8]) == (10 * RM, 1)


@pytest.mark.parametrize("who", ["own", "guest"])
async def test_wrong_codes_count_together_at_all_doors(town: Town, who: str) -> None:
    line = await town.add_line("active")
    digits = await town.add_card("good", line)
    for door in DOORS:
        driver: Driver = DRIVERS[door](place(town, who, line))
        await driver.redeem(await town.add_card("unknown", line))

    row = (await state_of(town, line))["row"]
    assert row[:4] == ((5, 0, True, False) if who == "own" else (0, 5, False, True))
    for door in DOORS:
        locked: Driver = DRIVERS[door](place(town, who, line))
        heard = await locked.redeem(digits)
        assert heard.first == ("too_many_wrong_codes" if who == "own" or door != "sms" else "")
    other = "guest" if who == "own" else "own"
    assert (await UssdDriver(place(town, other, line)).redeem(digits)).first == "credited"
