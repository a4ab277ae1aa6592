"""What people do at each door, in that door's own way: one driver each, one interface.

The telephone's drivers speak to the house through a `Transport`, one for each real adapter.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import httpx
import msgspec

from tambah.channels.attendant import Attendant, Door
from tambah.channels.sms.answering import SmsDoor
from tambah.channels.sms.inbound import InboundSms
from tambah.channels.talk import HungUp, Keys, Medium, Silence, Value
from tambah.domain.refusals import Busy, Unavailable
from tambah.domain.voucher import fold_unchecked
from tambah.engine.secret_params import open_params
from tambah.i18n import texts
from tambah.web.site import Site
from tests.channels.house import Subscriber, Town
from tests.channels.transports import (
    AgiTransport,
    CloudTransport,
    Heard,
    Transport,
    UssdTransport,
)
from tests.portal.conftest import field, text_of

LANGUAGE_KEY = {"en": "1", "ms": "2", "zh-Hans": "3", "ta": "4"}
AGAIN = "to come again"
"""The SMSC is to deliver the message again: nothing could be said."""


@dataclass(frozen=True)
class Place:
    """Where a driver stands. who: `own`, `guest`, or `other`: a subscriber for somebody else."""

    town: Town
    house: str
    who: str
    subject: Subscriber
    caller: Subscriber
    has_person: bool = False

    @property
    def phone(self) -> Subscriber:
        """Return whose telephone is used."""
        return self.caller if self.who == "other" else self.subject


class Driver(Protocol):
    """What a person does at a door; each returns what was said at the end."""

    async def redeem(self, typed: str, *, twice: bool = False) -> Heard:
        """Top up the subject's line with a code, as it was typed."""
        ...

    async def balance(self) -> Heard:
        """Ask for the balance."""
        ...

    async def language(self, tag: str) -> Heard:
        """Choose a language."""
        ...

    async def help(self) -> Heard:
        """Ask what can be asked."""
        ...

    async def report_card(self) -> Heard:
        """Report a damaged card."""
        ...

    async def lost_phone(self, document: str, contact: str) -> Heard:
        """Have the subject's line barred."""
        ...

    async def forgotten(self, document: str, contact: str, *, code_is_right: bool) -> Heard:
        """Ask for a forgotten number, and give back the code that was sent, or another."""
        ...

    async def own_number(self) -> Heard:
        """Ask for the number of the telephone in hand."""
        ...

    async def person(self) -> Heard:
        """Ask for a person."""
        ...

    async def silence(self) -> Heard:
        """Say nothing until it ends."""
        ...

    async def wrong_keys(self) -> Heard:
        """Press keys that mean nothing until it ends."""
        ...

    async def hang_up(self, where: str, typed: str) -> Heard:
        """Be gone at a place, having keyed a code if it is one where one is keyed."""
        ...


# The telephone


