"""One dialogue for the hotline, USSD and SMS: pure menus and states, driven by keys and silence.

`begin` opens it, `step` takes what happened and says what comes next: a prompt, something to do,
or the end. It speaks in message ids; each door has its own texts for them (`voice.*`, `screen.*`,
`sms.*`). Silence and wrong keys are counted apart; who fails too often is passed on to a person,
or told good-bye, and never that they failed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from tambah.channels.moves import (
    AFTER_NUMBER,
    Step,
    again,
    ask_number,
    ask_person,
    back,
    bid_farewell,
    buy,
    give_up,
    go,
    greet,
    look_up,
    miss,
    number_of,
    offer_packages,
    redeem,
    speak,
    take_star,
)
from tambah.channels.places import (
    LANGUAGE_KEYS,
    LONG,
    OFFERS_AT_ONCE,
    RECOVERY_DIGITS,
    page_of,
    prompt,
)
from tambah.channels.said import (
    CODE_AGAIN,
    say_bought,
    say_credited,
    say_numbers,
    say_refusal,
    say_standing,
)
from tambah.channels.talk import (
    Answer,
    BarLost,
    Bought,
    Credited,
    Deed,
    Do,
    Ended,
    Event,
    HungUp,
    Keys,
    Medium,
    Noted,
    Numbers,
    Offer,
    Offered,
    Opening,
    Place,
    Refused,
    ReportCard,
    SendNumbers,
    Silence,
    Standing,
    Talk,
    Task,
    TellNumbers,
    Turn,
    Utterance,
    Wish,
)
from tambah.domain.money import ringgit
from tambah.domain.numbering import NumberPlan, fold_msisdn, show_msisdn
from tambah.domain.refusals import CodeMistyped, NumberMalformed, VoucherUnknown
from tambah.domain.voucher import fold_code, format_serial, parse_serial

MOST_SILENCES = 3
MOST_REFUSED = 3
_DIGITS = frozenset("0123456789")


class Dialogue:
    """The dialogue of an operator. numbers: what its telephone numbers look like."""

    def __init__(self, numbers: NumberPlan) -> None:
        self._numbers = numbers
        self._hear: Mapping[Place, Callable[[Talk, str], Step]] = {
            Place.LANGUAGE: self._hear_language,
            Place.MENU: self._hear_menu,
            Place.NUMBER: self._hear_number,
            Place.NUMBER_CONFIRM: self._hear_number_confirm,
            Place.CODE: self._hear_code,
            Place.CODE_CONFIRM: self._hear_code_confirm,
            Place.LOST: self._hear_lost,
            Place.SERIAL: self._hear_serial,
            Place.DOCUMENT: self._hear_document,
            Place.CONTACT: self._hear_contact,
            Place.RECOVERY_CODE: self._hear_recovery_code,
            Place.MORE: self._hear_more,
            Place.PACKAGES: self._hear_packages,
            Place.PACKAGE_CONFIRM: self._hear_package_confirm,
        }

    def begin(self, opening: Opening) -> Step:
        """Open the dialogue: with the menu, or straight with what the caller came for."""
        talk = Talk(
            medium=opening.medium,
            place=Place.LANGUAGE if opening.asks_language else Place.MENU,
            tag=opening.tag,
            caller=opening.caller,
            has_person=opening.has_person,
            number=opening.caller or opening.claimed,
            is_one_shot=opening.wish is not Wish.MENU,
            sells=opening.sells,
        )
        match opening.wish:
            case Wish.MENU:
                return greet(talk)
            case Wish.REDEEM if talk.number is not None:
                return self._hear_code(talk, opening.words)
            case Wish.BALANCE if talk.caller is not None:
                return look_up(talk)
            case Wish.PACKAGES if talk.caller is not None and talk.sells:
                return offer_packages(talk)
            case Wish.BUY if talk.caller is not None and talk.sells:
                code, *yes = opening.words.split()
                wanted = replace(talk, chosen=code.upper())
                return buy(wanted) if yes else offer_packages(wanted)
            case Wish.LANGUAGE if opening.words in LANGUAGE_KEYS.values():
                return speak(talk, opening.words)
            case _:
                return talk, Ended((Utterance("help"),))

    def step(self, talk: Talk, event: Event) -> Step:
        """Take what happened; return where the talk then stands and what comes next."""
        then, turn = self._follow(talk, event)
        return then, self._as_dialled(turn)

    def _follow(self, talk: Talk, event: Event) -> Step:
        match event:
            case Keys(text):
                return self._hear_keys(talk, text)
            case Silence():
                return self._hear_silence(talk)
            case HungUp():
                return self._hang_up(talk)
            case _:
                return _take(talk, event)

    def _as_dialled(self, turn: Turn) -> Turn:
        """Say numbers as people dial them: who keyed 012… does not know it again as 6012…"""
        if isinstance(turn, Do):
            return turn
        say = tuple(
            Utterance(one.key, {"number_digits": show_msisdn(int(number), self._numbers)})
            if (number := one.params.get("number_digits"))
            else one
            for one in turn.say
        )
        return replace(turn, say=say)

    def _hear_keys(self, talk: Talk, text: str) -> Step:
        if talk.medium is Medium.SCREEN and (step := _hear_screen(talk, text.strip())):
            return step
        if talk.starred:
            return self._hear_after_star(replace(talk, starred=False), text)
        if text.endswith("*"):
            return take_star(talk, text)
        if talk.place in LONG:
            return self._hear[talk.place](talk, text)
        if text == "9":
            return again(talk) if talk.medium is Medium.VOICE else go(talk, Place.MENU)
        return self._hear[talk.place](talk, text.strip())

    def _hear_after_star(self, talk: Talk, text: str) -> Step:
        """`*0` is another language; `*` and nothing, or `**`, goes back; else it only cleared."""
        if text == "0":
            return go(talk, Place.LANGUAGE)
        if text.endswith("*") and text != "*":
            return take_star(talk, text)
        if talk.place in LONG and set(text) <= _DIGITS and text:
            return self._hear[talk.place](talk, text)
        return back(talk)

    def _hear_silence(self, talk: Talk) -> Step:
        if talk.starred:
            return back(replace(talk, starred=False))
        if talk.place is Place.MORE:
            return bid_farewell(talk)
        silent = replace(talk, silences=talk.silences + 1)
        if silent.silences < MOST_SILENCES:
            return silent, prompt(silent)
        if talk.place is Place.CODE_CONFIRM:
            return redeem(talk)
        return bid_farewell(silent)

    def _hang_up(self, talk: Talk) -> Step:
        """A code that was keyed whole is credited all the same: its caller expects no less.

        Not after `*`: whoever pressed that was about to take the code back.
        """
        if talk.place is Place.CODE_CONFIRM and talk.typed and not talk.starred:
            return redeem(replace(talk, is_one_shot=True))
        return talk, Ended()

    def _hear_language(self, talk: Talk, key: str) -> Step:
        tag = LANGUAGE_KEYS.get(key)
        return miss(talk) if tag is None else speak(talk, tag)

    def _hear_menu(self, talk: Talk, key: str) -> Step:
        match key:
            case "1":
                return ask_number(talk, Task.TOP_UP, own=True)
            case "2" if talk.caller is not None:
                return look_up(talk)
            case "2":
                return go(talk, Place.MENU, (Utterance("balance_not_here"),))
            case "3" if talk.caller is not None and talk.sells:
                return offer_packages(talk)
            case "4":
                return go(talk, Place.LOST)
            case "8":
                return go(talk, Place.LANGUAGE)
            case "0":
                return ask_person(talk)
            case _:
                return miss(talk)

    def _hear_lost(self, talk: Talk, key: str) -> Step:
        match key:
            case "1":
                return ask_number(talk, Task.CARD, own=True)
            case "2":
                return ask_number(talk, Task.LOST_PHONE, own=False)
            case "3" if talk.caller is not None:
                return go(talk, Place.MORE, say_numbers(Numbers((talk.caller,))))
            case "3":
                return go(replace(talk, task=Task.FORGOTTEN, number=None), Place.DOCUMENT)
            case "0":
                return ask_person(talk)
            case _:
                return miss(talk)

    def _hear_more(self, talk: Talk, key: str) -> Step:
        match key:
            case "1":
                return ask_number(replace(talk, refused=0), Task.TOP_UP, own=True)
            case "2":
                return go(talk, Place.MENU)
            case "0":
                return ask_person(talk)
            case _:
                return miss(talk)

    def _hear_packages(self, talk: Talk, key: str) -> Step:
        page = page_of(talk)
        if key == str(OFFERS_AT_ONCE + 1) and len(talk.offers) > OFFERS_AT_ONCE:
            pages = -(-len(talk.offers) // OFFERS_AT_ONCE)
            return go(replace(talk, page=(talk.page + 1) % pages), Place.PACKAGES)
        if key in _KEYS_OF_OFFERS[: len(page)]:
            chosen = page[_KEYS_OF_OFFERS.index(key)].code
            return go(replace(talk, chosen=chosen), Place.PACKAGE_CONFIRM)
        return ask_person(talk) if key == "0" else miss(talk)

    def _hear_package_confirm(self, talk: Talk, key: str) -> Step:
        match key:
            case "1":
                return buy(talk)
            case "2":
                return go(replace(talk, chosen=""), Place.PACKAGES)
            case _:
                return miss(talk)

    def _hear_number(self, talk: Talk, text: str) -> Step:
        try:
            number = fold_msisdn(text, self._numbers)
        except NumberMalformed:
            return miss(talk, (Utterance(NumberMalformed.code),))
        return go(replace(talk, number=number), Place.NUMBER_CONFIRM)

    def _hear_number_confirm(self, talk: Talk, key: str) -> Step:
        match key:
            case "1":
                return go(talk, AFTER_NUMBER[talk.task])
            case "2":
                return go(replace(talk, number=None), Place.NUMBER)
            case _:
                return miss(talk)

    def _hear_code(self, talk: Talk, text: str) -> Step:
        if text.strip() == "2" and not talk.is_one_shot:
            return go(replace(talk, number=None, task=Task.TOP_UP), Place.NUMBER)
        try:
            digits = fold_code(text)
        except CodeMistyped:
            return miss(talk, (Utterance(CodeMistyped.code),))
        keyed = replace(talk, typed=digits)
        return go(keyed, Place.CODE_CONFIRM) if talk.medium is Medium.VOICE else redeem(keyed)

    def _hear_code_confirm(self, talk: Talk, key: str) -> Step:
        match key:
            case "1":
                return redeem(talk)
            case "2":
                return go(replace(talk, typed=""), Place.CODE)
            case _:
                return miss(talk)

    def _hear_serial(self, talk: Talk, text: str) -> Step:
        try:
            serial = format_serial(*parse_serial(text))
        except VoucherUnknown:
            return miss(talk, (Utterance("serial_malformed"),))
        action = ReportCard(number=number_of(talk), serial=serial, is_own=talk.is_own)
        return replace(talk, awaits=Deed.REPORT_CARD), Do(action)

    def _hear_document(self, talk: Talk, text: str) -> Step:
        if len(text.strip()) < _SHORTEST_DOCUMENT:
            return miss(talk)
        return go(replace(talk, typed=text.strip()), Place.CONTACT)

    def _hear_contact(self, talk: Talk, text: str) -> Step:
        try:
            contact = str(fold_msisdn(text, self._numbers))
        except NumberMalformed:
            return miss(talk, (Utterance(NumberMalformed.code),))
        document = talk.typed
        if talk.task is Task.LOST_PHONE:
            action = BarLost(number=number_of(talk), document=document, contact=contact)
            return replace(talk, typed="", awaits=Deed.BAR_LOST), Do(action)
        asked = replace(talk, contact=contact, awaits=Deed.SEND_NUMBERS)
        return asked, Do(SendNumbers(document=document, contact=contact))

    def _hear_recovery_code(self, talk: Talk, text: str) -> Step:
        code = text.strip()
        if len(code) != RECOVERY_DIGITS or not set(code) <= _DIGITS:
            return miss(talk)
        action = TellNumbers(document=talk.typed, contact=talk.contact, code=code)
        return replace(talk, awaits=Deed.TELL_NUMBERS), Do(action)


_SHORTEST_DOCUMENT = 6
_KEYS_OF_OFFERS = ("1", "2", "3")
_LONGEST_LIST = 34  # what one Chinese SMS has room for


def _hear_screen(talk: Talk, text: str) -> Step | None:
    """Take what means something of its own on a screen, where a reply comes whole; else None."""
    if text == "*0":
        return go(talk, Place.LANGUAGE)
    if text in ("*", "**") or (text == "0" and talk.place in LONG):
        return back(talk)
    return None


def _take(talk: Talk, answer: Answer) -> Step:
    """Take what came of what was asked of the house."""
    match answer:
        case Credited():
            return go(replace(talk, refused=0), Place.MORE, say_credited(talk, answer))
        case Standing():
            return go(talk, Place.MORE, say_standing(answer))
        case Numbers():
            return go(talk, Place.MORE, say_numbers(answer))
        case Refused():
            return _take_refusal(talk, answer)
        case Offered():
            return _take_offers(talk, answer.offers)
        case Bought():
            return go(talk, Place.MORE, say_bought(answer))
        case Noted():
            return _take_note(talk)


def _take_offers(talk: Talk, offers: tuple[Offer, ...]) -> Step:
    """Offer what the line may buy; of a message that names one, ask for its yes."""
    if talk.chosen:
        for one in offers:
            if one.code == talk.chosen:
                asked = {"package": one.code, "price_micros": one.price_micros}
                return talk, Ended((Utterance("package_confirm", asked),))
        return talk, Ended((Utterance("package_not_sold"),))
    if not offers:
        return go(talk, Place.MORE, (Utterance("packages_none"),))
    if talk.is_one_shot:
        return talk, Ended((Utterance("packages", {"list": _in_one_line(offers)}),))
    return go(replace(talk, offers=offers, page=0), Place.PACKAGES)


def _in_one_line(offers: tuple[Offer, ...]) -> str:
    """Return codes and prices, as many as a message has room for."""
    line = ""
    for one in offers:
        price = ringgit(one.price_micros).removesuffix(".00")
        longer = f"{line}, {one.code} RM{price}" if line else f"{one.code} RM{price}"
        if len(longer) > _LONGEST_LIST:
            break
        line = longer
    return line


def _take_note(talk: Talk) -> Step:
    match talk.awaits:
        case Deed.KEEP_LANGUAGE:
            lead = (Utterance("language_kept"),) if talk.is_one_shot else ()
            return go(talk, Place.MENU, lead)
        case Deed.SEND_NUMBERS:
            return go(talk, Place.RECOVERY_CODE, (Utterance("numbers_sent"),))
        case Deed.REPORT_CARD:
            return go(talk, Place.MORE, (Utterance("card_reported"),))
        case Deed.BAR_LOST:
            return go(talk, Place.MORE, (Utterance("phone_barred"),))
        case _:
            return go(talk, Place.MORE, (Utterance("call_back"),))


def _take_refusal(talk: Talk, refused: Refused) -> Step:
    lead = say_refusal(talk, refused)
    if talk.awaits is Deed.TELL_NUMBERS and refused.code == "sign_in_code_wrong":
        return miss(replace(talk, awaits=None), lead)
    if talk.awaits is Deed.KEEP_LANGUAGE:
        return go(talk, Place.MENU, lead)
    if talk.awaits is not Deed.REDEEM or refused.code not in CODE_AGAIN:
        return go(talk, Place.MORE, lead)
    if refused.left == 0:
        # That was the last before a pause: any other code would be refused unread.
        return go(talk, Place.MORE, lead)
    counted = replace(talk, refused=talk.refused + 1)
    if counted.refused >= MOST_REFUSED and not talk.is_one_shot:
        return give_up(counted, lead)
    return go(counted, Place.CODE, lead)
