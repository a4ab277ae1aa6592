"""What a caller may have done without a page: a ticket, a lost phone barred, numbers found.

Where whoever calls has not proved to be the owner, the answer is given before anything is looked
up: what matches and what does not sound alike.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from tambah.channels.talk import (
    Answer,
    BarLost,
    CallBack,
    Noted,
    Numbers,
    ReportCard,
    SendNumbers,
    Talk,
    TellNumbers,
)
from tambah.desks.identity import IdentityDesk
from tambah.desks.lost import bar_claimed
from tambah.desks.recovery import Recovering, RecoveryDesk
from tambah.desks.tickets import TicketDesk
from tambah.domain.ticket import Category
from tambah.engine.importing.people import FactKind
from tambah.engine.tickets import Added, Facts
from tambah.i18n import texts
from tambah.web.site import Site

_CONTACT = FactKind.CONTACT.name.lower()


class TelephoneDesk:
    """Does what callers ask that is no top-up."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._identities = IdentityDesk(site)
        self._recovery = RecoveryDesk(site, self._identities)
        self._tickets = TicketDesk(site)
        self._behind: set[asyncio.Task[None]] = set()

    async def open_ticket(
        self, session: str, source: bytes, talk: Talk, action: ReportCard | CallBack
    ) -> Answer:
        """Open a ticket, one for each call and matter. Raises TooManyTickets, TooManyTries."""
        await self._tickets.writes.spend(source)
        matter, category, serial = "person", Category.OTHER, ""
        if isinstance(action, ReportCard):
            matter, category, serial = "card", Category.DAMAGED_CARD, action.serial
        ticket = await self._tickets.open(
            Facts(msisdn=action.number, serial=serial),
            category,
            talk.tag,
            Added(
                form=self._site.keys.digest("call ticket", session, matter, serial),
                text=texts(talk.tag).get(f"tickets.by_telephone.{matter}"),
            ),
            is_owner=talk.caller == action.number,
        )
        self._afterwards(self._tickets.tie(ticket.reference, action.number))
        return Noted()

    async def bar(self, source: bytes, action: BarLost) -> Answer:
        """Have a lost phone's line barred, if the claim is its owner's. Raises TooManyTries."""
        await self._identities.require_left(source)
        claim = self._identities.read(action.document, _CONTACT, action.contact)
        self._afterwards(bar_claimed(self._site, self._identities, action.number, claim))
        return Noted()

    async def send_numbers(self, session: str, source: bytes, action: SendNumbers) -> Answer:
        """Have a code sent to whom the claim matches, if anybody. Raises TooManyTries."""
        await self._identities.require_left(source)
        self._afterwards(self._recovery.send(self._asked(session, action)))
        return Noted()

    async def tell_numbers(self, session: str, source: bytes, action: TellNumbers) -> Answer:
        """Return the numbers of whom a code was sent to. Raises SignInCodeWrong, TooManyTries."""
        await self._identities.require_left(source)
        found = await self._recovery.prove(self._asked(session, action), action.code)
        return Numbers(tuple(view.line.msisdn for view in found))

    async def drain(self) -> None:
        """Wait for what goes on behind answers that were given."""
        while self._behind:
            await asyncio.wait(self._behind)

    def _asked(self, session: str, action: SendNumbers | TellNumbers) -> Recovering:
        claim = self._identities.read(action.document, _CONTACT, action.contact)
        challenge = self._site.keys.digest("call recovery", session).hex()
        return Recovering(claim=claim, challenge=challenge)

    def _afterwards(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._behind.add(task)
        task.add_done_callback(self._behind.discard)
