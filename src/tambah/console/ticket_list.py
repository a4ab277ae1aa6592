"""`/console/tickets`: queues of tickets that wait for us, the longest due first; and all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from tambah.console.facts import TICKETS, Wording
from tambah.console.list_pages import More
from tambah.console.lists import (
    Asked,
    Choice,
    Link,
    ListShape,
    Marked,
    Value,
    address_of,
    names_of,
)
from tambah.console.pages import ConsolePages
from tambah.domain.line import Language
from tambah.domain.staff import Permission
from tambah.domain.ticket import Category, TicketState, show_ticket
from tambah.engine.operator import ticket_rule
from tambah.i18n import Texts
from tambah.store.views.console_lists import (
    Queue,
    TicketRow,
    TicketsWanted,
    count_queues,
    tickets_ever,
    tickets_waiting,
)
from tambah.store.views.listed import Listed
from tambah.web.pages import AnyRequest
from tambah.web.site import Site


def ticket_list(site: Site) -> ListShape[TicketRow]:
    """Return the list of tickets."""

    def cells(row: TicketRow, say: Wording) -> tuple[Value, ...]:
        ticket = row.ticket
        due = say.when(ticket.due_at)
        return (
            Link(show_ticket(ticket.reference), f"{TICKETS}/{ticket.reference}"),
            say.texts.get(f"tickets.category.{ticket.category}"),
            say.texts.get(f"console.language.{ticket.language.name.lower()}"),
            say.texts.get(f"console.ticket.{ticket.state.name.lower()}"),
            ticket.opened_at,
            Marked(due) if ticket.is_overdue(site.clock.now()) else due,
            row.assigned_to,
        )

    return ListShape(
        word="tickets",
        path=TICKETS,
        permission=Permission.TICKETS_READ,
        filters=(
            Choice(name="queue", values=tuple(Queue), label=_queue, fallback=Queue.OPEN),
            Choice(name="category", values=tuple(Category), label=_category),
            Choice(name="language", values=names_of(Language), label=_language),
            Choice(name="ticket_state", values=names_of(TicketState), label=_state),
        ),
        columns=("ticket", "category", "language", "state", "opened", "due", "assigned"),
        find=_find,
        cells=cells,
        place=_place,
        kinds=(datetime, str),
    )


def beside_tickets(pages: ConsolePages) -> More:
    """Return what stands above the list: how many are in each queue, and what was promised."""
    rule = ticket_rule(pages.site.operator)

    async def beside(request: AnyRequest, asked: Asked) -> Mapping[str, object]:
        counts = await count_queues(pages.site.database, asked.staff, asked.now)
        texts = pages.speak(request)
        return {
            "queues": [
                (queue, count, address_of(TICKETS, {**asked.filters, "queue": queue}))
                for queue, count in counts.items()
            ],
            "targets": [
                (_category(texts, category), texts.duration(minutes))
                for category, minutes in rule.target_minutes.items()
            ],
        }

    return beside


def _find(asked: Asked, after: tuple[datetime, str] | None) -> Listed[TicketRow]:
    wanted = TicketsWanted(
        queue=Queue(asked["queue"]),
        staff=asked.staff,
        now=asked.now,
        category=Category(asked["category"]) if asked["category"] else None,
        language=Language[asked["language"].upper()] if asked["language"] else None,
        state=TicketState[asked["ticket_state"].upper()] if asked["ticket_state"] else None,
    )
    if wanted.queue is Queue.ALL:
        return tickets_ever(wanted, after)
    return tickets_waiting(wanted, after)


def _place(row: TicketRow, asked: Asked) -> tuple[datetime | int | str, ...]:
    ticket = row.ticket
    at = ticket.opened_at if asked["queue"] == Queue.ALL else ticket.due_at
    return (at or ticket.opened_at, ticket.reference)


def _queue(texts: Texts, value: str) -> str:
    return texts.get(f"console.queue.{value}")


def _category(texts: Texts, value: str) -> str:
    return texts.get(f"tickets.category.{value}")


def _language(texts: Texts, value: str) -> str:
    return texts.get(f"console.language.{value}")


def _state(texts: Texts, value: str) -> str:
    return texts.get(f"console.ticket.{value}")
