"""USSD over HTTP: sessions of several steps, codes in one go, replays, and who may ask."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
import structlog

from tambah.channels.attendant import Attendant
from tambah.channels.talk import Keys, Silence, Wish
from tambah.channels.ussd.gateway import UssdGateway
from tambah.channels.ussd.settings import UssdSettings, settings_of
from tambah.channels.ussd.steps import UssdRequest, events, open_with
from tambah.config import Brand, ConfigError, GatewayEntry, Operator
from tambah.domain.line import Language
from tambah.domain.rules import Rules
from tambah.domain.voucher import check_digit, letter_code
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys as Peppers
from tambah.store.database import Database
from tambah.web.site import Site
from tests.engine.books import add_cards, add_line

ALICE, BOB = 60123456789, 601123456780
SECRET = "correct-horse-battery"
RM = 1_000_000
MENU = "Prepaid top-up\n1 Top up\n2 Balance, expiry\n4 Lost, forgotten\n0 A person\n8 Language"
LANGUAGES = "1 English\n2 Bahasa Melayu\n3 中文\n4 தமிழ்"
OPTIONS = "1 Top up\n2 Menu"
TRY_LATER = "END Not possible now. No money moved. Try again later."


def code(number: int) -> str:
    """Return a code with its check digit."""
    digits = f"{number:015d}"
    return digits + check_digit(digits)


CODES = [code(700_000_000_000_000 + number * 7_919) for number in range(3)]
WRONG = [code(300_000_000_000_000 + number * 7_919) for number in range(9)]
GATEWAY = UssdSettings(name="at", service_code="*123#", secret=SECRET, trusted=True)


@pytest.fixture
async def site(engine: Engine, database: Database, rules: Rules, keys: Peppers) -> Site:
    """Return a site with Alice's line, Bob's, and three RM10 cards."""
    await add_line(engine, database, ALICE)
    await add_line(engine, database, BOB, language=Language.TA)
    await add_cards(database, keys, CODES)
    return Site(
        engine=engine,
        database=database,
        rules=rules,
        operator=Operator(brand=Brand(name="Testel", hotline="1300 80 0000"), denominations=[]),
        keys=keys,
        clock=Clock(),
        public_url="http://testel.example",
    )


class Handset:
    """A phone as its gateway tells of it: one session, a step at a time."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        settings: UssdSettings,
        number: str = "+60123456789",
        session: str = "s1",
    ) -> None:
        self.client = client
        self._settings = settings
        self._number = number
        self._session = session
        self._typed: list[str] = []
        self._step = 0

    async def dial(self, dialled: str = "*123#") -> str:
        """Dial a code; return the whole answer."""
        return await self.post(serviceCode=dialled, text="")

    async def key(self, typed: str) -> str:
        """Answer a screen; return the whole answer."""
        self._typed.append(typed)
        self._step += 1
        text = "*".join(self._typed) if self._settings.cumulative else typed
        return await self.post(text=text)

    async def post(self, **more: str) -> str:
        """Send a step; return the whole answer."""
        answer = await self.client.post(f"/gateways/ussd/{self._settings.name}", **self.form(more))
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        return answer.text

    def form(self, more: dict[str, str]) -> dict[str, Any]:
        """Return what is posted, as httpx takes it."""
        return {
            "data": {
                "sessionId": self._session,
                "serviceCode": "*123#",
                "phoneNumber": self._number,
                "networkCode": "50212",
                "step": str(self._step),
                **more,
            },
            "headers": {"authorization": f"Bearer {self._settings.secret}"},
        }


Ring = Callable[..., Handset]


@pytest.fixture
async def client(site: Site) -> AsyncIterator[Callable[[UssdSettings], httpx.AsyncClient]]:
    """Return a maker of clients, each of a gateway."""
    clients: list[httpx.AsyncClient] = []

    def make(settings: UssdSettings) -> httpx.AsyncClient:
        app: Any = UssdGateway(site, Attendant(site), [settings])
        transport = httpx.ASGITransport(app, client=("203.0.113.7", 1234))
        clients.append(httpx.AsyncClient(transport=transport, base_url="http://testel.example"))
        return clients[-1]

    yield make
    for one in clients:
        await one.aclose()


@pytest.fixture
def ring(client: Callable[[UssdSettings], httpx.AsyncClient]) -> Ring:
    """Return a maker of phones."""

    def make(settings: UssdSettings = GATEWAY, **of_phone: str) -> Handset:
        return Handset(client(settings), settings, **of_phone)

    return make


