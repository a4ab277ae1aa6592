"""Inbound messages that come in parts, put together."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tambah.channels.sms.coding import Place, decode_sms

MOST_OPEN = 500
MOST_PARTS = 20
OPEN_SECONDS = 600.0
# An SMSC that sends one at a time waits for our answer to a part before it sends the next.
TOGETHER_SECONDS = 2.0

_Key = tuple[str, int, int]


@dataclass(slots=True)
class _Open:
    """A message of which parts have come. done: once all have, and it was dealt with."""

    since: float
    total: int
    parts: dict[int, tuple[bytes, int]] = field(default_factory=dict, repr=False)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    failed: Exception | None = None


class Assembly:
    """Collects parts by sender and reference until they are whole.

    A part is answered with its message, so that an SMSC keeps all of it until we have dealt with
    it; but not later than after two seconds, for there are SMSCs that send the next part only
    then. Until the last has come such a message is in memory alone.
    """

    def __init__(self) -> None:
        self._open: OrderedDict[_Key, _Open] = OrderedDict()

    async def add(
        self,
        sender: str,
        place: Place,
        part: tuple[bytes, int],
        then: Callable[[str], Awaitable[None]],
    ) -> None:
        """Take a part (octets, data_coding); with the last one have the whole text dealt with.

        Raises what `then` raises, for every part that waits; the parts are kept for another try.
        """
        self._forget_old()
        if place.total > MOST_PARTS:
            return  # nobody types that much; it would be kept in vain
        key = (sender, place.reference, place.total)
        opened = self._open.get(key)
        if opened is None:
            now = asyncio.get_running_loop().time()
            opened = self._open[key] = _Open(since=now, total=place.total)
        opened.parts[place.number] = part
        if len(opened.parts) == opened.total:
            await self._finish(key, opened, then)
        else:
            await self._wait(opened)

    async def _finish(
        self, key: _Key, opened: _Open, then: Callable[[str], Awaitable[None]]
    ) -> None:
        try:
            await then(_join(opened.parts))
            self._open.pop(key, None)
        except Exception as failed:
            opened.failed = failed
            raise
        finally:
            opened.done.set()
            # Whoever waited is told; a part that is delivered again begins a new wait.
            opened.done = asyncio.Event()

    @staticmethod
    async def _wait(opened: _Open) -> None:
        done = opened.done
        try:
            async with asyncio.timeout(TOGETHER_SECONDS):
                await done.wait()
        except TimeoutError:
            return
        if opened.failed is not None:
            raise opened.failed

    def _forget_old(self) -> None:
        oldest = asyncio.get_running_loop().time() - OPEN_SECONDS
        while self._open:
            key, opened = next(iter(self._open.items()))
            if opened.since > oldest and len(self._open) < MOST_OPEN:
                return
            del self._open[key]


def _join(parts: dict[int, tuple[bytes, int]]) -> str:
    """Join octets before reading them: a handset may have torn a pair between two parts."""
    ordered = [parts[number] for number in sorted(parts)]
    coding = ordered[0][1]
    if all(one == coding for _, one in ordered):
        return decode_sms(b"".join(octets for octets, _ in ordered), coding)
    return "".join(decode_sms(octets, one) for octets, one in ordered)
