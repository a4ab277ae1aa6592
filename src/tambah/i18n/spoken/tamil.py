"""Tamil: ஆயிரத்து ஐந்து ரிங்கிட், இரண்டாயிரத்து இருபத்தேழாம் ஆண்டு மார்ச் ஒன்றாம் தேதி.

A part of a number that more follows is said in its oblique form (நூற்று), the last part in its
plain one (நூறு); before what is counted, one is ஒரு.
"""

from __future__ import annotations

from datetime import date

from tambah.i18n.spoken.tongue import Tongue, listed, numbered, row

_UNITS = row("பூஜ்ஜியம் ஒன்று இரண்டு மூன்று நான்கு ஐந்து ஆறு ஏழு எட்டு ஒன்பது")
_TEENS = row("பத்து பதினொன்று பன்னிரண்டு பதின்மூன்று பதினான்கு பதினைந்து பதினாறு பதினேழு பதினெட்டு பத்தொன்பது")
_TENS = row("இருபது முப்பது நாற்பது ஐம்பது அறுபது எழுபது எண்பது தொண்ணூறு")
# What the tens become before a unit, without the vowel that the unit brings.
_STEMS = row("இருபத்த் முப்பத்த் நாற்பத்த் ஐம்பத்த் அறுபத்த் எழுபத்த் எண்பத்த் தொண்ணூற்ற்")
# A unit's first letter as a sign on the stem; those that begin with a consonant stand apart.
_SIGNS = {"ஒ": "ொ", "இ": "ி", "ஐ": "ை", "ஆ": "ா", "ஏ": "ே", "எ": "ெ"}
_VIRAMA = "்"
_U = "ு"
_HUNDREDS = "நூறு இருநூறு முந்நூறு நானூறு ஐந்நூறு அறுநூறு எழுநூறு எண்ணூறு தொள்ளாயிரம்"
_HUNDREDS_MORE = "நூற்று இருநூற்று முந்நூற்று நானூற்று ஐந்நூற்று அறுநூற்று எழுநூற்று எண்ணூற்று தொள்ளாயிரத்து"
_HUNDREDTHS = "நூறாம் இருநூறாம் முந்நூறாம் நானூறாம் ஐந்நூறாம் அறுநூறாம் எழுநூறாம் எண்ணூறாம் தொள்ளாயிரமாம்"
_IRREGULAR_THOUSANDS = {1: "ஆயிர", 3: "மூவாயிர", 5: "ஐயாயிர"}
_WHOLE_THOUSANDS = (*range(1, 11), *range(20, 100, 10))
_MONTHS = "ஜனவரி பிப்ரவரி மார்ச் ஏப்ரல் மே ஜூன் ஜூலை ஆகஸ்ட் செப்டம்பர் அக்டோபர் நவம்பர் டிசம்பர்"


def _small(number: int) -> str:
    """Return the word for 0 to 99, as one counts."""
    tens, units = divmod(number, 10)
    if tens == 0:
        return _UNITS[units]
    if tens == 1:
        return _TEENS[units]
    if units == 0:
        return _TENS[tens - 2]
    stem, unit = _STEMS[tens - 2], _UNITS[units]
    if sign := _SIGNS.get(unit[0]):
        return stem.removesuffix(_VIRAMA) + sign + unit[1:]
    return f"{stem.removesuffix(_VIRAMA)}{_U} {unit}"


def _before_noun(number: int) -> str:
    """Return the word for 0 to 99 before what is counted: இருபத்தொரு for இருபத்தொன்று."""
    return _small(number).removesuffix("ன்று") + "ரு" if number % 10 == 1 else _small(number)


def _ordinal(number: int) -> str:
    return _small(number).removesuffix(_U) + "ாம்"


def _thousand(thousands: int) -> str:
    """Return a whole number of thousands in one word, without its ending."""
    return _IRREGULAR_THOUSANDS.get(thousands, _small(thousands).removesuffix(_U) + "ாயிர")


def _lakh(lakhs: int) -> str:
    return f"{_before_noun(lakhs)} லட்ச"


def _count(number: int) -> list[str]:
    lakhs, rest = divmod(number, 100_000)
    thousands, rest = divmod(rest, 1000)
    hundreds, small = divmod(rest, 100)
    parts = [[f"lakh.{lakhs}"]] if lakhs else []
    if thousands:
        parts.append(_thousands(thousands))
    if hundreds:
        parts.append([f"hundred.{hundreds}"])
    if small or not parts:
        return [*_oblique(parts), f"num.{small}"]
    return [*_oblique(parts[:-1]), *parts[-1]]


def _thousands(thousands: int) -> list[str]:
    if thousands in _WHOLE_THOUSANDS:
        return [f"thousand.{thousands}"]
    return [f"num.{thousands}", "thousand"]


def _oblique(parts: list[list[str]]) -> list[str]:
    """Say parts that more follows."""
    return [name for part in parts for name in (*part[:-1], f"{part[-1]}.more")]


def _date(day: date) -> list[str]:
    return [*_year(day.year), "year", f"month.{day.month}", f"ord.{day.day}", "day"]


def _year(year: int) -> list[str]:
    """Say a year as the how-manieth it is: only its last part is an ordinal."""
    thousands, rest = divmod(year, 1000)
    hundreds, small = divmod(rest, 100)
    parts = [f"thousand.{thousands}"] if thousands else []
    if hundreds:
        parts.append(f"hundred.{hundreds}")
    if small:
        return [*(f"{part}.more" for part in parts), f"ord.{small}"]
    return [*(f"{part}.more" for part in parts[:-1]), f"{parts[-1]}.ord"]


TAMIL = Tongue(
    said={
        **numbered("digit", dict(enumerate(_UNITS))),
        **numbered("num", {n: _before_noun(n) for n in range(100)}),
        **listed("hundred", _HUNDREDS),
        **{f"{name}.more": text for name, text in listed("hundred", _HUNDREDS_MORE).items()},
        **{f"{name}.ord": text for name, text in listed("hundred", _HUNDREDTHS).items()},
        **{f"thousand.{n}": f"{_thousand(n)}ம்" for n in _WHOLE_THOUSANDS},
        **{f"thousand.{n}.more": f"{_thousand(n)}த்து" for n in _WHOLE_THOUSANDS},
        **{f"thousand.{n}.ord": f"{_thousand(n)}மாம்" for n in range(1, 10)},
        "thousand": "ஆயிரம்",
        "thousand.more": "ஆயிரத்து",
        **{f"lakh.{n}": f"{_lakh(n)}ம்" for n in range(1, 10)},
        **{f"lakh.{n}.more": f"{_lakh(n)}த்து" for n in range(1, 10)},
        **numbered("ord", {n: _ordinal(n) for n in range(1, 100)}),
        "year": "ஆண்டு",
        **listed("month", _MONTHS),
        "day": "தேதி",
        "ringgit": "ரிங்கிட்",
        "sen": "சென்",
    },
    count=_count,
    date=_date,
)
