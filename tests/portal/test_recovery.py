"""A forgotten number, a lost phone: what is told to whom, and when it stops."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tambah.config import RecoveryEntry
from tambah.desks import recovery
from tambah.domain.actor import Actor
from tambah.domain.commands import BarLine, ImportLine
from tambah.domain.line import Language
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.identity import erase
from tambah.engine.importing.people import seal_person
from tambah.engine.secret_params import open_params
from tambah.portal import signing_in
from tambah.web.site import Site

from .conftest import client_of, text_of

MYKAD = "901231-14-5678"
OWN, SECOND, OTHERS = 60111111111, 60122222222, 60133333333
CONTACT = "012-999 8888"
RIGHT = {"document": MYKAD, "kind": "contact", "fact": "+60 12 999 8888"}
WRONG = {"document": "801231-14-5678", "kind": "contact", "fact": "+60 12 999 8888"}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "WRONG_ANSWER_SECONDS", 0.0)
    monkeypatch.setattr(signing_in, "WRONG_ANSWER_SECONDS", 0.0)


async def add_person(site: Site, msisdn: int, **person: str) -> int:
    """Import an active line with a person; return its id."""
    line_id: int = await site.database.fetch_value("SELECT nextval('owner_id_seq')")
    today = datetime.now(UTC).replace(hour=16, minute=0, second=0, microsecond=0)
    await site.engine.submit(
        ImportLine(
            line_id=line_id,
            msisdn=msisdn,
            digest=b"row",
            language=Language.EN,
            plan="standard",
            active_until=today + timedelta(days=10),
            grace_until=today + timedelta(days=60),
            person=seal_person(site.keys, line_id, person),
        )
    )
    return line_id


@pytest.fixture
async def people(site: Site) -> dict[int, int]:
    """Add a person with two lines and another number, and somebody else; return the lines' ids."""
    owner = {"name": "Demo Person", "document": MYKAD, "contact": CONTACT}
    return {
        OWN: await add_person(site, OWN, **owner),
        SECOND: await add_person(site, SECOND, **owner),
        OTHERS: await add_person(
            site, OTHERS, name="Other Person", document="DEMO0007", birth_date="1990-12-31"
        ),
    }


@pytest.fixture
async def visitor(site: Site, people: dict[int, int]) -> AsyncIterator[httpx.AsyncClient]:
    """Return somebody's browser."""
    async with client_of(site) as client:
        yield client


async def ask(visitor: httpx.AsyncClient, **answers: str) -> httpx.Response:
    return await visitor.post("/account/forgotten", data=answers)


async def secrets_of(site: Site, template: str = "recovery_code") -> list[tuple[int, Any]]:
    """Return what the messages of a template hold sealed, by the line's number."""
    rows = await site.database.fetch(
        "SELECT msisdn, sealed FROM outbox WHERE template = $1 ORDER BY line_id, number", template
    )
    return [(row[0], open_params(site.keys, row[1]) if row[1] else {}) for row in rows]


async def prove(visitor: httpx.AsyncClient, code: str) -> httpx.Response:
    return await visitor.post("/account/forgotten/code", data={"code": code})


async def sign_in(site: Site, visitor: httpx.AsyncClient, number: str) -> None:
    await visitor.post("/account/sign-in", data={"number": number})
    *_, (_, secret) = await secrets_of(site, "sign_in_code")
    await visitor.post("/account/sign-in/code", data={"code": secret["code"]})


def with_recovery(site: Site, **limits: Any) -> Site:
    fields = {name: getattr(site.operator, name) for name in site.operator.__struct_fields__}
    fields["recovery"] = RecoveryEntry(**limits)
    return replace(site, operator=type(site.operator)(**fields))


