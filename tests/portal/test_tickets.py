"""Tickets: what opening and following one tells, and what is kept of it."""

from __future__ import annotations

import io
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from PIL import Image

from tambah.config import TicketsEntry
from tambah.desks import tickets as ticket_desk
from tambah.domain.commands import Actor
from tambah.domain.line import Language
from tambah.domain.ticket import MOST_PHOTOS, fold_ticket
from tambah.engine.clock import Clock
from tambah.engine.tickets import (
    answer_ticket,
    close_by_staff,
    erase_ticket,
    note_for_staff,
    open_facts,
)
from tambah.i18n import LANGUAGES, texts
from tambah.payments.sandbox import Ending
from tambah.portal import signing_in
from tambah.store.tickets import read_ticket
from tambah.web.site import Site
from tests.engine.books import add_line

from .conftest import ALICE, TYPED_NUMBER, WRONG, client_of, field, text_of, top_up
from .paying import check_form, open_shop, press_pay, replace_struct
from .test_signing_in import prove, sent_codes

NOBODY = "019-999 9999"
BOB = 60123456700
STAFF = Actor(who="cli:test", why="test")
SAID = "My call yesterday cost RM9.99, please look"
PATH = re.compile(r"/help/ticket/[a-z2-7]{40}")
_REFERENCE = re.compile(r"[2-9A-Y]{3}-[2-9A-Y]{3}-[2-9A-Y]{3}")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticket_desk, "WRONG_ANSWER_SECONDS", 0.0)
    monkeypatch.setattr(signing_in, "WRONG_ANSWER_SECONDS", 0.0)


