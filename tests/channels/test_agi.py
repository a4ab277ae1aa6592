"""Our end of FastAGI, with a caller and an Asterisk whose time passes at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest
from structlog.testing import capture_logs

from tambah.channels.ivr.agi import AgiLimits, AgiServer, Network
from tambah.channels.ivr.agi_channel import AgiChannel
from tambah.channels.ivr.agi_wire import CallOver
from tests.channels.fake_asterisk import GONE, HEADER, SILENCE, FakeAsterisk, Paced, Scripted

Run = Callable[[AgiChannel], Awaitable[None]]
CODE = "4739281650372819"


@asynccontextmanager
async def listening(
    run: Run, *, limits: AgiLimits | None = None, allow: tuple[Network, ...] = ()
) -> AsyncIterator[AgiServer]:
    """Run a server that holds calls in that way."""
    server = AgiServer(
        run,
        allow=allow or (ip_network("127.0.0.1/32"),),
        limits=limits or AgiLimits(reply_seconds=5),
    )
    await server.start("127.0.0.1", 0)
    try:
        yield server
    finally:
        await server.stop()


async def hold(fake: FakeAsterisk, run: Run) -> FakeAsterisk:
    """Make one call to a server that holds it in that way."""
    async with listening(run) as server, asyncio.timeout(10):
        await fake.call(server.port)
    assert server.calls == 0
    return fake


class Asking:
    """Holds a call by asking one question after another, and keeps what was answered."""

    def __init__(self, *most: int, clips: tuple[str, ...] = ("a", "b", "c")) -> None:
        self.answers: list[str | None] = []
        self.was_over = False
        self.seconds = {"first_seconds": 10.0, "between_seconds": 5.0}
        self._most = most
        self._clips = clips

    async def __call__(self, channel: AgiChannel) -> None:
        try:
            for most in self._most:
                self.answers.append(await channel.ask(self._clips, most=most, **self.seconds))
        except CallOver:
            self.was_over = True
            raise


def pressed(keys: str, *, at: float, every: float = 0.3) -> list[tuple[float, str]]:
    """Return the instants at which keys are pressed one after another."""
    return [(at + number * every, key) for number, key in enumerate(keys)]


async def test_a_prompt_of_several_clips_is_heard_to_its_end_by_who_waits():
    asking = Asking(1)
    fake = await hold(FakeAsterisk(Scripted("1")), asking)
    assert (asking.answers, fake.heard) == (["1"], ["a", "b", "c"])


@pytest.mark.parametrize(
    ("at", "heard"), [(0.5, ["a"]), (2.5, ["a", "b"]), (5.9, ["a", "b", "c"])]
)
async def test_a_key_cuts_the_prompt_short_in_whichever_clip_it_comes(at: float, heard: list[str]):
    asking = Asking(16)
    fake = await hold(FakeAsterisk(Paced(pressed(CODE, at=at))), asking)
    assert (asking.answers, fake.heard) == ([CODE], heard)


async def test_keys_that_come_early_wait_for_their_prompts_which_are_then_not_played():
    asking = Asking(1, 1, 1)
    fake = await hold(FakeAsterisk(Scripted(["123"])), asking)
    assert (asking.answers, fake.heard) == (["1", "2", "3"], ["a", "b", "c", *"abc" * 2])


async def test_keys_pressed_while_the_house_works_are_kept():
    answers: list[str | None] = []

    async def run(channel: AgiChannel) -> None:
        answers.append(await channel.ask(["a"], most=1, first_seconds=5, between_seconds=5))
        assert await channel.meanwhile(asyncio.sleep(0.3, "done")) == "done"
        answers.append(await channel.ask(["b"], most=2, first_seconds=5, between_seconds=5))

    fake = await hold(FakeAsterisk(Paced([(1, "1"), (1.1, "2"), (1.15, "3")])), run)
    assert (answers, fake.heard) == (["1", "23"], ["a"])


async def test_the_first_key_may_take_longer_than_those_that_follow():
    asking = Asking(16, clips=("a",))
    presses = [(11.9, "1"), (16.8, "2"), (16.9 + 5, "3")]
    fake = await hold(FakeAsterisk(Paced(presses, hangs_up_at=21.95)), asking)
    assert asking.answers == ["12"]
    assert [round(seconds) for seconds in fake.waits] == [10, 5, 5]


async def test_silence_is_no_answer():
    asking = Asking(16, 1)
    await hold(FakeAsterisk(Scripted([SILENCE, "1"])), asking)
    assert asking.answers == [None, "1"]


@pytest.mark.parametrize(
    ("keys", "answer"),
    [("47392#", "47392"), ("#", ""), ("473*", "473*"), ("*", "*"), ("12", "12")],
)
async def test_hash_ends_an_entry_and_star_is_left_to_the_dialogue(keys: str, answer: str):
    asking = Asking(16)
    await hold(FakeAsterisk(Scripted([keys])), asking)
    assert asking.answers == [answer]


async def test_the_hash_after_a_full_code_is_no_answer_to_the_next_question():
    asking = Asking(16, 1, 1)
    fake = FakeAsterisk(Paced([*pressed(f"{CODE}#", at=1), (10, "1"), (13, "#")]))
    await hold(fake, asking)
    assert asking.answers == [CODE, "1", ""]
    assert fake.heard == ["a", *"aabc", *"ab"]


async def test_keys_of_other_telephones_mean_nothing():
    asking = Asking(2)
    await hold(FakeAsterisk(Paced([(1, "1"), (2, "A"), (2.5, "D"), (3, "2")])), asking)
    assert asking.answers == ["12"]


@pytest.mark.parametrize("hangs_up_at", [0.5, 3, 8, 16.5, 17.5, 19, 21, 22.9])
async def test_hanging_up_ends_the_call_wherever_it_stands(hangs_up_at: float):
    asking = Asking(16, 1)
    presses = pressed(CODE, at=16, every=0.1)
    fake = FakeAsterisk(Paced(presses, hangs_up_at=hangs_up_at), clip_seconds=2)
    await hold(fake, asking)
    assert (asking.was_over, fake.is_gone) == (True, True)


async def test_hanging_up_does_not_stop_what_the_house_does():
    done: list[str] = []

    async def run(channel: AgiChannel) -> None:
        await channel.ask(["a"], most=1, first_seconds=5, between_seconds=5)

        async def credit() -> None:
            await asyncio.sleep(0.2)
            done.append("credited")

        await channel.meanwhile(credit())
        done.append("heard of it")
        await channel.tell(["b"])
        done.append("told")

    await hold(FakeAsterisk(Paced([(1, "1")], hangs_up_at=1.05)), run)
    assert done == ["credited", "heard of it"]


async def test_a_clip_that_is_missing_is_passed_over_and_reported():
    asking = Asking(1)
    with capture_logs() as logs:
        fake = await hold(FakeAsterisk(Scripted("1"), missing=frozenset("b")), asking)
    assert (asking.answers, fake.heard) == (["1"], ["a", "c"])
    assert [(log["event"], log["clip"]) for log in logs] == [("a clip cannot be played", "b")]


async def test_what_is_told_is_told_to_its_end_whatever_is_pressed():
    async def run(channel: AgiChannel) -> None:
        await channel.answer()
        await channel.stop_recording()
        await channel.tell(["a", "b"])
        await channel.set_variable("TAMBAH_NEXT", "person")

    fake = await hold(FakeAsterisk(Paced(pressed("123#*", at=0.2))), run)
    assert (fake.heard, fake.variables) == (["a", "b"], {"TAMBAH_NEXT": "person"})


async def test_the_header_is_told():
    seen: list[str] = []

    async def run(channel: AgiChannel) -> None:
        seen.append(channel.header["callerid"])

    await hold(FakeAsterisk(Paced()), run)
    assert seen == ["60123456789"]


async def test_no_key_is_ever_logged():
    async def run(channel: AgiChannel) -> None:
        await Asking(16)(channel)
        raise RuntimeError("a bug")

    with capture_logs() as logs:
        await hold(FakeAsterisk(Scripted([CODE])), run)
        await speak_raw(b"200 result=52 473928165\n")
        await speak_raw(b"a line with 4739281650372819\n")
    assert {log["event"] for log in logs} == {"a call met a bug", "a call was broken off"}
    assert "4739" not in str(logs)
    assert "473928" not in str(logs)


async def speak_raw(*lines: bytes, header: bytes = b"agi_network: yes\n\n") -> bytes:
    """Answer commands with those lines whatever they are; return the last that was read."""
    asking = Asking(16, clips=("a",))
    asking.seconds = {"first_seconds": 0.1, "between_seconds": 0.1}
    async with listening(
        asking, limits=AgiLimits(header_seconds=0.3, reply_seconds=0.3)
    ) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(header)
        read = b""
        for line in lines:
            read = await reader.readline()
            writer.write(line)
        async with asyncio.timeout(5):
            rest = await reader.read()
        writer.close()
        assert server.calls == 0
    return rest or read


@pytest.mark.parametrize(
    "header",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\n",
        b"agi_network\n\n",
        b"agi_x: " + b"1" * 10_000 + b"\n\n",
        b"agi_x: 1\n" * 200,
        b"agi_network: yes\n",
        b"",
        b"\xff\xfe\x00\x01\n\n",
    ],
    ids=["http", "empty", "no colon", "long line", "many lines", "no end", "silent", "binary"],
)
async def test_who_does_not_speak_agi_is_told_nothing(header: bytes):
    with capture_logs() as logs:
        assert await speak_raw(header=header) == b""
    assert [log["event"] for log in logs] == ["a call was broken off"]


@pytest.mark.parametrize(
    "reply",
    [b"hello\n", b"200\n", b"20 result=1\n", b"x" * 9000 + b"\n", b"520-Usage\n more\n" * 99, b""],
    ids=["words", "no result", "short", "long line", "no end", "none"],
)
async def test_a_reply_that_is_none_ends_the_call(reply: bytes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tambah.channels.ivr.agi_channel._CLIP_SECONDS", 0)
    with capture_logs() as logs:
        await speak_raw(reply)
    assert {log["event"] for log in logs} <= {"a call was broken off", "a clip cannot be played"}


async def test_a_command_that_asterisk_refuses_at_length_is_passed_over():
    last = await speak_raw(b"520-Invalid command syntax.\n Usage: x\n520 End of proper usage.\n")
    assert last == b"CHANNEL STATUS\n"


async def test_an_asterisk_that_never_answers_is_ended():
    async def run(channel: AgiChannel) -> None:
        await channel.set_variable("A", "b")

    async with listening(run, limits=AgiLimits(reply_seconds=0.1)) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"agi_network: yes\n\n")
        async with asyncio.timeout(10):
            assert await reader.read() == b'SET VARIABLE "A" "b"\n'
        writer.close()
        assert server.calls == 0


async def test_a_call_without_end_is_ended():
    async def run(channel: AgiChannel) -> None:
        while True:
            await channel.ask(["a"], most=1, first_seconds=0.01, between_seconds=1)
            await asyncio.sleep(0.01)

    with capture_logs() as logs:
        async with listening(run, limits=AgiLimits(call_seconds=0.3)) as server:
            async with asyncio.timeout(10):
                await FakeAsterisk(Paced()).call(server.port)
            assert server.calls == 0
    assert [log["reason"] for log in logs] == ["it took too long"]


async def test_an_address_that_may_bring_no_calls_is_told_nothing():
    asking = Asking(1)
    with capture_logs() as logs:
        async with listening(asking, allow=(ip_network("127.0.0.1/32"),)) as server:
            fake = await FakeAsterisk(Scripted("1")).call(server.port, source="127.0.0.2")
    assert (fake.commands, asking.answers) == ([], [])
    assert [log["address"] for log in logs] == ["127.0.0.2"]


async def test_calls_beyond_the_limit_are_told_to_come_later():
    came, may_go = asyncio.Semaphore(0), asyncio.Event()

    async def run(channel: AgiChannel) -> None:
        came.release()
        await may_go.wait()
        await channel.set_variable("TAMBAH_NEXT", "")

    async with listening(run, limits=AgiLimits(calls=2)) as server:
        held = [asyncio.create_task(FakeAsterisk(Paced()).call(server.port)) for _ in range(2)]
        await came.acquire()
        await came.acquire()
        refused = await FakeAsterisk(Paced()).call(server.port)
        assert refused.variables == {"TAMBAH_NEXT": "busy"}
        may_go.set()
        await asyncio.gather(*held)
        assert [task.result().variables for task in held] == [{"TAMBAH_NEXT": ""}] * 2
        taken = await FakeAsterisk(Paced()).call(server.port)
        assert taken.variables == {"TAMBAH_NEXT": ""}


async def test_fifty_calls_at_once_each_get_their_own_answers():
    answers: dict[str, str | None] = {}

    async def run(channel: AgiChannel) -> None:
        keys = await channel.ask(["a", "b"], most=16, first_seconds=10, between_seconds=5)
        answers[channel.header["callerid"]] = keys

    async with listening(run) as server, asyncio.timeout(30):
        await asyncio.gather(
            *(
                FakeAsterisk(
                    Scripted([f"{number:016}"]),
                    header={**HEADER, "callerid": str(60_120_000_000 + number)},
                ).call(server.port)
                for number in range(50)
            )
        )
        assert server.calls == 0
    assert answers == {str(60_120_000_000 + number): f"{number:016}" for number in range(50)}


async def test_a_server_that_stops_finishes_what_was_begun():
    begun, done = asyncio.Event(), list[str]()

    async def run(channel: AgiChannel) -> None:
        async def credit() -> None:
            begun.set()
            await asyncio.sleep(0.3)
            done.append("credited")

        await channel.meanwhile(credit())
        done.append("told")

    async with listening(run) as server:
        call = asyncio.create_task(FakeAsterisk(Paced()).call(server.port))
        await begun.wait()
        await server.stop()
        await call
    assert done == ["credited"]


async def test_an_argument_that_could_be_a_second_command_is_a_bug():
    async def run(channel: AgiChannel) -> None:
        await channel.tell(['a"\nHANGUP'])

    with capture_logs() as logs:
        fake = await hold(FakeAsterisk(Paced()), run)
    assert (fake.commands, [log["event"] for log in logs]) == ([], ["a call met a bug"])


async def test_a_script_that_ends_hangs_up():
    asking = Asking(1, 1)
    fake = await hold(FakeAsterisk(Scripted(["1", GONE])), asking)
    assert (asking.answers, asking.was_over, fake.is_gone) == (["1"], True, True)


async def test_many_calls_too_many_are_one_line_in_the_log():
    with capture_logs() as logs:
        async with listening(Asking(1), limits=AgiLimits(calls=0)) as server:
            for _ in range(3):
                await FakeAsterisk(Paced()).call(server.port)
    assert [log["event"] for log in logs] == ["more calls than may be held"]
