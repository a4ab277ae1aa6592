"""The other end of FastAGI: a caller and an Asterisk in one, whose time passes at once.

A caller either presses keys at times of its own (`Paced`) or answers prompt after prompt
(`Scripted`). What is played and waited for takes the caller's time, not the test's.
"""

from __future__ import annotations

import asyncio
import shlex
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

GONE = "gone"
SILENCE = ""
HEADER = {
    "network": "yes",
    "network_script": "hotline",
    "request": "agi://127.0.0.1/hotline",
    "channel": "PJSIP/trunk-00000001",
    "uniqueid": "1796066993.0",
    "callerid": "60123456789",
    "calleridname": "unknown",
    "extension": "100",
}


class Caller(Protocol):
    """Somebody at a telephone."""

    def within(self, seconds: float, *, is_prompt: bool) -> str | None:
        """Return the key pressed in so much time, None for none, GONE for hanging up.

        is_prompt: whether something is played meanwhile.
        """
        ...


@dataclass
class Paced:
    """Presses keys, and hangs up, at instants counted from the answer."""

    presses: Sequence[tuple[float, str]] = ()
    hangs_up_at: float = 1e9
    now: float = 0

    def within(self, seconds: float, *, is_prompt: bool) -> str | None:
        """Return the first key of the span, and let that much time pass."""
        until = self.now + seconds
        at, key = self.presses[0] if self.presses else (1e9, "")
        if self.hangs_up_at <= min(until, at):
            return GONE
        if at <= until:
            self.presses = self.presses[1:]
            self.now = max(at, self.now)
            return key
        self.now = until
        return None


class Scripted:
    """Hears prompts out and answers one after another; hangs up when there is no answer left.

    An answer is the keys to press, SILENCE, or GONE.
    """

    def __init__(self, answers: Iterable[str]) -> None:
        self._answers = deque(answers)
        self._keys: deque[str] = deque()
        self._is_asked = False

    def within(self, seconds: float, *, is_prompt: bool) -> str | None:
        """Press nothing while something is played, then the keys of the next answer."""
        if is_prompt:
            self._is_asked = True
            return None
        if self._keys:
            return self._keys.popleft()
        if not self._is_asked:
            return None
        self._is_asked = False
        answer = self._answers.popleft() if self._answers else GONE
        if answer in (SILENCE, GONE):
            return answer or None
        self._keys.extend(answer)
        return self._keys.popleft()


@dataclass
class FakeAsterisk:
    """Calls a FastAGI server, and keeps what it was told to do.

    seconds: how long a clip takes, for all but those named. missing: clips that it does not have.
    """

    caller: Caller
    header: Mapping[str, str] = field(default_factory=lambda: HEADER)
    clip_seconds: float = 2
    missing: frozenset[str] = frozenset()
    commands: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)
    is_gone: bool = False
    was_hung_up: bool = False

    async def call(self, port: int, *, source: str = "127.0.0.1") -> FakeAsterisk:
        """Make the call and return when the server has ended it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
        try:
            lines = [f"agi_{name}: {value}\n" for name, value in self.header.items()]
            writer.write("".join([*lines, "\n"]).encode())
            while line := (await reader.readline()).decode().rstrip("\n"):
                writer.write("".join(f"{answer}\n" for answer in self._answer(line)).encode())
        except ConnectionError:
            pass
        finally:
            writer.close()
        return self

    def _answer(self, line: str) -> list[str]:
        self.commands.append(line)
        words = shlex.split(line)
        if self.is_gone and words[0] not in ("SET",):
            return ["511 Command Not Permitted on a dead channel or intercept routine"]
        match words:
            case ["STREAM", "FILE", clip, escapes]:
                return self._stream(clip, escapes)
            case ["WAIT", "FOR", "DIGIT", milliseconds]:
                self.waits.append(int(milliseconds) / 1000)
                return self._press(int(milliseconds) / 1000, "", is_prompt=False)
            case ["SET", "VARIABLE", name, value]:
                self.variables[name] = value
                return ["200 result=1"]
            case ["CHANNEL", "STATUS"]:
                return ["200 result=6"]
            case ["ANSWER"] | ["EXEC", "StopMixMonitor", ""]:
                return ["200 result=0"]
            case ["HANGUP"]:
                self.was_hung_up = True
                return ["200 result=1"]
            case _:
                return ["510 Invalid or unknown command"]

    def _stream(self, clip: str, escapes: str) -> list[str]:
        if clip in self.missing:
            return ["200 result=-1 endpos=0"]
        self.heard.append(clip)
        said = self._press(self.clip_seconds, " endpos=16000", is_prompt=True)
        while not escapes and not self.is_gone and not said[0].startswith("200 result=0"):
            said = self._press(self.clip_seconds, " endpos=16000", is_prompt=True)
        return said

    def _press(self, seconds: float, rest: str, *, is_prompt: bool) -> list[str]:
        key = self.caller.within(seconds, is_prompt=is_prompt)
        if key == GONE:
            self.is_gone = True
            return [f"200 result=-1{rest}", "HANGUP"]
        return [f"200 result={ord(key) if key else 0}{rest}"]
