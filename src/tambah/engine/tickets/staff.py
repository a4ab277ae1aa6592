"""What staff do with a ticket. Each act leaves an audit row; what was written stands in none."""

from __future__ import annotations

from datetime import datetime

from tambah.domain.commands import Actor
from tambah.domain.records import replace
from tambah.domain.refusals import PageNotFound, TicketUnknown
from tambah.domain.ticket import Author, Ticket, TicketState
from tambah.engine.administer import acting, note
from tambah.engine.keys import Keys
from tambah.engine.tickets.sealing import seal_wordings
from tambah.engine.tickets.thread import read_photo_of
from tambah.engine.tickets.writing import closed, require_live
from tambah.store.database import Connection, Database
from tambah.store.tickets import (
    NoteRow,
    delete_content,
    insert_note,
    lock_ticket,
    write_assignment,
    write_ticket,
)


async def answer_ticket(  # noqa: PLR0913 - what an answer is
    database: Database,
    keys: Keys,
    reference: str,
    wordings: dict[str, str],
    *,
    actor: Actor,
    now: datetime,
    waits: bool = False,
    notes_seen: int | None = None,
) -> Ticket:
    """Answer a ticket; waits: something is asked of the subscriber.

    notes_seen: how many notes whoever answers has seen, None for those that there are. Raises
    TicketUnknown, TicketClosed, TicketChanged, ReasonMissing.
    """
    async with acting(database) as connection:
        before = await require_live(connection, reference, notes_seen)
        state = TicketState.WAITING if waits else TicketState.ANSWERED
        after = replace(
            before, state=state, due_at=None, changed_at=now, note_seq=before.note_seq + 1
        )
        await _write_note(connection, keys, after, Author.STAFF, wordings, now)
        await write_ticket(connection, after)
        await _audit(connection, actor, "AnswerTicket", before, after)
    return after


async def note_for_staff(  # noqa: PLR0913 - what a note is
    database: Database,
    keys: Keys,
    reference: str,
    text: str,
    *,
    actor: Actor,
    now: datetime,
    notes_seen: int | None = None,
) -> Ticket:
    """Add a note that only staff see; nothing else changes.

    Raises TicketUnknown, TicketClosed, TicketChanged.
    """
    async with acting(database) as connection:
        before = await require_live(connection, reference, notes_seen)
        after = replace(before, note_seq=before.note_seq + 1)
        await _write_note(connection, keys, after, Author.STAFF_ONLY, {"": text}, now)
        await write_ticket(connection, after)
        await _audit(connection, actor, "NoteTicket", before, after)
    return after


async def close_by_staff(
    database: Database, keys: Keys, reference: str, *, actor: Actor, now: datetime
) -> Ticket:
    """Close a ticket. Raises TicketUnknown, TicketClosed, ReasonMissing."""
    async with acting(database) as connection:
        before = await require_live(connection, reference)
        after = closed(keys, before, now)
        await write_ticket(connection, after)
        await _audit(connection, actor, "CloseTicket", before, after)
    return after


async def assign_ticket(
    database: Database, reference: str, staff: str | None, *, actor: Actor, now: datetime
) -> None:
    """Say who sees to a ticket, by sign-in name; None for nobody.

    Raises TicketUnknown, TicketClosed, ReasonMissing.
    """
    async with acting(database) as connection:
        await require_live(connection, reference)
        before = await write_assignment(connection, reference, staff, now)
        await note(
            connection,
            actor,
            "AssignTicket",
            f"ticket:{reference}",
            before={"staff": before},
            after={"staff": staff},
        )


async def erase_ticket(
    database: Database, reference: str, *, actor: Actor, now: datetime
) -> Ticket:
    """Erase all that is personal of a ticket; that there was one stays, for the counts.

    Raises TicketUnknown, ReasonMissing. Erasing twice is erasing once.
    """
    async with acting(database) as connection:
        before = await lock_ticket(connection, reference)
        if before is None:
            raise TicketUnknown
        after = replace(
            before,
            state=TicketState.ERASED,
            number_digest=None,
            sealed=None,
            line_id=None,
            due_at=None,
            changed_at=now,
        )
        await delete_content(connection, reference)
        await write_ticket(connection, after)
        await _audit(connection, actor, "EraseTicket", before, after)
    return after


async def hand_out_photo(
    database: Database, keys: Keys, reference: str, photo_no: int, *, actor: Actor
) -> bytes:
    """Return a photo (JPEG) to staff, and note who took it. Raises TicketUnknown, PageNotFound."""
    async with acting(database) as connection:
        ticket = await lock_ticket(connection, reference)
        if ticket is None:
            raise TicketUnknown
        photo = await read_photo_of(database, keys, reference, photo_no)
        if photo is None:
            raise PageNotFound
        seen = {"photo": photo_no}
        await note(connection, actor, "SeeTicketPhoto", f"ticket:{reference}", after=seen)
    return photo


async def _write_note(
    connection: Connection,
    keys: Keys,
    ticket: Ticket,
    author: Author,
    wordings: dict[str, str],
    now: datetime,
) -> None:
    """Write the last of a ticket's notes."""
    reference, note_no = ticket.reference, ticket.note_seq
    await insert_note(
        connection,
        NoteRow(
            reference=reference,
            note_no=note_no,
            author=author,
            at=now,
            form=b"",
            sealed=seal_wordings(keys, reference, note_no, wordings),
        ),
    )


async def _audit(
    connection: Connection, actor: Actor, action: str, before: Ticket, after: Ticket
) -> None:
    """Say who did what to which ticket: states and counts, never what was written."""
    await note(
        connection,
        actor,
        action,
        f"ticket:{after.reference}",
        before={"state": before.state.name.lower(), "notes": before.note_seq},
        after={"state": after.state.name.lower(), "notes": after.note_seq},
    )
