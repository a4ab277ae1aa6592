"""A transceiver to an SMSC by SMPP 3.4: messages out, messages and receipts in.

The session is ours (decision 0050): a message counts as handed over only when the SMSC has
answered each of its parts with an id, no more than `window` of them are unanswered at a time, and
what the SMSC delivers is answered only when it was dealt with.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections import OrderedDict
from dataclasses import dataclass, field

import structlog
from aiosmpplib.protocol import PhoneNumber
from aiosmpplib.state import NPI, TON

from tambah.channels.gateway import GatewayUnavailable, Sms, Taken, Unanswered
from tambah.channels.sms.assembly import Assembly
from tambah.channels.sms.coding import (
    Encoded,
    Place,
    decode_sms,
    encode_sms,
    is_text,
    part_heading,
)
from tambah.channels.sms.inbound import InboundSms, OnInbound
from tambah.channels.sms.pace import Pace
from tambah.channels.sms.pdu import (
    ANSWER,
    OK,
    REFUSED,
    SUBMIT,
    TEMPORARY,
    THROTTLED,
    Delivery,
    Envelope,
    Pdu,
    make_bind,
    make_submit,
    name_status,
    read_message_id,
)
from tambah.channels.sms.receipts import Ids, ReceiptBook, is_notice, is_receipt, read_receipt
from tambah.channels.sms.session import BindRefused, Session, fail
from tambah.config import GatewayEntry
from tambah.engine.clock import Clock

log = structlog.get_logger(__name__)

BOUND_PATIENCE_SECONDS = 3.0
_CONNECT_SECONDS = 10.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 30.0
_MOST_REMEMBERED = 5000
# Of the message itself: its length, its destination, or the SMSC's own "never".
_PERMANENT = frozenset({0x01, 0x0B, 0x50, 0x51, 0x65, 0x66})
_NOT_BOUND = 0x04
_LOST = (OSError, EOFError, ValueError, TimeoutError, BindRefused)


@dataclass(slots=True)
class _Progress:
    """What was submitted of a message, and what was answered."""

    encoded: Encoded
    answers: list[asyncio.Future[str] | None] = field(default_factory=list)


class SmppGateway:
    """One SMSC. `run` keeps it connected; messages wait a little while it is not."""

    def __init__(
        self,
        entry: GatewayEntry,
        secret: str,
        *,
        receipts: ReceiptBook,
        on_inbound: OnInbound,
        clock: Clock,
    ) -> None:
        self._entry = entry
        self._bind = make_bind(entry.system_id, secret, entry.system_type)
        self._source = PhoneNumber(entry.source, TON(entry.source_ton), NPI(entry.source_npi))
        self._ids = Ids(entry.receipts_id)
        self._receipts = receipts
        self._on_inbound = on_inbound
        self._clock = clock
        self._assembly = Assembly()
        self._pace = Pace(entry.per_second)
        self._window = asyncio.Semaphore(entry.window)
        self._session: Session | None = None
        self._bound = asyncio.Event()
        self._progress: OrderedDict[tuple[int, int], _Progress] = OrderedDict()

    @property
    def name(self) -> str:
        """Return its name in operator.toml."""
        return self._entry.name

    @property
    def is_bound(self) -> bool:
        """Say whether the SMSC takes messages now."""
        return self._bound.is_set()

    # Messages out

    async def hand_over(self, sms: Sms) -> Taken:
        """Return the SMSC's ids of all parts once it has answered each; see `Gateway`.

        Parts that it answered, and answers that came after we stopped waiting, are remembered:
        tried again, a message goes on where it was.
        """
        key = (sms.line_id, sms.number)
        progress = self._progress.get(key) or self._remember(key, sms)
        envelope = Envelope(
            source=self._source,
            msisdn=sms.msisdn,
            data_coding=progress.encoded.data_coding,
            esm_class=progress.encoded.esm_class,
        )
        ids: list[str] = []
        for place, octets in enumerate(progress.encoded.parts):
            answer = progress.answers[place]
            if answer is None or (answer.done() and answer.exception() is not None):
                answer = progress.answers[place] = await self._submit(envelope, octets)
            ids.append(self._ids.of_answer(await asyncio.shield(answer)))
        self._progress.pop(key, None)
        return Taken(gateway=self.name, ref=" ".join(ids), parts=tuple(ids))

    def _remember(self, key: tuple[int, int], sms: Sms) -> _Progress:
        try:
            encoded = encode_sms(sms.body, reference=sms.number)
        except ValueError as error:
            raise GatewayUnavailable("text_too_long", is_permanent=True) from error
        progress = _Progress(encoded, [None] * len(encoded.parts))
        self._progress[key] = progress
        while len(self._progress) > _MOST_REMEMBERED:
            self._progress.popitem(last=False)
        return progress

    async def _submit(self, envelope: Envelope, octets: bytes) -> asyncio.Future[str]:
        """Send one part when the window and the pace have room; return where its id will be."""
        await self._wait_until_bound()
        await self._window.acquire()
        try:
            await self._pace.turn()
            session = await self._wait_until_bound()
            asked = session.ask(make_submit(envelope, octets))
        except BaseException:
            self._window.release()
            raise
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        asked.add_done_callback(lambda done: self._take_answer(done, answer))
        return answer

    def _take_answer(self, asked: asyncio.Future[Pdu], answer: asyncio.Future[str]) -> None:
        """Turn the SMSC's answer into an id or the reason why there is none."""
        self._window.release()
        lost = asked.exception()
        if lost is not None:
            fail(answer, Unanswered())
            return
        pdu = asked.result()
        message_id = read_message_id(pdu.body)
        if pdu.status == OK and pdu.command == SUBMIT | ANSWER and message_id:
            self._pace.speed_up()
            answer.set_result(message_id)
        else:
            fail(answer, self._refusal(pdu.status))

    def _refusal(self, status: int) -> GatewayUnavailable:
        if status in THROTTLED:
            self._pace.slow_down()
            return GatewayUnavailable("throttled", is_away=True)
        return GatewayUnavailable(
            name_status(status), is_permanent=status in _PERMANENT, is_away=status == _NOT_BOUND
        )

    async def _wait_until_bound(self) -> Session:
        """Return the session. Raises GatewayUnavailable when there is none for some seconds."""
        try:
            async with asyncio.timeout(BOUND_PATIENCE_SECONDS):
                while self._session is None:
                    await self._bound.wait()
        except TimeoutError as error:
            raise GatewayUnavailable("not_connected", is_away=True) from error
        return self._session

    # The connection

    async def run(self) -> None:
        """Stay connected until cancelled, trying again after growing pauses."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                await self._connect_once()
                pause = _FIRST_PAUSE_SECONDS  # it was bound
                reason = "closed"
            except _LOST as lost:
                reason = str(lost) if isinstance(lost, BindRefused) else type(lost).__name__
            except Exception:
                # A bug must not end every message after it.
                log.exception("SMSC connection met a bug", gateway=self.name)
                reason = "bug"
            log.warning("SMSC away", gateway=self.name, reason=reason, seconds=round(pause, 1))
            # Not to the instant: all that lost it together would come back together.
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - no secret
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def _connect_once(self) -> None:
        """Connect, bind, stay until it ends. Raises only when it never was bound."""
        entry = self._entry
        context = ssl.create_default_context() if entry.tls else None
        async with asyncio.timeout(_CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(entry.host, entry.port, ssl=context)
        session = Session(
            reader,
            writer,
            self._take_delivery,
            gateway=self.name,
            enquire_seconds=entry.enquire_seconds,
        )
        try:
            await session.run(self._bind, lambda: self._take_up(session))
        except _LOST:
            if self._session is not session:
                raise
        finally:
            self._bound.clear()
            self._session = None

    def _take_up(self, session: Session) -> None:
        self._session = session
        self._bound.set()
        log.info("SMSC bound", gateway=self.name)

    # What comes in

    async def _take_delivery(self, delivery: Delivery) -> int:
        """Deal with a deliver_sm; return what to answer. TEMPORARY has it delivered again."""
        try:
            place, octets = part_heading(delivery.body, delivery.esm_class)
        except ValueError:
            log.warning("delivery not understood", gateway=self.name)
            return REFUSED
        try:
            if is_receipt(delivery):
                receipt = read_receipt(delivery, self.name, self._ids)
                if receipt is not None:
                    await self._receipts.write(receipt)
            elif not is_notice(delivery) and is_text(delivery.data_coding):
                await self._take_message(delivery, place, octets)
        except Exception as failed:  # noqa: BLE001 - whatever it was, it must come again
            log.warning("delivery put off", gateway=self.name, reason=type(failed).__name__)
            return TEMPORARY
        return OK

    async def _take_message(self, delivery: Delivery, place: Place | None, octets: bytes) -> None:
        sender = delivery.sender
        if delivery.sender_ton == TON.INTERNATIONAL and sender.isdecimal():
            sender = f"+{sender}"

        async def tell(text: str) -> None:
            await self._on_inbound(
                InboundSms(
                    gateway=self.name,
                    sender=sender,
                    text=text,
                    message_id=None,
                    at=self._clock.now(),
                )
            )

        if place is None or place.total == 1:
            await tell(decode_sms(octets, delivery.data_coding))
        else:
            await self._assembly.add(sender, place, (octets, delivery.data_coding), tell)
