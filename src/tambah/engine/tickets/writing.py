"""What a subscriber does with a ticket: open it, add to it, close it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

import msgspec

from tambah.domain.line import Language
from tambah.domain.records import replace
from tambah.domain.refusals import Busy, TicketChanged, TicketClosed, TicketUnknown, TooManyTickets
from tambah.domain.ticket import (
    MOST_NOTES,
    MOST_PHOTOS,
    Author,
    Category,
    Ticket,
    TicketRule,
    TicketState,
    ticket_reference,
)
from tambah.engine.keys import Keys
from tambah.engine.tickets.sealing import (
    ANY_LANGUAGE,
    Facts,
    number_digest,
    open_facts,
    seal_facts,
    seal_photo,
    seal_wordings,
)
from tambah.store.database import Connection, Database
from tambah.store.tickets import (
    NoteRow,
    count_open,
    has_form,
    insert_note,
    insert_photo,
    insert_ticket,
    lock_ticket,
    write_ticket,
)

ENDED = (TicketState.CLOSED, TicketState.ERASED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What a subscriber adds. form: digest of the form, by which a second press is known.

    photo: cleaned (`clean_photo`).
    """

    form: bytes
    text: str = field(repr=False)
    photo: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTicket:
    """A ticket to be opened. most_open: of its number that wait for us, None for no limit."""

    facts: Facts = field(repr=False)
    category: Category
    language: Language
    first: Added
    most_open: int | None = None


async def open_ticket(
    database: Database, keys: Keys, rule: TicketRule, new: NewTicket, now: datetime
) -> Ticket:
    """Open a ticket, or return the one that this form opened. Raises TooManyTickets, Busy.

    Nobody is asked whether the number is a line's: whether it is must not be told.
    """
    digest = number_digest(keys, new.facts.msisdn)
    async with _writing(database) as connection:
        reference, before = await _find_place(connection, keys, new.first.form)
        if before is not None:
            return before
        if new.most_open is not None and await count_open(connection, digest) >= new.most_open:
            raise TooManyTickets
        ticket = Ticket(
            reference=reference,
            form=new.first.form,
            number_digest=digest,
            sealed=seal_facts(keys, reference, new.facts),
            line_id=None,
            category=new.category,
            state=TicketState.OPEN,
            language=new.language,
            opened_at=now,
            changed_at=now,
            due_at=rule.due(new.category, now),
        )
        if not await insert_ticket(connection, ticket):
            raise Busy  # pressed twice at the very same time: the next press finds the ticket
        ticket = await _add(connection, keys, ticket, new.first, now)
        await write_ticket(connection, ticket)
    return ticket


async def _find_place(
    connection: Connection, keys: Keys, form: bytes
) -> tuple[str, Ticket | None]:
    """Return a reference for what a form opens, and the ticket that it opened before, if any."""
    for attempt in count():
        reference = ticket_reference(keys.digest("ticket", form, str(attempt)))
        before = await lock_ticket(connection, reference)
        if before is None or before.form == form:
            return reference, before
    raise AssertionError  # counting does not end


async def add_note(
    database: Database,
    keys: Keys,
    rule: TicketRule,
    reference: str,
    added: Added,
    now: datetime,
) -> Ticket:
    """Add a subscriber's note, with or without a photo; an answer is owed from then on.

    Raises TicketUnknown, TicketClosed, TooManyTickets (as many notes or photos as there may be).
    """
    async with _writing(database) as connection:
        ticket = await require_live(connection, reference)
        if await has_form(connection, reference, added.form):
            return ticket
        if ticket.note_seq >= MOST_NOTES or (added.photo and ticket.photo_seq >= MOST_PHOTOS):
            raise TooManyTickets
        ticket = await _add(connection, keys, ticket, added, now)
        due_at = ticket.due_at or rule.due(ticket.category, now)
        ticket = replace(ticket, state=TicketState.OPEN, due_at=due_at, changed_at=now)
        await write_ticket(connection, ticket)
    return ticket


async def close_ticket(database: Database, keys: Keys, reference: str, now: datetime) -> Ticket:
    """Close a ticket for its subscriber. Raises TicketUnknown, TicketClosed."""
    async with _writing(database) as connection:
        ticket = closed(keys, await require_live(connection, reference), now)
        await write_ticket(connection, ticket)
    return ticket


async def require_live(
    connection: Connection, reference: str, notes_seen: int | None = None
) -> Ticket:
    """Hold a ticket that is not closed, and return it.

    notes_seen: how many notes it had when somebody looked at it, None for whoever does not say.
    Raises TicketUnknown, TicketClosed, TicketChanged.
    """
    ticket = await lock_ticket(connection, reference)
    if ticket is None:
        raise TicketUnknown
    if ticket.state in ENDED:
        raise TicketClosed
    if notes_seen is not None and notes_seen != ticket.note_seq:
        raise TicketChanged
    return ticket


def closed(keys: Keys, ticket: Ticket, now: datetime) -> Ticket:
    """Return a ticket as closed: the digits of a card that were readable are gone with that."""
    sealed = ticket.sealed
    if sealed is not None:
        facts = open_facts(keys, ticket.reference, sealed)
        bare = msgspec.structs.replace(facts, readable="")
        sealed = seal_facts(keys, ticket.reference, bare)
    return replace(ticket, state=TicketState.CLOSED, due_at=None, changed_at=now, sealed=sealed)


async def _add(
    connection: Connection, keys: Keys, ticket: Ticket, added: Added, now: datetime
) -> Ticket:
    """Write a note and its photo; return the ticket, counted on, for the caller to write."""
    reference, note_no = ticket.reference, ticket.note_seq + 1
    await insert_note(
        connection,
        NoteRow(
            reference=reference,
            note_no=note_no,
            author=Author.SUBSCRIBER,
            at=now,
            form=added.form,
            sealed=seal_wordings(keys, reference, note_no, {ANY_LANGUAGE: added.text}),
        ),
    )
    photo_no = ticket.photo_seq
    if added.photo is not None:
        photo_no += 1
        sealed = seal_photo(keys, reference, photo_no, added.photo)
        await insert_photo(
            connection, reference, photo_no=photo_no, note_no=note_no, sealed=sealed
        )
    return replace(ticket, note_seq=note_no, photo_seq=photo_no)


@asynccontextmanager
async def _writing(database: Database) -> AsyncGenerator[Connection]:
    """Lend a connection in a transaction."""
    async with database.read() as connection, connection.transaction():
        yield connection