@pytest.fixture
async def visitor(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """Return somebody's browser."""
    async with client_of(site) as client:
        yield client


def photo_file(colour: str = "red", **how: Any) -> dict[str, Any]:
    file = io.BytesIO()
    Image.new("RGB", (30, 20), colour).save(file, "JPEG", **how)
    return {"photo": ("IMG_2041.jpg", file.getvalue(), "image/jpeg")}


async def send(
    visitor: httpx.AsyncClient, files: dict[str, Any] | None = None, **fields: str
) -> httpx.Response:
    """Open the form, fill it in and send it; multipart, as browsers do."""
    token = field(await visitor.get("/help/ticket"), "token")
    form = {"token": token, "number": TYPED_NUMBER, "category": "wrong_charge", "text": SAID}
    sent = {name: (None, value) for name, value in (form | fields).items()}
    return await visitor.post("/help/ticket", files=sent | (files or {}))


async def opened(visitor: httpx.AsyncClient, **fields: Any) -> tuple[str, str]:
    """Open a ticket; return the path of its page and its reference as it is stored."""
    path = (await send(visitor, **fields)).headers["location"]
    reference = fold_ticket(reference_on(await visitor.get(path)))
    assert reference is not None
    return path, reference


def reference_on(page: httpx.Response) -> str:
    found = _REFERENCE.search(text_of(page))
    assert found is not None
    return found[0]


async def told(site: Site) -> list[tuple[str, str]]:
    """Return the messages about tickets that are on their way, with their params."""
    rows = await site.database.fetch(
        "SELECT template, params FROM outbox WHERE template LIKE 'ticket_%' ORDER BY number"
    )
    return [(row[0], json.loads(row[1])["reference"]) for row in rows]


def with_entry(site: Site, **changes: Any) -> Site:
    return replace(site, operator=replace_struct(site.operator, tickets=TicketsEntry(**changes)))


# Opening


async def test_a_ticket_has_its_reference_at_once_and_the_line_is_told(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    answer = await send(visitor, photo_file())
    assert answer.status_code == 303
    assert PATH.fullmatch(answer.headers["location"])
    page = await visitor.get(answer.headers["location"])
    text = text_of(page)
    assert page.headers["cache-control"] == "no-store"
    assert SAID in text
    assert "With customer care" in text
    assert "Answer by" in text
    assert "012-••• 6789" in text
    assert "012-345 6789" not in page.text
    reference = fold_ticket(reference_on(page)) or ""
    ticket = await read_ticket(site.database, reference)
    assert ticket is not None
    assert ticket.line_id == await site.database.fetch_value("SELECT line_id FROM line")
    assert (ticket.note_seq, ticket.photo_seq) == (1, 1)
    assert await told(site) == [("ticket_opened", reference_on(page))]
    photo = await visitor.get(f"{answer.headers['location']}/photo/1")
    assert (photo.status_code, photo.headers["content-type"]) == (200, "image/jpeg")
    assert Image.open(io.BytesIO(photo.content)).size == (30, 20)


async def test_a_number_of_nobodys_opens_a_ticket_all_the_same(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    known, unknown = await send(visitor), await send(visitor, number=NOBODY)
    assert (known.status_code, known.headers.keys()) == (
        unknown.status_code,
        unknown.headers.keys(),
    )
    pages = [await visitor.get(answer.headers["location"]) for answer in (known, unknown)]
    bare = [
        _REFERENCE.sub("…", text_of(page)).replace(masked, "…")
        for page, masked in zip(pages, ("012-••• 6789", "019-••• 9999"), strict=True)
    ]
    assert bare[0] == bare[1]
    assert len(await told(site)) == 1


class Watched:
    """A database that notes when somebody asks whose a number is."""

    def __init__(self, database: Any, events: list[str]) -> None:
        self._database = database
        self._events = events

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    async def fetch_value(self, sql: Any, *values: object) -> Any:
        if "FROM number" in sql:
            self._events.append("looked up")
        return await self._database.fetch_value(sql, *values)


async def test_the_answer_is_written_before_the_number_is_looked_up(site: Site) -> None:
    events: list[str] = []
    watched = replace(site, database=Watched(site.database, events))  # type: ignore[arg-type]
    async with client_of(watched) as client:
        app = client._transport.app  # type: ignore[attr-defined]

        async def noting(scope: Any, receive: Any, send: Any) -> None:
            async def note(message: Any) -> None:
                events.append(message["type"])
                await send(message)

            await app(scope, receive, note)

        tokens = [field(await client.get("/help/ticket"), "token") for _ in range(2)]
        client._transport.app = noting  # type: ignore[attr-defined]
        events.clear()
        for token, number in zip(tokens, (TYPED_NUMBER, NOBODY), strict=True):
            form = {"token": token, "number": number, "category": "other", "text": SAID}
            assert (await client.post("/help/ticket", data=form)).status_code == 303
    assert events == ["http.response.start", "http.response.body", "looked up"] * 2


async def test_a_number_in_quarantine_is_nobodys(site: Site, visitor: httpx.AsyncClient) -> None:
    await site.database.execute(
        "UPDATE line SET active_until = now() - interval '200 days',"
        " grace_until = now() - interval '150 days', state = 5"
    )
    _, reference = await opened(visitor)
    ticket = await read_ticket(site.database, reference)
    assert ticket is not None
    assert ticket.line_id is None
    assert await told(site) == []


async def test_pressing_twice_opens_one_ticket(site: Site, visitor: httpx.AsyncClient) -> None:
    token = field(await visitor.get("/help/ticket"), "token")
    first, second, other = [
        (await send(visitor, token=token, text=text)).headers["location"]
        for text in (SAID, SAID, "Something else")
    ]
    assert first == second
    assert first != other
    assert await site.database.fetch_value("SELECT count(*) FROM ticket") == 2
    assert await site.database.fetch_value("SELECT count(*) FROM ticket_note") == 2
    assert len(await told(site)) == 2


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"number": "12"}, "Enter it like 012-345 6789"),
        ({"category": ""}, "Choose what it is about"),
        ({"category": "sue"}, "Choose what it is about"),
        ({"text": "  "}, "Write a few words"),
        ({"category": "damaged_card", "serial": "12"}, "not a serial number"),
        ({"category": "damaged_card", "readable": "1234"}, "Enter 16 digits"),
        ({"category": "damaged_card", "readable": "?????78901234567"}, "at most 4"),
        ({"token": "stale"}, "open for too long"),
    ],
)
async def test_what_cannot_be_read_is_said_and_what_was_typed_is_kept(
    site: Site, visitor: httpx.AsyncClient, fields: dict[str, str], said: str
) -> None:
    form = await send(visitor, photo_file(), **fields)
    assert form.status_code == 422
    assert said in text_of(form)
    assert "Please choose the photo once more." in text_of(form)
    for name in ("number", "serial"):
        assert field(form, name) == {"number": TYPED_NUMBER, **fields}.get(name, "")
    assert fields.get("text", SAID) in form.text
    assert await site.database.fetch_value("SELECT count(*) FROM ticket") == 0


