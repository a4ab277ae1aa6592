"""What a USSD screen shows: utterances of the dialogue as one short text, one to a line.

A screen has room for 182 characters of GSM-7 or 80 of UCS-2 (3GPP 23.038: 160 octets). Where a
text is longer, the lines in SPARED go, in that order: all of them can be done without.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from itertools import groupby
from typing import Protocol

from tambah.domain.money import MICROS_PER_SEN
from tambah.i18n.days import local_day
from tambah.i18n.sms_parts import Alphabet, measure_sms
from tambah.i18n.texts import Texts, texts

ROOM: Mapping[Alphabet, int] = {Alphabet.GSM7: 182, Alphabet.UCS2: 80}
"""Characters of a screen; those of GSM-7's extension count twice."""

SPARED = (
    "welcome",  # nobody who dialled needs it
    "credited_bonus",  # the SMS tells it
    "balance_bonus",  # the website tells it
    "more_menu",  # dialling again is the menu too
    "more_topup",
    "menu_language",  # keys that are not shown work all the same
    "menu_person",
    "menu_lost",
    "menu_packages",
    "packages_more",
)
"""What is left out of a screen that is too full, the first first."""

MOST_LISTED = 5
"""Values of one list: as many SIMs as a person may have; of more, how many more is said."""


class Said(Protocol):
    """One thing to say, as `channels.talk.Utterance` has it."""

    @property
    def key(self) -> str:
        """The message id, `screen.<key>`."""
        ...

    @property
    def params(self) -> Mapping[str, object]:
        """What fills it, by names whose endings say what they are."""
        ...

    @property
    def tag(self) -> str:
        """Of another language than the screen's, empty for the same."""
        ...


def render_screen(say: Sequence[Said], tag: str, *, zone: tzinfo) -> str:
    """Return the text of a screen in a language: what is said, one to a line.

    params: `_micros` is money, in whole sen, downwards; `_until` the last local day before an
    instant, `_at` its local day; the rest stands as it is. What is said several times over is a
    list: its words stand once.

    Raises KeyError for an unknown text or a value that it needs, ValueError for one malformed.
    """
    lines = list(_lines(say, tag, zone))
    text = _join(lines)
    for spared in SPARED:
        if fits(text):
            return text
        lines = [line for line in lines if line[0] != spared]
        text = _join(lines)
    return _cut(text)


def fits(text: str) -> bool:
    """Say whether a screen has room for a text."""
    size = measure_sms(text)
    return size.units <= ROOM[size.alphabet]


def _join(lines: Sequence[tuple[str, str]]) -> str:
    return "\n".join(text for _, text in lines)


def _cut(text: str) -> str:
    """Cut what is too long all the same: a gateway would refuse it, or send something worse."""
    while not fits(text):
        text = text[:-1]
    return text.rstrip()


def _lines(say: Sequence[Said], tag: str, zone: tzinfo) -> Iterator[tuple[str, str]]:
    """Return each line's key and text."""
    for (key, other), group in groupby(say, key=lambda said: (said.key, said.tag)):
        one_language = texts(other or tag)
        first, *rest = [_words(one_language, said.params, zone) for said in group]
        text = one_language.get(f"screen.{key}", **first)
        more = [" ".join(words.values()) for words in rest]
        if len(more) >= MOST_LISTED:
            more[MOST_LISTED - 2 :] = [f"+{len(more) - MOST_LISTED + 2}"]
        yield key, ", ".join([text, *more])


def _words(one_language: Texts, params: Mapping[str, object], zone: tzinfo) -> dict[str, str]:
    return {name: _word(one_language, name, value, zone) for name, value in params.items()}


def _word(one_language: Texts, name: str, value: object, zone: tzinfo) -> str:
    if name.endswith("_micros"):
        if not isinstance(value, int):
            raise ValueError(f"{name} is no amount")
        # Whole sen, downwards: never more than there is.
        return one_language.money(value - value % MICROS_PER_SEN)
    if name.endswith(("_until", "_at")):
        return one_language.sms_date(local_day(name, value, zone))
    return str(value)
