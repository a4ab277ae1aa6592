"""Texts of the hotline as clips: fragments of the catalog, and shared ones for what fills them.

`speak` says which clips make up a text with its values, `every_clip` what there is to record.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import tzinfo
from functools import cache
from string import Formatter
from types import MappingProxyType
from typing import NamedTuple

from tambah.domain.money import MICROS_PER_RINGGIT, MICROS_PER_SEN
from tambah.i18n.days import local_day
from tambah.i18n.spoken.english import ENGLISH
from tambah.i18n.spoken.malay import MALAY
from tambah.i18n.spoken.mandarin import MANDARIN
from tambah.i18n.spoken.tamil import TAMIL
from tambah.i18n.spoken.tongue import MOST_COUNT, Tongue
from tambah.i18n.texts import Texts, texts

TONGUES: Mapping[str, Tongue] = MappingProxyType(
    {"en": ENGLISH, "ms": MALAY, "zh-Hans": MANDARIN, "ta": TAMIL}
)
AREA = "voice."
PAUSE = "pause"
STOP = "stop"

_FORMS = ("one", "other")
_STOPS = ".。?？;；"
_PAUSES = ",，、:："
_BETWEEN = re.compile(rf"\s*([{_STOPS}{_PAUSES}]*)\s*(.*)", re.DOTALL)
_SPACES = re.compile(r"\s+")
# Chinese is written without spaces, between its own characters and around its punctuation.
_CLOSE = re.compile(r"(?<=[\u3000-\u9fff\uff00-\uffef]) (?=[\u3000-\u9fff\uff00-\uffef])")
_BEFORE_MARK = re.compile(rf" (?=[{_STOPS}{_PAUSES}])")
_GROUP = 4
_SHORT_GROUP = 3


class Clip(NamedTuple):
    """One recording. name: of its file, without suffix, unique in its language.

    text: what is said on it; a punctuation mark alone is a pause.
    """

    name: str
    text: str

    @property
    def is_silent(self) -> bool:
        """Return whether nothing is said: there is nothing to record."""
        return not any(character.isalnum() for character in self.text)


def speak(
    texts: Texts, key: str, params: Mapping[str, object], *, zone: tzinfo
) -> tuple[Clip, ...]:
    """Return the clips that say the text `voice.<key>` with its values, in their order.

    params: a name's ending says how it is spoken. `*_micros`: ringgit and whole sen, downwards;
    `*_until`: the last local day before an instant; `*_at`: its local day; `*_digits`: one by one;
    `*_count`: a number, which also chooses the form of a text that has several.

    Raises KeyError for an unknown text or a value that it needs, ValueError for one malformed.
    """
    base, template = _wording(texts, key, params)
    shared = _shared(texts.tag)
    clips: list[Clip] = []
    for part in _parts(base, template):
        if isinstance(part, Clip):
            clips.append(shared.get(part.name, part))
        else:
            names = _say(TONGUES[texts.tag], part, params[part], zone)
            clips.extend(shared[name] for name in names)
    return tuple(clips)


def every_clip(tag: str) -> list[Clip]:
    """Return every clip that a language may ask for: its texts' own, then the shared ones.

    Raises KeyError for a tag that is not one of ours.
    """
    own: dict[str, Clip] = {}
    for base, template in _every_wording(texts(tag)):
        own.update({part.name: part for part in _parts(base, template) if isinstance(part, Clip)})
    return list({**own, **_shared(tag)}.values())


def contexts(tag: str) -> dict[str, str]:
    """Return the whole text in which each fragment stands, by the clip's name."""
    return {
        part.name: template
        for base, template in _every_wording(texts(tag))
        for part in _parts(base, template)
        if isinstance(part, Clip) and not part.is_silent
    }


def words(clips: tuple[Clip, ...]) -> str:
    """Return what the clips say, as a sentence to read."""
    said = " ".join(clip.text for clip in clips)
    return _CLOSE.sub("", _BEFORE_MARK.sub("", said))


def _wording(texts: Texts, key: str, params: Mapping[str, object]) -> tuple[str, str]:
    """Return the text for these values, and what its clips' names begin with."""
    wordings = texts.wordings(f"voice.{key}")
    if len(wordings) == 1:
        return key, wordings[0]
    counts = [params[name] for name in _fields(wordings[-1]) if name.endswith("_count")]
    form = texts.form_for(_whole("a count", counts[0], MOST_COUNT))
    return f"{key}.{_FORMS[form]}", wordings[form]