@pytest.mark.parametrize(
    "answers",
    [
        RIGHT,
        {"document": "９０１２３１１４５６７８", "kind": "name", "fact": "demo  PERSON"},
        {"document": MYKAD, "kind": "contact", "fact": "0129998888"},
    ],
)
async def test_the_owner_sees_every_number(
    site: Site, visitor: httpx.AsyncClient, answers: dict[str, str]
) -> None:
    asked = await ask(visitor, **answers)
    assert (asked.status_code, asked.headers["location"]) == (303, "/account/forgotten/code")
    [(msisdn, secret)] = await secrets_of(site)
    assert (msisdn, secret["to"]) == (OWN, "60129998888")
    page = await prove(visitor, secret["code"])
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    assert "011-111 1111" in text_of(page)
    assert "012-222 2222" in text_of(page)
    assert (await prove(visitor, secret["code"])).status_code == 422


async def test_without_another_number_the_code_goes_to_the_line_itself(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    await ask(visitor, document="demo 0007", kind="birth_date", fact="31/12/1990")
    [(msisdn, secret)] = await secrets_of(site)
    assert msisdn == OTHERS
    assert "to" not in secret
    assert "013-333 3333" in text_of(await prove(visitor, secret["code"]))


async def test_a_birth_date_is_no_second_fact_beside_a_mykad(visitor: httpx.AsyncClient) -> None:
    answer = await ask(visitor, document=MYKAD, kind="birth_date", fact="31/12/1990")
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "answers",
    [
        {"document": "", "kind": "name", "fact": "Demo Person"},
        {"document": MYKAD, "kind": "name", "fact": " "},
        {"document": MYKAD, "kind": "shoe_size", "fact": "42"},
        {"document": "DEMO0007", "kind": "birth_date", "fact": "yesterday"},
    ],
)
async def test_what_cannot_be_read_is_said_at_once(
    visitor: httpx.AsyncClient, answers: dict[str, str]
) -> None:
    assert (await ask(visitor, **answers)).status_code == 422


async def test_a_code_is_worth_nothing_in_another_browser_or_for_signing_in(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    await ask(visitor, **RIGHT)
    [(_, secret)] = await secrets_of(site)
    async with client_of(site) as stranger:
        await ask(stranger, **WRONG)
        assert (await prove(stranger, secret["code"])).status_code == 422
    await visitor.post("/account/sign-in", data={"number": "011-111 1111"})
    answer = await visitor.post("/account/sign-in/code", data={"code": secret["code"]})
    assert answer.status_code == 422


class Telltale:
    """A database and an engine that note when they are asked for somebody."""

    def __init__(self, wrapped: Any, events: list[str]) -> None:
        self._wrapped = wrapped
        self._events = events

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wrapped, name)

    async def fetch(self, sql: str, *values: object) -> Any:
        if "person_fact" in sql:
            self._events.append("looked up")
        return await self._wrapped.fetch(sql, *values)

    async def submit(self, command: Any) -> Any:
        self._events.append(type(command).__name__)
        return await self._wrapped.submit(command)


@pytest.mark.parametrize("path", ["/account/forgotten", "/account/lost", "/account/reactivate"])
async def test_the_answer_is_written_before_anybody_is_looked_up(
    site: Site, people: dict[int, int], path: str
) -> None:
    events: list[str] = []
    watched = replace(
        site,
        engine=Telltale(site.engine, events),  # type: ignore[arg-type]
        database=Telltale(site.database, events),  # type: ignore[arg-type]
    )
    answers: list[tuple[int, bytes, str | None]] = []
    async with client_of(watched) as client:
        app = client._transport.app  # type: ignore[attr-defined]

        async def noting(scope: Any, receive: Any, send: Any) -> None:
            async def note(message: Any) -> None:
                events.append(message["type"])
                await send(message)

            await app(scope, receive, note)

        client._transport.app = noting  # type: ignore[attr-defined]
        for claim in (RIGHT, WRONG):
            events.append(claim["document"])
            answer = await client.post(path, data={**claim, "number": "011-111 1111"})
            answers.append((answer.status_code, answer.content, answer.headers["location"]))
    right, wrong = events[: events.index(WRONG["document"])], events
    wrong = events[events.index(WRONG["document"]) :]
    for told in (right, wrong):
        assert told[1:3] == ["http.response.start", "http.response.body"]
        assert told[3] == "looked up"
    commands = {"AskRecovery", "SetOwnBar", "AllowReactivation"}
    assert len(commands & set(right)) == 1
    assert commands & set(wrong) == set()
    assert answers[0] == answers[1]