async def credit(database: Database, msisdn: int) -> int:
    """Return a line's credit in whole ringgit."""
    found = await database.fetch_value(
        """
        SELECT coalesce(sum(remaining_micros), 0)::bigint FROM bucket
          JOIN number ON number.line_id = bucket.owner_id WHERE number.msisdn = $1
        """,
        msisdn,
    )
    return int(found) // RM


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(GATEWAY, id="everything so far"),
        pytest.param(replace(GATEWAY, cumulative=False), id="the newest alone"),
        pytest.param(
            replace(GATEWAY, cumulative=False, fields={"step": "step"}), id="numbered steps"
        ),
    ],
)
async def test_a_whole_top_up_by_the_menu(
    ring: Ring, database: Database, settings: UssdSettings
) -> None:
    phone = ring(settings)

    assert await phone.dial() == f"CON {MENU}"
    assert await phone.key("1") == "CON Recharge code, 16 digits:\n2 Another number"
    done = await phone.key(CODES[0])
    assert re.fullmatch(
        r"CON RM10\.00 added\.\nBalance RM10\.00\. Active until \d+ \w+ \d{4}\.\n" + OPTIONS, done
    )
    assert await phone.key("2") == f"CON {MENU.partition(chr(10))[2]}"
    assert (await phone.key("2")).startswith("CON Balance RM10.00.\nActive until ")
    assert await credit(database, ALICE) == 10


@pytest.mark.parametrize("by", ["text", "service", "both", "first_text", "groups"])
async def test_a_code_in_one_go(ring: Ring, database: Database, by: str) -> None:
    phone = ring()
    typed = CODES[0]
    if by == "groups":
        typed = "*".join(typed[at : at + 4] for at in range(0, 16, 4))
    dialled = f"*123*{typed}#"
    posted = {
        "text": {"text": typed},
        "groups": {"text": typed},
        "service": {"serviceCode": dialled, "text": ""},
        "both": {"serviceCode": dialled, "text": typed},
        "first_text": {"text": dialled},
    }[by]

    said = await phone.post(**posted)

    assert said.startswith("END RM10.00 added.\nBalance RM10.00. Active until ")
    assert await credit(database, ALICE) == 10


async def test_letters_spaces_and_dashes_of_a_code_are_folded(
    ring: Ring, database: Database
) -> None:
    lettered = letter_code(CODES[0], lambda choices: choices[-1]).lower()

    said = await ring().post(text=f"{lettered[:4]} {lettered[4:8]}-{lettered[8:]}")

    assert said.startswith("END RM10.00 added.")
    assert await credit(database, ALICE) == 10


async def test_keys_dialled_in_one_go_follow_each_other(ring: Ring, database: Database) -> None:
    assert (await ring().dial("*123*2#")).startswith("CON Balance RM0.00.\nActive until ")
    assert (await ring(session="s2").post(text=f"1*{CODES[0]}")).startswith("CON RM10.00 added.")
    assert await credit(database, ALICE) == 10


async def test_keys_that_follow_what_was_dialled_are_taken_once(ring: Ring) -> None:
    phone = ring()

    assert (await phone.dial("*123*4#")).startswith("CON 1 Lost or damaged card")
    assert await phone.post(serviceCode="*123*4#", text="3") == (
        f"CON Your number: 012-345 6789\n{OPTIONS}"
    )


async def test_another_number_is_read_back_and_its_credit_not_told(
    ring: Ring, database: Database
) -> None:
    phone = ring()
    await phone.dial()
    await phone.key("1")

    assert await phone.key("2") == "CON Mobile number to top up:"
    assert await phone.key("011-2345 6780") == "CON Number 011-2345 6780?\n1 Yes\n2 No"
    assert await phone.key("1") == "CON Recharge code, 16 digits:"
    assert await phone.key(CODES[0]) == f"CON RM10.00 added to that number.\n{OPTIONS}"
    assert await credit(database, BOB) == 10


async def test_a_line_is_spoken_to_in_its_own_language(ring: Ring) -> None:
    phone = ring(number="01123456780")

    assert (await phone.dial()).startswith("CON பிரிபெய்ட் டாப்-அப்\n1 டாப்-அப்\n2 ")
    assert await phone.key("8") == f"CON {LANGUAGES}"
    assert (await phone.key("2")).startswith("CON 1 Tambah nilai\n")
    again = ring(number="01123456780", session="s2")
    assert (await again.dial()).startswith("CON Tambah nilai prabayar\n1 Tambah nilai\n")


