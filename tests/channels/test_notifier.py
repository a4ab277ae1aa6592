"""The notifier on a real PostgreSQL, with gateways that work, refuse, break and hang."""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tambah.channels import notifier as notifier_module
from tambah.channels.gateway import GatewayUnavailable, Sms, Taken
from tambah.channels.notifier import AT_ONCE, CLAIM_LIMIT, LEASE_SECONDS, PAUSES_SECONDS, Notifier
from tambah.channels.sandbox_gateway import SandboxGateway
from tambah.config import Brand
from tambah.domain.line import Language
from tambah.engine.clock import Clock
from tambah.engine.keys import parse_peppers
from tambah.store.database import Database
from tambah.store.outbox import Mark, MessageState, claim_messages, mark_messages, open_outbox
from tambah.store.views.sandbox import latest_sms

ZONE = ZoneInfo("Asia/Kuala_Lumpur")
BRAND = Brand(name="Kampung Telecommunications", short_name="KampungTel")
MSISDN = 60123456789
LEASE = timedelta(seconds=LEASE_SECONDS)
Key = tuple[int, int]


@dataclass
class Recorder:
    """A gateway that takes what it is given, unless `answer` says otherwise."""

    answer: Callable[[Sms], str] | None = None
    taken: list[Sms] = field(default_factory=list)
    name = "recorder"

    async def hand_over(self, sms: Sms) -> Taken:
        self.taken.append(sms)
        await asyncio.sleep(0)
        ref = self.answer(sms) if self.answer else f"ref-{sms.line_id}"
        return Taken(gateway=self.name, ref=ref)

    @property
    def keys(self) -> list[Key]:
        return [(sms.line_id, sms.number) for sms in self.taken]


@dataclass
class Crowded(Recorder):
    """A gateway that takes nothing until more are at its door than one notifier sends."""

    inside: int = 0
    crowd: asyncio.Event = field(default_factory=asyncio.Event)

    async def hand_over(self, sms: Sms) -> Taken:
        self.inside += 1
        if self.inside > AT_ONCE:
            self.crowd.set()
        await self.crowd.wait()
        return await super().hand_over(sms)


KEYS = parse_peppers("11" * 32)


@dataclass
class Post:
    """One database's notifiers, all of them closed in the end."""

    database: Database
    open_ones: list[Notifier] = field(default_factory=list)

    def notifier(self, gateway: Any, *, later: timedelta = timedelta()) -> Notifier:
        made = Notifier(self.database, BRAND, gateway, ZONE, Clock(later), keys=KEYS)
        self.open_ones.append(made)
        return made

    async def queue(
        self,
        line_ids: Iterable[int],
        *,
        template: str = "reversed",
        language: Language = Language.EN,
        **params: int | str,
    ) -> None:
        """Queue a message a line, the older the lower its line's number."""
        await self.database.execute(
            """
            INSERT INTO outbox
                   (line_id, number, at, template, params, language, msisdn, state, attempts,
                    due_at)
            SELECT line_id, 1, at, $2, $3::text::jsonb, $4, $5, 1, 0, at
              FROM unnest($1::bigint[]) AS line_id,
                   LATERAL (SELECT now() - interval '1 hour' + line_id * interval '1 ms' AS at)
            """,
            list(line_ids),
            template,
            json.dumps(params or {"returned_micros": 5_000_000, "balance_micros": 0}),
            language,
            MSISDN,
        )

    async def states(self) -> Counter[tuple[MessageState, int]]:
        """Return how many messages stand in which state after how many attempts."""
        rows = await self.database.fetch("SELECT state, attempts FROM outbox")
        return Counter((MessageState(row[0]), row[1]) for row in rows)

    async def due_in_seconds(self) -> int:
        return round(
            await self.database.fetch_value(
                "SELECT extract(epoch FROM due_at - now()) FROM outbox"
            )
        )