async def test_a_wrong_code_is_answered_alike_whether_somebody_was_found(
    visitor: httpx.AsyncClient,
) -> None:
    answers: list[tuple[int, str]] = []
    for claim in (RIGHT, WRONG):
        await ask(visitor, **claim)
        answer = await prove(visitor, "000000")
        answers.append((answer.status_code, text_of(answer)))
    assert answers[0] == answers[1]


async def test_a_document_has_three_tries_a_day_in_all_processes(
    site: Site, people: dict[int, int]
) -> None:
    second = Engine(site.database, rules=site.rules, keys=site.keys, clock=Clock())
    await second.start()
    sites = [site, replace(site, engine=second)]
    for place in range(4):
        async with client_of(sites[place % 2]) as client:
            answer = await ask(client, document=MYKAD, kind="name", fact=f"Wrong {place}")
            assert answer.status_code == 303
    async with client_of(site) as client:
        await ask(client, **RIGHT)
    await second.stop()
    assert await secrets_of(site) == []
    checks = await site.database.fetch("SELECT after FROM audit WHERE action = 'CheckIdentity'")
    assert len(checks) == 3


async def test_sources_and_everybody_together_have_budgets(
    site: Site, people: dict[int, int]
) -> None:
    small = replace(
        with_recovery(site, source_hourly=2, all_hourly=3), trusted_proxies=("127.0.0.1",)
    )
    answers: list[int] = []
    async with client_of(small) as client:
        for address in ("203.0.113.1",) * 3 + ("203.0.113.2",) * 2:
            client.headers["x-forwarded-for"] = address
            answer = await ask(client, document=f"P{len(answers)}", kind="name", fact="X")
            answers.append(answer.status_code)
    assert answers == [303, 303, 429, 303, 429]


async def test_the_networks_word_for_the_number_is_believed_from_its_proxy_alone(
    site: Site, people: dict[int, int]
) -> None:
    headers = {"x-msisdn": "60111111111"}
    named = with_recovery(site, number_header="x-msisdn")
    trusted = replace(named, trusted_proxies=("127.0.0.1",))
    for one, shows in ((site, False), (named, False), (trusted, True)):
        async with client_of(one) as client:
            form = await client.get("/account/forgotten", headers=headers)
            assert ("/account/forgotten/this-phone" in form.text) is shows
            page = await client.post("/account/forgotten/this-phone", headers=headers)
            assert ("011-111 1111" in text_of(page)) is shows


async def standing(site: Site, msisdn: int) -> tuple[bool, bool]:
    row = await site.database.fetch_row(
        "SELECT barred, own_bar FROM line WHERE msisdn = $1", msisdn
    )
    assert row is not None
    return row[0], row[1]


