"""Our FastAGI server in a real call, without any dialogue: what is heard, and what is keyed."""

from __future__ import annotations

import asyncio
import math
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tambah.channels.ivr.agi import AgiLimits, AgiServer
from tambah.channels.ivr.agi_channel import AgiChannel
from tambah.channels.ivr.agi_wire import CallOver
from tests.telephone.asterisk import Asterisk
from tests.telephone.ear import RATE, Ear, compress, write_clip
from tests.telephone.sipp import Key, Plan, call

CODE = "4739281650372819"
SECONDS = {"one": 1.0, "two": 0.6, "three": 0.8, "person": 0.5}


@pytest.fixture(scope="session")
def clips(prompts: Path) -> dict[str, Path]:
    """Write clips that can be told apart."""
    paths = {name: prompts / f"{name}.wav" for name in SECONDS}
    for seed, (name, path) in enumerate(paths.items()):
        write_clip(path, seed, SECONDS[name])
    return paths


Run = Callable[[AgiChannel], Awaitable[None]]


@asynccontextmanager
async def hotline(run: Run, **limits: float) -> AsyncIterator[AgiServer]:
    """Hold calls in that way."""
    server = AgiServer(run, limits=AgiLimits(**limits))  # type: ignore[arg-type]
    await server.start("127.0.0.1", 0)
    yield server
    await server.stop()


class Asking:
    """Asks two questions, tells something and ends; keeps what was answered, and how it ended."""

    def __init__(self, *most: int) -> None:
        self.answers: list[tuple[str | None, ...]] = []
        self.ends: list[str] = []
        self._most = most

    async def __call__(self, channel: AgiChannel) -> None:
        answers: list[str | None] = []
        self.answers.append(())
        mine = len(self.answers) - 1
        try:
            await channel.answer()
            await channel.stop_recording()
            for most in self._most:
                prompt = ["/prompts/one", "/prompts/two"]
                answers.append(
                    await channel.ask(prompt, most=most, first_seconds=2, between_seconds=1.5)
                )
                self.answers[mine] = tuple(answers)
            await channel.tell(["/prompts/three"])
            self.ends.append("told")
        except CallOver:
            self.ends.append("hung up")
            raise


async def test_prompts_are_heard_and_keys_are_taken(
    asterisk: Asterisk, ear: Ear, clips: dict[str, Path]
):
    asking = Asking(1, 16)
    async with hotline(asking) as server:
        await call(asterisk, server.port, Plan(keys=[Key(2.2, "1"), Key(2.6, CODE)]), ear)
        await asterisk.wait_for_silence()
    assert (asking.answers, asking.ends) == ([("1", CODE)], ["told"])
    assert ear.heard(clips) == [["one", "two", "one", "two", "three"]]
    # 50 packets for each second of what is said, at least.
    assert ear.packets() >= 50 * (2 * 1.6 + 0.8) - 10
    assert CODE[:8] not in asterisk.logged()


async def test_a_key_cuts_a_prompt_short_and_keys_come_ahead(
    asterisk: Asterisk, ear: Ear, clips: dict[str, Path]
):
    asking = Asking(1, 4, 1)
    async with hotline(asking) as server:
        await call(asterisk, server.port, Plan(keys=[Key(0.2, "12345#6")]), ear)
    assert asking.answers == [("1", "2345", "6")]
    # The `#` that nobody needed ends in the third prompt's beginning, which is said again.
    ((first, *rest),) = ear.heard(clips)
    assert (first, rest[-1]) == ("one", "three")
    assert "two" not in rest


async def test_hash_ends_star_is_told_and_silence_is_none(
    asterisk: Asterisk, ear: Ear, clips: dict[str, Path]
):
    asking = Asking(16, 16, 16)
    async with hotline(asking) as server:
        await call(asterisk, server.port, Plan(keys=[Key(1, "47#"), Key(1.7, "58*")]), ear)
    assert asking.answers == [("47", "58*", None)]


@pytest.mark.parametrize("after", [1.6, 2.5, 3.5])
async def test_hanging_up_frees_the_channel(
    asterisk: Asterisk, ear: Ear, clips: dict[str, Path], after: float
):
    asking = Asking(1, 16)
    async with hotline(asking) as server:
        plan = Plan(keys=[Key(0.7, "1")], hangs_up_after=after)
        await call(asterisk, server.port, plan, ear)
        await asterisk.wait_for_silence(3)
        assert server.calls == 0
    assert (asking.answers, asking.ends) == ([("1",)], ["hung up"])


