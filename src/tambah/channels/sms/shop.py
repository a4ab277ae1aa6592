"""The dealers' door by SMS: a registered number sells cards and loads numbers with its PIN.

A card is sold at once: its serial number is on it. A number is read back first, and loaded when
the seller says yes.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

import msgspec

from tambah.channels.sms.shop_words import Ask, ShopRequest, read_shop_request
from tambah.channels.talk import Value
from tambah.desks.shop import ShopDesk
from tambah.domain import refusals as no
from tambah.domain.money import parse_ringgit, ringgit
from tambah.domain.numbering import fold_msisdn, show_msisdn
from tambah.domain.refusals import NumberMalformed, Refusal
from tambah.domain.seller import Seller
from tambah.engine.sellers import PinTry, change_pin, check_pin, tell_seller
from tambah.store.conversations import ConversationRow, read_conversation, write_conversation
from tambah.store.sellers import read_seller
from tambah.store.views.dealers import SaleView, read_dealer
from tambah.web.site import Site

SAME_MESSAGE = timedelta(minutes=10)
"""Within which the same words from the same seller are the same message."""
YES_WITHIN = timedelta(minutes=10)
GOOD_FOR = timedelta(hours=1)
_MOST_LAST = 3
_CODE_DIGITS = 4
_SEALED_FOR = "shop load"

Told = tuple[str, Mapping[str, Value]]

REFUSED: Mapping[type[Refusal], str] = {
    no.PinWrong: "shop_pin_wrong",
    no.PinTooWeak: "shop_pin_weak",
    no.VoucherUnknown: "shop_card_unknown",
    no.CardSold: "shop_card_sold",
    no.CardSoldByYou: "shop_card_sold",
    no.CardNotYours: "shop_card_not_for_sale",
    no.CardNotForSale: "shop_card_not_for_sale",
    no.BatchNotReleased: "shop_card_not_for_sale",
    no.NumberMalformed: "shop_number_refused",
    no.NumberUnknown: "shop_number_refused",
    no.LineNotActivated: "shop_number_refused",
    no.LineExpired: "shop_number_refused",
    no.LineTerminated: "shop_number_refused",
    no.LineBarred: "shop_number_refused",
    no.LineSuspended: "shop_number_refused",
    no.ReactivationTooLittle: "shop_number_refused",
    no.BalanceTooHigh: "shop_number_refused",
    no.AmountMalformed: "shop_amount_refused",
    no.AmountTooPrecise: "shop_amount_refused",
    no.AmountOutOfRange: "shop_amount_refused",
    no.FloatTooLow: "shop_float_low",
    no.DailyCapReached: "shop_cap_reached",
    no.PartnerSuspended: "shop_suspended",
    no.PartnerUnknown: "shop_suspended",
    no.DealerUnknown: "shop_suspended",
}
"""How a refusal is told. Any other means that nobody knows: the message is delivered again."""


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A load that waits for its yes. once: makes it one load; until: ISO 8601."""

    once: str
    code: str
    msisdn: int
    amount_micros: int
    until: datetime


