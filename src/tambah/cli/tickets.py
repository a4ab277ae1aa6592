"""tambah tickets …: what subscribers told customer care, beside the console."""

from __future__ import annotations

from datetime import datetime
from errno import EEXIST
from pathlib import Path
from typing import Any

import click
import rich_click

from tambah.cli.desk import Desk, actor, at_desk
from tambah.cli.frame import Answer, CommandRefused, answering
from tambah.cli.instants import show_instant
from tambah.cli.options import reason
from tambah.desks.answering import fill, ready_answers, tell_subscriber, values_of
from tambah.domain.numbering import show_msisdn
from tambah.domain.payment import show_reference
from tambah.domain.refusals import TicketUnknown
from tambah.domain.ticket import (
    UNREADABLE,
    Category,
    Ticket,
    TicketState,
    fold_ticket,
    show_ticket,
)
from tambah.engine.tickets import (
    Facts,
    Note,
    answer_ticket,
    check_card,
    close_by_staff,
    erase_ticket,
    hand_out_photo,
    note_for_staff,
    open_facts,
    read_thread,
    redeem_card,
)
from tambah.i18n import texts
from tambah.store.tickets import Wanted, list_tickets, read_ticket

_WAITED_FOR = (TicketState.OPEN,)
_NOT_ENDED = (TicketState.OPEN, TicketState.ANSWERED, TicketState.WAITING)
_EVERY = (*_NOT_ENDED, TicketState.CLOSED)


