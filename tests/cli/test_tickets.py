"""Staff at the command line: answering tickets, and damaged cards."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from PIL import Image

from tambah.app import DEMO_OPERATOR
from tambah.config import read_operator
from tambah.domain.line import Language
from tambah.domain.rules import Rules
from tambah.domain.ticket import Category, show_ticket
from tambah.domain.voucher import check_digit
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys, parse_peppers
from tambah.engine.operator import operator_rules, ticket_rule
from tambah.engine.tickets import Added, Facts, NewTicket, clean_photo, open_ticket
from tambah.store.database import Database
from tambah.store.tickets import tie_ticket
from tests.conftest import Fresh
from tests.engine.books import add_cards, add_line

from .conftest import Tambah

ALICE = 60123456789
SAID = "My call yesterday cost RM9.99"
KEYS: Keys = parse_peppers("ab" * 32)
OPERATOR = read_operator(DEMO_OPERATOR)
RULES: Rules = operator_rules(OPERATOR)
_Value = TypeVar("_Value")


def code(number: int) -> str:
    digits = f"{number:015d}"
    return digits + check_digit(digits)


CODE = code(712_345_678_901_234)


@dataclass
class World:
    """A database that is set up between commands."""

    dsn: str

    def do(self, work: Callable[[Database], Awaitable[_Value]]) -> _Value:
        """Open the database, do something with it, close it."""

        async def run() -> _Value:
            database = Database(self.dsn)
            await database.open(readers=2)
            try:
                return await work(database)
            finally:
                await database.close()

        return asyncio.run(run())

    def value(self, sql: Any) -> Any:
        return self.do(lambda database: database.fetch_value(sql))

    def audited(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Return what was done to tickets: what, why, and what it left."""

        async def read(database: Database) -> list[tuple[str, str, dict[str, Any]]]:
            rows = await database.fetch(
                "SELECT action, why, after FROM audit WHERE subject LIKE 'ticket:%'"
                " ORDER BY day, seq"
            )
            return [(row[0], row[1], json.loads(row[2])) for row in rows]

        return self.do(read)

    def open(self, *, ago: timedelta = timedelta(), tied: bool = True, **facts: Any) -> str:
        """Open a ticket as the page does; return its reference as people have it."""

        async def work(database: Database) -> str:
            new = NewTicket(
                facts=Facts(**{"msisdn": ALICE, **facts}),
                category=Category.DAMAGED_CARD if "serial" in facts else Category.OTHER,
                language=Language.MS,
                first=Added(
                    form=repr((ago, facts)).encode(), text=SAID, photo=clean_photo(a_photo())
                ),
            )
            at = datetime.now(UTC) - ago
            ticket = await open_ticket(database, KEYS, ticket_rule(OPERATOR), new, at)
            line_id = await database.fetch_value("SELECT line_id FROM line")
            if tied:
                await tie_ticket(database, ticket.reference, line_id)
            return show_ticket(ticket.reference)

        return self.do(work)


def a_photo() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (30, 20), "red").save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def world(environment: Fresh) -> World:
    """Return a database with Alice's line and one card of RM10."""
    world = World(environment.dsn)

    async def fill(database: Database) -> None:
        engine = Engine(database, rules=RULES, keys=KEYS, clock=Clock())
        await engine.start()
        await add_line(engine, database, ALICE)
        await engine.stop()
        await add_cards(database, KEYS, [CODE])

    world.do(fill)
    return world


def readable(*unknown: int, of: str = CODE) -> str:
    """Return a code with `?` at some places."""
    return "".join("?" if at in unknown else digit for at, digit in enumerate(of))


def test_the_longest_due_stands_first(tambah: Tambah, world: World) -> None:
    new = world.open()
    old = world.open(ago=timedelta(days=30))
    older = world.open(ago=timedelta(days=60), serial="0001-00000001", readable=CODE)
    answered = world.open(ago=timedelta(days=90))
    assert tambah("tickets", "answer", answered, "--template", "solved").status == 0

    def listed(*options: str) -> list[str]:
        items = tambah("tickets", "list", "--json", *options).document["items"]
        return [one["ticket"] for one in items]

    assert listed() == [older, old, new, answered]
    assert listed("--open") == [older, old, new]
    assert listed("--overdue") == [older, old]
    assert listed("--category", "damaged_card") == [older]
    assert listed("--limit", "1") == [older]
    assert tambah("tickets", "close", old, "--reason", "told by phone").status == 0
    assert listed() == [older, new, answered]
    assert listed("--all") == [older, new, old, answered]
    assert "OVERDUE" in tambah("tickets", "list").out.splitlines()[0]


