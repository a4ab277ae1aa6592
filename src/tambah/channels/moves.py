"""Moves of the dialogue: to a place, back, once more, on to a person, to something to be done."""

from __future__ import annotations

from msgspec.structs import replace

from tambah.channels.places import LONG, prompt, star_prompt
from tambah.channels.talk import (
    BuyOffer,
    CallBack,
    Deed,
    Do,
    Ended,
    KeepLanguage,
    LookUp,
    OfferPackages,
    Place,
    Redeem,
    Talk,
    Task,
    Turn,
    Utterance,
)

Step = tuple[Talk, Turn]
Lead = tuple[Utterance, ...]

MOST_MISSES_LONG = 3
MOST_MISSES_KEY = 4
AFTER_NUMBER = {
    Task.TOP_UP: Place.CODE,
    Task.CARD: Place.SERIAL,
    Task.LOST_PHONE: Place.DOCUMENT,
}
"""Where a task goes on once it is known whose line it is about."""


def greet(talk: Talk) -> Step:
    """Say the first thing of a call."""
    turn = prompt(talk)
    return (replace(talk, greeted=True) if talk.place is Place.MENU else talk), turn


def go(talk: Talk, place: Place, lead: Lead = ()) -> Step:
    """Move to a place with nothing counted yet; where all was asked at the start, end instead."""
    if talk.is_one_shot:
        return talk, Ended(lead)
    there = replace(talk, place=place, misses=0, silences=0, awaits=None)
    if place in (Place.MENU, Place.MORE):
        there = replace(
            there, number=talk.caller, typed="", contact="", offers=(), page=0, chosen=""
        )
    turn = prompt(there, lead)
    return (replace(there, greeted=True) if place is Place.MENU else there), turn


def again(talk: Talk) -> Step:
    """Say the place's prompt once more, as it was said last; nothing is counted."""
    return talk, prompt(talk)


def miss(talk: Talk, lead: Lead = ()) -> Step:
    """Count what could not be used, and ask again in other words; give up after some."""
    if talk.is_one_shot:
        return talk, Ended(lead)
    missed = replace(talk, misses=talk.misses + 1)
    most = MOST_MISSES_LONG if talk.place in LONG else MOST_MISSES_KEY
    if missed.misses >= most:
        return give_up(missed, lead)
    return missed, prompt(missed, lead)


def give_up(talk: Talk, lead: Lead = ()) -> Step:
    """Pass on to a person, or end as friends; never say that somebody failed."""
    if talk.has_person:
        return talk, Ended((*lead, Utterance("to_person")), to_person=True)
    return talk, Ended((*lead, Utterance("goodbye")))


def bid_farewell(talk: Talk) -> Step:
    """End with a good-bye."""
    return talk, Ended((Utterance("goodbye"),))


def take_star(talk: Talk, text: str) -> Step:
    """`*` clears what was keyed; alone, the next key says what it meant."""
    if text == "*":
        starred = replace(talk, starred=True)
        return starred, star_prompt(talk)
    return talk, prompt(talk, (Utterance("cleared"),))


def back(talk: Talk) -> Step:
    """Go back: from a read-back to what was keyed, from anywhere else to the menu before."""
    match talk.place:
        case Place.CODE_CONFIRM:
            return go(replace(talk, typed=""), Place.CODE)
        case Place.NUMBER_CONFIRM:
            return go(replace(talk, number=None), Place.NUMBER)
        case Place.PACKAGE_CONFIRM:
            return go(replace(talk, chosen=""), Place.PACKAGES)
        case Place.CONTACT:
            return go(replace(talk, typed=""), Place.DOCUMENT)
        case _:
            inner = talk.task is not Task.TOP_UP and talk.place in LONG
            return go(talk, Place.LOST if inner else Place.MENU)


def ask_number(talk: Talk, task: Task, *, own: bool) -> Step:
    """Begin a task: about the caller's own line where that is known and meant, else ask."""
    begun = replace(talk, task=task, number=talk.caller if own else None)
    return go(begun, Place.NUMBER if begun.number is None else AFTER_NUMBER[task])


def ask_person(talk: Talk) -> Step:
    """Pass on to a person; where there is none, have them call back."""
    if talk.has_person:
        return give_up(talk)
    if talk.caller is None:
        return go(talk, Place.MORE, (Utterance("person_elsewhere"),))
    return replace(talk, awaits=Deed.CALL_BACK), Do(CallBack(number=talk.caller))


def look_up(talk: Talk) -> Step:
    """Have the caller's own line looked up."""
    assert talk.caller is not None, "only who speaks for a line may ask about it"
    return replace(talk, awaits=Deed.LOOK_UP), Do(LookUp(number=talk.caller))


def offer_packages(talk: Talk) -> Step:
    """Have it looked up what the caller's own line may buy."""
    assert talk.caller is not None, "only who speaks for a line may spend its credit"
    return replace(talk, awaits=Deed.OFFER), Do(OfferPackages(number=talk.caller))


def buy(talk: Talk) -> Step:
    """Have the package that was chosen bought."""
    assert talk.caller is not None, "only who speaks for a line may spend its credit"
    entry = talk.entry + 1
    told = {offer.code: offer.price_micros for offer in talk.offers}
    price_micros = told.get(talk.chosen)
    action = BuyOffer(number=talk.caller, code=talk.chosen, entry=entry, price_micros=price_micros)
    return replace(talk, chosen="", entry=entry, awaits=Deed.BUY), Do(action)


def speak(talk: Talk, tag: str) -> Step:
    """Go on in a language, and have it kept where it is known whose it is."""
    spoken = replace(talk, tag=tag)
    if talk.caller is None:
        return go(spoken, Place.MENU, (Utterance("language_kept"),) if talk.is_one_shot else ())
    action = KeepLanguage(number=talk.caller, tag=tag)
    return replace(spoken, awaits=Deed.KEEP_LANGUAGE), Do(action)


def redeem(talk: Talk) -> Step:
    """Have the code that was keyed redeemed."""
    entry = talk.entry + 1
    action = Redeem(number=number_of(talk), digits=talk.typed, entry=entry, is_own=talk.is_own)
    return replace(talk, typed="", entry=entry, awaits=Deed.REDEEM), Do(action)


def number_of(talk: Talk) -> int:
    """Return whose line the task is about."""
    assert talk.number is not None, "the number is asked for before what is done to it"
    return talk.number