class Reference(click.ParamType[str]):
    """A ticket's reference, with or without dashes."""

    name = "reference"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the reference as it is stored."""
        reference = fold_ticket(str(value))
        if reference is None:
            self.fail("write a reference like K7M-3QX-9TA", param, ctx)
        return reference


REFERENCE = Reference()


@click.group(cls=rich_click.RichGroup)
def tickets() -> None:
    """Read and answer tickets. A REF is written as its subscriber has it (K7M-3QX-9TA)."""


@tickets.command("list", cls=rich_click.RichCommand)
@click.option("--overdue", is_flag=True, help="Only those whose answer was due by now.")
@click.option("--category", type=click.Choice([one.value for one in Category]))
@click.option("--open", "only_open", is_flag=True, help="Only those that wait for us.")
@click.option("--all", "with_closed", is_flag=True, help="Closed ones as well.")
@click.option("--limit", type=click.IntRange(1, 5000), default=200)
@answering
def list_command(
    overdue: bool, category: str | None, only_open: bool, with_closed: bool, limit: int
) -> Answer:
    """List tickets: the longest due first, then those that wait for nobody here."""

    async def look(desk: Desk) -> Answer:
        """List them."""
        states = _WAITED_FOR if only_open else _EVERY if with_closed else _NOT_ENDED
        wanted = Wanted(
            states=states,
            category=Category(category) if category else None,
            overdue_at=desk.now if overdue else None,
            limit=limit,
        )
        found = await list_tickets(desk.database, wanted)
        document = {"items": [_summary(one, desk.now) for one in found]}
        lines = [_line(one, desk) for one in found]
        return Answer(document=document, text="\n".join(lines) or "No ticket.")

    return at_desk(look)


@tickets.command(cls=rich_click.RichCommand)
@click.argument("ref", type=REFERENCE)
@answering
def show(ref: str) -> Answer:
    """Show a ticket: what it is about and what was written in it."""

    async def look(desk: Desk) -> Answer:
        """Read it."""
        ticket = await read_ticket(desk.database, ref)
        if ticket is None:
            raise TicketUnknown
        facts = open_facts(desk.keys, ref, ticket.sealed) if ticket.sealed else None
        thread = await read_thread(desk.database, desk.keys, ref, for_staff=True)
        tag = ticket.language.tag
        document = {
            **_summary(ticket, desk.now),
            "about": _about(facts, desk) if facts else None,
            "notes": [_note(one, tag) for one in thread],
        }
        lines = [_line(ticket, desk), *_about_lines(facts, desk)]
        for one in thread:
            photos = f" [photo {', '.join(map(str, one.photos))}]" if one.photos else ""
            lines.append(f"\n{show_instant(one.at, desk.zone)} {one.author.name.lower()}{photos}")
            lines.append(one.text(tag))
        return Answer(document=document, text="\n".join(lines))

    return at_desk(look)


@tickets.command(cls=rich_click.RichCommand)
@click.argument("ref", type=REFERENCE)
@click.option("--text", default="", help="The answer, in the subscriber's language.")
@click.option("--template", "code", default="", help="A ready answer, by its code.")
@click.option("--waits", is_flag=True, help="Something is asked of the subscriber.")
@reason
@answering
def answer(ref: str, text: str, code: str, waits: bool, reason: str) -> Answer:
    """Answer a ticket, with --text or --template; its subscriber is told by SMS."""
    if bool(text.strip()) == bool(code):
        raise click.UsageError("give --text or --template, one of them")

    async def work(desk: Desk) -> Answer:
        """Answer it."""
        wordings = await _ready_answer(desk, code, ref) if code else {"": text}
        ticket = await answer_ticket(
            desk.database,
            desk.keys,
            ref,
            wordings,
            actor=actor(reason or "answer"),
            now=desk.now,
            waits=waits,
        )
        return _done(ticket, told=await _tell(desk, ticket, "ticket_answered"))

    return at_desk(work)


@tickets.command("note", cls=rich_click.RichCommand)
@click.argument("ref", type=REFERENCE)
@click.option("--text", required=True, help="What colleagues should know.")
@answering
def note_command(ref: str, text: str) -> Answer:
    """Add a note that only staff see."""

    async def work(desk: Desk) -> Answer:
        """Add it."""
        ticket = await note_for_staff(
            desk.database, desk.keys, ref, text, actor=actor("note"), now=desk.now
        )
        return _done(ticket, told=False)

    return at_desk(work)


@tickets.command(cls=rich_click.RichCommand)
@click.argument("ref", type=REFERENCE)
@reason
@answering
def close(ref: str, reason: str) -> Answer:
    """Close a ticket; its subscriber is told by SMS."""

    async def work(desk: Desk) -> Answer:
        """Close it."""
        ticket = await close_by_staff(
            desk.database, desk.keys, ref, actor=actor(reason), now=desk.now
        )
        return _done(ticket, told=await _tell(desk, ticket, "ticket_closed"))

    return at_desk(work)


@tickets.command(cls=rich_click.RichCommand)
@click.argument("ref", type=REFERENCE)
@reason
@answering
def erase(ref: str, reason: str) -> Answer:
    """Erase what is personal of a ticket: number, texts, photos. That there was one stays."""

    async def work(desk: Desk) -> Answer:
        """Erase it."""
        ticket = await erase_ticket(desk.database, ref, actor=actor(reason), now=desk.now)
        return _done(ticket, told=False)

    return at_desk(work)


@tickets.command(cls=rich_click.RichCommand)
@click.argument("ref", type=REFERENCE)
@click.option("--number", "photo_no", type=click.IntRange(1), default=1, help="Which; the first.")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="A new file."
)
@answering
def photo(ref: str, photo_no: int, out: Path) -> Answer:
    """Write a photo that a subscriber sent to a new file (JPEG)."""
    if out.exists():
        raise FileExistsError(EEXIST, "the file exists", str(out))

    async def work(desk: Desk) -> Answer:
        """Write it."""
        taken = await hand_out_photo(
            desk.database, desk.keys, ref, photo_no, actor=actor("look at a photo")
        )
        with out.open("xb") as file:
            file.write(taken)
        document = {"ticket": show_ticket(ref), "photo": photo_no, "bytes": len(taken)}
        return Answer(document={**document, "file": out}, text=f"{out}: {len(taken)} bytes")

    return at_desk(work)


@tickets.command("check-card", cls=rich_click.RichCommand)
@click.argument("ref", type=REFERENCE)
@answering
def check_card_command(ref: str) -> Answer:
    """Say whether the digits read of a damaged card lead to the card of its serial number."""

    async def work(desk: Desk) -> Answer:
        """Try the completions."""
        check = await check_card(desk.database, desk.keys, ref, actor("check a card"))
        state = check.card.state_name(desk.now) if check.card else None
        document = {
            "ticket": show_ticket(ref),
            "serial": check.serial,
            "unreadable": check.unreadable,
            "is_this_card": check.is_this_card,
            "state": state,
            "batch_state": check.card.batch_state if check.card else None,
        }
        found = "is this card" if check.is_this_card else "is NOT this card, or not it alone"
        return Answer(
            document=document,
            text=f"{check.serial} ({state or 'unknown'}): what was read {found}.",
        )

    return at_desk(work)


@tickets.command("redeem-card", cls=rich_click.RichCommand)
@click.argument("ref", type=REFERENCE)
@reason
@answering
def redeem_card_command(ref: str, reason: str) -> Answer:
    """Redeem the damaged card of a ticket for its number; again changes nothing."""

    async def work(desk: Desk) -> Answer:
        """Redeem it."""
        async with desk.engine() as engine:
            credited = await redeem_card(desk.database, desk.keys, engine, ref, actor(reason))
        from_micros = texts("en").money(credited.credited_micros)
        document = {
            "ticket": show_ticket(ref),
            "receipt": credited.receipt,
            "credited": from_micros.removeprefix("RM"),
            "active_until": credited.active_until,
        }
        return Answer(document=document, text=f"{from_micros} credited, {credited.receipt}.")

    return at_desk(work)


async def _ready_answer(desk: Desk, code: str, ref: str) -> dict[str, str]:
    """Return a ready answer's wordings, filled in. Raises CommandRefused, TicketUnknown."""
    wordings = ready_answers(desk.operator).get(code)
    if wordings is None:
        known = ", ".join(sorted(ready_answers(desk.operator)))
        raise CommandRefused("answer_unknown", f"There is no answer {code}. Ready: {known}.")
    ticket = await read_ticket(desk.database, ref)
    if ticket is None:
        raise TicketUnknown
    return fill(wordings, values_of(ticket, desk.keys, desk.rules.numbers))


