"""One connection to an SMSC, from bind to the end: who asked what, and what was answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count
from typing import Any

import structlog

from tambah.channels.gateway import Unanswered
from tambah.channels.sms.pdu import (
    ANSWER,
    DELIVER,
    ENQUIRE,
    NACK,
    OK,
    REFUSED,
    TEMPORARY,
    UNBIND,
    UNKNOWN_COMMAND,
    Delivery,
    Pdu,
    make_delivered,
    make_empty,
    name_status,
    read_delivery,
    read_pdu,
)

log = structlog.get_logger(__name__)

OnDelivery = Callable[[Delivery], Awaitable[int]]
"""Deals with a deliver_sm and returns the status to answer it with; raises nothing."""

ANSWER_SECONDS = 60.0
ENQUIRE_ANSWER_SECONDS = 10.0
MOST_DELIVERIES = 500
_BIND_SECONDS = 10.0
_UNBIND_SECONDS = 1.0
_LAST_SEQUENCE = 0x7FFF_FFFF


class BindRefused(Exception):
    """The SMSC knows us not, or not now. The text is the status."""


class Session:
    """A connection. Whoever opened it calls `run`, which returns when it is over."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        on_delivery: OnDelivery,
        *,
        gateway: str,
        enquire_seconds: float,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._on_delivery = on_delivery
        self._gateway = gateway
        self._enquire_seconds = enquire_seconds
        self._numbers = count(1)
        self._asked: dict[int, asyncio.Future[Pdu]] = {}
        self._delivering: set[asyncio.Task[None]] = set()
        self._unsent: list[bytes] = []
        self._heard_at = asyncio.get_running_loop().time()
        self.is_open = True
        self._is_bound = False

    async def run(self, bind: Callable[[int], bytes], bound: Callable[[], None]) -> None:
        """Bind, say so, and read until the connection is over; whatever is open then is told so.

        Raises BindRefused, and what a connection raises that breaks.
        """
        reading = asyncio.create_task(self._read())
        try:
            answer = await self._bind(bind, reading)
            if answer.status != OK:
                raise BindRefused(name_status(answer.status))
            self._is_bound = True
            bound()
            asking = asyncio.create_task(self._keep_asking())
            try:
                # Not awaited itself: cancelled, we still read the answer to our leave.
                await asyncio.wait([reading])
                reading.result()
            finally:
                asking.cancel()
        finally:
            if self._is_bound and not reading.done():
                await self._take_leave()
            reading.cancel()
            self._end()

    async def _bind(self, bind: Callable[[int], bytes], reading: asyncio.Task[None]) -> Pdu:
        answer = self.ask(bind)
        # A connection that ends before its bind is answered says why in the reader.
        await asyncio.wait(
            [answer, reading], timeout=_BIND_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        if not answer.done():
            if reading.done():
                await reading
                raise ConnectionResetError("closed before it answered")
            raise TimeoutError
        return answer.result()

    def ask(
        self, build: Callable[[int], bytes], seconds: float = ANSWER_SECONDS
    ) -> asyncio.Future[Pdu]:
        """Send a request; return where its answer will be, an Unanswered if it never comes."""
        loop = asyncio.get_running_loop()
        number = (next(self._numbers) - 1) % _LAST_SEQUENCE + 1
        answer: asyncio.Future[Pdu] = loop.create_future()
        self._asked[number] = answer
        timer = loop.call_later(seconds, self._give_up, number)
        answer.add_done_callback(lambda _: timer.cancel())
        self._send(build(number))
        return answer

    async def _take_leave(self) -> None:
        """Unbind; does not wait long for the SMSC."""
        answer = self.ask(lambda number: make_empty(UNBIND, number), _UNBIND_SECONDS)
        await asyncio.wait([answer])

    def _give_up(self, number: int) -> None:
        answer = self._asked.pop(number, None)
        if answer is not None and not answer.done():
            fail(answer, Unanswered())

    def _send(self, octets: bytes) -> None:
        """Send with whatever else this turn of the loop has to send: one system call for all."""
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self._flush)
        self._unsent.append(octets)

    def _flush(self) -> None:
        if self._unsent:
            self._writer.write(b"".join(self._unsent))
            self._unsent.clear()

    def _end(self) -> None:
        self._flush()
        self.is_open = False
        for number in list(self._asked):
            self._give_up(number)
        self._writer.close()

    async def _read(self) -> None:
        """Read until the other end closes or takes leave."""
        with suppress(asyncio.IncompleteReadError):
            while True:
                pdu = await read_pdu(self._reader)
                self._heard_at = asyncio.get_running_loop().time()
                if pdu.command & ANSWER:
                    self._take_answer(pdu)
                elif pdu.command == DELIVER:
                    self._take_delivery(pdu)
                elif pdu.command == UNBIND:
                    self._send(make_empty(UNBIND | ANSWER, pdu.sequence))
                    return
                elif pdu.command == ENQUIRE:
                    self._send(make_empty(ENQUIRE | ANSWER, pdu.sequence))
                else:
                    self._send(make_empty(NACK, pdu.sequence, UNKNOWN_COMMAND))

    def _take_answer(self, pdu: Pdu) -> None:
        answer = self._asked.pop(pdu.sequence, None)
        if answer is not None and not answer.done():
            answer.set_result(pdu)

    def _take_delivery(self, pdu: Pdu) -> None:
        """Deal with it beside the reading: answers to what we ask must not wait for it."""
        if len(self._delivering) >= MOST_DELIVERIES:
            self._send(make_delivered(pdu.sequence, TEMPORARY))
            return
        task = asyncio.create_task(self._deliver(pdu))
        self._delivering.add(task)
        task.add_done_callback(self._delivering.discard)

    async def _deliver(self, pdu: Pdu) -> None:
        try:
            delivery = read_delivery(pdu.body)
        except ValueError:
            log.warning("delivery not understood", gateway=self._gateway)
            status = REFUSED
        else:
            status = await self._on_delivery(delivery)
        if self.is_open:
            self._send(make_delivered(pdu.sequence, status))

    async def _keep_asking(self) -> None:
        """Ask a silent SMSC whether it is there; end the connection when it is not."""
        loop = asyncio.get_running_loop()
        while True:
            silent = loop.time() - self._heard_at
            if silent < self._enquire_seconds:
                await asyncio.sleep(self._enquire_seconds - silent)
                continue
            answer = self.ask(lambda number: make_empty(ENQUIRE, number), ENQUIRE_ANSWER_SECONDS)
            await asyncio.wait([answer])
            if answer.exception() is not None:
                log.warning("SMSC silent", gateway=self._gateway)
                self._writer.transport.abort()
                return


def fail(answer: asyncio.Future[Any], error: Exception) -> None:
    """Fail a future that perhaps nobody waits for any more, without a complaint about that."""
    answer.set_exception(error)
    answer.exception()
