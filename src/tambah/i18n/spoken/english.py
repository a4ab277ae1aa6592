"""English, as it is spoken in Malaysia: "one thousand and five", "the first of March"."""

from __future__ import annotations

from datetime import date

from tambah.i18n.spoken.tongue import Tongue, listed, numbered, row

_UNITS = row(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
    " fifteen sixteen seventeen eighteen nineteen"
)
_TENS = row("twenty thirty forty fifty sixty seventy eighty ninety")
_ORDINALS = row(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth"
    " fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth twenty-first"
    " twenty-second twenty-third twenty-fourth twenty-fifth twenty-sixth twenty-seventh"
    " twenty-eighth twenty-ninth thirtieth thirty-first"
)
_MONTHS = (
    "January, February, March, April, May, June, July, August, September, October, November,"
    " December,"
)


def _small(number: int) -> str:
    """Return the words for 0 to 99."""
    if number < len(_UNITS):
        return _UNITS[number]
    tens, units = divmod(number, 10)
    return f"{_TENS[tens - 2]}-{_UNITS[units]}" if units else _TENS[tens - 2]


def _count(number: int) -> list[str]:
    thousands, rest = divmod(number, 1000)
    if not thousands:
        return _below_thousand(rest)
    names = [*_below_thousand(thousands), "thousand.and" if 0 < rest < 100 else "thousand"]
    return [*names, *_below_thousand(rest)] if rest else names


def _below_thousand(number: int) -> list[str]:
    hundreds, rest = divmod(number, 100)
    if not hundreds:
        return [f"num.{rest}"]
    return [f"hundred.{hundreds}.and", f"num.{rest}"] if rest else [f"hundred.{hundreds}"]


def _date(day: date) -> list[str]:
    return [f"day.{day.day}", f"month.{day.month}", *_year(day.year)]


def _year(year: int) -> list[str]:
    """Say 2027 in pairs, but 2005 and 2000 as numbers, and 1905 with an "oh"."""
    century, rest = divmod(year, 100)
    if year < 1000 or (century % 10 == 0 and rest < 10):
        return _count(year)
    if rest == 0:
        return [f"num.{century}", "hundred"]
    return [f"num.{century}", *(["oh"] if rest < 10 else []), f"num.{rest}"]


ENGLISH = Tongue(
    said={
        **numbered("digit", dict(enumerate(_UNITS[:10]))),
        **numbered("num", {n: _small(n) for n in range(100)}),
        **numbered("hundred", {n: f"{_UNITS[n]} hundred" for n in range(1, 10)}),
        **{f"hundred.{n}.and": f"{_UNITS[n]} hundred and" for n in range(1, 10)},
        "thousand": "thousand",
        "thousand.and": "thousand and",
        **numbered("day", {n: f"the {word} of" for n, word in enumerate(_ORDINALS, 1)}),
        **listed("month", _MONTHS),
        "hundred": "hundred",
        "oh": "oh",
        "ringgit": "ringgit",
        "sen": "sen",
    },
    count=_count,
    date=_date,
)