async def _tell(desk: Desk, ticket: Ticket, template: str) -> bool:
    """Tell the subscriber that something was done; say whether there is one to tell."""
    if ticket.line_id is None:
        return False
    async with desk.engine() as engine:
        return await tell_subscriber(engine, ticket, template)


def _done(ticket: Ticket, *, told: bool) -> Answer:
    state = ticket.state.name.lower()
    document = {"ticket": show_ticket(ticket.reference), "state": state, "told": told}
    text = f"{show_ticket(ticket.reference)} is {state} now."
    return Answer(document=document, text=text + (" An SMS is on its way." if told else ""))


def _summary(ticket: Ticket, now: datetime) -> dict[str, object]:
    return {
        "ticket": show_ticket(ticket.reference),
        "category": ticket.category.value,
        "state": ticket.state,
        "language": ticket.language.tag,
        "opened_at": ticket.opened_at,
        "changed_at": ticket.changed_at,
        "due_at": ticket.due_at,
        "overdue": ticket.is_overdue(now),
        "is_line": ticket.line_id is not None,
    }


def _line(ticket: Ticket, desk: Desk) -> str:
    """Return a ticket as a line of a list."""
    due = f"due {show_instant(ticket.due_at, desk.zone)}" if ticket.due_at else "no answer owed"
    late = "  OVERDUE" if ticket.is_overdue(desk.now) else ""
    return (
        f"{show_ticket(ticket.reference)}  {ticket.category.value:<12}"
        f"  {ticket.state.name.lower():<8}  {ticket.language.tag:<7}  {due}{late}"
    )


def _about(facts: Facts, desk: Desk) -> dict[str, object]:
    """Return what a ticket is about; of a card's digits only how many were read."""
    return {
        "number": show_msisdn(facts.msisdn, desk.rules.numbers),
        "payment": show_reference(facts.payment) if facts.payment else None,
        "payment_page_said": facts.said or None,
        "refusal": facts.refusal or None,
        "serial": facts.serial or None,
        "digits_read": len(facts.readable.replace(UNREADABLE, "")) or None,
    }


def _about_lines(facts: Facts | None, desk: Desk) -> list[str]:
    if facts is None:
        return ["Erased."]
    about = _about(facts, desk)
    return [f"{name.replace('_', ' ')}: {value}" for name, value in about.items() if value]


def _note(note: Note, tag: str) -> dict[str, object]:
    return {
        "note": note.note_no,
        "author": note.author,
        "at": note.at,
        "text": note.text(tag),
        "photos": list(note.photos),
    }
