"""The dialogue over AGI: what it says is played by Asterisk, what is keyed is told to it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tambah.channels.attendant import Attendant, Call, Door
from tambah.channels.ivr.agi import NEXT
from tambah.channels.ivr.agi_channel import AgiChannel
from tambah.channels.ivr.agi_wire import CallOver
from tambah.channels.ivr.speech import Speech
from tambah.channels.talk import Ended, HungUp, Keys, Prompt, Silence, Talk, Utterance

# Of the presentation indicator (Q.951): the number may be shown, and there is one.
_NOT_SHOWN = 0x60


class AgiCalls:
    """Holds the calls of one gateway; `AgiServer` runs it for each.

    seen_at: where Asterisk finds folders of ours, where that is elsewhere.
    """

    def __init__(
        self,
        door: Door,
        attendant: Attendant,
        speech: Speech,
        *,
        seen_at: Mapping[Path, str] | None = None,
    ) -> None:
        self._door = door
        self._attendant = attendant
        self._speech = speech
        self._seen_at = dict(seen_at or {})

    async def __call__(self, channel: AgiChannel) -> None:
        """Hold a call to its end. Raises CallOver when its caller ends it."""
        # Two Asterisks may number their calls alike; a call comes once, so any name will do.
        call = Call(
            door=self._door, session=secrets.token_hex(16), sender=read_sender(channel.header)
        )
        await channel.answer()
        talk, turn = await channel.meanwhile(self._attendant.begin(call))
        is_recorded = True
        while isinstance(turn, Prompt):
            if turn.ask.secret and is_recorded:
                await channel.stop_recording()
                is_recorded = False
            event = await self._ask(channel, talk, turn)
            talk, turn = await channel.meanwhile(self._attendant.hear(call, talk, event))
            if isinstance(event, HungUp):
                return
        assert isinstance(turn, Ended), "nothing is left to be done"
        await self._end(channel, talk, turn)

    async def _ask(
        self, channel: AgiChannel, talk: Talk, prompt: Prompt
    ) -> Keys | Silence | HungUp:
        """Say a prompt and return what the caller did."""
        try:
            keys = await channel.ask(
                await self._clips(channel, talk, prompt.say),
                most=prompt.ask.most,
                first_seconds=prompt.ask.first_seconds,
                between_seconds=prompt.ask.between_seconds,
            )
        except CallOver:
            return HungUp()
        except asyncio.CancelledError:
            # We end the call: who keyed a code expects no less than had they hung up.
            return HungUp()
        return Silence() if keys is None else Keys(keys)

    async def _end(self, channel: AgiChannel, talk: Talk, ended: Ended) -> None:
        await channel.tell(await self._clips(channel, talk, ended.say))
        if ended.to_person:
            await channel.set_variable(NEXT, "person")
        else:
            await channel.hang_up()

    async def _clips(self, channel: AgiChannel, talk: Talk, say: Sequence[Utterance]) -> list[str]:
        files = await channel.meanwhile(self._speech.files(talk.tag, say))
        return [self._name(file) for file in files]

    def _name(self, file: Path) -> str:
        """Return a file's name as Asterisk wants it: where it finds it, without the suffix."""
        plain = file.with_suffix("")
        for ours, theirs in self._seen_at.items():
            with suppress(ValueError):
                return f"{theirs}/{plain.relative_to(ours)}"
        return str(plain)


def read_sender(header: Mapping[str, str]) -> str:
    """Return the number that calls; empty when there is none, or its caller withholds it."""
    number, shown = header.get("callerid", ""), header.get("callingpres", "0")
    if number == "unknown" or not shown.isdecimal() or int(shown) & _NOT_SHOWN:
        return ""
    return number
