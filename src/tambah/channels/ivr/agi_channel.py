"""A call as Asterisk's AGI has it: clips are played, keys are taken, whenever they come.

Asterisk drops a key that ends while no command is running. So a command runs whenever a key may
end: keys cut prompts short, wait for their turn when they come early, and are listened for while
the house works. Between two keys there is the time of a tone and a pause, ten times what we need.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Mapping, Sequence
from typing import TypeVar

import structlog

from tambah.channels.ivr.agi_wire import AgiWire, CallOver

log = structlog.get_logger(__name__)

T = TypeVar("T")

KEYS = "0123456789*#"
_END = "#"
_STAR = "*"
_MOST_AHEAD = 64
_CLIP_SECONDS = 30
_UP = 6
# No second key can end so soon after the one that began a piece of work.
_DEAF_SECONDS = 0.05
_SLICE_SECONDS = 0.1


class AgiChannel:
    """A call's two directions. header: what Asterisk says of it, by names without their `agi_`.

    Everything raises CallOver once the caller has hung up.
    """

    def __init__(self, wire: AgiWire, header: Mapping[str, str]) -> None:
        self.header = header
        self._wire = wire
        self._ahead: deque[str] = deque()
        self._may_be_late_end = False

    async def answer(self) -> None:
        """Take the call, if the dialplan has not."""
        await self._wire.command("ANSWER", seconds=5)

    async def stop_recording(self) -> None:
        """End what the dialplan may have begun to record: codes are keyed next."""
        await self._wire.command("EXEC", "StopMixMonitor", "")

    async def tell(self, clips: Sequence[str]) -> None:
        """Play clips to their end, whatever is keyed."""
        for clip in clips:
            await self._play(clip, "")

    async def ask(
        self, clips: Sequence[str], *, most: int, first_seconds: float, between_seconds: float
    ) -> str | None:
        """Play clips and return what is keyed, None for nothing; a key cuts the clips short.

        `#` ends the keys and is not among them; `*` ends them and is. As many as `most` need no
        end; an end that comes all the same is passed over.
        """
        key = await self._first_key(clips, first_seconds)
        if key is None:
            return None
        keys = ""
        while key is not None and key != _END:
            keys += key
            if key == _STAR:
                break
            if len(keys) == most:
                self._may_be_late_end = most > 1
                break
            key = await self._next_key(between_seconds)
        return keys

    async def meanwhile(self, work: Awaitable[T]) -> T:
        """Return what work comes to; keys are kept, and hanging up does not stop it."""
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait({task}, timeout=_DEAF_SECONDS)
            while not task.done():
                await self._listen(task)
            return await task
        except asyncio.CancelledError:
            await asyncio.wait({task})
            raise

    async def set_variable(self, name: str, value: str) -> None:
        """Leave a variable for the dialplan."""
        await self._wire.command("SET VARIABLE", name, value)

    async def hang_up(self) -> None:
        """End the call."""
        await self._wire.command("HANGUP")

    async def _listen(self, task: asyncio.Future[T]) -> None:
        """Keep a key that is pressed now; once nobody listens any more, only wait for the work."""
        try:
            key = await self._wait_for_key(_SLICE_SECONDS)
        except CallOver:
            await asyncio.wait({task})
            return
        if key is not None:
            self._keep(key)

    async def _first_key(self, clips: Sequence[str], seconds: float) -> str | None:
        for clip in clips:
            if self._is_keyed_ahead():
                break
            await self._play_until_key(clip)
        return await self._next_key(seconds)

    async def _next_key(self, seconds: float) -> str | None:
        """Return the next key, None when none is pressed in time."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            if self._is_keyed_ahead():
                self._may_be_late_end = False
                return self._ahead.popleft()
            left = deadline - asyncio.get_running_loop().time()
            key = await self._wait_for_key(left) if left > 0 else None
            if key is None:
                return None
            self._keep(key)

    def _is_keyed_ahead(self) -> bool:
        """Say whether a key waits, but for the `#` of somebody who need not have pressed it."""
        if self._ahead and self._ahead[0] == _END and self._may_be_late_end:
            self._ahead.popleft()
            self._may_be_late_end = False
        return bool(self._ahead)

    def _keep(self, key: str) -> None:
        """Keep a key for its turn; those that ordinary telephones lack mean nothing."""
        if key in KEYS and len(self._ahead) < _MOST_AHEAD:
            self._ahead.append(key)

    async def _play_until_key(self, clip: str) -> None:
        """Play a clip, once more if what cut it short is passed over."""
        while (key := await self._play(clip, KEYS)) is not None:
            self._keep(key)
            if self._is_keyed_ahead():
                return

    async def _play(self, clip: str, escapes: str) -> str | None:
        """Play a clip; return the key that cut it short, if one did."""
        reply = await self._wire.command("STREAM FILE", clip, escapes, seconds=_CLIP_SECONDS)
        if reply.number < 0:
            await self._note_missing(clip)
        return _key(reply.number)

    async def _note_missing(self, clip: str) -> None:
        """Tell a clip that cannot be played from a caller who is gone: AGI answers both alike."""
        status = await self._wire.command("CHANNEL STATUS")
        if status.number != _UP:
            raise CallOver("the caller hung up")
        log.error("a clip cannot be played", clip=clip)

    async def _wait_for_key(self, seconds: float) -> str | None:
        milliseconds = str(max(1, round(seconds * 1000)))
        reply = await self._wire.command("WAIT FOR DIGIT", milliseconds, seconds=seconds)
        if reply.number < 0:
            raise CallOver("the caller hung up")
        return _key(reply.number)


def _key(number: int) -> str | None:
    return chr(number) if number > 0 else None
