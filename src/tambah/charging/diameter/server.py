"""The server of Gy and Ro: connections, the credit-control application and what watches them."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress

from diameter.message.avp import Avp

from tambah.charging.diameter.answers import Said
from tambah.charging.diameter.asked import Asked
from tambah.charging.diameter.avps import Faulty, Fields, is_known, make
from tambah.charging.diameter.credit_control import CreditControl
from tambah.charging.diameter.link import Request
from tambah.charging.diameter.names import (
    AUTH_APPLICATION_ID,
    CC_REQUEST_NUMBER,
    CC_REQUEST_TYPE,
    CREDIT_CONTROL_APPLICATION,
    DESTINATION_HOST,
    DESTINATION_REALM,
    ORIGIN_HOST,
    ORIGIN_REALM,
    Command,
    RequestType,
    Result,
)
from tambah.charging.diameter.node import Node
from tambah.charging.diameter.peers import Peer
from tambah.charging.diameter.renewing import Renewing
from tambah.config import DiameterEntry
from tambah.desks.charging import ChargingDesk
from tambah.domain.numbering import NumberPlan
from tambah.store.database import Database

_APPLICATION = make(AUTH_APPLICATION_ID, CREDIT_CONTROL_APPLICATION)
Counted = tuple[str, str]
"""What a request was, in small letters, and the name of its result."""


class DiameterServer:
    """Answers credit control for the peers of operator.toml."""

    def __init__(
        self, entry: DiameterEntry, desk: ChargingDesk, database: Database, plan: NumberPlan
    ) -> None:
        self._entry = entry
        self._host, self._realm = entry.host.lower(), entry.realm.lower()
        self._control = CreditControl(
            desk, plan, answer_seconds=entry.answer_seconds, top_up_page=entry.top_up_page
        )
        self.node = Node(entry, self._answer)
        self._renewing = Renewing(database, self.node)
        self._watching: asyncio.Task[None] | None = None
        self.counts: Counter[Counted] = Counter()

    async def start(self) -> str:
        """Listen; return where. Raises OSError."""
        where = await self.node.start()
        self._watching = asyncio.create_task(self._renewing.run())
        return where

    async def stop(self) -> None:
        """Answer what was asked, part from the peers, wait for what was begun."""
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching
        await self.node.stop()
        await self._control.drain()

    async def _answer(self, request: Request, peer: Peer) -> bytes:
        kind = _kind_of(request)
        try:
            self._check(request, peer)
            answered = await self._control.answer(request.fields)
        except Faulty as faulty:
            self.counts[kind, faulty.result.name.lower()] += 1
            more = [] if _is_of_the_protocol(faulty.result) else _echoed(request.fields)
            return self.node.refuse(request, faulty.result, faulty.avp, also=more)
        self.counts[kind, answered.said.result.name.lower()] += 1
        return self._reply(request, answered.said, answered.asked)

    def _check(self, request: Request, peer: Peer) -> None:
        """Refuse what is not for us, or not for this peer to ask. Raises Faulty."""
        if request.header.application_id != CREDIT_CONTROL_APPLICATION:
            raise Faulty(Result.APPLICATION_UNSUPPORTED)
        if request.header.command_code != Command.CREDIT_CONTROL:
            raise Faulty(Result.COMMAND_UNSUPPORTED)
        if request.broken is not None:
            raise request.broken
        fields = request.fields
        if fields.require_text(DESTINATION_REALM).lower() != self._realm:
            raise Faulty(Result.REALM_NOT_SERVED)
        destination = fields.text(DESTINATION_HOST)
        if destination is not None and destination.lower() != self._host:
            raise Faulty(Result.UNABLE_TO_DELIVER)
        _require_known(fields)
        asker = fields.require_text(ORIGIN_HOST).lower()
        if not peer.speaks_for(asker):
            raise Faulty(Result.AUTHORIZATION_REJECTED)
        self.node.heard_by(asker, peer, fields.require_text(ORIGIN_REALM).lower())

    def _reply(self, request: Request, said: Said, asked: Asked | None) -> bytes:
        if _is_of_the_protocol(said.result) or asked is None:
            return self.node.refuse(request, said.result)
        avps = [
            _APPLICATION,
            make(CC_REQUEST_TYPE, int(asked.type)),
            make(CC_REQUEST_NUMBER, asked.request_no),
            *said.avps,
        ]
        return self.node.reply(request, said.result, avps)


def _require_known(fields: Fields) -> None:
    """Refuse a message with an AVP that must be understood and is not. Raises Faulty."""
    for avp in fields.avps:
        if avp.is_mandatory and not is_known(avp):
            raise Faulty(Result.AVP_UNSUPPORTED, avp)


def _is_of_the_protocol(result: Result) -> bool:
    return 3000 <= result < 4000


def _echoed(fields: Fields) -> list[Avp]:
    """Return what every credit-control answer has, as far as the request had it."""
    found = (fields.first(name) for name in (CC_REQUEST_TYPE, CC_REQUEST_NUMBER))
    return [_APPLICATION, *(avp for avp in found if avp is not None)]


def _kind_of(request: Request) -> str:
    """Return what a request is, for the counts."""
    with suppress(Faulty, ValueError):
        return RequestType(request.fields.number(CC_REQUEST_TYPE) or 0).name.lower()
    return "other"