def test_a_ticket_is_shown_with_all_that_was_written(tambah: Tambah, world: World) -> None:
    ref = world.open(payment="ABCDEFGHJK", said="failed", serial="0001-00000001", readable=CODE)
    tambah("tickets", "note", ref, "--text", "has called")
    shown = tambah("tickets", "show", ref.lower().replace("-", ""), "--json").document
    assert shown["about"] == {
        "number": "012-345 6789",
        "payment": "ABCDE-FGHJK",
        "payment_page_said": "failed",
        "refusal": None,
        "serial": "0001-00000001",
        "digits_read": 16,
    }
    assert [(one["author"], one["text"], one["photos"]) for one in shown["notes"]] == [
        ("subscriber", SAID, [1]),
        ("staff_only", "has called", []),
    ]
    assert (shown["state"], shown["language"], shown["is_line"]) == ("open", "ms", True)
    plain = tambah("tickets", "show", ref).out
    assert SAID in plain
    assert CODE not in plain + json.dumps(shown)


def test_an_answer_is_told_and_audited_without_its_words(tambah: Tambah, world: World) -> None:
    ref = world.open()
    done = tambah("tickets", "answer", ref, "--text", "Wang anda telah dikembalikan", "--json")
    assert done.document == {"ticket": ref, "state": "answered", "told": True}
    asked = tambah("tickets", "answer", ref, "--template", "more_needed", "--waits", "--json")
    assert asked.document["state"] == "waiting"
    assert world.value("SELECT count(*) FROM outbox WHERE template = 'ticket_answered'") == 2
    assert [(action, why) for action, why, _ in world.audited()] == [
        ("AnswerTicket", "answer")
    ] * 2
    trail = world.do(lambda database: database.fetch("SELECT to_jsonb(audit) FROM audit"))
    assert "Wang anda" not in json.dumps([row[0] for row in trail])
    notes = tambah("tickets", "show", ref, "--json").document["notes"]
    assert [one["text"] for one in notes][1] == "Wang anda telah dikembalikan"
    assert notes[2]["text"].startswith("Sila beritahu kami")


def test_ready_answers_may_be_the_operators_own(tambah: Tambah, world: World) -> None:
    ref = world.open()
    assert tambah("tickets", "answer", ref, "--template", "shop_replaces").status == 0
    notes = tambah("tickets", "show", ref, "--json").document["notes"]
    assert notes[1]["text"] == OPERATOR.tickets.answers["shop_replaces"]["ms"]
    unknown = tambah("tickets", "answer", ref, "--template", "sorry", "--json")
    assert (unknown.status, unknown.error) == (1, "answer_unknown")


@pytest.mark.parametrize("options", [(), ("--text", "a", "--template", "solved"), ("--text", " ")])
def test_an_answer_has_words_of_one_kind(
    tambah: Tambah, world: World, options: tuple[str, ...]
) -> None:
    assert tambah("tickets", "answer", world.open(), *options).status == 2


def test_a_ticket_of_nobodys_number_is_answered_without_a_message(
    tambah: Tambah, world: World
) -> None:
    ref = world.open(tied=False)
    done = tambah("tickets", "answer", ref, "--template", "solved", "--json")
    assert done.document == {"ticket": ref, "state": "answered", "told": False}
    assert world.value("SELECT count(*) FROM outbox") == 0


def test_a_closed_ticket_is_not_answered(tambah: Tambah, world: World) -> None:
    ref = world.open()
    missing = tambah("tickets", "close", ref, "--json")
    assert missing.error == "reason_missing"
    closed = tambah("tickets", "close", ref, "--reason", "solved by phone", "--json")
    assert closed.document == {"ticket": ref, "state": "closed", "told": True}
    again = tambah("tickets", "answer", ref, "--template", "solved", "--json")
    assert (again.status, again.error) == (1, "ticket_closed")
    assert tambah("tickets", "show", "222-222-22N", "--json").status == 2
    assert tambah("tickets", "show", show_ticket("222222222"), "--json").status in (1, 2)


def test_erasing_leaves_that_there_was_a_ticket(tambah: Tambah, world: World) -> None:
    ref = world.open()
    assert tambah("tickets", "erase", ref, "--json").error == "reason_missing"
    for _ in range(2):
        assert tambah("tickets", "erase", ref, "--reason", "asked to").status == 0
    shown = tambah("tickets", "show", ref, "--json").document
    assert (shown["state"], shown["about"], shown["notes"]) == ("erased", None, [])
    assert tambah("tickets", "check-card", ref, "--json").error == "card_not_identified"
    assert tambah("tickets", "answer", ref, "--text", "x", "--json").error == "ticket_closed"
    assert world.value("SELECT count(*) FROM ticket WHERE number_digest IS NULL") == 1


def test_a_photo_is_handed_out_to_a_new_file_and_audited(
    tambah: Tambah, world: World, tmp_path: Path
) -> None:
    ref, out = world.open(), tmp_path / "card.jpg"
    assert tambah("tickets", "photo", ref, "--out", out).status == 0
    assert Image.open(io.BytesIO(out.read_bytes())).size == (30, 20)
    assert tambah("tickets", "photo", ref, "--out", out, "--json").error == "file"
    none = tambah("tickets", "photo", ref, "--number", 2, "--out", tmp_path / "b.jpg", "--json")
    assert none.error == "page_not_found"
    assert not (tmp_path / "b.jpg").exists()
    assert [(action, after) for action, _, after in world.audited()] == [
        ("SeeTicketPhoto", {"photo": 1})
    ]


