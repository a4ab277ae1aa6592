"""Tickets, their notes and photos. No table of the books: nothing here moves money.

What people wrote comes sealed and goes sealed; see `engine.tickets`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tambah.domain.line import Language
from tambah.domain.ticket import Author, Category, Ticket, TicketState
from tambah.store.database import Connection, Database, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteRow:
    """What was written in a ticket. form: digest of the form that it came by."""

    reference: str
    note_no: int
    author: Author
    at: datetime
    form: bytes
    sealed: bytes


async def insert_ticket(connection: Connection, ticket: Ticket) -> bool:
    """Write a new ticket; say whether its reference was still free."""
    done = await connection.execute(
        """
        INSERT INTO ticket (reference, form, number_digest, sealed, line_id, category, state,
                            language, opened_at, changed_at, due_at, note_seq, photo_seq)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
            ON CONFLICT (reference) DO NOTHING
        """,
        ticket.reference,
        ticket.form,
        ticket.number_digest,
        ticket.sealed,
        ticket.line_id,
        ticket.category.value,
        ticket.state,
        ticket.language,
        ticket.opened_at,
        ticket.changed_at,
        ticket.due_at,
        ticket.note_seq,
        ticket.photo_seq,
    )
    return done.endswith(" 1")


async def lock_ticket(connection: Connection, reference: str) -> Ticket | None:
    """Hold a ticket until the transaction ends, and return it."""
    row = await connection.fetchrow(
        "SELECT * FROM ticket WHERE reference = $1 FOR UPDATE", reference
    )
    return ticket_from_row(row) if row else None


async def write_ticket(connection: Connection, ticket: Ticket) -> None:
    """Write what may change of a ticket that is held."""
    await connection.execute(
        """
        UPDATE ticket
           SET number_digest = $2, sealed = $3, line_id = $4, state = $5, changed_at = $6,
               due_at = $7, note_seq = $8, photo_seq = $9
         WHERE reference = $1
        """,
        ticket.reference,
        ticket.number_digest,
        ticket.sealed,
        ticket.line_id,
        ticket.state,
        ticket.changed_at,
        ticket.due_at,
        ticket.note_seq,
        ticket.photo_seq,
    )


async def insert_note(connection: Connection, note: NoteRow) -> None:
    """Write a note."""
    await connection.execute(
        """
        INSERT INTO ticket_note (reference, note_no, author, at, form, sealed)
        VALUES ($1, $2, $3, $4, $5, $6)
        """,
        note.reference,
        note.note_no,
        note.author,
        note.at,
        note.form,
        note.sealed,
    )


async def insert_photo(
    connection: Connection, reference: str, *, photo_no: int, note_no: int, sealed: bytes
) -> None:
    """Write a photo that came with a note."""
    await connection.execute(
        """
        INSERT INTO ticket_photo (reference, photo_no, note_no, sealed) VALUES ($1, $2, $3, $4)
        """,
        reference,
        photo_no,
        note_no,
        sealed,
    )


async def has_form(connection: Connection, reference: str, form: bytes) -> bool:
    """Say whether a form was taken before."""
    return await connection.fetchval(
        "SELECT EXISTS (SELECT 1 FROM ticket_note WHERE reference = $1 AND form = $2)",
        reference,
        form,
    )


async def delete_content(connection: Connection, reference: str) -> None:
    """Delete all that was written and sent in a ticket."""
    await connection.execute("DELETE FROM ticket_note WHERE reference = $1", reference)
    await connection.execute("DELETE FROM ticket_photo WHERE reference = $1", reference)


async def tie_ticket(database: Database, reference: str, line_id: int) -> None:
    """Note whose line a ticket is about, unless it was erased meanwhile."""
    await database.execute(
        """
        UPDATE ticket SET line_id = $2
         WHERE reference = $1 AND line_id IS NULL AND number_digest IS NOT NULL
        """,
        reference,
        line_id,
    )


async def write_assignment(
    connection: Connection, reference: str, staff: str | None, now: datetime
) -> str | None:
    """Write who sees to a ticket (None for nobody); return who did."""
    before: str | None = await connection.fetchval(
        "SELECT staff FROM ticket_assignment WHERE reference = $1", reference
    )
    if staff is None:
        await connection.execute("DELETE FROM ticket_assignment WHERE reference = $1", reference)
        return before
    await connection.execute(
        """
        INSERT INTO ticket_assignment (reference, staff, at) VALUES ($1, $2, $3)
            ON CONFLICT (reference) DO UPDATE SET staff = excluded.staff, at = excluded.at
        """,
        reference,
        staff,
        now,
    )
    return before


async def read_assignment(database: Database, reference: str) -> str | None:
    """Return who of the staff sees to a ticket, None for nobody."""
    return await database.fetch_value(
        "SELECT staff FROM ticket_assignment WHERE reference = $1", reference
    )


async def read_ticket(database: Database, reference: str) -> Ticket | None:
    """Return a ticket by its reference."""
    row = await database.fetch_row("SELECT * FROM ticket WHERE reference = $1", reference)
    return ticket_from_row(row) if row else None


async def read_notes(database: Database, reference: str) -> list[NoteRow]:
    """Return what was written in a ticket, in order."""
    rows = await database.fetch(
        """
        SELECT reference, note_no, author, at, form, sealed
          FROM ticket_note
         WHERE reference = $1
         ORDER BY note_no
        """,
        reference,
    )
    return [_note_from_row(row) for row in rows]


async def list_photos(database: Database, reference: str) -> list[tuple[int, int]]:
    """Return (photo, the note that it came with) of a ticket, in order."""
    rows = await database.fetch(
        "SELECT photo_no, note_no FROM ticket_photo WHERE reference = $1 ORDER BY photo_no",
        reference,
    )
    return [(row[0], row[1]) for row in rows]


async def read_photo(database: Database, reference: str, photo_no: int) -> bytes | None:
    """Return a photo, sealed."""
    return await database.fetch_value(
        "SELECT sealed FROM ticket_photo WHERE reference = $1 AND photo_no = $2",
        reference,
        photo_no,
    )


async def count_open(connection: Connection, number_digest: bytes) -> int:
    """Return how many tickets of a number wait for us."""
    return await connection.fetchval(
        "SELECT count(*) FROM ticket WHERE number_digest = $1 AND state = 1", number_digest
    )


async def tickets_of_line(database: Database, line_id: int, *, limit: int = 100) -> list[Ticket]:
    """Return a line's tickets, the latest change first."""
    rows = await database.fetch(
        """
        SELECT * FROM ticket
         WHERE line_id = $1
         ORDER BY state = 4, changed_at DESC, reference
         LIMIT $2
        """,
        line_id,
        limit,
    )
    return [ticket_from_row(row) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which tickets to list. overdue_at: those whose answer was due by then; None for all."""

    states: Sequence[TicketState]
    category: Category | None = None
    overdue_at: datetime | None = None
    limit: int = 200


async def list_tickets(database: Database, wanted: Wanted) -> list[Ticket]:
    """Return tickets: those with an answer owed first, the longest due at the top."""
    rows = await database.fetch(
        """
        SELECT * FROM ticket
         WHERE state = ANY($1::smallint[])
           AND ($2::text IS NULL OR category = $2)
           AND ($3::timestamptz IS NULL OR due_at <= $3)
         ORDER BY due_at NULLS LAST, changed_at DESC, reference
         LIMIT $4
        """,
        list(wanted.states),
        wanted.category.value if wanted.category else None,
        wanted.overdue_at,
        wanted.limit,
    )
    return [ticket_from_row(row) for row in rows]


def _note_from_row(row: Record) -> NoteRow:
    values: dict[str, Any] = dict(row.items())
    values["author"] = Author(row["author"])
    return NoteRow(**values)


def ticket_from_row(row: Record) -> Ticket:
    """Return a ticket from its row, which may have more beside it."""
    values: dict[str, Any] = {name: row[name] for name in Ticket.__struct_fields__}
    values["category"] = Category(row["category"])
    values["state"] = TicketState(row["state"])
    values["language"] = Language(row["language"])
    return Ticket(**values)
