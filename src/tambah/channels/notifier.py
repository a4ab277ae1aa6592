"""From the outbox to the gateway: every message at least once, and once unless an answer is lost.

A round claims what is due under a lease, hands the messages over side by side, and marks them in
whatever numbers have been answered since the last mark. A notifier that is killed leaves claims
whose lease ends; those not yet marked are handed over again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from datetime import timedelta, tzinfo

import structlog
from cryptography.exceptions import InvalidTag

from tambah.channels.gateway import Gateway, GatewayUnavailable, Sms
from tambah.config import Brand
from tambah.domain.line import Language
from tambah.engine.clock import Clock
from tambah.engine.keys import Keys
from tambah.engine.secret_params import open_params
from tambah.i18n.sms import render_sms
from tambah.i18n.texts import texts
from tambah.store.database import CONNECTION_LOST, RETRYABLE, Connection, Database
from tambah.store.outbox import (
    ClaimedMessage,
    Mark,
    MessageState,
    claim_messages,
    mark_messages,
    open_outbox,
)

log = structlog.get_logger(__name__)

LEASE_SECONDS = 40
CLAIM_LIMIT = 200
# How long a gateway may take to answer, and until when after the claim a message may still be
# begun: both together, and the mark, end well within the lease.
ANSWER_SECONDS = 20
BEGIN_SECONDS = 15
# Hand-overs at a time: at a gateway's usual 50 to 100 ms this is 300 to 600 messages a second.
AT_ONCE = 32
POLL_SECONDS = 1.0
# Pauses after a first, second, ... failed attempt; the attempt after the last pause is the last.
PAUSES_SECONDS = (5, 30, 120, 600, 1800, 3600, 7200)
_RECONNECT_SECONDS = 0.2


class Notifier:
    """Sends what the engine queued. Any number may run on one database, in any processes."""

    def __init__(
        self,
        database: Database,
        brand: Brand,
        gateway: Gateway,
        zone: tzinfo,
        clock: Clock,
        *,
        keys: Keys,
    ) -> None:
        self._database = database
        self._keys = keys
        self._brand = brand
        self._gateway = gateway
        self._zone = zone
        self._clock = clock
        self._connection: Connection | None = None
        self._woken = asyncio.Event()
        self._stopping = False

    def wake(self) -> None:
        """Have the queue looked at now; for the engine, when it has committed messages."""
        self._woken.set()

    def stop(self) -> None:
        """Have `run` return when the messages in hand are answered; nothing more is begun."""
        self._stopping = True
        self._woken.set()

    async def run(self) -> None:
        """Deliver until `stop` is called, over lost connections."""
        while not self._stopping:
            self._woken.clear()
            if await self._deliver_or_wait_out() == 0:
                await self._rest()
        await self.close()

    async def deliver_once(self) -> int:
        """Claim what is due, hand it over and mark it; return how many the gateway took.

        Raises what the database raises when it is away; then nothing was claimed.
        """
        begin_until = asyncio.get_running_loop().time() + BEGIN_SECONDS
        claimed = await claim_messages(
            await self._connected(),
            offset=self._clock.offset,
            lease=timedelta(seconds=LEASE_SECONDS),
            limit=CLAIM_LIMIT,
        )
        if not claimed:
            return 0
        waiting = deque(claimed)
        answered: asyncio.Queue[Mark | None] = asyncio.Queue()
        async with asyncio.TaskGroup() as group:
            marked = group.create_task(self._mark_answered(answered))
            senders = [
                group.create_task(self._hand_over_all(waiting, answered, begin_until))
                for _ in range(min(AT_ONCE, len(claimed)))
            ]
            await asyncio.wait(senders)
            answered.put_nowait(None)
        return marked.result()

    async def close(self) -> None:
        """Close the notifier's connection; the next delivery opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*CONNECTION_LOST):
                await connection.close()

    async def _deliver_or_wait_out(self) -> int:
        try:
            return await self.deliver_once()
        except (*CONNECTION_LOST, *RETRYABLE) as lost:
            log.warning("messages put off", reason=type(lost).__name__)
            await self._reconnect()
        except Exception:
            # A bug must not end every message after it; what was claimed comes again.
            log.exception("messages put off by a bug")
        return 0

    async def _rest(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), POLL_SECONDS)

    async def _hand_over_all(
        self,
        waiting: deque[ClaimedMessage],
        answered: asyncio.Queue[Mark | None],
        begin_until: float,
    ) -> None:
        """Hand over one message after another; put back those it is too late to begin."""
        loop = asyncio.get_running_loop()
        while waiting:
            message = waiting.popleft()
            if self._stopping or loop.time() > begin_until:
                mark = Mark(message=message, state=MessageState.QUEUED, uncounted=True)
            else:
                mark = await self._hand_over(message)
            answered.put_nowait(mark)

    async def _hand_over(self, message: ClaimedMessage) -> Mark:
        """Word a message and hand it over; return what became of it."""
        if message.good_until is not None and self._clock.now() >= message.good_until:
            log.info("message of no more use", **_facts(message))
            return Mark(message=message, state=MessageState.FAILED, reason="too_late")
        try:
            sms = self._word(message)
        except (KeyError, ValueError, InvalidTag):
            log.exception("message cannot be worded", **_facts(message))
            return Mark(message=message, state=MessageState.FAILED, reason="cannot_be_worded")
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                taken = await self._gateway.hand_over(sms)
        except GatewayUnavailable as refused:
            log.warning("message not taken", reason=refused.reason, **_facts(message))
            return self._mark_refused(message, refused)
        except TimeoutError:
            log.warning("message not answered", **_facts(message))
            return self._mark_failed(message, "unanswered")
        except Exception:
            log.exception("message met a bug in its gateway", **_facts(message))
            return self._mark_failed(message, "gateway_bug")
        return Mark(
            message=message,
            state=MessageState.HANDED_OVER,
            gateway_ref=taken.ref,
            gateway=taken.gateway,
            parts=taken.parts,
        )

    def _mark_refused(self, message: ClaimedMessage, refused: GatewayUnavailable) -> Mark:
        if not refused.is_away:
            return self._mark_failed(message, refused.reason, is_permanent=refused.is_permanent)
        return Mark(
            message=message,
            state=MessageState.QUEUED,
            pause=timedelta(seconds=PAUSES_SECONDS[0]),
            uncounted=True,
            gateway=self._gateway.name,
            reason=refused.reason,
        )

    def _mark_failed(
        self, message: ClaimedMessage, reason: str, *, is_permanent: bool = False
    ) -> Mark:
        """Put a message back for a later attempt, or give it up."""
        gives_up = is_permanent or message.attempts > len(PAUSES_SECONDS)
        pause = 0 if gives_up else PAUSES_SECONDS[message.attempts - 1]
        return Mark(
            message=message,
            state=MessageState.FAILED if gives_up else MessageState.QUEUED,
            pause=timedelta(seconds=pause),
            gateway=self._gateway.name,
            reason=reason,
        )

    def _word(self, message: ClaimedMessage) -> Sms:
        language = Language(message.language)
        secret = open_params(self._keys, message.sealed) if message.sealed else {}
        to = int(secret.pop("to", message.msisdn))
        body = render_sms(
            texts(language.tag),
            message.template,
            {**message.params, **secret},
            brand=self._brand.short_name or self._brand.name,
            price_prefix=self._brand.sms_prefix,
            zone=self._zone,
        )
        return Sms(
            line_id=message.line_id,
            number=message.number,
            at=self._clock.now(),
            msisdn=to,
            language=language,
            body=body,
        )

    async def _mark_answered(self, answered: asyncio.Queue[Mark | None]) -> int:
        """Mark messages as their answers come, until None; return how many were handed over."""
        handed_over = 0
        while marks := await _take_all(answered):
            await self._mark(marks)
            handed_over += sum(mark.state is MessageState.HANDED_OVER for mark in marks)
        return handed_over

    async def _mark(self, marks: list[Mark]) -> None:
        """Write marks, for as long as it takes: each one lost is a message sent twice.

        A notifier that is told to stop tries once more and gives up.
        """
        while True:
            last_try = self._stopping
            try:
                connection = await self._connected()
                return await mark_messages(connection, marks, offset=self._clock.offset)
            except (*CONNECTION_LOST, *RETRYABLE) as lost:
                log.warning("marks put off", reason=type(lost).__name__, messages=len(marks))
                if last_try:
                    return None
                await self._reconnect()

    async def _connected(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await open_outbox(self._database)
        return self._connection

    async def _reconnect(self) -> None:
        """Drop the connection, have a dead embedded server started, and wait a little."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
        await self._database.revive()
        await asyncio.sleep(_RECONNECT_SECONDS)


async def _take_all(answered: asyncio.Queue[Mark | None]) -> list[Mark]:
    """Return every mark that is there, waiting for the first; none at all once None came."""
    marks: list[Mark] = []
    mark = await answered.get()
    while mark is not None:
        marks.append(mark)
        if answered.empty():
            return marks
        mark = answered.get_nowait()
    if marks:
        answered.put_nowait(None)  # for the next call
    return marks


def _facts(message: ClaimedMessage) -> dict[str, int | str]:
    """Return what a log may say of a message: not to whom, not what."""
    return {
        "line_id": message.line_id,
        "number": message.number,
        "template": message.template,
        "attempts": message.attempts,
    }
