"""The house's side of a conversation: what the dialogue asks for is done, and answered."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

import structlog

from tambah.channels import talk as words
from tambah.channels.dialogue import Dialogue
from tambah.channels.moves import Step
from tambah.channels.talk import (
    Action,
    Answer,
    Do,
    Event,
    KeepLanguage,
    Medium,
    Noted,
    Opening,
    Refused,
    Talk,
    Wish,
)
from tambah.channels.telephone_desk import TelephoneDesk
from tambah.desks.packages import buyable, spoken_length, spoken_part
from tambah.desks.standing import standing
from tambah.domain.care_commands import SetPreferences
from tambah.domain.commands import RedeemVoucher
from tambah.domain.guessing import Audience, lock_minutes, tries_left
from tambah.domain.line import LANGUAGE_BY_TAG
from tambah.domain.money import parse_ringgit
from tambah.domain.numbering import fold_msisdn
from tambah.domain.package import on_sale
from tambah.domain.package_commands import BuyPackage
from tambah.domain.refusals import (
    Busy,
    CodeAlreadyYours,
    CodeNotUsable,
    CreditTooLow,
    InternalError,
    NumberMalformed,
    NumberUnknown,
    Refusal,
    TooManyWrongCodes,
    Unavailable,
)
from tambah.store.database import CONNECTION_LOST
from tambah.store.greetings import is_greeted, note_greeted
from tambah.store.views.lines import LineView, line_now, read_line
from tambah.store.views.subscriptions import read_running
from tambah.web.site import Site

_log: Any = structlog.get_logger("tambah.channels")

RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0)
"""Pauses before a code is tried again while the database is away: as long as a caller waits."""
_SECONDS_PER_MINUTE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A gateway as conversations come by it.

    name: of the gateway, its own among all. caller: the kind of door, as commands name it.
    trusted: whether the numbers that it passes are believed. has_person: whether it can pass a
    call on to somebody.
    """

    name: str
    caller: str
    medium: Medium
    trusted: bool = False
    has_person: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One conversation. session: its name at the gateway; sender: a number, empty if withheld."""

    door: Door
    session: str
    sender: str = ""


class Attendant:
    """Leads conversations through the dialogue, for any number of doors at once."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._dialogue = Dialogue(site.rules.numbers)
        self._desk = TelephoneDesk(site)

    async def begin(self, call: Call, wish: Wish = Wish.MENU, said: str = "") -> Step:
        """Open a conversation, with what the caller came for. said: the code, or a language."""
        number, view = await self._who_calls(call)
        caller = number if call.door.trusted and view is not None else None
        opening = Opening(
            medium=call.door.medium,
            caller=caller,
            claimed=number,
            tag=view.line.language.tag if caller is not None and view is not None else "en",
            asks_language=wish is Wish.MENU and await self._must_ask(call, view, caller),
            has_person=call.door.has_person,
            wish=wish,
            words=said,
            sells=bool(on_sale(self._site.packages, self._site.clock.now())),
        )
        return await self._settle(call, *self._dialogue.begin(opening))

    async def hear(self, call: Call, talk: Talk, event: Event) -> Step:
        """Take what a caller did; whatever that asks of the house is done, even if they hang up.

        Returns a prompt or the end, never something that is still to be done.
        """
        return await self._settle(call, *self._dialogue.step(talk, event))

    async def drain(self) -> None:
        """Wait for what goes on behind answers that were given."""
        await self._desk.drain()

    async def _settle(self, call: Call, talk: Talk, turn: words.Turn) -> Step:
        while isinstance(turn, Do):
            answer = await _unhurt(self._answer(call, talk, turn.action))
            talk, turn = self._dialogue.step(talk, answer)
        return talk, turn

    async def _who_calls(self, call: Call) -> tuple[int | None, LineView | None]:
        """Return the number that a gateway passes and its line, if it is one of ours."""
        try:
            number = fold_msisdn(call.sender, self._site.rules.numbers)
        except NumberMalformed:
            return None, None
        return number, await self._view(number)

    async def _view(self, number: int) -> LineView | None:
        site = self._site
        try:
            account = await read_line(site.database, number)
        except CONNECTION_LOST:
            return None  # a stranger, for now: told less, never more
        if account is None:
            return None
        view = line_now(account, site.rules, site.clock.now())
        return view if view.is_somebodys else None

    async def _must_ask(self, call: Call, view: LineView | None, caller: int | None) -> bool:
        """Say whether to ask for a language: strangers always, a line's caller once by voice."""
        if caller is None or view is None:
            return True
        if call.door.medium is not Medium.VOICE:
            return False
        return not await is_greeted(self._site.database, view.line.line_id)

    async def _answer(self, call: Call, talk: Talk, action: Action) -> Answer:
        try:
            return await self._do(call, talk, action)
        except Refusal as refusal:
            return await self._refused(action, refusal)
        except Exception:  # noqa: BLE001 - the caller is told to try later, whatever broke
            _log.exception("conversation met a bug", door=call.door.name, deed=talk.awaits)
            return Refused(code=InternalError.code)

    async def _do(self, call: Call, talk: Talk, action: Action) -> Answer:  # noqa: C901 - a table
        match action:
            case words.Redeem():
                return await self._redeem(call, talk, action)
            case words.LookUp(number=number):
                return await self._look_up(number)
            case words.OfferPackages() | words.BuyOffer():
                return await self._sell(call, action)
            case words.KeepLanguage():
                return await self._keep_language(call, action)
            case words.ReportCard() | words.CallBack():
                return await self._desk.open_ticket(call.session, self._source(call), talk, action)
            case words.BarLost():
                return await self._desk.bar(self._source(call), action)
            case words.SendNumbers():
                return await self._desk.send_numbers(call.session, self._source(call), action)
            case words.TellNumbers():
                return await self._desk.tell_numbers(call.session, self._source(call), action)

    async def _redeem(self, call: Call, talk: Talk, action: words.Redeem) -> Answer:
        """Redeem a code under a key of this call and entry: tried again, it is the same one."""
        keys = self._site.keys
        key = keys.digest("call key", call.door.name, call.session, str(action.entry)).hex()
        command = RedeemVoucher(
            caller=call.door.caller,
            request_key=key,
            msisdn=action.number,
            digits=action.digits,
            audience=Audience.OWN if action.is_own else Audience.GUEST,
            source=self._source(call),
            language=LANGUAGE_BY_TAG[talk.tag] if action.is_own else None,
        )
        for pause in (*RETRY_SECONDS, None):
            try:
                done = await self._site.engine.submit(command)
            except (Unavailable, Busy):
                if pause is None:
                    raise
                await asyncio.sleep(pause)
            else:
                return words.Credited(
                    credited_micros=done.credited_micros,
                    bonus_micros=done.bonus_micros,
                    balance_micros=done.balance_micros,
                    active_until=done.active_until.isoformat(),
                )
        raise AssertionError("the last try answers or raises")

    async def _look_up(self, number: int) -> Answer:
        view = await self._view(number)
        if view is None:
            raise NumberUnknown
        line = view.line
        return words.Standing(
            standing=standing(view),
            balance_micros=view.main_micros,
            bonus_micros=view.bonus_micros,
            active_until=_iso(line.active_until),
            grace_until=_iso(line.grace_until),
        )

    async def _sell(self, call: Call, action: words.OfferPackages | words.BuyOffer) -> Answer:
        if isinstance(action, words.BuyOffer):
            return await self._buy(call, action)
        return await self._offers(action.number)

    async def _offers(self, number: int) -> Answer:
        """Return what a line may buy as it stands."""
        view = await self._view(number)
        if view is None:
            raise NumberUnknown
        rules = self._site.rules
        running = await read_running(self._site.database, view.line.line_id, view.at)
        return words.Offered(
            tuple(
                words.Offer(
                    code=one.code,
                    price_micros=one.price_micros,
                    parts=tuple(spoken_part(part.kind, part.amount) for part in one.allowances),
                    length=spoken_length(one),
                    until=one.end_from(view.at, rules.validity).isoformat(),
                )
                for one in buyable(self._site.packages, view, running)
            )
        )

    async def _buy(self, call: Call, action: words.BuyOffer) -> Answer:
        """Buy a package under a key of this call and entry: tried again, it is the same one."""
        keys = self._site.keys
        name = (call.door.name, call.session, str(action.entry))
        bought = await self._site.engine.submit(
            BuyPackage(
                caller=call.door.caller,
                request_key=keys.digest("call package", *name).hex(),
                msisdn=action.number,
                package=action.code,
                price_micros=action.price_micros,
            )
        )
        return words.Bought(until=bought.until.isoformat(), balance_micros=bought.balance_micros)

    async def _keep_language(self, call: Call, action: KeepLanguage) -> Answer:
        view = await self._view(action.number)
        if view is None:
            raise NumberUnknown
        line = view.line
        await self._site.engine.submit(
            SetPreferences(
                caller=call.door.caller,
                request_key=self._site.keys.digest(
                    "call language", call.door.name, call.session, action.tag
                ).hex(),
                line_id=line.line_id,
                language=LANGUAGE_BY_TAG[action.tag],
                reminds=line.reminds,
                low_credit_micros=line.low_credit_micros,
            )
        )
        if call.door.medium is Medium.VOICE:
            await note_greeted(self._site.database, line.line_id)
        return Noted()

    async def _refused(self, action: Action, refusal: Refusal) -> Refused:
        """Return a refusal as the dialogue takes it; tries left only where one was counted."""
        minutes, at, left = 0, "", None
        if isinstance(refusal, TooManyWrongCodes):
            minutes = _minutes_to(refusal.params["until"], self._site.clock.now())
        if isinstance(refusal, CodeAlreadyYours):
            at = _iso(refusal.params["used_at"])
        if isinstance(refusal, CodeNotUsable) and isinstance(action, words.Redeem):
            left = await self._tries_left(action)
        missing_micros = 0
        if isinstance(refusal, CreditTooLow):
            missing_micros = parse_ringgit(refusal.params["missing"])
        return Refused(
            code=refusal.code, minutes=minutes, at=at, left=left, missing_micros=missing_micros
        )

    async def _tries_left(self, action: words.Redeem) -> int | None:
        """Return how many wrong codes are left before a lock; 0 when this one locked."""
        view = await self._view(action.number)
        if view is None:
            return None
        rule = self._site.rules.guessing
        audience = Audience.OWN if action.is_own else Audience.GUEST
        wrong = view.line.own_wrong if action.is_own else view.line.guest_wrong
        return 0 if lock_minutes(wrong, rule.ladder) else tries_left(view.line, audience, rule)

    def _source(self, call: Call) -> bytes:
        """Return what budgets of wrong tries are counted by: who calls, or the gateway itself."""
        return self._site.keys.digest("source", call.door.caller, call.door.name, call.sender)


async def _unhurt(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Have work done to its end even when whoever waits for it is gone."""
    return await asyncio.shield(asyncio.ensure_future(work))


def _iso(instant: object) -> str:
    return instant.isoformat() if isinstance(instant, datetime) else ""


def _minutes_to(until: object, now: datetime) -> int:
    if not isinstance(until, datetime):
        return 0
    return max(1, ceil((until - now).total_seconds() / _SECONDS_PER_MINUTE))
