"""The door of SMS: each message is done once and answered once, however often it is delivered."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import structlog

from tambah.channels.attendant import Attendant, Call, Door
from tambah.channels.sms.inbound import InboundSms
from tambah.channels.sms.keywords import read_request
from tambah.channels.sms.shop import SAME_MESSAGE, ShopSms
from tambah.channels.sms.shop_words import ShopRequest
from tambah.channels.talk import Ended, Medium, Utterance, Value, Wish
from tambah.domain.care_commands import TellLine
from tambah.domain.numbering import fold_msisdn
from tambah.domain.refusals import (
    IdempotencyKeyReused,
    NumberMalformed,
    NumberUnknown,
    TooManyTries,
    Unavailable,
)
from tambah.domain.seller import Seller
from tambah.store.conversations import first_seen
from tambah.store.views.lines import line_now, read_line
from tambah.web.budgets import Budget
from tambah.web.site import Site

_log: Any = structlog.get_logger("tambah.channels")

Told = tuple[str, Mapping[str, Value]]
"""A template and its params."""

CALLER = "sms"
SAME_CODE = timedelta(minutes=10)
"""Within which the same code from the same sender is the same message (design, section 4)."""
SAME_QUESTION = timedelta(minutes=1)
"""The same for what moves no money: who asks again after that wants to know again."""
SAME_ID = timedelta(hours=24)
"""The same where the gateway names its messages."""
ANSWERS_HOURLY = 20
"""To one sender: a telephone that answers by itself must not talk with us for ever."""
SHOP_MESSAGES_HOURLY = 400
"""Of one seller, who sells by SMS all day."""
GOOD_FOR = timedelta(hours=1)
"""After which an answer still unsent would confuse more than it tells."""

_STANDINGS: Mapping[str, tuple[str, str]] = {
    "line_is_active": ("answer_active", "answer_active_with_bonus"),
    "line_is_grace": ("answer_grace", "answer_grace_with_bonus"),
    "line_is_expired": ("answer_expired", "answer_expired"),
    "line_is_returning": ("answer_returning", "answer_returning"),
    "line_is_barred": ("answer_barred", "answer_barred"),
    "line_is_suspended": ("answer_suspended", "answer_suspended"),
    "line_is_pre_active": ("answer_pre_active", "answer_pre_active"),
}
_TEMPLATES: Mapping[str, str] = {
    "help": "answer_help",
    "language_kept": "answer_language_kept",
    "code_mistyped": "answer_code_mistyped",
    "code_not_usable": "answer_code_not_usable",
    "code_already_yours": "answer_code_already_yours",
    "too_many_wrong_codes": "answer_too_many_wrong_codes",
    "too_many_tries": "answer_too_many_tries",
    "line_not_activated": "answer_line_not_activated",
    "line_expired": "answer_line_expired",
    "line_barred": "answer_line_barred",
    "line_suspended": "answer_line_suspended",
    "reactivation_too_little": "answer_reactivation_too_little",
    "balance_too_high": "answer_balance_too_high",
    "packages": "answer_packages",
    "packages_none": "answer_package_not_sold",
    "package_confirm": "answer_package_confirm",
    "package_not_sold": "answer_package_not_sold",
    "package_too_dear": "answer_package_too_dear",
    "try_later": "answer_try_later",
}
_TOLD_BY_ITSELF = frozenset({"credited", "credited_other", "credited_there", "package_bought"})
_UNCLEAR = frozenset({"unavailable", "number_unknown"})
"""What is said while the database is away: the message is to be delivered again instead."""


class SmsDoor:
    """Answers messages. `answer` is what gateways hand them to, see `inbound.OnInbound`.

    trusted: the gateways whose senders are believed.
    """

    def __init__(self, site: Site, attendant: Attendant, *, trusted: Collection[str]) -> None:
        self._site = site
        self._attendant = attendant
        self._trusted = frozenset(trusted)
        self._answers = Budget(site, "sms answer", of_source=ANSWERS_HOURLY)
        self._shop = ShopSms(site)
        self._from_shops = Budget(site, "shop sms", of_source=SHOP_MESSAGES_HOURLY)

    async def answer(self, message: InboundSms) -> None:
        """Do what a message asks, once, and answer it, once.

        Whoever is none of our lines gets no answer, nor does anybody by a gateway whose senders
        are not believed; a code is redeemed for the number that it claims, as a guest's.

        Raises Unavailable, Busy or the store's errors where it should be delivered again.
        """
        is_trusted = message.gateway in self._trusted
        if is_trusted and (found := await self._shop.find(message.sender, message.text)):
            seller, request = found
            await self._answer_seller(message, seller, request)
            return
        asked = read_request(message.text)
        if not is_trusted and asked.wish is not Wish.REDEEM:
            return
        found = await self._line_of(message.sender)
        if found is None:
            return
        msisdn, line_id = found
        window = SAME_CODE if asked.wish in (Wish.REDEEM, Wish.BUY) else SAME_QUESTION
        name = await self._name(message, msisdn, window)
        door = Door(name=message.gateway, caller=CALLER, medium=Medium.TEXT, trusted=is_trusted)
        call = Call(door=door, session=name, sender=f"+{msisdn}")
        talk, turn = await self._attendant.begin(call, asked.wish, asked.said)
        assert isinstance(turn, Ended), "what was asked for at the start is answered at once"
        if _is_unclear(turn.say) or (is_trusted and talk.caller is None):
            raise Unavailable
        told = word(turn.say)
        if told is not None and is_trusted:
            await self._tell(name, line_id, told)

    async def _answer_seller(
        self, message: InboundSms, seller: Seller, request: ShopRequest
    ) -> None:
        """Do what a seller asks. Whoever sends more than anybody types gets no answer for now."""
        try:
            await self._from_shops.spend(self._site.keys.digest("seller", str(seller.seller_id)))
        except TooManyTries:
            _log.warning("a seller is answered no more for now", seller_id=seller.seller_id)
            return
        name = await self._name(message, seller.msisdn, SAME_MESSAGE)
        await self._shop.answer(seller, request, name)

    async def _line_of(self, sender: str) -> tuple[int, int] | None:
        """Return the number and the line of a sender, None for nobody of ours."""
        site = self._site
        try:
            msisdn = fold_msisdn(sender, site.rules.numbers)
        except NumberMalformed:
            return None
        account = await read_line(site.database, msisdn)
        if account is None or not line_now(account, site.rules, site.clock.now()).is_somebodys:
            return None
        return msisdn, account.line.line_id

    async def _name(self, message: InboundSms, msisdn: int, window: timedelta) -> str:
        """Return a message's name, the same whenever and wherever it is delivered again."""
        site = self._site
        digest = site.keys.digest(
            "inbound sms",
            message.gateway,
            str(msisdn),
            (message.message_id or "").encode("utf-8", "replace"),
            message.text.encode("utf-8", "replace"),
        )
        first = await first_seen(
            site.database,
            digest,
            at=site.clock.now(),
            window=SAME_ID if message.message_id else window,
        )
        return f"{digest.hex()}@{first.isoformat()}"

    async def _tell(self, name: str, line_id: int, told: Told) -> None:
        """Queue the answer, once for each message.

        Told before in other words, the balance having changed meanwhile: it was answered. A line
        that is nobody's any more: there is nobody to answer.
        """
        template, params = told
        site = self._site
        try:
            await self._answers.spend(site.keys.digest("sms answer", str(line_id)))
        except TooManyTries:
            _log.warning("a sender is answered no more for now", line_id=line_id)
            return
        with suppress(IdempotencyKeyReused, NumberUnknown):
            await site.engine.submit(
                TellLine(
                    caller=CALLER,
                    request_key=site.keys.digest("sms answer", name).hex(),
                    line_id=line_id,
                    template=template,
                    params=tuple(sorted(params.items())),
                    good_until=site.clock.now() + GOOD_FOR,
                )
            )


def _is_unclear(say: Sequence[Utterance]) -> bool:
    """Say whether nobody knows what became of it."""
    return bool(say) and say[0].key in _UNCLEAR


def word(say: Sequence[Utterance]) -> Told | None:
    """Return the template of what is said, and its params; None for what is told without us.

    A credit is: its own message goes out with it, from whichever door.
    """
    keys = [one.key for one in say]
    params = {name: value for one in say for name, value in one.params.items()}
    if not keys or keys[0] in _TOLD_BY_ITSELF:
        return None
    if keys[0] == "balance":
        return _STANDINGS[keys[-1]]["balance_bonus" in keys], params
    if keys == ["code_not_usable", "tries_left"]:
        return "answer_code_not_usable_left", params
    return _TEMPLATES.get(keys[0], "answer_try_later"), params