class TelephoneDriver:
    """Finds its way through the menus as somebody does who listens to them."""

    def __init__(
        self,
        place: Place,
        transport: Callable[[Site, Door, str], Transport],
        caller: str,
        medium: Medium,
    ) -> None:
        # A gateway of the scenario's own: budgets of those who withhold their number are its.
        door = Door(
            name=f"{transport.__name__.lower()}-{place.subject.line_id}",
            caller=caller,
            medium=medium,
            trusted=place.who != "guest",
            has_person=place.has_person,
        )
        sender = "" if place.who == "guest" else str(place.phone.msisdn)
        self._place = place
        self._line = transport(place.town.sites[place.house], door, sender)
        self._medium = medium
        place.town.open_ends.append(self._line.close)

    async def redeem(self, typed: str, *, twice: bool = False) -> Heard:
        """Go to the code, by way of the number where it is another's, and confirm it."""
        await self._go_to_code()
        said = await self._key(self._typed(typed), twice=twice and self._medium is Medium.SCREEN)
        if "code_ends" in said.keys:
            said = await self._key("1", twice=twice)
        return said

    async def balance(self) -> Heard:
        """Press 2."""
        await self._enter()
        said = await self._key("2")
        stands = tuple(key for key in said.keys if key.startswith("line_is_"))
        return Heard(stands or said.keys, said.params)

    async def language(self, tag: str) -> Heard:
        """Press 8, then the language's key."""
        await self._enter()
        await self._key("8")
        await self._key(LANGUAGE_KEY[tag])
        return Heard(("language_kept",))

    async def help(self) -> Heard:
        """Hear the menu."""
        said = await self._enter()
        return Heard(("help",)) if "menu_topup" in said.keys else said

    async def report_card(self) -> Heard:
        """Press 4, 1, and key a serial number, after the number where it is not known."""
        await self._enter()
        await self._key("4")
        said = await self._key("1")
        if "number" in said.keys:
            await self._key(self._place.subject.dialled)
            said = await self._key("1")
        return await self._finish(await self._key("000100000007"))

    async def lost_phone(self, document: str, contact: str) -> Heard:
        """Press 4, 2, and key number, document and contact."""
        await self._enter()
        for keys in ("4", "2", self._place.subject.dialled, "1", document):
            await self._key(keys)
        return await self._finish(await self._key(contact))

    async def forgotten(self, document: str, contact: str, *, code_is_right: bool) -> Heard:
        """Press 4, 3, key document and contact, and then the code."""
        await self._enter()
        for keys in ("4", "3", document):
            await self._key(keys)
        await self._finish(await self._key(contact))
        sent = await sent_code(self._place) if code_is_right else "000000"
        return await self._key(sent)

    async def own_number(self) -> Heard:
        """Press 4 and 3."""
        await self._enter()
        await self._key("4")
        return await self._key("3")

    async def person(self) -> Heard:
        """Press 0."""
        await self._enter()
        return await self._finish(await self._key("0"))

    async def silence(self) -> Heard:
        """Press nothing."""
        said = await self._line.open()
        for _ in range(4):
            if said.is_over:
                break
            said = await self._line.send(Silence())
        assert said.is_over
        return said

    async def wrong_keys(self) -> Heard:
        """Press 7 and again 7."""
        said = await self._enter()
        for _ in range(4):
            if said.is_over:
                break
            said = await self._key("7")
        assert said.is_over
        return said

    async def hang_up(self, where: str, typed: str) -> Heard:
        """Hang up at the menu, at a number, at the code, at its read-back, or after the result."""
        await self._enter()
        if where != "menu":
            said = await self._go_to_code(at_number=where == "number")
        if where in ("read-back", "result"):
            said = await self._key(self._typed(typed))
            assert "code_ends" in said.keys
        if where == "result":
            await self._key("1")
        return await self._line.send(HungUp())

    async def _enter(self) -> Heard:
        """Begin, and choose English where a language is asked for."""
        said = await self._line.open()
        return await self._key("1") if "choose_language" in said.keys else said

    async def _go_to_code(self, *, at_number: bool = False) -> Heard:
        await self._enter()
        said = await self._key("1")
        if self._place.who == "other" or (at_number and "number" not in said.keys):
            said = await self._key("2")
        if "number" in said.keys and not at_number:
            await self._key(self._place.subject.dialled)
            said = await self._key("1")
        return said

    async def _key(self, text: str, *, twice: bool = False) -> Heard:
        return await self._line.send(Keys(text), twice=twice)

    async def _finish(self, said: Heard) -> Heard:
        await self._line.drain()
        return said

    def _typed(self, typed: str) -> str:
        """Press the keys that bear a code's letters; a screen takes the card's own."""
        if self._medium is Medium.SCREEN:
            return typed
        return "".join(c for c in fold_unchecked(typed) if c in "0123456789")


async def sent_code(place: Place) -> str:
    """Read the code of a forgotten number in the SMS that it came by."""
    sealed = await place.town.database.fetch_value(
        "SELECT sealed FROM outbox WHERE line_id = $1 AND template = 'recovery_code'",
        place.subject.line_id,
    )
    return open_params(place.town.keys, sealed)["code"]


