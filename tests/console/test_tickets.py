"""The tickets desk: queues, answers in the subscriber's language, notes, photos, who does what."""

from __future__ import annotations

import dataclasses
import io

import httpx
from PIL import Image

from tambah.config import TicketsEntry
from tambah.domain.staff import Role
from tambah.domain.ticket import Author, TicketState, show_ticket
from tambah.engine.tickets import clean_photo, read_thread
from tambah.i18n import LANGUAGES, texts
from tambah.store.tickets import read_assignment, read_ticket
from tests.portal.conftest import field, text_of

from .conftest import World
from .test_finding import ask


async def acts(world: World, reference: str) -> list[tuple[str, str, str]]:
    """Return who did what to a ticket, and why, in order."""
    rows = await world.site.database.fetch(
        "SELECT who, action, why FROM audit WHERE subject = $1 ORDER BY day, seq",
        f"ticket:{reference}",
    )
    return [(row[0], row[1], row[2]) for row in rows]


async def thread(world: World, reference: str) -> list[tuple[Author, str]]:
    """Return who wrote what in a ticket, as its English subscriber and staff read it."""
    site = world.site
    notes = await read_thread(site.database, site.keys, reference, for_staff=True)
    return [(note.author, note.text("en")) for note in notes]


async def send(
    browser: httpx.AsyncClient, reference: str, what: str, **typed: str
) -> httpx.Response:
    """Open a ticket's page, fill a form of it in and press its button."""
    path = f"/console/tickets/{reference}"
    seen = field(await browser.get(path), "seen")
    return await browser.post(f"{path}/{what}", data={"seen": seen} | typed)


async def test_care_takes_a_ticket_answers_it_and_closes_it(world: World) -> None:
    reference = await ask(world)
    path = f"/console/tickets/{reference}"
    async with await world.enter(await world.hire("mina", Role.CARE)) as browser:
        listed = text_of(await browser.get("/console/tickets?queue=unassigned"))
        assert show_ticket(reference) in listed
        assert "1 nobody's yet" in listed
        assert "1 late" in listed
        page = text_of(await browser.get(path))
        for part in ("Where is my credit?", "012-345 6789", "Answer in English", "nobody's yet"):
            assert part in page, part

        assert (await send(browser, reference, "assign")).headers["location"] == path
        assert await read_assignment(world.site.database, reference) == "mina"
        assert show_ticket(reference) in text_of(await browser.get("/console/tickets?queue=mine"))
        empty = text_of(await browser.get("/console/tickets?queue=unassigned"))
        assert show_ticket(reference) not in empty

        assert (await send(browser, reference, "note", note="asked the bank")).status_code == 303
        answered = await send(browser, reference, "answer", text="It is on its way.", waits="yes")
        assert answered.headers["location"] == f"{path}#thread"
        ticket = await read_ticket(world.site.database, reference)
        assert ticket is not None
        assert (ticket.state, ticket.due_at) == (TicketState.WAITING, None)
        assert show_ticket(reference) not in text_of(await browser.get("/console/tickets"))
        assert show_ticket(reference) in text_of(await browser.get("/console/tickets?queue=all"))

        unexplained = await send(browser, reference, "close")
        assert unexplained.status_code == 422
        assert (await send(browser, reference, "close", why="solved")).status_code == 303
        over = await browser.get(path)
        assert "Close the ticket" not in text_of(over)

    assert await thread(world, reference) == [
        (Author.SUBSCRIBER, "Where is my credit?"),
        (Author.STAFF_ONLY, "asked the bank"),
        (Author.STAFF, "It is on its way."),
    ]
    assert await acts(world, reference) == [
        ("staff:mina", "AssignTicket", "at the console"),
        ("staff:mina", "NoteTicket", "note"),
        ("staff:mina", "AnswerTicket", "answer"),
        ("staff:mina", "CloseTicket", "solved"),
    ]
    told = await world.site.database.fetch("SELECT template FROM outbox ORDER BY number")
    assert [row[0] for row in told] == ["ticket_answered", "ticket_closed"]


