"""Everything that the dialogue can say on a screen: a walk over all keys, answers and refusals."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from msgspec.structs import replace

from tambah.channels.dialogue import Dialogue
from tambah.channels.moves import Step
from tambah.channels.said import KEYS as WORDED
from tambah.channels.talk import (
    Answer,
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
    Prompt,
    Refused,
    Silence,
    Standing,
    Talk,
    Utterance,
    Wish,
)
from tambah.domain.numbering import NumberPlan
from tambah.domain.refusals import CodeNotUsable
from tambah.domain.voucher import check_digit

CALLER = 601123456789
OTHER = 601198765432
MOST_MICROS = 9_999_990_000
MOST_MINUTES = 1440
MOST_TRIES = 20
MOST_NUMBERS = 7

_CODE = "888888888888888" + check_digit("888888888888888")
_WORDS = (_CODE, "12", str(OTHER), "000000000000", "0001-00000001", "A1234567", "123456")
KEYS: tuple[Event, ...] = (
    *(Keys(key) for key in (*"01234789", "*", "*0", "**", "", "77*")),
    *(Keys(words) for words in _WORDS),
    Silence(),
    HungUp(),
)
ONE_CODE_OF_EACH = {key: code for code, key in WORDED.items()}
"""A refusal's code for each text of refusals."""
STANDINGS = ("active", "grace", "expired", "returning", "barred", "suspended", "pre_active")


def answers(deed: Deed | None, day: str) -> Iterator[Answer]:
    """Return every answer that the house may give to a deed, with its longest values."""
    for code in sorted(ONE_CODE_OF_EACH.values()):
        yield Refused(code=code, minutes=MOST_MINUTES, at=day)
    match deed:
        case Deed.REDEEM:
            yield Refused(code=CodeNotUsable.code, left=MOST_TRIES)
            for bonus_micros in (0, MOST_MICROS):
                yield Credited(
                    credited_micros=MOST_MICROS,
                    bonus_micros=bonus_micros,
                    balance_micros=MOST_MICROS,
                    active_until=day,
                )
        case Deed.LOOK_UP:
            for standing in STANDINGS:
                for bonus_micros in (0, MOST_MICROS):
                    yield Standing(
                        standing=standing,
                        balance_micros=MOST_MICROS,
                        bonus_micros=bonus_micros,
                        active_until=day,
                        grace_until=day,
                    )
        case Deed.OFFER:
            for count in (0, 1, 4):
                yield Offered(tuple(offer(place, day) for place in range(count)))
        case Deed.BUY:
            yield Bought(until=day, balance_micros=MOST_MICROS)
        case Deed.TELL_NUMBERS:
            for count in range(1, MOST_NUMBERS + 1):
                yield Numbers((CALLER,) * count)
        case _:
            yield Noted()


def offer(place: int, day: str) -> Offer:
    """Return a package with the longest code and price that operator.toml may have."""
    return Offer(
        code=f"WWWWWWW{place}",
        price_micros=999_990_000,
        parts=(("gb", 10), ("mb", 500), ("minutes", 300), ("sms", 1)),
        length=(("days", 30), ("hours", 24), ("today", 0), ("days", 1))[place],
        until=day,
    )


def openings() -> Iterator[Opening]:
    """Return every way in which a session on a screen begins."""
    for caller, claimed in ((CALLER, CALLER), (None, CALLER), (None, None)):
        for asks_language in (False, True):
            for has_person in (False, True):
                for wish, words in (
                    (Wish.MENU, ""),
                    (Wish.REDEEM, _CODE),
                    (Wish.REDEEM, "12"),
                    (Wish.BALANCE, ""),
                    (Wish.LANGUAGE, "ta"),
                    (Wish.HELP, ""),
                ):
                    yield Opening(
                        medium=Medium.SCREEN,
                        caller=caller,
                        claimed=claimed,
                        asks_language=asks_language,
                        has_person=has_person,
                        wish=wish,
                        words=words,
                        sells=True,
                    )


def everything_said(day: str) -> list[tuple[Utterance, ...]]:
    """Return all that a screen may have to show, as tuples of what is said."""
    dialogue = Dialogue(NumberPlan())
    said: dict[str, tuple[Utterance, ...]] = {}
    seen: set[Talk] = set()
    waiting: deque[Step] = deque(dialogue.begin(opening) for opening in openings())
    while waiting:
        talk, turn = waiting.popleft()
        if isinstance(turn, (Prompt, Ended)):
            said[repr(turn.say)] = turn.say
        # Which language, which words and how many codes changes nothing of what is said next.
        alike = replace(
            talk, entry=0, tag="en", typed=talk.typed and "1234", contact=talk.contact and "1"
        )
        if alike in seen or isinstance(turn, Ended):
            continue
        seen.add(alike)
        events = answers(talk.awaits, day) if isinstance(turn, Do) else KEYS
        waiting.extend(dialogue.step(talk, event) for event in events)
    return list(said.values())