class HotlineDriver(TelephoneDriver):
    """The hotline by FastAGI."""

    def __init__(self, place: Place) -> None:
        super().__init__(place, AgiTransport, "hotline", Medium.VOICE)


class TwimlDriver(TelephoneDriver):
    """The hotline by webhooks."""

    def __init__(self, place: Place) -> None:
        super().__init__(place, CloudTransport, "hotline", Medium.VOICE)


class UssdDriver(TelephoneDriver):
    """Menus on a screen."""

    def __init__(self, place: Place) -> None:
        super().__init__(place, UssdTransport, "ussd", Medium.SCREEN)


# SMS


class SmsDriver:
    """Sends a message, and reads what comes back. A guest's gateway is not believed."""

    def __init__(self, place: Place) -> None:
        site = place.town.sites[place.house]
        self._gateway = f"sms-{place.subject.msisdn}"
        trusted = [self._gateway] if place.who == "own" else []
        # Two processes: whichever gets the message, it is one.
        self._doors = [SmsDoor(site, Attendant(site), trusted=trusted) for _ in range(2)]
        self._place = place

    async def redeem(self, typed: str, *, twice: bool = False) -> Heard:
        """Send TOPUP and the code."""
        return await self._send(f"TOPUP {typed}", twice=twice)

    async def balance(self) -> Heard:
        """Send BAL."""
        return await self._send("BAL")

    async def language(self, tag: str) -> Heard:
        """Send LANG and the language."""
        return await self._send(f"LANG {tag[:2]}")

    async def help(self) -> Heard:
        """Send HELP."""
        return await self._send("HELP")

    async def _send(self, text: str, *, twice: bool = False) -> Heard:
        place = self._place
        before = await self._count()
        message = InboundSms(
            gateway=self._gateway,
            sender=str(place.subject.msisdn),
            text=text,
            message_id=None,
            at=datetime.now(UTC),
        )
        try:
            for door in self._doors[: 1 + twice]:
                await door.answer(message)
        except (Busy, Unavailable):
            return Heard((AGAIN,))
        rows = await place.town.database.fetch(
            """
            SELECT template, params FROM outbox
             WHERE line_id = $1 AND number > $2 ORDER BY number
            """,
            place.subject.line_id,
            before,
        )
        return _answer([(row[0], row[1]) for row in rows])

    async def _count(self) -> int:
        return await self._place.town.database.fetch_value(
            "SELECT coalesce(max(number), 0) FROM outbox WHERE line_id = $1",
            self._place.subject.line_id,
        )


def _answer(rows: Sequence[tuple[str, Any]]) -> Heard:
    """Return what came back: one answer, by its template without what marks it, or the credit."""
    answers = [row for row in rows if row[0].startswith("answer_")]
    assert len(answers) <= 1
    came = answers or [row for row in rows if row[0].startswith(("credited", "reactivated"))]
    if not came:
        return Heard()
    template, params = came[0]
    key = template.removeprefix("answer_").removesuffix("_left").removesuffix("_with_bonus")
    key = f"line_is_{key}" if key in STANDINGS else key
    return Heard((key,), tuple(msgspec.json.decode(params).items()))


STANDINGS = frozenset(
    {"active", "grace", "expired", "returning", "barred", "suspended", "pre_active"}
)


# The web


