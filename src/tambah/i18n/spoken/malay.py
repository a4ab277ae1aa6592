"""Malay: "seribu lima ringgit", "satu Mac dua ribu dua puluh tujuh"."""

from __future__ import annotations

from datetime import date

from tambah.i18n.spoken.tongue import Tongue, listed, numbered, row

_UNITS = row("sifar satu dua tiga empat lima enam tujuh lapan sembilan")
# In a row of digits, as of a telephone number, 0 is "empty".
_DIGITS = ["kosong", *_UNITS[1:]]
_MONTHS = "Januari Februari Mac April Mei Jun Julai Ogos September Oktober November Disember"


def _small(number: int) -> str:
    """Return the words for 0 to 99."""
    tens, units = divmod(number, 10)
    if tens == 0:
        return _UNITS[units]
    if tens == 1:
        return {0: "sepuluh", 1: "sebelas"}.get(units, f"{_UNITS[units]} belas")
    return f"{_UNITS[tens]} puluh {_UNITS[units]}" if units else f"{_UNITS[tens]} puluh"


def _hundred(hundreds: int) -> str:
    return "seratus" if hundreds == 1 else f"{_UNITS[hundreds]} ratus"


def _count(number: int) -> list[str]:
    thousands, rest = divmod(number, 1000)
    if not thousands:
        return _below_thousand(rest)
    names = ["thousand.1"] if thousands == 1 else [*_below_thousand(thousands), "thousand"]
    return [*names, *_below_thousand(rest)] if rest else names


def _below_thousand(number: int) -> list[str]:
    hundreds, rest = divmod(number, 100)
    names = [f"hundred.{hundreds}"] if hundreds else []
    return [*names, f"num.{rest}"] if rest or not names else names


def _date(day: date) -> list[str]:
    return [f"num.{day.day}", f"month.{day.month}", *_count(day.year)]


MALAY = Tongue(
    said={
        **numbered("digit", dict(enumerate(_DIGITS))),
        **numbered("num", {n: _small(n) for n in range(100)}),
        **numbered("hundred", {n: _hundred(n) for n in range(1, 10)}),
        "thousand.1": "seribu",
        "thousand": "ribu",
        **listed("month", _MONTHS),
        "ringgit": "ringgit",
        "sen": "sen",
    },
    count=_count,
    date=_date,
)
