"""Conversations that come as one request after another: kept between them, each answered once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec

from tambah.channels.attendant import Attendant, Call
from tambah.channels.moves import Step
from tambah.channels.talk import Ended, Event, Prompt, Talk, Utterance, Wish
from tambah.store.conversations import (
    ConversationRow,
    read_conversation,
    write_conversation,
)
from tambah.web.site import Site

LASTS = timedelta(minutes=15)
"""After which a session of the same name is another one."""

_PURPOSE = "conversation"


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation between two requests: where it stands, what was heard, what was answered.

    heard: what of the gateway's request tells one step from the next (everything keyed so far,
    or a step's number).
    """

    talk: Talk
    turn: Prompt | Ended
    heard: str


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """What a first request comes with: a wish and its words, then further keys."""

    wish: Wish = Wish.MENU
    said: str = ""
    events: tuple[Event, ...] = ()


Follow = Callable[[str], Sequence[Event] | None]
"""From what was heard before to what happened since; None where it does not follow."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Kept).decode


class Sessions:
    """Leads conversations whose steps may come to different processes, more than once each.

    A step that comes again is answered as it was the first time. Two that come at once both do
    it; what they do has one request key, so that it happens once, and one answer is kept.
    """

    def __init__(self, site: Site, attendant: Attendant) -> None:
        self._site = site
        self._attendant = attendant

    async def take(self, call: Call, heard: str, opened: Opened, follow: Follow) -> Kept:
        """Take a step of a conversation; return where it then stands.

        opened: what to begin with if this is the first step. follow: what has happened since the
        step before. What does not follow ends the conversation with "try again later".
        """
        name, now = self._name(call), self._site.clock.now()
        row = await read_conversation(self._site.database, name)
        before = self._standing(name, row, now)
        if before is not None and before.heard == heard:
            return before
        talk, turn = await self._go_on(call, before, opened, follow)
        assert isinstance(turn, (Prompt, Ended)), "nothing is left to be done"
        kept = Kept(talk=_forget(talk, turn), turn=turn, heard=heard)
        step = row.step + 1 if row is not None else 1
        written = await write_conversation(
            self._site.database,
            name,
            ConversationRow(step=step, sealed=self._seal(name, kept), at=now),
        )
        if written:
            return kept
        first = await read_conversation(self._site.database, name)
        return self._open(name, first) if first is not None else kept

    async def standing(self, call: Call) -> Kept | None:
        """Return where a conversation stands, None for one that is not on."""
        name = self._name(call)
        row = await read_conversation(self._site.database, name)
        return self._standing(name, row, self._site.clock.now())

    def _name(self, call: Call) -> bytes:
        return self._site.keys.digest("conversation", call.door.name, call.session)

    def _standing(self, name: bytes, row: ConversationRow | None, now: datetime) -> Kept | None:
        is_on = row is not None and now - row.at < LASTS
        return self._open(name, row) if row is not None and is_on else None

    async def _go_on(
        self, call: Call, before: Kept | None, opened: Opened, follow: Follow
    ) -> Step:
        if before is None:
            talk, turn = await self._attendant.begin(call, opened.wish, opened.said)
            events: Sequence[Event] | None = opened.events
        else:
            talk, turn = before.talk, before.turn
            events = follow(before.heard)
        if events is None or (before is not None and isinstance(turn, Ended)):
            return talk, Ended((Utterance("try_later"),))
        for event in events:
            if isinstance(turn, Ended):
                break
            talk, turn = await self._attendant.hear(call, talk, event)
        return talk, turn

    def _seal(self, name: bytes, kept: Kept) -> bytes:
        return self._site.keys.seal(_PURPOSE, _encode(kept), name)

    def _open(self, name: bytes, row: ConversationRow) -> Kept:
        return _decode(self._site.keys.unseal(_PURPOSE, row.sealed, name))


def _forget(talk: Talk, turn: Prompt | Ended) -> Talk:
    """Keep nothing secret of a conversation that is over."""
    if isinstance(turn, Prompt):
        return talk
    return msgspec.structs.replace(talk, typed="", contact="")
