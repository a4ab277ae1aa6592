"""Tickets as every door opens them: budgets, addresses, and what happens after the answer."""

from __future__ import annotations

import asyncio
import hmac
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import structlog

from tambah.domain.care_commands import TellLine
from tambah.domain.line import LANGUAGE_BY_TAG
from tambah.domain.refusals import PageNotFound, Refusal, TicketUnknown
from tambah.domain.ticket import Category, Ticket, TicketState, fold_ticket, show_ticket
from tambah.engine.operator import ticket_rule
from tambah.engine.spelling import spell, unspell
from tambah.engine.tickets import (
    Added,
    Facts,
    NewTicket,
    clean_photo,
    number_digest,
    open_facts,
    open_ticket,
)
from tambah.store.database import CONNECTION_LOST
from tambah.store.tickets import read_ticket, tie_ticket
from tambah.store.views.lines import line_now, read_line
from tambah.web.budgets import Budget
from tambah.web.site import Site

CALLER = "tickets"
OPEN = "/help/ticket"
"""Where tickets are opened on the web, and under which each has its lasting page."""
WRONG_ANSWER_SECONDS = 0.35
"""After which a wrong reference or number is answered, whichever of them it was."""

_NAME = "ticket"
_TOKEN = re.compile(r"[a-z2-7]{40}")
_PHOTOS_AT_ONCE = 2
_log: Any = structlog.get_logger("tambah.desks")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A ticket that somebody may see, and what it is about."""

    ticket: Ticket
    facts: Facts = field(repr=False)


class TicketDesk:
    """Opens tickets and finds them, within budgets."""

    def __init__(self, site: Site) -> None:
        self.site = site
        entry = site.operator.tickets
        self.rule = ticket_rule(site.operator)
        self.writes = Budget(
            site, "write ticket", of_source=entry.source_hourly, of_all=entry.all_hourly
        )
        self._wrong = Budget(
            site,
            "wrong ticket",
            of_source=entry.source_wrong_hourly,
            of_all=entry.all_wrong_hourly,
        )
        self._photos = asyncio.Semaphore(_PHOTOS_AT_ONCE)

    async def open(
        self, facts: Facts, category: Category, tag: str, added: Added, *, is_owner: bool
    ) -> Ticket:
        """Open a ticket. Raises TooManyTickets; an owner who is signed in has no such limit.

        Otherwise a stranger could keep the owner of a number from opening any.
        """
        site = self.site
        new = NewTicket(
            facts=facts,
            category=category,
            language=LANGUAGE_BY_TAG[tag],
            first=added,
            most_open=None if is_owner else site.operator.tickets.most_open,
        )
        return await open_ticket(site.database, site.keys, self.rule, new, site.clock.now())

    async def tie(self, reference: str, msisdn: int) -> None:
        """Find the line of a ticket's number and tell it, once everything is answered.

        Says nothing of how it went: whoever opened the ticket must not learn it.
        """
        site = self.site
        try:
            account = await read_line(site.database, msisdn)
            if account is None:
                return
            if not line_now(account, site.rules, site.clock.now()).is_somebodys:
                return
            line_id = account.line.line_id
            await tie_ticket(site.database, reference, line_id)
            await site.engine.submit(
                TellLine(
                    caller=CALLER,
                    request_key=f"opened:{reference}",
                    line_id=line_id,
                    template="ticket_opened",
                    params=(("reference", show_ticket(reference)),),
                )
            )
        except Refusal as refusal:
            _log.info("ticket not told", reference=reference, code=refusal.code)
        except Exception:  # noqa: BLE001 - answered already; it must not look any different
            _log.exception("ticket not told", reference=reference)

    async def follow(self, typed: str, msisdn: int, source: bytes) -> Ticket:
        """Return the ticket of a reference and a number.

        Raises TicketUnknown for whatever does not fit, after the same time; TooManyTries, Busy.
        """
        loop = asyncio.get_running_loop()
        answer_at = loop.time() + WRONG_ANSWER_SECONDS
        await self._wrong.require_left(source)
        digest = number_digest(self.site.keys, msisdn)
        ticket = await read_ticket(self.site.database, fold_ticket(typed) or "")
        known = (ticket.number_digest if ticket else None) or b""
        if ticket is not None and hmac.compare_digest(known, digest):
            return ticket
        with suppress(Refusal, *CONNECTION_LOST):
            await self._wrong.spend(source)
        await asyncio.sleep(max(0.0, answer_at - loop.time()))
        raise TicketUnknown

    async def find(self, token: str) -> Asked:
        """Return the ticket at an address. Raises PageNotFound, also for one that was erased."""
        keys = self.site.keys
        name = keys.read_name(_NAME, unspell(token)) if _TOKEN.fullmatch(token) else None
        ticket = await read_ticket(self.site.database, name.decode()) if name else None
        if ticket is None or ticket.sealed is None or ticket.state is TicketState.ERASED:
            raise PageNotFound
        return Asked(ticket=ticket, facts=open_facts(keys, ticket.reference, ticket.sealed))

    def path(self, reference: str) -> str:
        """Return the lasting, unguessable address of a ticket: its reference, encrypted."""
        return f"{OPEN}/{spell(self.site.keys.name(_NAME, reference.encode()))}"

    async def clean(self, raw: bytes | None) -> bytes | None:
        """Return a photo made anew, a few at a time. Raises PhotoTooLarge, PhotoUnreadable."""
        if raw is None:
            return None
        async with self._photos:
            return await asyncio.to_thread(clean_photo, raw)