async def test_who_is_not_vouched_for_is_told_nothing(ring: Ring, database: Database) -> None:
    phone = ring(replace(GATEWAY, trusted=False))

    assert await phone.dial() == f"CON {LANGUAGES}"
    menu = await phone.key("1")
    assert "Balance" not in menu
    assert (await phone.key("2")).startswith("CON No balance here: use the phone itself.\n")
    assert await phone.key("1") == "CON Mobile number to top up:"
    await phone.key("0123456789")
    await phone.key("1")
    assert await phone.key(CODES[0]) == f"CON Code accepted. An SMS tells the number.\n{OPTIONS}"
    assert await credit(database, ALICE) == 10


async def test_a_code_in_one_go_from_who_is_not_vouched_for(
    ring: Ring, database: Database
) -> None:
    stranger = replace(GATEWAY, trusted=False)

    said = await ring(stranger).post(text=CODES[0])
    assert said == "END Code accepted. An SMS tells the number."
    assert await credit(database, ALICE) == 10
    said = await ring(stranger, session="s2").post(text=CODES[0])
    assert said.startswith("END This code cannot be used.")


async def test_a_withheld_number_can_only_use_the_menu(ring: Ring) -> None:
    phone = ring(number="")

    assert await phone.post(text=CODES[0]) == "END Dial again without a code for the menu."
    assert await ring(number="", session="s2").dial() == f"CON {LANGUAGES}"


@pytest.mark.parametrize("typed", [CODES[0][:-1], "1111222233334445"])
async def test_a_mistyped_code_counts_nothing(ring: Ring, database: Database, typed: str) -> None:
    assert await ring().post(text=typed) == "END Code incomplete or mistyped."
    assert await database.fetch_value("SELECT max(own_wrong) FROM line") == 0


async def test_wrong_codes_count_down_to_a_lock(ring: Ring) -> None:
    said = [await ring(session=f"s{n}").post(text=WRONG[n]) for n in range(6)]

    assert said[0] == ("END This code cannot be used. Look at the card again.\nTries left: 4.")
    assert said[4].endswith("\nTries left: 0.")
    assert said[5] == "END Too many wrong codes. Try again in 15 minutes."


async def test_a_step_that_comes_again_is_answered_alike(ring: Ring, database: Database) -> None:
    phone = ring()
    first = await phone.dial()
    assert await phone.dial() == first
    await phone.key("1")
    done = await phone.key(CODES[0])

    assert await phone.post(text=f"1*{CODES[0]}") == done
    assert await credit(database, ALICE) == 10


async def test_steps_that_come_at_once_are_answered_alike(ring: Ring, database: Database) -> None:
    phone = ring()
    await phone.dial()
    await phone.key("1")

    said = await asyncio.gather(*(phone.post(text=f"1*{CODES[0]}") for _ in range(8)))

    assert len(set(said)) == 1
    assert said[0].startswith("CON RM10.00 added.")
    assert await credit(database, ALICE) == 10


async def test_first_steps_that_come_at_once_credit_once(ring: Ring, database: Database) -> None:
    phone = ring()

    said = await asyncio.gather(*(phone.post(text=CODES[0]) for _ in range(8)))

    assert len(set(said)) == 1
    assert said[0].startswith("END RM10.00 added.")
    assert await credit(database, ALICE) == 10


async def test_a_numbered_step_is_known_again_without_what_was_keyed_before(
    ring: Ring, database: Database
) -> None:
    settings = replace(GATEWAY, cumulative=False, fields={"step": "step"})
    phone = ring(settings)
    await phone.dial()
    await phone.key("1")
    done = await phone.key(CODES[0])

    assert await phone.post(text=CODES[0]) == done
    assert await credit(database, ALICE) == 10


async def test_a_session_that_does_not_follow_ends(ring: Ring) -> None:
    phone = ring()
    await phone.dial()
    await phone.key("1")

    assert await phone.post(text="4*1") == TRY_LATER


async def test_two_numbers_never_share_a_session(ring: Ring) -> None:
    await ring().dial()

    assert (await ring(number="+601123456780").post(text="2")).startswith("CON மீதம் RM0.00")