@pytest.mark.parametrize("unknown", [(), (0,), (15,), (3, 4), (0, 5, 10, 15)])
def test_what_is_read_of_a_card_leads_to_it(
    tambah: Tambah, world: World, unknown: tuple[int, ...]
) -> None:
    ref = world.open(serial="0001-00000001", readable=readable(*unknown))
    check = tambah("tickets", "check-card", ref, "--json")
    assert check.document == {
        "ticket": ref,
        "serial": "0001-00000001",
        "unreadable": len(unknown),
        "is_this_card": True,
        "state": "active",
        "batch_state": "released",
    }
    assert CODE not in check.out + tambah("tickets", "check-card", ref).out
    assert world.audited()[0] == (
        "CheckTicketCard",
        "check a card",
        {"serial": "0001-00000001", "is_this_card": True},
    )


@pytest.mark.parametrize(
    ("serial", "read", "state"),
    [
        ("0001-00000001", readable(3, 4, of=code(712_345_678_901_239)), "active"),
        ("0001-00000001", readable(of=CODE[:-1] + str((int(CODE[-1]) + 1) % 10)), "active"),
        ("0001-00000002", CODE, None),
        ("0009-00000001", CODE, None),
    ],
)
def test_what_does_not_lead_to_the_card_redeems_nothing(
    tambah: Tambah, world: World, serial: str, read: str, state: str | None
) -> None:
    ref = world.open(serial=serial, readable=read)
    check = tambah("tickets", "check-card", ref, "--json").document
    assert (check["is_this_card"], check["state"]) == (False, state)
    refused = tambah("tickets", "redeem-card", ref, "--reason", "try", "--json")
    assert (refused.status, refused.error) == (1, "card_not_identified")
    assert world.value("SELECT state FROM voucher") == 2
    assert world.audited()[-1][2]["done"] == "asked"


def test_a_ticket_without_a_card_claims_none(tambah: Tambah, world: World) -> None:
    for facts in ({}, {"serial": "0001-00000001"}, {"readable": CODE}):
        ref = world.open(**facts)
        assert tambah("tickets", "check-card", ref, "--json").error == "card_not_identified"


def test_a_damaged_card_is_redeemed_once_for_the_tickets_number(
    tambah: Tambah, world: World
) -> None:
    ref = world.open(serial="0001-00000001", readable=readable(1, 2, 7))
    assert tambah("tickets", "redeem-card", ref, "--json").error == "reason_missing"
    answers = [
        tambah("tickets", "redeem-card", ref, "--reason", "photo seen", "--json").document
        for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert answers[0]["credited"] == "10.00"
    assert world.value("SELECT remaining_micros FROM bucket") == 10_000_000
    assert world.value("SELECT state FROM voucher") == 3
    assert world.value("SELECT count(*) FROM outbox WHERE template LIKE 'credited%'") == 1
    trail = [(action, after["done"]) for action, _, after in world.audited()]
    assert trail == [("RedeemTicketCard", done) for done in ("asked", "redeemed") * 2]
    assert tambah("verify").status == 0
    assert CODE not in json.dumps(world.audited())


def test_a_card_that_was_used_is_refused_as_always(tambah: Tambah, world: World) -> None:
    first, second = (
        world.open(ago=timedelta(days=days), serial="0001-00000001", readable=CODE)
        for days in (0, 1)
    )
    assert tambah("tickets", "redeem-card", first, "--reason", "seen").status == 0
    again = tambah("tickets", "redeem-card", second, "--reason", "seen", "--json")
    assert (again.status, again.error) == (1, "code_already_yours")
    assert world.value("SELECT remaining_micros FROM bucket") == 10_000_000
    assert world.audited()[-1][2]["done"] == "code_already_yours"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ("UPDATE voucher SET state = 5", "code_not_usable"),
        ("UPDATE voucher SET state = 4", "code_not_usable"),
        ("UPDATE voucher SET state = 1, activated = false", "voucher_state_wrong"),
        ("UPDATE voucher_batch SET state = 2", "voucher_state_wrong"),
        ("UPDATE ticket SET line_id = NULL", "number_unknown"),
        ("UPDATE ticket SET line_id = line_id + 1", "number_unknown"),
    ],
    ids=["void", "locked", "never sold", "not released", "nobody's", "another's by now"],
)
def test_what_may_not_be_redeemed_is_not(
    tambah: Tambah, world: World, change: Any, error: str
) -> None:
    ref = world.open(serial="0001-00000001", readable=CODE)
    world.do(lambda database: database.execute(change))
    refused = tambah("tickets", "redeem-card", ref, "--reason", "seen", "--json")
    assert (refused.status, refused.error) == (1, error)
    assert world.value("SELECT remaining_micros FROM bucket") == 0
    assert world.value("SELECT own_wrong FROM line") == 0