@pytest.fixture
async def post(database: Database) -> AsyncIterator[Post]:
    post = Post(database)
    yield post
    for one in post.open_ones:
        await one.close()


async def test_deliver_once_words_hands_over_and_marks(post: Post):
    await post.queue([7])
    gateway = Recorder()
    assert await post.notifier(gateway).deliver_once() == 1
    assert [(sms.line_id, sms.number, sms.msisdn, sms.language) for sms in gateway.taken] == [
        (7, 1, MSISDN, Language.EN)
    ]
    assert gateway.taken[0].body == (
        "RM0.00 KampungTel: A top-up was reversed. RM5.00 was taken from your credit."
        " Balance RM0.00."
    )
    row = await post.database.fetch_row(
        "SELECT state, attempts, gateway_ref, handed_at > now() - interval '1 minute' FROM outbox"
    )
    assert row is not None
    assert tuple(row) == (MessageState.HANDED_OVER, 1, "ref-7", True)


async def test_deliver_once_speaks_the_messages_language(post: Post):
    await post.queue([1], language=Language.ZH_HANS)
    gateway = Recorder()
    await post.notifier(gateway).deliver_once()
    assert gateway.taken[0].body == (
        "RM0.00 KampungTel：一笔加额已撤销，从余额扣除RM5.00，现有余额RM0.00"
    )


async def test_deliver_once_takes_the_longest_due_first_and_no_more_than_it_may(post: Post):
    await post.queue(range(CLAIM_LIMIT + 50))
    gateway = Recorder()
    notifier = post.notifier(gateway)
    assert await notifier.deliver_once() == CLAIM_LIMIT
    assert sorted(gateway.keys) == [(line_id, 1) for line_id in range(CLAIM_LIMIT)]
    assert [await notifier.deliver_once(), await notifier.deliver_once()] == [50, 0]


async def test_deliver_once_of_an_empty_queue_does_nothing(post: Post):
    assert await post.notifier(Recorder()).deliver_once() == 0


async def test_two_notifiers_at_once_send_each_message_once(post: Post):
    await post.queue(range(500))
    gateway = Crowded()
    notifiers = [post.notifier(gateway), post.notifier(gateway)]

    async def drain(notifier: Notifier) -> int:
        delivered = 0
        while round_ := await notifier.deliver_once():
            delivered += round_
        return delivered

    delivered = await asyncio.gather(*(drain(notifier) for notifier in notifiers))
    assert sum(delivered) == 500
    assert min(delivered) > 0
    assert Counter(gateway.keys) == Counter({(line_id, 1): 1 for line_id in range(500)})
    assert await post.states() == {(MessageState.HANDED_OVER, 1): 500}


async def test_a_notifier_killed_after_its_claim_loses_nothing(post: Post):
    await post.queue(range(20))
    killed = await post.database.connect_writer()
    await claim_messages(killed, offset=timedelta(), lease=LEASE, limit=12)
    killed.terminate()
    gateway = Recorder()
    assert await post.notifier(gateway).deliver_once() == 8
    assert await post.notifier(gateway).deliver_once() == 0
    assert await post.notifier(gateway, later=LEASE).deliver_once() == 12
    assert Counter(gateway.keys) == Counter({(line_id, 1): 1 for line_id in range(20)})
    assert await post.states() == {
        (MessageState.HANDED_OVER, 1): 8,
        (MessageState.HANDED_OVER, 2): 12,
    }


async def test_a_message_handed_over_but_not_marked_is_sent_again_after_the_lease(post: Post):
    """The gateway's answer was lost with the notifier: the one way to a second copy."""
    await post.queue([1])
    gateway = Recorder()
    dying = post.notifier(gateway)

    async def die(*_: object) -> None:
        raise asyncio.CancelledError

    dying._mark = die  # type: ignore[method-assign]
    with contextlib.suppress(asyncio.CancelledError, BaseExceptionGroup):
        await asyncio.wait_for(dying.deliver_once(), 1)
    assert await post.notifier(gateway).deliver_once() == 0
    assert await post.notifier(gateway, later=LEASE).deliver_once() == 1
    assert gateway.keys == [(1, 1), (1, 1)]