@pytest.mark.parametrize(
    ("raw", "status", "said"),
    [
        (b"GIF89a of a stranger", 422, "not a photo that we can read"),
        (b"\xff\xd8\xff" + b"\0" * 2_200_000, 413, "larger than 2 MB"),
    ],
)
async def test_a_photo_that_cannot_be_taken_keeps_what_was_typed(
    visitor: httpx.AsyncClient, raw: bytes, status: int, said: str
) -> None:
    form = await send(visitor, {"photo": ("card.jpg", raw, "image/jpeg")})
    assert form.status_code == status
    assert said in text_of(form)
    assert SAID in form.text


async def test_a_body_beyond_all_limits_is_drained_and_refused(visitor: httpx.AsyncClient) -> None:
    form = await send(visitor, {"photo": ("card.jpg", b"\0" * 8_500_000, "image/jpeg")})
    assert form.status_code == 413
    assert "larger than 2 MB" in text_of(form)


async def test_other_paths_take_no_larger_bodies_than_before(visitor: httpx.AsyncClient) -> None:
    large = {"number": "1" * 300_000}
    assert (await visitor.post("/topup", data=large)).status_code == 413
    assert (await visitor.post("/help/ticketing", data=large)).status_code in (404, 413)


async def test_another_language_keeps_what_was_typed(visitor: httpx.AsyncClient) -> None:
    form = {"number": TYPED_NUMBER, "category": "other", "text": SAID, "again": "1"}
    page = await visitor.post("/help/ticket?lang=ta", data=form)
    assert page.status_code == 200
    assert texts("ta").get("tickets.title") in text_of(page)
    assert SAID in page.text
    assert field(page, "number") == TYPED_NUMBER


async def test_another_sites_form_is_refused(site: Site, visitor: httpx.AsyncClient) -> None:
    path, _ = await opened(visitor)
    elsewhere = {"sec-fetch-site": "cross-site"}
    for target in ("/help/ticket", "/help/ticket/follow", f"{path}/note", f"{path}/close"):
        answer = await visitor.post(target, data={"text": "x"}, headers=elsewhere)
        assert answer.status_code == 422
    assert await site.database.fetch_value("SELECT count(*) FROM ticket_note") == 1


# Limits


async def test_a_number_has_so_many_tickets_open(site: Site) -> None:
    async with client_of(with_entry(site, most_open=2)) as visitor:
        path, _ = await opened(visitor)
        assert (await send(visitor)).status_code == 303
        refused = await send(visitor)
        assert refused.status_code == 429
        assert "as much open here as there may be" in text_of(refused)
        assert (await send(visitor, number=NOBODY)).status_code == 303
        assert (await visitor.post(f"{path}/close")).status_code == 303
        assert (await send(visitor)).status_code == 303


async def test_an_owner_who_is_signed_in_is_held_to_no_such_limit(site: Site) -> None:
    async with client_of(with_entry(site, most_open=1)) as stranger:
        assert (await send(stranger)).status_code == 303
        assert (await send(stranger)).status_code == 429
    async with client_of(with_entry(site, most_open=1)) as owner:
        await sign_in(site, owner)
        assert (await send(owner)).status_code == 303


async def test_a_source_has_a_budget_and_so_has_everybody(site: Site) -> None:
    small = with_entry(site, source_hourly=2, all_hourly=3, most_open=99)
    small = replace(small, trusted_proxies=("127.0.0.1",))
    answers: list[int] = []
    for place in (1, 1, 1, 2, 3):
        async with client_of(small) as visitor:
            visitor.headers["x-forwarded-for"] = f"203.0.113.{place}"
            answers.append((await send(visitor)).status_code)
    assert answers == [303, 303, 429, 303, 429]


# Following


async def test_a_ticket_is_followed_by_reference_and_number(visitor: httpx.AsyncClient) -> None:
    path, reference = await opened(visitor)
    for typed in (reference, reference.lower(), f"{reference[:3]} {reference[3:]}"):
        form = {"reference": typed, "number": "+60 12 345 6789"}
        found = await visitor.post("/help/ticket/follow", data=form)
        assert (found.status_code, found.headers["location"]) == (303, path)


