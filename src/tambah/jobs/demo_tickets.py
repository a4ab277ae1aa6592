"""Tickets that a demo starts with, plainly made up: open, overdue, answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from tambah.domain.commands import Actor
from tambah.domain.line import LANGUAGE_BY_TAG
from tambah.domain.ticket import Category, Ticket
from tambah.engine.operator import ticket_rule
from tambah.engine.tickets import Added, Facts, NewTicket, answer_ticket, open_ticket
from tambah.i18n import LANGUAGES, texts
from tambah.store.tickets import tie_ticket
from tambah.store.views.lines import find_line_id
from tambah.web.site import Site

_ACTOR = Actor(who="demo", why="demo data")
_TOLD = (
    (Category.WRONG_CHARGE, 9, "DEMO: I did not call anybody this morning, and 40 sen are gone."),
    (Category.OTHER, 0, "DEMO: Adakah kedai di kampung saya menjual kad tambah nilai?"),
    (Category.SIM_OR_PHONE, 2, "DEMO: 我换了手机，新手机说没有SIM卡。"),
    (Category.FAILED_TOPUP, 1, "DEMO: டாப்-அப் செய்தேன், ஆனால் மீதத் தொகை மாறவில்லை."),
)
"""What it is about, how many days ago, and the words: one in each language."""


class Numbered(Protocol):
    """A line of the demo's."""

    @property
    def msisdn(self) -> str:
        """Return its number."""
        ...

    @property
    def language(self) -> str:
        """Return the tag of its subscriber's language."""
        ...


async def make_tickets(site: Site, lines: Sequence[Numbered]) -> None:
    """Open a ticket in each language, the last of them answered; again does nothing more."""
    tickets = [
        await _open(site, next(one for one in lines if one.language == tag), *told)
        for told, tag in zip(_TOLD, LANGUAGES, strict=True)
    ]
    answered = tickets[-1]
    if answered.note_seq > 1:
        return
    ready = {tag: texts(tag).get("tickets.answer.looking") for tag in LANGUAGES}
    now = site.clock.now()
    await answer_ticket(site.database, site.keys, answered.reference, ready, actor=_ACTOR, now=now)


async def _open(site: Site, line: Numbered, category: Category, days: int, text: str) -> Ticket:
    new = NewTicket(
        facts=Facts(msisdn=int(line.msisdn)),
        category=category,
        language=LANGUAGE_BY_TAG[line.language],
        first=Added(form=site.keys.digest("demo ticket", line.language), text=text),
    )
    opened_at = site.clock.now() - timedelta(days=days)
    rule = ticket_rule(site.operator)
    ticket = await open_ticket(site.database, site.keys, rule, new, opened_at)
    line_id = await find_line_id(site.database, int(line.msisdn))
    if line_id is not None:
        await tie_ticket(site.database, ticket.reference, line_id)
    return ticket