async def test_a_temporary_failure_is_tried_again_after_growing_pauses_and_then_given_up(
    post: Post,
):
    await post.queue([1])

    def refuse(_: Sms) -> str:
        raise GatewayUnavailable("busy")

    gateway = Recorder(refuse)
    later, pauses = timedelta(), list[int]()
    for _ in PAUSES_SECONDS:
        await post.notifier(gateway, later=later).deliver_once()
        pauses.append(await post.due_in_seconds() - round(later.total_seconds()))
        # Not due yet a moment before, due at the end of the pause.
        assert (
            await post.notifier(
                gateway, later=later + timedelta(seconds=pauses[-1] - 2)
            ).deliver_once()
            == 0
        )
        later += timedelta(seconds=pauses[-1] + 1)
    assert pauses == list(PAUSES_SECONDS)
    assert await post.states() == {(MessageState.QUEUED, len(PAUSES_SECONDS)): 1}
    await post.notifier(gateway, later=later).deliver_once()
    assert await post.states() == {(MessageState.FAILED, len(PAUSES_SECONDS) + 1): 1}
    assert len(gateway.taken) == len(PAUSES_SECONDS) + 1
    assert await post.notifier(gateway, later=timedelta(days=9)).deliver_once() == 0


async def test_a_gateway_that_is_away_costs_no_attempt(post: Post):
    await post.queue([1])

    def away(_: Sms) -> str:
        raise GatewayUnavailable("throttled", is_away=True)

    later = timedelta()
    for _ in range(len(PAUSES_SECONDS) + 3):
        await post.notifier(Recorder(away), later=later).deliver_once()
        assert await post.states() == {(MessageState.QUEUED, 0): 1}
        later += timedelta(seconds=PAUSES_SECONDS[0] + 1)
    row = await post.database.fetch_row("SELECT gateway, reason FROM outbox")
    assert row is not None
    assert tuple(row) == ("recorder", "throttled")


async def test_a_permanent_failure_is_given_up_at_once_and_the_others_go_on(post: Post):
    await post.queue([1, 2, 3])

    def refuse_two(sms: Sms) -> str:
        if sms.line_id == 2:
            raise GatewayUnavailable("barred", is_permanent=True)
        return "ref"

    assert await post.notifier(Recorder(refuse_two)).deliver_once() == 2
    assert await post.states() == {(MessageState.HANDED_OVER, 1): 2, (MessageState.FAILED, 1): 1}


async def test_a_message_that_cannot_be_worded_fails_alone(post: Post):
    await post.queue([1], template="no_such_template")
    await post.queue([2], balance_micros=1)
    await post.queue([3])
    await post.database.execute(
        "INSERT INTO outbox SELECT 4, 1, at, template, params, 99, msisdn, 1, 0, due_at"
        " FROM outbox WHERE line_id = 3"
    )
    gateway = Recorder()
    assert await post.notifier(gateway).deliver_once() == 1
    assert gateway.keys == [(3, 1)]
    assert await post.states() == {(MessageState.HANDED_OVER, 1): 1, (MessageState.FAILED, 1): 3}


