"""The credit-control application: requests into the engine's commands, and answers back."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import NamedTuple

import structlog

from tambah.charging.diameter.answers import Said, say_granted, say_refused
from tambah.charging.diameter.asked import Asked, read_asked
from tambah.charging.diameter.avps import Faulty, Fields, make
from tambah.charging.diameter.names import (
    CC_REQUEST_NUMBER,
    SUBSCRIPTION_ID,
    Action,
    RequestType,
    Result,
)
from tambah.charging.diameter.results import result_of
from tambah.desks.charging import ChargingDesk, Step, Wish
from tambah.domain.charging_commands import (
    Ask,
    ChargeEvent,
    RefundEvent,
    ReleaseUnits,
    ReserveUnits,
    UnitsGranted,
    UpdateUnits,
)
from tambah.domain.numbering import NumberPlan, fold_imsi, fold_msisdn
from tambah.domain.rating import Service
from tambah.domain.records import replace
from tambah.domain.refusals import (
    NumberUnknown,
    Refusal,
    RequestOutOfOrder,
    SessionUnknown,
    Unavailable,
)
from tambah.store.database import CONNECTION_LOST

log = structlog.get_logger(__name__)


class _Told(NamedTuple):
    """What a session said of itself: whose it is, where it goes to, which network it is in."""

    msisdn: int
    to: str
    network: str


class Answered(NamedTuple):
    """An answer, with what was asked as far as it could be read."""

    said: Said
    asked: Asked | None


class CreditControl:
    """Answers Credit-Control-Requests.

    answer_seconds: after which the element is told to try again or elsewhere; what was begun goes
    on, and the request sent again is told its outcome. top_up_page: see `DiameterEntry`.
    """

    def __init__(
        self, desk: ChargingDesk, plan: NumberPlan, *, answer_seconds: float, top_up_page: str
    ) -> None:
        self._desk = desk
        self._plan = plan
        self._answer_seconds = answer_seconds
        self._top_up_page = top_up_page
        self._told: dict[tuple[str, str], _Told] = {}
        self._late: set[asyncio.Task[UnitsGranted]] = set()

    async def answer(self, fields: Fields) -> Answered:
        """Answer a request. Raises Faulty."""
        asked = read_asked(fields, self._plan)
        try:
            granted = await self._in_time(self._do(asked))
        except RequestOutOfOrder as refusal:
            raise Faulty(result_of(refusal), fields.first(CC_REQUEST_NUMBER)) from refusal
        except Refusal as refusal:
            return Answered(say_refused(asked, result_of(refusal)), asked)
        except CONNECTION_LOST as lost:
            log.warning("database away", reason=type(lost).__name__)
            return Answered(say_refused(asked, Result.TOO_BUSY), asked)
        return Answered(say_granted(asked, granted, self._top_up_page), asked)

    async def drain(self) -> None:
        """Wait for what was begun and whose element was told to try again."""
        await asyncio.gather(*self._late, return_exceptions=True)

    async def _in_time(self, work: Coroutine[object, object, UnitsGranted]) -> UnitsGranted:
        """Return the outcome, unless it takes too long; it is not given up then, but let finish.

        Raises Unavailable when it takes too long.
        """
        task = asyncio.create_task(work)
        done, _ = await asyncio.wait({task}, timeout=self._answer_seconds)
        if done:
            return task.result()
        self._late.add(task)
        task.add_done_callback(self._settled)
        raise Unavailable

    def _settled(self, task: asyncio.Task[UnitsGranted]) -> None:
        self._late.discard(task)
        failed = None if task.cancelled() else task.exception()
        if failed is not None and not isinstance(failed, Refusal):
            log.error("a late request failed", exc_info=failed)

    async def _do(self, asked: Asked) -> UnitsGranted:
        step = await self._step(asked)
        if isinstance(step, ChargeEvent) and asked.action is not Action.DIRECT_DEBITING:
            return await self._desk.price(step)
        return await self._desk.submit(step)

    async def _step(self, asked: Asked) -> Step:
        peer, session_id, request_no = asked.peer, asked.session_id, asked.request_no
        msisdn = await self._whose(asked)
        known = (asked.peer, asked.session_id) in self._told
        asks = await self._asks(self._remember(asked, msisdn), msisdn, known=known)
        if asked.type is RequestType.INITIAL:
            return ReserveUnits(
                peer=peer, session_id=session_id, request_no=request_no, msisdn=msisdn, asks=asks
            )
        if asked.type is RequestType.UPDATE:
            return UpdateUnits(
                peer=peer, session_id=session_id, request_no=request_no, msisdn=msisdn, asks=asks
            )
        if asked.type is RequestType.TERMINATION:
            return ReleaseUnits(
                peer=peer, session_id=session_id, request_no=request_no, msisdn=msisdn, asks=asks
            )
        if asked.action is Action.REFUND_ACCOUNT:
            return RefundEvent(
                peer=peer,
                session_id=session_id,
                request_no=request_no,
                msisdn=msisdn,
                asks=asks,
                of_session_id=asked.of_session_id,
            )
        return ChargeEvent(
            peer=peer, session_id=session_id, request_no=request_no, msisdn=msisdn, asks=asks
        )

    async def _whose(self, asked: Asked) -> int:
        """Return the number of the line. Raises NumberMalformed, NumberUnknown, Faulty."""
        if asked.number:
            return fold_msisdn(asked.number, self._plan)
        if asked.imsi:
            msisdn = await self._desk.find_by_imsi(fold_imsi(asked.imsi))
            if msisdn is None:
                raise NumberUnknown
            return msisdn
        if asked.type not in _OF_A_SESSION:
            raise Faulty(Result.MISSING_AVP, make(SUBSCRIPTION_ID, []))
        told = self._told.get((asked.peer, asked.session_id))
        if told is not None:
            return told.msisdn
        session = await self._desk.find(asked.peer, asked.session_id)
        if session is None:
            raise SessionUnknown
        return session.msisdn

    def _remember(self, asked: Asked, msisdn: int) -> Asked:
        """Know what a session said of itself when it does not say so again.

        The database would know as well, but asking it takes long.
        """
        if asked.type is RequestType.EVENT:
            return asked
        session = (asked.peer, asked.session_id)
        before = self._told.pop(session, _Told(msisdn, "", ""))
        asked = asked._replace(to=asked.to or before.to, network=asked.network or before.network)
        if asked.type is not RequestType.TERMINATION:
            self._told[session] = _Told(msisdn, asked.to, asked.network)
            if len(self._told) > _MOST_REMEMBERED:
                del self._told[next(iter(self._told))]
        return asked

    async def _asks(self, asked: Asked, msisdn: int, *, known: bool) -> tuple[Ask, ...]:
        """Return what is asked in the tariff's words.

        A later request of a session need not say again where it goes to, or comes from.
        """
        wishes = [
            Wish(
                rating_group=one.key,
                service=asked.service,
                to=asked.to,
                network=asked.network,
                wanted=one.wanted,
                used=one.used,
                more=one.more,
            )
            for one in asked.groups
        ]
        asks = await self._desk.asks(wishes)
        says_it = asked.network and (asked.to or asked.service is Service.DATA)
        if asked.type not in _OF_A_SESSION or known or says_it:
            return asks
        before = await self._desk.usages(msisdn, asked.peer, asked.session_id)
        if not before:
            return asks
        origin = next(iter(before.values())).origin
        return tuple(
            replace(ask, usage=before.get(ask.rating_group) or replace(ask.usage, origin=origin))
            for ask in asks
        )


_MOST_REMEMBERED = 100_000
_OF_A_SESSION = (RequestType.UPDATE, RequestType.TERMINATION)