async def test_the_end_of_a_session_is_heard(ring: Ring) -> None:
    phone = ring()
    await phone.dial()
    told = phone.form({"status": "Success", "durationInMillis": "9000", "input": "1"})

    answer = await phone.client.post("/gateways/ussd/at", **told)

    assert (answer.status_code, answer.text) == (200, "")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": f"Bearer {SECRET}x"}, 401),
        ({"authorization": f"Basic {SECRET}"}, 401),
        ({"authorization": SECRET}, 401),
        ({"x-api-key": SECRET}, 401),
        ({"authorization": f"bearer {SECRET}"}, 200),
    ],
)
async def test_only_the_secret_opens(client: Any, headers: dict[str, str], status: int) -> None:
    answer = await client(GATEWAY).post(
        "/gateways/ussd/at?key=" + SECRET, data={"sessionId": "s"}, headers=headers
    )

    assert answer.status_code == status
    assert answer.text == (TRY_LATER if status != 200 else f"CON {LANGUAGES}")


async def test_a_secret_in_a_header_of_its_own(client: Any) -> None:
    pages = client(replace(GATEWAY, proof_header="x-api-key"))

    good = await pages.post(
        "/gateways/ussd/at", data={"sessionId": "s"}, headers={"X-Api-Key": SECRET}
    )
    bearer = await pages.post(
        "/gateways/ussd/at",
        data={"sessionId": "s"},
        headers={"authorization": f"Bearer {SECRET}"},
    )

    assert (good.status_code, bearer.status_code) == (200, 401)


@pytest.mark.parametrize(("network", "status"), [("203.0.113.0/24", 200), ("198.51.100.1", 403)])
async def test_a_gateway_comes_from_where_it_may(client: Any, network: str, status: int) -> None:
    settings = replace(GATEWAY, secret="", allow=(ip_network(network),))

    answer = await client(settings).post(
        "/gateways/ussd/at",
        data={"sessionId": "s"},
        headers={"x-forwarded-for": "198.51.100.1"},  # from nobody that is believed
    )

    assert answer.status_code == status


async def test_get_only_where_the_gateway_knows_nothing_else(client: Any) -> None:
    by_get = {"params": {"sessionId": "s", "text": ""}} | {
        "headers": {"authorization": f"Bearer {SECRET}"}
    }

    refused = await client(GATEWAY).get("/gateways/ussd/at", **by_get)
    taken = await client(replace(GATEWAY, takes_get=True)).get("/gateways/ussd/at", **by_get)

    assert (refused.status_code, refused.text) == (405, TRY_LATER)
    assert (taken.status_code, taken.text) == (200, f"CON {LANGUAGES}")


async def test_names_of_fields_and_json(client: Any) -> None:
    names = {"session": "id", "number": "msisdn", "text": "input", "step": "seq"}
    pages = client(replace(GATEWAY, cumulative=False, fields=names))

    said = [
        await pages.post(
            "/gateways/ussd/at",
            json={"id": 77, "msisdn": ALICE, "input": typed, "seq": step, "more": {"a": None}},
            headers={"authorization": f"Bearer {SECRET}"},
        )
        for step, typed in enumerate(["*123#", "2"])
    ]

    assert said[0].text == f"CON {MENU}"
    assert said[1].text.startswith("CON Balance RM0.00.")


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"text=", "application/x-www-form-urlencoded", 400),
        (b"\xff=\xff", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"a=1" for _ in range(60)), "application/x-www-form-urlencoded", 400),
        (b"sessionId=" + b"x" * 201, "application/x-www-form-urlencoded", 400),
        (b"sessionId=s&text=" + b"1" * 1001, "application/x-www-form-urlencoded", 400),
        (b"sessionId=s&text=" + b"1" * 17_000, "application/x-www-form-urlencoded", 413),
        (b"[1]", "application/json", 400),
        (b"[" * 10_000, "application/json", 400),
        (b"nonsense", "application/json", 400),
    ],
)
async def test_what_cannot_be_read_is_answered_all_the_same(
    client: Any, content: bytes, kind: str, status: int
) -> None:
    answer = await client(GATEWAY).post(
        "/gateways/ussd/at",
        content=content,
        headers={"authorization": f"Bearer {SECRET}", "content-type": kind},
    )

    assert (answer.status_code, answer.text) == (status, TRY_LATER)


