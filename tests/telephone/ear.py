"""What a caller hears: RTP taken by a socket of ours, and compared with the clips it should be.

Nothing is recorded by the telephone system: sipp's callers say that they listen here.
"""

from __future__ import annotations

import asyncio
import random
import struct
import wave
from array import array
from bisect import bisect_left
from collections import defaultdict
from pathlib import Path

FRAME = 160  # samples in the 20 ms of a packet
RATE = 8000


class Ear(asyncio.DatagramProtocol):
    """Hears any number of calls at one port, each by its RTP source."""

    def __init__(self) -> None:
        self.frames: dict[int, list[bytes]] = defaultdict(list)
        self._transport: asyncio.DatagramTransport | None = None

    @classmethod
    async def open(cls) -> Ear:
        """Listen on a free port of loopback."""
        loop = asyncio.get_running_loop()
        transport, ear = await loop.create_datagram_endpoint(cls, local_addr=("127.0.0.1", 0))
        ear._transport = transport
        return ear

    @property
    def port(self) -> int:
        """The port that callers give as theirs."""
        assert self._transport is not None
        return self._transport.get_extra_info("sockname")[1]

    def close(self) -> None:
        """Listen no more."""
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Keep the sound of a packet of µ-law."""
        if len(data) == 12 + FRAME and data[1] & 0x7F == 0:
            self.frames[struct.unpack_from("!I", data, 8)[0]].append(data[12:])

    def packets(self) -> int:
        """Return how many packets of sound came."""
        return sum(len(frames) for frames in self.frames.values())

    def heard(self, clips: dict[str, Path]) -> list[list[str]]:
        """Return for each call which of the clips were begun, in order."""
        openings = {name: _opening(path) for name, path in clips.items()}
        return [_recognise(frames, openings) for frames in self.frames.values()]


def write_clip(path: Path, seed: int, seconds: float) -> None:
    """Write a clip of noise, no part of which is like any other."""
    noise = random.Random(seed)
    samples = array("h", (noise.randrange(-9000, 9000) for _ in range(round(seconds * RATE))))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())


def _expand(code: int) -> int:
    """Return the sample that a byte of µ-law stands for (G.711)."""
    code = ~code & 0xFF
    size = (((code & 0x0F) << 3) + 0x84 << ((code & 0x70) >> 4)) - 0x84
    return -size if code & 0x80 else size


def compress(samples: array[int]) -> bytes:
    """Return samples as µ-law: for each the byte whose sample is the nearest."""
    order = sorted(range(256), key=_expand)
    steps = [_expand(code) for code in order]
    return bytes(order[min(bisect_left(steps, sample), 255)] for sample in samples)


_EXPANDED = [_expand(code) for code in range(256)]
_OPENING_FRAMES = 6


def _opening(path: Path) -> list[array[int]]:
    """Return the first frames of a clip that are not silent, counted from its beginning."""
    with wave.open(str(path), "rb") as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
        samples = array("h", file.readframes(file.getnframes()))
    whole = [samples[at : at + FRAME] for at in range(0, len(samples) - FRAME + 1, FRAME)]
    loud = next((n for n, frame in enumerate(whole) if max(map(abs, frame)) > 500), 0)
    return whole[loud : loud + _OPENING_FRAMES]


def _recognise(frames: list[bytes], openings: dict[str, list[array[int]]]) -> list[str]:
    names: list[str] = []
    for at in range(len(frames)):
        for name, opening in openings.items():
            heard = frames[at : at + len(opening)]
            if len(heard) == len(opening) and all(map(_is_same, heard, opening)):
                names.append(name)
    return names


def _is_same(heard: bytes, said: array[int]) -> bool:
    """Say whether a packet is a frame, but for what µ-law takes away."""
    return all(
        abs(_EXPANDED[code] - sample) <= 16 + abs(sample) // 16
        for code, sample in zip(heard, said, strict=True)
    )