async def test_a_wrong_reference_and_a_wrong_number_are_answered_alike(
    site: Site, visitor: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, reference = await opened(visitor)
    _, other = await opened(visitor, number=NOBODY)
    waited: list[bool] = []
    pause = ticket_desk.asyncio.sleep

    async def noting(seconds: float) -> None:
        # Others sleep by the same function meanwhile: only the desk's wait is this long.
        if seconds > 30.0:
            waited.append(True)
            seconds = 0
        await pause(seconds)

    monkeypatch.setattr(ticket_desk, "WRONG_ANSWER_SECONDS", 60.0)
    monkeypatch.setattr(ticket_desk.asyncio, "sleep", noting)
    answers = [
        await visitor.post("/help/ticket/follow", data={"reference": ref, "number": number})
        for ref, number in (
            (other, TYPED_NUMBER),
            (reference, NOBODY),
            ("22222222N", TYPED_NUMBER),
            ("nonsense", TYPED_NUMBER),
        )
    ]
    monkeypatch.undo()
    assert [answer.status_code for answer in answers] == [404] * 4
    assert len({text_of(answer) for answer in answers}) == 1
    assert "There is no ticket of this reference and this number." in text_of(answers[0])
    assert waited.count(True) == 4


async def test_wrong_pairs_have_a_budget(site: Site) -> None:
    async with client_of(with_entry(site, source_wrong_hourly=2)) as visitor:
        _, reference = await opened(visitor)
        wrong = {"reference": reference, "number": NOBODY}
        right = {"reference": reference, "number": TYPED_NUMBER}
        sent = [wrong, right, wrong, right]
        answers = [
            (await visitor.post("/help/ticket/follow", data=form)).status_code for form in sent
        ]
    assert answers == [404, 303, 404, 429]


@pytest.mark.parametrize("name", ["x", "a" * 40, "2" * 41])
async def test_an_address_cannot_be_guessed(visitor: httpx.AsyncClient, name: str) -> None:
    for path in (f"/help/ticket/{name}", f"/help/ticket/{name}/photo/1"):
        assert (await visitor.get(path)).status_code == 404


# The thread


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_an_answer_is_read_in_the_readers_language(site: Site, tag: str) -> None:
    async with client_of(site) as visitor:
        path, reference = await opened(visitor)
        ready = {one: texts(one).get("tickets.answer.looking") for one in LANGUAGES}
        await answer_ticket(
            site.database, site.keys, reference, ready, actor=STAFF, now=site.clock.now()
        )
        text = text_of(await visitor.get(f"{path}?lang={tag}"))
    said = texts(tag)
    assert said.get("tickets.answer.looking") in text
    assert said.get("tickets.state.answered") in text
    assert said.get("tickets.by_us") in text
    assert text.index(SAID) < text.index(said.get("tickets.answer.looking"))


async def test_what_staff_write_for_staff_is_theirs(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    path, reference = await opened(visitor)
    now = site.clock.now()
    await note_for_staff(
        site.database, site.keys, reference, "Has called twice", actor=STAFF, now=now
    )
    assert "Has called twice" not in (await visitor.get(path)).text
    asks = {"": "Which number did you call?"}
    await answer_ticket(
        site.database, site.keys, reference, asks, actor=STAFF, now=now, waits=True
    )
    text = text_of(await visitor.get(path))
    assert "Waiting for you" in text
    assert "Which number did you call?" in text


async def test_who_writes_again_is_owed_an_answer_again(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    path, reference = await opened(visitor)
    now = site.clock.now()
    await answer_ticket(site.database, site.keys, reference, {"": "Solved"}, actor=STAFF, now=now)
    assert "Answer by" not in text_of(await visitor.get(path))
    form = {"token": field(await visitor.get(path), "token"), "text": "It is not"}
    for _ in range(2):  # pressed twice
        added = await visitor.post(f"{path}/note", data=form, files=photo_file("blue"))
        assert (added.status_code, added.headers["location"]) == (303, path)
    text = text_of(await visitor.get(path))
    assert text.count("It is not") == 1
    assert "Answer by" in text
    assert (await visitor.get(f"{path}/photo/1")).status_code == 200
    assert (await visitor.get(f"{path}/photo/2")).status_code == 404


async def test_an_empty_note_is_not_added(visitor: httpx.AsyncClient) -> None:
    path, _ = await opened(visitor)
    token = field(await visitor.get(path), "token")
    page = await visitor.post(f"{path}/note", data={"token": token, "text": " "})
    assert page.status_code == 422
    assert "Write a few words" in text_of(page)


async def test_a_ticket_has_so_many_photos(site: Site) -> None:
    async with client_of(with_entry(site, source_hourly=99)) as visitor:
        path, _ = await opened(visitor)
        answers: list[int] = []
        for _ in range(MOST_PHOTOS + 1):
            form = {"token": field(await visitor.get(path), "token")}
            answers.append(
                (await visitor.post(f"{path}/note", data=form, files=photo_file())).status_code
            )
    assert answers == [303] * MOST_PHOTOS + [429]


async def test_a_closed_ticket_stays_to_be_read(site: Site, visitor: httpx.AsyncClient) -> None:
    path, _ = await opened(visitor)
    form = {"token": field(await visitor.get(path), "token"), "text": "One more thing"}
    for _ in range(2):
        assert (await visitor.post(f"{path}/close")).headers["location"] == path
    page = await visitor.get(path)
    assert "Closed" in text_of(page)
    assert SAID in text_of(page)
    assert "/note" not in page.text
    refused = await visitor.post(f"{path}/note", data=form)
    assert refused.status_code == 409
    assert "This ticket is closed" in text_of(refused)


async def test_a_page_says_that_an_answer_is_late(site: Site, visitor: httpx.AsyncClient) -> None:
    path, _ = await opened(visitor)
    async with client_of(replace(site, clock=Clock(timedelta(days=9)))) as later:
        assert "An answer was due on" in text_of(await later.get(path))


async def test_nothing_is_left_of_a_ticket_that_is_erased(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    path, reference = await opened(visitor, files=photo_file())
    await erase_ticket(site.database, reference, actor=STAFF, now=site.clock.now())
    for gone in (path, f"{path}/photo/1"):
        assert (await visitor.get(gone)).status_code == 404
    form = {"reference": reference, "number": TYPED_NUMBER}
    assert (await visitor.post("/help/ticket/follow", data=form)).status_code == 404
    for table in ("ticket_note", "ticket_photo"):
        count = await site.database.fetch_value(f"SELECT count(*) FROM {table}")  # type: ignore[arg-type]
        assert count == 0
    kept = await read_ticket(site.database, reference)
    assert kept is not None
    assert (kept.number_digest, kept.sealed, kept.line_id) == (None, None, None)


# One's own


async def sign_in(site: Site, browser: httpx.AsyncClient, number: str = TYPED_NUMBER) -> None:
    await browser.post("/account/sign-in", data={"number": number})
    *_, code = await sent_codes(site)
    assert (await prove(browser, code)).status_code == 303


async def test_a_subscriber_sees_the_lines_tickets_and_no_others(site: Site) -> None:
    await add_line(site.engine, site.database, BOB)
    async with client_of(site) as visitor, client_of(site) as owner:
        mine, reference = await opened(visitor)
        other, foreign = await opened(visitor, number="012-345 6700")
        assert (await owner.get("/account/tickets")).headers["location"] == "/account/sign-in"
        await sign_in(site, owner)
        assert field(await owner.get("/help/ticket"), "number") == TYPED_NUMBER
        page = await owner.get("/account/tickets")
        assert (mine in page.text, other in page.text) == (True, False)
        assert reference in page.text.replace("-", "")
        assert foreign not in page.text.replace("-", "")


async def test_a_recycled_number_shows_nothing_of_its_past(site: Site) -> None:
    async with client_of(site) as visitor, client_of(site) as owner:
        await opened(visitor)
        await site.database.execute("UPDATE ticket SET line_id = line_id + 1000")
        await sign_in(site, owner)
        assert "There is no ticket about this number." in text_of(
            await owner.get("/account/tickets")
        )


# Filled in


@pytest.mark.parametrize("ending", [Ending.DECLINED, Ending.CANCELLED])
async def test_a_failed_payment_opens_a_ticket_that_is_filled_in(
    site: Site, ending: Ending
) -> None:
    shop = open_shop(site)
    async with client_of(shop.site) as visitor:
        paid = await press_pay(visitor, await check_form(visitor))
        path = await shop.end(paid, ending)
        page = await visitor.get(path)
        assert "Ask customer care about this" in text_of(page)
        token = field(page, "payment")
        form = await visitor.post("/help/ticket/about", data={"payment": token})
        assert field(form, "number") == "012-••• 6789"  # as the address shows it
        assert 'value="failed_topup" checked' in form.text
        assert "RM30.00" in text_of(form)
        sent = {
            "token": field(form, "token"),
            "about": field(form, "about"),
            "number": field(form, "number"),
            "category": "failed_topup",
        }
        answer = await visitor.post("/help/ticket", data=sent)  # nothing more to type
        assert answer.status_code == 303
        ticket_page = await visitor.get(answer.headers["location"])
    reference = fold_ticket(reference_on(ticket_page)) or ""
    ticket = await read_ticket(site.database, reference)
    assert ticket is not None
    assert ticket.sealed is not None
    facts = open_facts(site.keys, reference, ticket.sealed)
    payment = await site.database.fetch_value("SELECT reference FROM payment")
    assert (facts.payment, facts.said, facts.msisdn) == (payment, "failed", ALICE)
    assert facts.amount_micros == 30_000_000


async def test_a_payment_that_was_credited_asks_for_no_ticket(site: Site) -> None:
    shop = open_shop(site)
    async with client_of(shop.site) as visitor:
        paid = await press_pay(visitor, await check_form(visitor))
        page = await visitor.get(await shop.end(paid, Ending.PAID))
    assert "Ask customer care about this" not in text_of(page)


async def test_a_refused_top_up_opens_a_ticket_that_is_filled_in(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    refused = await top_up(visitor, WRONG[0])
    assert "Ask customer care about this" in text_of(refused)
    sent = {name: field(refused, name) for name in ("number", "notice", "code")}
    form = await visitor.post("/help/ticket/about", data=sent)
    assert field(form, "number") == TYPED_NUMBER
    assert 'value="damaged_card" checked' in form.text
    assert sent["code"] not in form.text


async def test_what_typing_again_mends_asks_for_no_ticket(visitor: httpx.AsyncClient) -> None:
    refused = await top_up(visitor, "1234")
    assert "Ask customer care about this" not in text_of(refused)


async def test_facts_that_are_not_ours_are_left_out(visitor: httpx.AsyncClient) -> None:
    for forged in ("x", "A" * 80, "é"):
        assert (await send(visitor, about=forged)).status_code == 303
    form = await visitor.post("/help/ticket/about", data={"notice": "forged"})
    assert form.status_code == 200
    assert (
        await visitor.post("/help/ticket/about", data={"payment": "a" * 26})
    ).status_code == 404


# What is kept


async def test_nothing_of_what_was_said_is_in_the_database(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    card = {"category": "damaged_card", "serial": "0001-00000001", "readable": "12345678??123456"}
    _, reference = await opened(visitor, files=photo_file("red", comment=b"at home"), **card)
    now = site.clock.now()
    await answer_ticket(
        site.database, site.keys, reference, {"": "Our secret answer"}, actor=STAFF, now=now
    )
    await close_by_staff(site.database, site.keys, reference, actor=STAFF, now=now)
    tables = [
        row[0]
        for row in await site.database.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        )
    ]
    for table in tables:
        if table in ("line", "number", "outbox"):
            continue
        rows = await site.database.fetch(f"SELECT to_jsonb(t) FROM {table} t")  # type: ignore[arg-type]
        stored = json.dumps([row[0] for row in rows])
        for secret in (SAID, "Our secret answer", "12345678", "0001-00000001", str(ALICE)):
            for form in (secret, secret.encode().hex()):
                assert form not in stored, (table, secret)
    photo = await site.database.fetch_value("SELECT sealed FROM ticket_photo")
    assert b"JFIF" not in photo


async def test_digits_read_of_a_card_are_gone_when_the_ticket_is_closed(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    card = {"category": "damaged_card", "serial": "0001-00000001", "readable": "12345678??123456"}
    path, reference = await opened(visitor, **card)
    page = text_of(await visitor.get(path))
    assert "14 of 16 digits can be read" in page
    assert "12345678" not in page

    async def kept() -> str:
        ticket = await read_ticket(site.database, reference)
        assert ticket is not None
        assert ticket.sealed is not None
        return open_facts(site.keys, reference, ticket.sealed).readable

    assert await kept() == "12345678??123456"
    await visitor.post(f"{path}/close")
    assert await kept() == ""


async def test_the_line_is_told_in_its_own_language(site: Site) -> None:
    await add_line(site.engine, site.database, BOB, language=Language.TA)
    async with client_of(site) as visitor:
        await opened(visitor, number="012-345 6700")
    language = await site.database.fetch_value(
        "SELECT language FROM outbox WHERE template = 'ticket_opened'"
    )
    assert language == Language.TA