async def test_a_ready_answer_reaches_the_subscriber_in_their_language_filled_in(
    world: World,
) -> None:
    own = {"yours": {tag: f"{tag}: {{ticket}}, {{number}}" for tag in LANGUAGES}}
    operator = world.site.operator
    entry = TicketsEntry(answers=own)
    world.site = dataclasses.replace(
        world.site, operator=type(operator)(brand=operator.brand, denominations=(), tickets=entry)
    )
    reference = await ask(world)
    async with await world.enter_as(Role.CARE) as browser:
        page = await browser.get(f"/console/tickets/{reference}?lang=ta")
        assert texts("ta").get("tickets.answer.solved")[:40] in page.text
        assert texts("en").get("tickets.answer.solved") in page.text
        assert (await send(browser, reference, "answer", ready="yours")).status_code == 303

    notes = await read_thread(world.site.database, world.site.keys, reference)
    assert notes[-1].wordings == {
        tag: f"{tag}: {show_ticket(reference)}, 012-345 6789" for tag in LANGUAGES
    }


async def test_what_cannot_be_sent_is_said_and_kept(world: World) -> None:
    reference = await ask(world)
    async with await world.enter_as(Role.CARE) as browser:
        for typed in (
            {},
            {"text": "both", "ready": "solved"},
            {"ready": "nothing of ours"},
        ):
            refused = await send(browser, reference, "answer", **typed)
            assert refused.status_code == 422
            assert typed.get("text", "") in refused.text
        assert (await send(browser, reference, "note", note="  ")).status_code == 422
        long = "க" * 4000
        assert (await send(browser, reference, "answer", text=long)).status_code == 303

    assert len(await thread(world, reference)) == 2


async def test_pressing_twice_answers_once_and_nobody_talks_over_another(world: World) -> None:
    reference = await ask(world)
    path = f"/console/tickets/{reference}"
    async with await world.enter_as(Role.CARE) as browser:
        seen = field(await browser.get(path), "seen")
        form = {"seen": seen, "text": "Once."}
        assert (await browser.post(f"{path}/answer", data=form)).status_code == 303
        again = await browser.post(f"{path}/answer", data=form)
        assert again.status_code == 409
        assert "Somebody wrote in this ticket meanwhile" in text_of(again)
        noted = await browser.post(f"{path}/note", data={"seen": "x", "note": "stale"})
        assert noted.status_code == 409

    assert await thread(world, reference) == [
        (Author.SUBSCRIBER, "Where is my credit?"),
        (Author.STAFF, "Once."),
    ]


async def test_a_photo_is_handed_out_on_the_record(world: World) -> None:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(file, "PNG")
    reference = await ask(world, photo=clean_photo(file.getvalue()))
    path = f"/console/tickets/{reference}"
    async with await world.enter(await world.hire("mina", Role.CARE)) as browser:
        assert f"{path}/photo/1" in (await browser.get(path)).text
        photo = await browser.get(f"{path}/photo/1")
        gone = [(await browser.get(f"{path}/photo/{n}")).status_code for n in (2, 0, 2**40)]

    assert (photo.headers["content-type"], photo.content[:2]) == ("image/jpeg", b"\xff\xd8")
    assert photo.headers["cache-control"] == "no-store"
    assert gone == [404] * 3
    assert await acts(world, reference) == [("staff:mina", "SeeTicketPhoto", "at the console")]


async def test_an_auditor_reads_and_writes_nothing(world: World) -> None:
    reference = await ask(world)
    async with await world.enter_as(Role.AUDITOR) as browser:
        page = await browser.get(f"/console/tickets/{reference}")
        refused = await browser.post(f"/console/tickets/{reference}/answer", data={"text": "no"})

    assert "Where is my credit?" in text_of(page)
    assert "<textarea" not in page.text
    assert refused.status_code == 403


async def test_a_ticket_that_was_left_is_anybodys_again(world: World) -> None:
    reference = await ask(world)
    async with await world.enter_as(Role.CARE) as browser:
        await send(browser, reference, "assign")
        assert "seen to by demo-0" in text_of(await browser.get(f"/console/tickets/{reference}"))
        await send(browser, reference, "assign", nobody="yes")

    assert await read_assignment(world.site.database, reference) is None
