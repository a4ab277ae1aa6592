"""Mandarin: 一千零五令吉, 二零二七年一月二十一日."""

from __future__ import annotations

from datetime import date

from tambah.i18n.spoken.tongue import Tongue, numbered

_UNITS = "零一二三四五六七八九"
# Before 百, 千, 万 and what is counted, two is 两; at the end of a longer number it is 二.
_COUNTED = "零一两三四五六七八九"
_FULL = range(10, 20)


def _small(number: int) -> str:
    """Return the characters for 0 to 99, 10 to 19 as they begin a number: 十一."""
    tens, units = divmod(number, 10)
    if tens == 0:
        return _UNITS[units]
    return ("" if tens == 1 else _UNITS[tens]) + "十" + (_UNITS[units] if units else "")


def _count(number: int) -> list[str]:
    if number == 2:
        return ["two"]
    myriads, rest = divmod(number, 10_000)
    if not myriads:
        return _section(rest, leads=True) if rest else ["num.0"]
    names = ["two" if myriads == 2 else f"num.{myriads}", "myriad"]
    if rest and rest < 1000:
        names.append("num.0")
    return [*names, *_section(rest, leads=False)] if rest else names


def _section(number: int, *, leads: bool) -> list[str]:
    """Say 1 to 9,999. leads: nothing stands before it, so 10 is 十, not 一十."""
    thousands, rest = divmod(number, 1000)
    hundreds, small = divmod(rest, 100)
    names: list[str] = []
    if thousands:
        names.append(f"thousand.{thousands}")
    if hundreds:
        names.append(f"hundred.{hundreds}")
    if not small:
        return names
    if (names and not hundreds) or (hundreds and small < 10):
        names.append("num.0")
    is_full = small in _FULL and (names or not leads)
    return [*names, f"num.{small}.full" if is_full else f"num.{small}"]


def _date(day: date) -> list[str]:
    year = [f"digit.{digit}" for digit in str(day.year)]
    return [*year, "year", f"month.{day.month}", f"day.{day.day}"]


MANDARIN = Tongue(
    said={
        **numbered("digit", dict(enumerate(_UNITS))),
        **numbered("num", {n: _small(n) for n in range(100)}),
        **{f"num.{n}.full": f"一{_small(n)}" for n in _FULL},
        "two": "两",
        **numbered("hundred", {n: f"{_COUNTED[n]}百" for n in range(1, 10)}),
        **numbered("thousand", {n: f"{_COUNTED[n]}千" for n in range(1, 10)}),
        "myriad": "万",
        "year": "年",
        **numbered("month", {n: f"{_small(n)}月" for n in range(1, 13)}),
        **numbered("day", {n: f"{_small(n)}日" for n in range(1, 32)}),
        "ringgit": "令吉",
        "sen": "仙",
    },
    count=_count,
    date=_date,
)