class WebDriver:
    """A browser: signed in to the line in hand, or nobody's."""

    def __init__(self, place: Place) -> None:
        self._place = place
        number = place.subject.line_id
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        self._browser = place.town.browser(place.house, address)
        self._well = place.town.browser("well", address)

    async def redeem(self, typed: str, *, twice: bool = False) -> Heard:
        """Open the page, fill the form in and press the button."""
        await self._sign_in()
        token = field(await self._browser.get("/"), "token")
        form = {"token": token, "number": self._place.subject.dialled, "code": typed}
        pages = [await self._browser.post("/topup", data=form) for _ in range(1 + twice)]
        assert len({page.headers.get("location") for page in pages}) == 1
        return read_page(pages[0])

    async def balance(self) -> Heard:
        """Sign in and read the account."""
        await self._sign_in()
        page = await self._browser.get("/account")
        spoken, shown = texts("en"), text_of(page)
        said = [
            key.rpartition(".")[2]
            for key in spoken.keys("account.is.")
            if spoken.wordings(key)[0].partition("{")[0] in shown
        ]
        return Heard((f"line_is_{said[0]}",) if said else ())

    async def lost_phone(self, document: str, contact: str) -> Heard:
        """Fill in the form of a lost phone, not signed in."""
        claim = {"document": document, "kind": "contact", "fact": contact}
        form = {**claim, "number": self._place.subject.dialled}
        page = await self._browser.post("/account/lost", data=form)
        assert page.headers["location"] == "/account/lost/done"
        return Heard(("phone_barred",))

    async def forgotten(self, document: str, contact: str, *, code_is_right: bool) -> Heard:
        """Fill in the form of a forgotten number, then the code."""
        claim = {"document": document, "kind": "contact", "fact": contact}
        page = await self._browser.post("/account/forgotten", data=claim)
        assert page.status_code == 303
        sent = await sent_code(self._place) if code_is_right else "000000"
        page = await self._browser.post("/account/forgotten/code", data={"code": sent})
        shown = str(self._place.subject.msisdn)[-4:] in text_of(page)
        return Heard(("your_number",)) if shown else Heard(("sign_in_code_wrong",))

    async def _sign_in(self) -> None:
        """Sign in where all is well, and come with that session: it is one database."""
        place = self._place
        if place.who == "guest":
            return
        number = place.phone.dialled
        asked = await self._well.post("/account/sign-in", data={"number": number})
        assert asked.status_code == 303
        sealed = await place.town.database.fetch_value(
            """
            SELECT sealed FROM outbox WHERE line_id = $1 AND template = 'sign_in_code'
             ORDER BY number DESC LIMIT 1
            """,
            place.phone.line_id,
        )
        secret = open_params(place.town.keys, sealed)["code"]
        proved = await self._well.post("/account/sign-in/code", data={"code": secret})
        assert proved.status_code == 303
        self._browser.cookies.update(self._well.cookies)


_TRIES = re.compile(r"([0-9]+) (?:try is|tries are) left|(No tries are left)")
_DATE = re.compile(r"\b[0-9]{1,2} [A-Z][a-z]{2} [0-9]{4}\b")


def read_page(page: httpx.Response) -> Heard:
    """Return what the page says after the button was pressed."""
    if page.status_code == 303:
        return Heard(("credited",))
    spoken, shown = texts("en"), text_of(page)
    headings = {spoken.get(key): key.rpartition(".")[2] for key in spoken.keys("portal.refused.")}
    links = [html.unescape(one) for one in re.findall(r'<a href="#\w+">([^<]+)</a>', page.text)]
    codes = [headings[one] for one in links if one in headings]
    if not codes:
        codes = [
            key.rpartition(".")[2]
            for key in spoken.keys("refusal.")
            if spoken.wordings(key)[0].partition("{")[0] in shown
        ]
    params: dict[str, Value] = {}
    if found := _TRIES.search(shown):
        params["tries_count"] = int(found[1] or 0)
    if codes and codes[0] == "code_already_yours" and (date := _DATE.search(shown)):
        params["used_at"] = date[0]
    return Heard(tuple(codes), tuple(params.items()))


DRIVERS: dict[str, Any] = {
    "hotline": HotlineDriver,
    "twiml": TwimlDriver,
    "sms": SmsDriver,
    "ussd": UssdDriver,
    "web": WebDriver,
}
"""The five doors. What a door cannot do its driver lacks; the scenarios say why."""
