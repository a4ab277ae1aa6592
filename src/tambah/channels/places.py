"""What each place of the dialogue says, and what it asks for: in full, again, with an example."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from tambah.channels.talk import Ask, Medium, Offer, Place, Prompt, Talk, Task, Utterance, Value
from tambah.domain.voucher import CODE_DIGITS

LANGUAGE_KEYS: Mapping[str, str] = {"1": "en", "2": "ms", "3": "zh-Hans", "4": "ta"}
"""Which key chooses which language; the same at every door, for people learn them."""

RECOVERY_DIGITS = 6
STAR_SECONDS = 2

# A number may be keyed with 00 and the country's code; it has no one length, so `#` ends it.
_LONGEST_NUMBER = 14
_LONGEST_SERIAL = 17
_LONGEST_DOCUMENT = 20

ASKS: Mapping[Place, Ask] = {
    Place.NUMBER: Ask(most=_LONGEST_NUMBER, first_seconds=10),
    Place.CODE: Ask(most=CODE_DIGITS, first_seconds=10, secret=True, letters=True),
    Place.CODE_CONFIRM: Ask(secret=True),
    Place.SERIAL: Ask(most=_LONGEST_SERIAL, first_seconds=10),
    Place.DOCUMENT: Ask(most=_LONGEST_DOCUMENT, first_seconds=10, secret=True, letters=True),
    Place.CONTACT: Ask(most=_LONGEST_NUMBER, first_seconds=10, secret=True),
    Place.RECOVERY_CODE: Ask(most=RECOVERY_DIGITS, first_seconds=30, secret=True),
}
"""What is asked for where it is more than one key."""

LONG = frozenset({place for place, ask in ASKS.items() if ask.most > 1})
"""Places where more than one key makes an entry."""

OFFERS_AT_ONCE = 3
"""Packages on one screen, or said before the next key."""

_LAST_DIGITS = 4


def prompt(talk: Talk, lead: tuple[Utterance, ...] = ()) -> Prompt:
    """Return what is said at a talk's place, after a `lead` about what just happened."""
    return Prompt((*lead, *_says(talk)), ASKS.get(talk.place, Ask()))


def star_prompt(talk: Talk) -> Prompt:
    """Return the short silence after `*`, in which the next key says what it meant."""
    ask = ASKS.get(talk.place, Ask())
    return Prompt((), replace(ask, first_seconds=STAR_SECONDS))


def _says(talk: Talk) -> tuple[Utterance, ...]:
    match talk.place:
        case Place.LANGUAGE:
            return tuple(Utterance("choose_language", tag=tag) for tag in LANGUAGE_KEYS.values())
        case Place.MENU:
            return _menu(talk)
        case Place.NUMBER_CONFIRM | Place.CODE_CONFIRM:
            return _read_back(talk)
        case Place.PACKAGES:
            return _options_of(page_of(talk), talk)
        case Place.PACKAGE_CONFIRM:
            return (*_chosen(talk), *_options(talk, "yes_or_no"))
        case Place.LOST:
            return _options(talk, "lost_card", "lost_phone", "lost_number")
        case Place.MORE:
            return _options(talk, "more_topup", "more_menu")
        case _:
            return _entry(talk)


def _menu(talk: Talk) -> tuple[Utterance, ...]:
    keys = ["menu_topup"]
    if talk.caller is not None:
        keys.append("menu_balance")
    sells = talk.caller is not None and talk.sells
    if sells:
        keys.append("menu_packages")
    keys += ["menu_lost", "menu_person"]
    # There is room for one of the two; whose line it is has a language, and the key works anyway.
    if talk.medium is Medium.SCREEN and not sells:
        keys.append("menu_language")
    welcome = () if talk.greeted else (Utterance("welcome"),)
    return (*welcome, *_options(talk, *keys))


def page_of(talk: Talk) -> tuple[Offer, ...]:
    """Return the offers that the caller is choosing among."""
    start = talk.page * OFFERS_AT_ONCE
    return talk.offers[start : start + OFFERS_AT_ONCE]


def _options_of(offers: tuple[Offer, ...], talk: Talk) -> tuple[Utterance, ...]:
    says: list[Utterance] = []
    for place, offer in enumerate(offers, start=1):
        if talk.medium is Medium.VOICE:
            says += [Utterance("package_key", {"n_count": place}), *_spoken(offer)]
        else:
            params: dict[str, Value] = {"code": offer.code, "price_micros": offer.price_micros}
            says.append(Utterance(_OPTIONS[place - 1], params))
    keys = ("packages_more",) if len(talk.offers) > OFFERS_AT_ONCE else ()
    return (*says, *_options(talk, *keys))


def _chosen(talk: Talk) -> tuple[Utterance, ...]:
    offer = next(one for one in talk.offers if one.code == talk.chosen)
    if talk.medium is Medium.VOICE:
        return _spoken(offer)
    params: dict[str, Value] = {
        "code": offer.code,
        "price_micros": offer.price_micros,
        "package_until": offer.until,
    }
    return (Utterance("package_is", params),)


_OPTIONS = ("package_first", "package_second", "package_third")
_SPOKEN: Mapping[str, str] = {
    "gb": "package_gb",
    "mb": "package_mb",
    "minutes": "package_minutes",
    "sms": "package_sms",
    "days": "package_days",
    "hours": "package_hours",
    "today": "package_today",
}


def _spoken(offer: Offer) -> tuple[Utterance, ...]:
    """Say what is in a package, for how long and at what price: names have no recording."""
    unit, count = offer.length
    length = Utterance(_SPOKEN[unit], {f"{unit}_count": count} if count else {})
    return (
        *(Utterance(_SPOKEN[unit], {f"{unit}_count": count}) for unit, count in offer.parts),
        length,
        Utterance("package_price", {"price_micros": offer.price_micros}),
    )


def _options(talk: Talk, *keys: str) -> tuple[Utterance, ...]:
    """Return a menu's options; who asks for the second time is told how to hear them again."""
    says = tuple(Utterance(key) for key in keys)
    if talk.medium is Medium.VOICE and talk.misses + talk.silences > 0:
        return (*says, Utterance("menu_repeat"))
    return says


def _read_back(talk: Talk) -> tuple[Utterance, ...]:
    """Read back a whole number, or a code's end: never the whole code, people stand near by."""
    if talk.place is Place.CODE_CONFIRM:
        said = Utterance("code_ends", {"last_digits": talk.typed[-_LAST_DIGITS:]})
    else:
        said = Utterance("number_is", {"number_digits": str(talk.number)})
    return (said, *_options(talk, "yes_or_no"))


def _entry(talk: Talk) -> tuple[Utterance, ...]:
    """Ask for a long entry: in full at first, then in short, then with an example."""
    tries = talk.misses + talk.silences
    wording = ("", "_again", "_example")[min(tries, 2)]
    says = (Utterance(f"{_entry_key(talk)}{wording}"),)
    if talk.place is Place.CODE and tries == 0 and talk.is_own and talk.refused == 0:
        return (*says, Utterance("other_number"))
    return says


def _entry_key(talk: Talk) -> str:
    if talk.place is Place.NUMBER and talk.task is Task.LOST_PHONE:
        return "lost_phone_number"
    return str(talk.place)