async def test_hanging_up_during_work_does_not_stop_it(asterisk: Asterisk, ear: Ear):
    done: list[str] = []

    async def run(channel: AgiChannel) -> None:
        await channel.answer()
        await channel.meanwhile(asyncio.sleep(2))
        done.append("credited")
        await channel.tell(["/prompts/one"])
        done.append("told")

    async with hotline(run) as server:
        await call(asterisk, server.port, Plan(hangs_up_after=0.7), ear)
        await asterisk.wait_for_silence(5)
        assert server.calls == 0
    assert done == ["credited"]


async def test_keys_pressed_during_work_are_kept(
    asterisk: Asterisk, ear: Ear, clips: dict[str, Path]
):
    answers: list[str | None] = []

    async def run(channel: AgiChannel) -> None:
        await channel.answer()
        await channel.meanwhile(asyncio.sleep(3))
        answers.append(
            await channel.ask(["/prompts/one"], most=4, first_seconds=2, between_seconds=2)
        )

    async with hotline(run) as server:
        await call(asterisk, server.port, Plan(keys=[Key(0.4, "4739")]), ear)
    assert answers == ["4739"]
    assert ear.heard(clips) == []


async def test_fifty_calls_at_once(asterisk: Asterisk, ear: Ear, clips: dict[str, Path]):
    asking = Asking(1, 16)
    callers = [(str(60_120_000_000 + number), f"{number:016}") for number in range(50)]
    async with hotline(asking) as server:
        plan = Plan(keys=[Key(1.5, "1"), Key(1.5, "[field1]")])
        await call(asterisk, server.port, plan, ear, callers=callers)
        await asterisk.wait_for_silence()
        assert server.calls == 0
    assert sorted(asking.answers) == [("1", code) for _, code in callers]
    assert len(ear.frames) == 50


async def test_a_call_too_many_hears_that_it_is_busy(asterisk: Asterisk, ear: Ear):
    async with hotline(Asking(1), calls=0) as server:
        with pytest.raises(AssertionError, match="503"):
            await call(asterisk, server.port, Plan(), ear)
        await asterisk.wait_for_silence()


async def test_a_caller_is_passed_on_to_a_person(
    asterisk: Asterisk, ear: Ear, clips: dict[str, Path]
):
    async def run(channel: AgiChannel) -> None:
        await channel.answer()
        await channel.set_variable("TAMBAH_NEXT", "person")

    async with hotline(run) as server:
        await call(asterisk, server.port, Plan(), ear)
    assert ear.heard(clips) == [["person"]]


async def test_a_call_whose_server_dies_is_ended_by_the_dialplan(asterisk: Asterisk, ear: Ear):
    async def run(channel: AgiChannel) -> None:
        await channel.answer()
        raise RuntimeError("a bug")

    async with hotline(run) as server:
        await call(asterisk, server.port, Plan(), ear)
        await asterisk.wait_for_silence()


async def test_a_recording_ends_before_anything_is_keyed(
    asterisk: Asterisk, ear: Ear, clips: dict[str, Path]
):
    asking = Asking(1, 16)
    async with hotline(asking) as server:
        await call(asterisk, f"8{server.port}", Plan(keys=[Key(2.2, "1"), Key(2.6, CODE)]), ear)
        await asterisk.wait_for_silence()
        (recorded,) = asterisk.run_folder.glob("recorded-*.wav")
    assert asking.answers == [("1", CODE)]
    assert recorded.stat().st_size / (2 * RATE) < 0.5


async def test_keys_are_heard_as_tones_where_the_caller_sends_no_events(
    asterisk: Asterisk, ear: Ear, clips: dict[str, Path]
):
    asking = Asking(1, 4)
    (asterisk.run_folder / "tones.ulaw").write_bytes(tones("1", 1.0) + tones("2345", 0.3))
    async with hotline(asking) as server:
        plan = Plan(tones="/run/tones.ulaw", has_events=False)
        await call(asterisk, server.port, plan, ear)
    assert asking.answers == [("1", "2345")]


def tones(keys: str, before_seconds: float) -> bytes:
    """Return keys as a telephone without events sends them: two tones each (ITU-T Q.23), µ-law."""
    samples: list[int] = []
    for key in keys:
        row, column = divmod("123456789*0#".index(key), 3)
        pair = (697, 770, 852, 941)[row], (1209, 1336, 1477)[column]
        samples += [0] * round((before_seconds if key == keys[0] else 0.15) * RATE)
        samples += _sound(pair, round(0.15 * RATE))
    return compress(array("h", [*samples, *[0] * RATE]))


def _sound(hertz: Sequence[int], length: int) -> list[int]:
    return [
        round(sum(7000 * math.sin(2 * math.pi * h * n / RATE) for h in hertz))
        for n in range(length)
    ]