async def test_a_lost_phone_is_barred_by_its_owners_answers_alone(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    for claim, number, barred in (
        (WRONG, "011-111 1111", False),
        (RIGHT, "013-333 3333", False),
        (RIGHT, "011-111 1111", True),
    ):
        answer = await visitor.post("/account/lost", data={**claim, "number": number})
        assert (answer.status_code, answer.headers["location"]) == (303, "/account/lost/done")
        assert await standing(site, OWN) == (barred, barred)
    assert await standing(site, OTHERS) == (False, False)
    told = await secrets_of(site, "line_barred")
    assert [secret.get("to") for _, secret in told] == [None, "60129998888"]
    assert (await visitor.get("/account/lost/done")).status_code == 200


async def test_who_is_signed_in_bars_at_once_and_lifts_it_by_identity(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    await sign_in(site, visitor, "011-111 1111")
    assert (await visitor.post("/account/lost")).headers["location"] == "/account/lost"
    assert await standing(site, OWN) == (True, True)
    assert "/account/unbar" in (await visitor.get("/account/lost")).text
    refused = await visitor.post("/account/unbar", data=WRONG)
    assert refused.status_code == 422
    assert await standing(site, OWN) == (True, True)
    lifted = await visitor.post("/account/unbar", data=RIGHT)
    assert lifted.headers["location"] == "/account"
    assert await standing(site, OWN) == (False, False)
    actions = await site.database.fetch("SELECT who, action FROM audit ORDER BY day, seq")
    assert [row[1] for row in actions if row[1] == "SetOwnBar"] == ["SetOwnBar"] * 2
    assert {row[0] for row in actions} == {"subscriber"}


async def test_the_operators_bar_is_not_the_owners_to_lift(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    staff = Actor(who="staff", why="fraud")
    await sign_in(site, visitor, "011-111 1111")
    await visitor.post("/account/lost")
    await site.engine.submit(
        BarLine(caller="staff", request_key="1", msisdn=OWN, barred=True, actor=staff)
    )
    assert (await visitor.post("/account/unbar", data=RIGHT)).status_code == 409
    assert await standing(site, OWN) == (True, False)


async def test_a_bar_is_not_lifted_while_the_sim_is_new(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    await sign_in(site, visitor, "011-111 1111")
    await visitor.post("/account/lost")
    await site.database.execute(
        "UPDATE line SET hold_until = now() + interval '1 hour' WHERE msisdn = $1", OWN
    )
    assert (await visitor.post("/account/unbar", data=RIGHT)).status_code == 409
    assert await standing(site, OWN) == (True, True)


async def test_nothing_of_an_identity_stays(site: Site, visitor: httpx.AsyncClient) -> None:
    await ask(visitor, **RIGHT)
    await visitor.post("/account/lost", data={**RIGHT, "number": "011-111 1111"})
    typed = ("901231145678", "901231-14-5678", "9998888", "Demo Person")
    for table in ("audit", "outbox", "look_up", "sign_in_code", "person_fact", "person"):
        rows = await site.database.fetch(f"SELECT to_jsonb({table}) FROM {table}")  # type: ignore[arg-type]
        text = json.dumps([row[0] for row in rows])
        assert [secret for secret in typed if secret in text] == []


async def test_an_erased_person_is_found_no_more(site: Site, visitor: httpx.AsyncClient) -> None:
    rows = await site.database.fetch("SELECT line_id FROM person")
    transfers = await site.database.fetch_value("SELECT count(*) FROM transfer")
    for (line_id,) in rows:
        assert await erase(site.database, line_id, Actor(who="staff", why="asked for it"))
    assert not await erase(site.database, rows[0][0], Actor(who="staff", why="again"))
    await ask(visitor, **RIGHT)
    assert await secrets_of(site) == []
    assert await site.database.fetch_value("SELECT count(*) FROM person_fact") == 0
    assert await site.database.fetch_value("SELECT count(*) FROM transfer") == transfers


async def test_an_expired_line_is_opened_to_a_top_up_by_its_owners_answers(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    past = "UPDATE line SET state = 4, active_until = now() - interval '70 days',"
    past += " grace_until = now() - interval '20 days' WHERE msisdn = $1"
    await site.database.execute(past, OWN)  # type: ignore[arg-type]
    for claim, is_open in ((WRONG, False), (RIGHT, True)):
        answer = await visitor.post(
            "/account/reactivate", data={**claim, "number": "011-111 1111"}
        )
        assert answer.headers["location"] == "/account/reactivate/done"
        until = await site.database.fetch_value(
            "SELECT reactivation_until FROM line WHERE msisdn = $1", OWN
        )
        assert (until is not None) is is_open
    assert (await visitor.get("/account/reactivate/done")).status_code == 200