class ShopSms:
    """Answers sellers. `answer` says whether a message was one of theirs."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._desk = ShopDesk(site)
        self._deeds: Mapping[Ask, Callable[[Seller, ShopRequest, str], Awaitable[Told]]] = {
            Ask.SELL: self._sell,
            Ask.LOAD: self._ask_load,
            Ask.YES: self._load,
            Ask.LAST: self._last,
            Ask.PIN: self._change_pin,
            Ask.HELP: self._help,
        }

    async def find(self, sender: str, text: str) -> tuple[Seller, ShopRequest] | None:
        """Return who asks for what; None where no seller asks for a shop's things."""
        site, asked = self._site, read_shop_request(text)
        if asked is None:
            return None
        try:
            msisdn = fold_msisdn(sender, site.rules.numbers)
        except NumberMalformed:
            return None
        account = await read_seller(site.database, msisdn)
        return None if account is None else (account.seller, asked)

    async def answer(self, seller: Seller, asked: ShopRequest, name: str) -> None:
        """Do what a message asks and answer it, once. name: the message's.

        Raises Unavailable, Busy or the store's errors where it should be delivered again.
        """
        site, mark = self._site, self._site.keys.digest("shop sms", name)
        if await read_conversation(site.database, mark) is not None:
            return
        try:
            told: Told = await self._deeds[asked.ask](seller, asked, name)
        except Refusal as refusal:
            template = REFUSED.get(type(refusal))
            if template is None:
                raise
            told = template, {}
        now = site.clock.now()
        await tell_seller(
            site.database, seller, told, once=mark, now=now, good_until=now + GOOD_FOR
        )

    async def _sell(self, seller: Seller, asked: ShopRequest, name: str) -> Told:
        if (told := await self._let_in(seller, asked)) is not None:
            return told
        sold = await self._desk.sell_card(seller, asked.what, name)
        return "shop_sold", {
            "card": f"*{sold.number % 10_000:04d}",
            "price_micros": sold.price_micros,
            "reference": sold.reference,
            "float_micros": sold.float_micros,
        }

    async def _ask_load(self, seller: Seller, asked: ShopRequest, name: str) -> Told:
        """Read the number back: nothing is loaded before the seller says yes."""
        site = self._site
        msisdn = fold_msisdn(asked.what, site.rules.numbers)
        amount_micros = parse_ringgit(asked.amount.upper().removeprefix("RM"))
        if (told := await self._let_in(seller, asked)) is not None:
            return told
        await self._desk.quote_reload(seller, msisdn, amount_micros)
        pending = Pending(
            once=name,
            code=f"{secrets.randbelow(10**_CODE_DIGITS):0{_CODE_DIGITS}d}",
            msisdn=msisdn,
            amount_micros=amount_micros,
            until=site.clock.now() + YES_WITHIN,
        )
        await self._keep(seller, pending)
        return "shop_confirm", {
            "code": pending.code,
            "price_micros": amount_micros,
            "number": self._masked(msisdn),
        }

    async def _load(self, seller: Seller, asked: ShopRequest, _: str) -> Told:
        pending = await self._pending(seller)
        is_it = pending is not None and pending.code == asked.what
        if pending is None or not is_it or self._site.clock.now() >= pending.until:
            return "shop_nothing_waits", {}
        amount_micros, msisdn = pending.amount_micros, pending.msisdn
        done = await self._desk.reload(seller, msisdn, amount_micros, pending.once)
        dealer = await read_dealer(self._site.database, seller.partner_id)
        return "shop_loaded", {
            "price_micros": amount_micros,
            "number": self._masked(msisdn),
            "reference": done.reference,
            "float_micros": dealer.payer_float_micros if dealer else 0,
        }

    async def _last(self, seller: Seller, _: ShopRequest, __: str) -> Told:
        shown = [_brief(sale) for sale in await self._desk.last(seller, _MOST_LAST)]
        one, two, three = (*shown, *["-"] * _MOST_LAST)[:_MOST_LAST]
        return "shop_last", {"one": one, "two": two, "three": three}

    async def _change_pin(self, seller: Seller, asked: ShopRequest, _: str) -> Told:
        if asked.pin == asked.new_pin:
            raise no.PinTooWeak
        tried = PinTry(msisdn=seller.msisdn, pin=asked.pin)
        site = self._site
        await change_pin(
            site.database, self._desk.rule, tried, asked.new_pin, now=site.clock.now()
        )
        return "shop_pin_changed", {}

    async def _help(self, _: Seller, __: ShopRequest, ___: str) -> Told:
        return "shop_help", {}

    async def _let_in(self, seller: Seller, asked: ShopRequest) -> Told | None:
        """Take the PIN; return what to say where it is still the one that was handed out.

        Raises PinWrong, which counts.
        """
        site = self._site
        tried = PinTry(msisdn=seller.msisdn, pin=asked.pin)
        passed = await check_pin(site.database, self._desk.rule, tried, now=site.clock.now())
        return ("shop_pin_first", {}) if passed.must_change else None

    async def _keep(self, seller: Seller, pending: Pending) -> None:
        """Put a load in the place of the one before it that waited."""
        site, place = self._site, self._place(seller)
        sealed = site.keys.seal(_SEALED_FOR, msgspec.json.encode(pending), b"")
        written = False
        while not written:
            before = await read_conversation(site.database, place)
            row = ConversationRow(
                step=before.step + 1 if before else 1, sealed=sealed, at=site.clock.now()
            )
            written = await write_conversation(site.database, place, row)

    async def _pending(self, seller: Seller) -> Pending | None:
        site = self._site
        row = await read_conversation(site.database, self._place(seller))
        if row is None:
            return None
        return msgspec.json.decode(site.keys.unseal(_SEALED_FOR, row.sealed, b""), type=Pending)

    def _place(self, seller: Seller) -> bytes:
        return self._site.keys.digest("shop load", str(seller.seller_id))

    def _masked(self, msisdn: int) -> str:
        """Write a number to be known again: no message may hold one that could be called."""
        shown = show_msisdn(msisdn, self._site.rules.numbers)
        return f"{shown[:4]}***{shown[-5:]}"


def _brief(sale: SaleView) -> str:
    """Write a sale as short as can be: what, the end of which number, X where it was undone."""
    end = str(sale.msisdn or sale.serial or "")[-4:]
    amount = ringgit(sale.price_micros).removesuffix(".00")
    return f"RM{amount} *{end}{' X' if sale.undone_at else ''}"