async def test_an_unknown_gateway(client: Any) -> None:
    assert (await client(GATEWAY).post("/gateways/ussd/other")).status_code == 404


async def test_a_database_that_goes_away_is_no_answer_about_money(
    ring: Ring, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(*_: Any) -> bool:
        raise ConnectionResetError

    phone = ring()
    with monkeypatch.context() as away:
        away.setattr("tambah.channels.sessions.write_conversation", lost)
        answer = await phone.client.post("/gateways/ussd/at", **phone.form({"text": CODES[0]}))

    assert answer.status_code == 503
    assert answer.text == "END Unclear just now: an SMS confirms it if it worked."
    # The gateway asks again, and learns what came of it.
    assert (await phone.post(text=CODES[0])).startswith("END RM10.00 added.")
    assert await credit(database, ALICE) == 10


async def test_nothing_that_was_keyed_is_logged(ring: Ring, client: Any) -> None:
    with structlog.testing.capture_logs() as logged:
        await ring().post(text=CODES[0])
        await client(GATEWAY).post("/gateways/ussd/at", data={"text": CODES[1]})
        await client(GATEWAY).post(
            "/gateways/ussd/at",
            content=f'{{"text": "{CODES[1]}"',
            headers={"authorization": f"Bearer {SECRET}", "content-type": "application/json"},
        )

    assert logged != []
    assert [one for one in logged if any(code in str(one) for code in CODES)] == []


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1", (Keys("1"),)),
        ("1*2", (Keys("1"), Keys("2"))),
        ("*", (Keys("*"),)),
        ("*0", (Keys("*0"),)),
        ("1234*", (Keys("1234*"),)),
        ("", (Silence(),)),
        ("1**2", (Keys("1"), Silence(), Keys("2"))),
    ],
)
def test_inputs_are_parted_by_stars(text: str, wanted: tuple[Any, ...]) -> None:
    assert events(text) == wanted


@pytest.mark.parametrize(
    ("service", "text", "said"),
    [
        ("*123#", "1234567812345678", "1234567812345678"),
        ("*123*1234567812345678#", "", "1234567812345678"),
        ("*123#", "1234*5678*1234*5678", "1234567812345678"),
        ("*123#", "12345678", "12345678"),
    ],
)
def test_what_is_long_at_the_start_is_a_code(service: str, text: str, said: str) -> None:
    opened = open_with(UssdRequest(session="s", service=service, text=text), "*123#")

    assert (opened.wish, opened.said, opened.events) == (Wish.REDEEM, said, ())


@pytest.mark.parametrize(
    ("service", "text", "wanted"),
    [
        ("*123#", "", ()),
        ("*123#", "*123#", ()),
        ("*124*5#", "", ()),
        ("*123#", "1", (Keys("1"),)),
        ("*123*1*2#", "", (Keys("1"), Keys("2"))),
        ("*123*1#", "1*2", (Keys("1"), Keys("2"))),
        ("*123*1#", "2", (Keys("1"), Keys("2"))),
        ("*123#", "1*1234567812345678", (Keys("1"), Keys("1234567812345678"))),
    ],
)
def test_what_is_short_at_the_start_is_keys(
    service: str, text: str, wanted: tuple[Any, ...]
) -> None:
    opened = open_with(UssdRequest(session="s", service=service, text=text), "*123#")

    assert (opened.wish, opened.events) == (Wish.MENU, wanted)


@pytest.mark.parametrize(
    "changes", [{"secret": ""}, {"service_code": "123"}, {"fields": {"nothing": "x"}}]
)
def test_a_gateway_that_anybody_could_speak_for_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="gateway at"):
        replace(GATEWAY, **changes)


def test_a_secret_is_not_shown() -> None:
    assert SECRET not in repr(GATEWAY)


def test_an_entry_of_operator_toml_says_it_all() -> None:
    entry = GatewayEntry(
        name="at",
        kind="ussd",
        service_code="*123#",
        trusted=True,
        allow=("203.0.113.7",),
        proof_header="X-Api-Key",
        inbound={"step": "seq"},
        asks_by="get",
    )

    assert settings_of(entry, SECRET) == UssdSettings(
        name="at",
        service_code="*123#",
        secret=SECRET,
        proof_header="x-api-key",
        allow=(ip_network("203.0.113.7"),),
        trusted=True,
        fields={"step": "seq"},
        takes_get=True,
    )