def _every_wording(texts: Texts) -> Iterator[tuple[str, str]]:
    for key in texts.keys(AREA):
        name = key.removeprefix(AREA)
        wordings = texts.wordings(key)
        if len(wordings) == 1:
            yield name, wordings[0]
        else:
            yield from zip((f"{name}.{form}" for form in _FORMS), wordings, strict=True)


def _fields(template: str) -> list[str]:
    return [field for _, field, _, _ in Formatter().parse(template) if field]


@cache
def _parts(base: str, template: str) -> tuple[Clip | str, ...]:
    """Cut a text at its placeholders: clips of what is fixed, and the placeholders' names."""
    return tuple(_cut(base, template))


def _cut(base: str, template: str) -> Iterator[Clip | str]:
    pieces = list(Formatter().parse(template))
    is_whole = all(field is None for _, field, _, _ in pieces)
    n = 0
    for literal, field, _, _ in pieces:
        for text in _fragment(literal):
            clip = Clip(_MARKS.get(text, ""), text)
            if clip.name:
                yield clip
                continue
            n += 1
            yield Clip(base if is_whole else f"{base}.{n}", text)
        if field is not None:
            yield field


_MARKS = dict.fromkeys(_STOPS, STOP) | dict.fromkeys(_PAUSES, PAUSE)


def _fragment(literal: str) -> Iterator[str]:
    """Return a fixed piece's words, and before them the mark that ends what stands in front."""
    found = _BETWEEN.fullmatch(literal)
    mark, said = found.groups() if found else ("", literal)
    if mark:
        yield mark[0]
    said = _SPACES.sub(" ", said.strip())
    if any(character.isalnum() for character in said):
        yield said


@cache
def _shared(tag: str) -> Mapping[str, Clip]:
    """Return the clips of numbers, dates, units and pauses by name."""
    is_chinese = tag == "zh-Hans"
    marks = {PAUSE: "，" if is_chinese else ",", STOP: "。" if is_chinese else "."}
    said = {**TONGUES[tag].said, **marks}
    return {name: Clip(name, text) for name, text in said.items()}


def _say(tongue: Tongue, name: str, value: object, zone: tzinfo) -> list[str]:
    """Return the names of the shared clips that say a value."""
    ending = name.rpartition("_")[2]
    if say := _BY_ENDING.get(ending):
        return say(tongue, name, value)
    if ending in ("until", "at"):
        return tongue.date(local_day(name, value, zone))
    raise ValueError(f"nobody knows how to say {name}")


def _say_money(tongue: Tongue, name: str, value: object) -> list[str]:
    micros = _whole(name, value, (MOST_COUNT + 1) * MICROS_PER_RINGGIT - 1)
    # Whole sen, downwards: never more than there is.
    ringgit, sen = divmod(micros // MICROS_PER_SEN, MICROS_PER_RINGGIT // MICROS_PER_SEN)
    names = [*tongue.count(ringgit), "ringgit"] if ringgit or not sen else []
    return [*names, *tongue.count(sen), "sen"] if sen else names


def _say_count(tongue: Tongue, name: str, value: object) -> list[str]:
    return tongue.count(_whole(name, value, MOST_COUNT))


def _say_digits(_tongue: Tongue, name: str, value: object) -> list[str]:
    names: list[str] = []
    for group in _groups(name, str(value)):
        names += [*([PAUSE] if names else []), *(f"digit.{digit}" for digit in group)]
    return names


_BY_ENDING: Mapping[str, Callable[[Tongue, str, object], list[str]]] = {
    "micros": _say_money,
    "count": _say_count,
    "digits": _say_digits,
}


def _groups(name: str, digits: str) -> list[str]:
    """Part digits as their spaces and dashes do; else by fours from the end, 012 345 6789."""
    groups = re.split(r"[ -]+", digits)
    if not all(group.isascii() and group.isdigit() for group in groups):
        raise ValueError(f"{name} has more in it than digits")
    if len(groups) > 1:
        return groups
    rest = digits
    grouped: list[str] = []
    while len(rest) > _GROUP:
        # What would leave one or two in front is parted by threes.
        size = _SHORT_GROUP if len(rest) <= 2 * _SHORT_GROUP else _GROUP
        rest, grouped = rest[:-size], [rest[-size:], *grouped]
    return [rest, *grouped]


def _whole(name: str, value: object, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise ValueError(f"{name} is no number from 0 to {most}")
    return value