async def test_a_bug_in_the_gateway_puts_one_message_back_and_spares_the_others(post: Post):
    await post.queue([1, 2])

    def break_one(sms: Sms) -> str:
        return str(1 // (sms.line_id - 1))

    assert await post.notifier(Recorder(break_one)).deliver_once() == 1
    assert await post.states() == {(MessageState.HANDED_OVER, 1): 1, (MessageState.QUEUED, 1): 1}


async def test_a_gateway_that_ends_its_sender_holds_up_nobody(post: Post):
    """Whoever is cancelled from inside leaves its message to the lease."""
    await post.queue(range(3))

    def vanish(sms: Sms) -> str:
        if sms.line_id == 1:
            raise asyncio.CancelledError
        return "ref"

    assert await asyncio.wait_for(post.notifier(Recorder(vanish)).deliver_once(), 5) == 2
    assert await post.states() == {(MessageState.HANDED_OVER, 1): 2, (MessageState.QUEUED, 1): 1}


class Hanging:
    """A gateway that never answers."""

    name = "hanging"

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def hand_over(self, _: Sms) -> Taken:
        self.asked.set()
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")


async def test_a_gateway_that_does_not_answer_counts_as_a_failed_attempt(
    post: Post, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(notifier_module, "ANSWER_SECONDS", 0.01)
    await post.queue([1])
    assert await post.notifier(Hanging()).deliver_once() == 0
    assert await post.states() == {(MessageState.QUEUED, 1): 1}
    assert await post.due_in_seconds() == PAUSES_SECONDS[0]


async def test_what_cannot_be_begun_within_the_lease_is_put_back_uncounted(
    post: Post, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(notifier_module, "BEGIN_SECONDS", -1)
    await post.queue([1, 2])
    gateway = Recorder()
    assert await post.notifier(gateway).deliver_once() == 0
    assert gateway.keys == []
    assert await post.states() == {(MessageState.QUEUED, 0): 2}
    monkeypatch.undo()
    assert await post.notifier(gateway).deliver_once() == 2


async def test_a_claim_reads_a_backlog_in_the_order_of_its_index(post: Post):
    """A sort would read the whole backlog for every claim."""
    await post.queue(range(2000))
    connection = await open_outbox(post.database)
    rows = await connection.fetch(
        "EXPLAIN SELECT line_id, number FROM outbox WHERE state = 1 AND due_at <= now()"
        " ORDER BY due_at LIMIT 200 FOR UPDATE SKIP LOCKED"
    )
    plan = "\n".join(row[0] for row in rows)
    assert ("Sort" in plan, "Index Scan using outbox_due" in plan) == (False, True)
    await connection.close()


async def test_a_claim_overtaken_by_another_is_not_failed_by_the_first(post: Post):
    await post.queue([1])
    writer = await post.database.connect_writer()
    first = await claim_messages(writer, offset=timedelta(), lease=LEASE, limit=1)
    second = await claim_messages(writer, offset=LEASE, lease=LEASE, limit=1)
    await mark_messages(
        writer, [Mark(message=first[0], state=MessageState.FAILED)], offset=timedelta()
    )
    assert await post.states() == {(MessageState.QUEUED, 2): 1}
    handed = Mark(message=second[0], state=MessageState.HANDED_OVER, gateway_ref="ref")
    await mark_messages(writer, [handed], offset=timedelta())
    assert await post.states() == {(MessageState.HANDED_OVER, 2): 1}
    await writer.close()


async def test_marks_survive_a_lost_connection(post: Post):
    """Answers are known in memory: nothing is sent twice because PostgreSQL cut the line."""
    await post.queue(range(5))
    notifier = post.notifier(Recorder())

    def cut(_: Sms) -> str:
        connection = notifier._connection
        assert connection is not None
        connection.terminate()
        return "ref"

    gateway = Recorder(cut)
    notifier._gateway = gateway
    assert await notifier.deliver_once() == 5
    assert await post.states() == {(MessageState.HANDED_OVER, 1): 5}
    assert sorted(gateway.keys) == [(line_id, 1) for line_id in range(5)]


async def test_run_delivers_what_is_queued_when_it_is_woken_and_stops(
    post: Post, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(notifier_module, "POLL_SECONDS", 60.0)
    taken = asyncio.Event()

    def note(_: Sms) -> str:
        taken.set()
        return "ref"

    notifier = post.notifier(Recorder(note))
    running = asyncio.create_task(notifier.run())
    for line_id in (1, 2):
        await post.queue([line_id])
        notifier.wake()
        await asyncio.wait_for(taken.wait(), 5)
        taken.clear()
    notifier.stop()
    await asyncio.wait_for(running, 5)
    assert await post.states() == {(MessageState.HANDED_OVER, 1): 2}


async def test_run_goes_on_after_a_bug_and_a_lost_database(
    post: Post, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(notifier_module, "POLL_SECONDS", 0.01)
    await post.queue([1])
    troubles: list[Exception] = [RuntimeError("a bug"), ConnectionResetError(), TimeoutError()]
    claim = notifier_module.claim_messages
    taken = asyncio.Event()

    async def stumble(*values: Any, **named: Any) -> Any:
        if troubles:
            raise troubles.pop(0)
        return await claim(*values, **named)

    def note(_: Sms) -> str:
        taken.set()
        return "ref"

    monkeypatch.setattr(notifier_module, "claim_messages", stumble)
    notifier = post.notifier(Recorder(note))
    running = asyncio.create_task(notifier.run())
    await asyncio.wait_for(taken.wait(), 5)
    notifier.stop()
    await asyncio.wait_for(running, 5)
    assert await post.states() == {(MessageState.HANDED_OVER, 1): 1}


async def test_stop_finishes_what_is_in_hand_and_puts_the_rest_back(
    post: Post, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(notifier_module, "ANSWER_SECONDS", 0.05)
    monkeypatch.setattr(notifier_module, "AT_ONCE", 2)
    await post.queue(range(10))
    gateway = Hanging()
    notifier = post.notifier(gateway)
    running = asyncio.create_task(notifier.run())
    await asyncio.wait_for(gateway.asked.wait(), 5)
    notifier.stop()
    await asyncio.wait_for(running, 5)
    assert await post.states() == {(MessageState.QUEUED, 1): 2, (MessageState.QUEUED, 0): 8}


async def test_the_sandbox_gateway_fills_the_inbox_newest_first(post: Post):
    await post.queue([1], language=Language.MS)
    notifier = post.notifier(SandboxGateway(post.database))
    assert await notifier.deliver_once() == 1
    await post.queue([2])
    assert await notifier.deliver_once() == 1
    await post.database.execute("UPDATE sandbox_sms SET msisdn = msisdn + 1 WHERE line_id = 2")
    inbox = await latest_sms(post.database, 50)
    assert [(sms.msisdn, sms.language, sms.body) for sms in inbox] == [
        (
            MSISDN + 1,
            Language.EN,
            "RM0.00 KampungTel: A top-up was reversed. RM5.00 was taken from your credit."
            " Balance RM0.00.",
        ),
        (
            MSISDN,
            Language.MS,
            "RM0.00 KampungTel: Satu transaksi tambah nilai telah dibalikkan. RM5.00 ditolak"
            " daripada kredit anda. Baki RM0.00.",
        ),
    ]
    assert await latest_sms(post.database, 50, MSISDN) == inbox[1:]
    assert await latest_sms(post.database, 1) == inbox[:1]
    await post.queue(range(10, 110))
    assert await notifier.deliver_once() == 100
    assert len({sms.sms_id for sms in await latest_sms(post.database, 500)}) == 102
    references = await post.database.fetch(
        "SELECT gateway_ref FROM outbox WHERE line_id < 10 ORDER BY line_id"
    )
    assert [row[0] for row in references] == [f"sandbox-{sms.sms_id}" for sms in reversed(inbox)]


async def test_the_sandbox_gateway_without_its_database_is_unavailable(post: Post):
    closed = Database("postgresql://nobody@127.0.0.1:1/none")
    await post.queue([1, 2])

    async def fetch(*_: object) -> list[Any]:
        raise ConnectionRefusedError

    closed.fetch = fetch  # type: ignore[method-assign]
    assert await post.notifier(SandboxGateway(closed)).deliver_once() == 0
    assert await post.states() == {(MessageState.QUEUED, 1): 2}
