"""Money, numbers, dates and digits as a careful speaker says them, in four languages.

The tables are written by hand. English is checked against inflect over the whole range, Malay and
Chinese against ICU's rules; Tamil, for which there is no library that joins words as people do,
by adding up what its clips say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from string import Formatter
from zoneinfo import ZoneInfo

import icu_rbnf
import inflect
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tambah.i18n import LANGUAGES, Texts, texts
from tambah.i18n.catalog import Catalog
from tambah.i18n.spoken import Clip, contexts, every_clip, speak, words
from tambah.i18n.spoken.clips import TONGUES

ZONE = ZoneInfo("Asia/Kuala_Lumpur")
ENGLISH = inflect.engine()
SEN = 10_000
COUNTS = st.integers(0, 999_999)


def said(tag: str, template: str, **params: object) -> str:
    """Return what is said for a text of the test's own."""
    catalog = Catalog(forms={"voice.test": (template,)}, form_for=lambda _n: 0)
    return words(speak(Texts(tag, catalog), "test", params, zone=ZONE))


def number(tag: str, n: int) -> str:
    return said(tag, "{n_count}", n_count=n)


MONEY = {
    "1.00": ("one ringgit", "satu ringgit", "一令吉", "ஒரு ரிங்கிட்"),
    "2.00": ("two ringgit", "dua ringgit", "两令吉", "இரண்டு ரிங்கிட்"),
    "10.50": (
        "ten ringgit fifty sen",
        "sepuluh ringgit lima puluh sen",
        "十令吉五十仙",
        "பத்து ரிங்கிட் ஐம்பது சென்",
    ),
    "0.05": ("five sen", "lima sen", "五仙", "ஐந்து சென்"),
    "0.02": ("two sen", "dua sen", "两仙", "இரண்டு சென்"),
    "0.01": ("one sen", "satu sen", "一仙", "ஒரு சென்"),
    "0.00": ("zero ringgit", "sifar ringgit", "零令吉", "பூஜ்ஜியம் ரிங்கிட்"),
    "21.21": (
        "twenty-one ringgit twenty-one sen",
        "dua puluh satu ringgit dua puluh satu sen",
        "二十一令吉二十一仙",
        "இருபத்தொரு ரிங்கிட் இருபத்தொரு சென்",
    ),
    "1005.00": (
        "one thousand and five ringgit",
        "seribu lima ringgit",
        "一千零五令吉",
        "ஆயிரத்து ஐந்து ரிங்கிட்",
    ),
    "10010.10": (
        "ten thousand and ten ringgit ten sen",
        "sepuluh ribu sepuluh ringgit sepuluh sen",
        "一万零一十令吉十仙",
        "பத்தாயிரத்து பத்து ரிங்கிட் பத்து சென்",
    ),
    "12345.67": (
        "twelve thousand three hundred and forty-five ringgit sixty-seven sen",
        "dua belas ribu tiga ratus empat puluh lima ringgit enam puluh tujuh sen",
        "一万两千三百四十五令吉六十七仙",
        "பன்னிரண்டு ஆயிரத்து முந்நூற்று நாற்பத்தைந்து ரிங்கிட் அறுபத்தேழு சென்",
    ),
    "999999.99": (
        "nine hundred and ninety-nine thousand nine hundred and ninety-nine ringgit"
        " ninety-nine sen",
        "sembilan ratus sembilan puluh sembilan ribu sembilan ratus sembilan puluh sembilan"
        " ringgit sembilan puluh sembilan sen",
        "九十九万九千九百九十九令吉九十九仙",
        "ஒன்பது லட்சத்து தொண்ணூற்றொன்பது ஆயிரத்து தொள்ளாயிரத்து தொண்ணூற்றொன்பது ரிங்கிட் தொண்ணூற்றொன்பது சென்",
    ),
}
NUMBERS = {
    1: ("one", "satu", "一", "ஒரு"),
    2: ("two", "dua", "两", "இரண்டு"),
    8: ("eight", "lapan", "八", "எட்டு"),
    11: ("eleven", "sebelas", "十一", "பதினொரு"),
    12: ("twelve", "dua belas", "十二", "பன்னிரண்டு"),
    13: ("thirteen", "tiga belas", "十三", "பதின்மூன்று"),
    19: ("nineteen", "sembilan belas", "十九", "பத்தொன்பது"),
    20: ("twenty", "dua puluh", "二十", "இருபது"),
    21: ("twenty-one", "dua puluh satu", "二十一", "இருபத்தொரு"),
    24: ("twenty-four", "dua puluh empat", "二十四", "இருபத்து நான்கு"),
    95: ("ninety-five", "sembilan puluh lima", "九十五", "தொண்ணூற்றைந்து"),
    100: ("one hundred", "seratus", "一百", "நூறு"),
    101: ("one hundred and one", "seratus satu", "一百零一", "நூற்று ஒரு"),
    110: ("one hundred and ten", "seratus sepuluh", "一百一十", "நூற்று பத்து"),
    300: ("three hundred", "tiga ratus", "三百", "முந்நூறு"),
    999: (
        "nine hundred and ninety-nine",
        "sembilan ratus sembilan puluh sembilan",
        "九百九十九",
        "தொள்ளாயிரத்து தொண்ணூற்றொன்பது",
    ),
    1000: ("one thousand", "seribu", "一千", "ஆயிரம்"),
    1001: ("one thousand and one", "seribu satu", "一千零一", "ஆயிரத்து ஒரு"),
    1010: ("one thousand and ten", "seribu sepuluh", "一千零一十", "ஆயிரத்து பத்து"),
    1100: ("one thousand one hundred", "seribu seratus", "一千一百", "ஆயிரத்து நூறு"),
    2000: ("two thousand", "dua ribu", "两千", "இரண்டாயிரம்"),
    2202: (
        "two thousand two hundred and two",
        "dua ribu dua ratus dua",
        "两千两百零二",
        "இரண்டாயிரத்து இருநூற்று இரண்டு",
    ),
    5000: ("five thousand", "lima ribu", "五千", "ஐயாயிரம்"),
    10_000: ("ten thousand", "sepuluh ribu", "一万", "பத்தாயிரம்"),
    20_000: ("twenty thousand", "dua puluh ribu", "两万", "இருபதாயிரம்"),
    99_999: (
        "ninety-nine thousand nine hundred and ninety-nine",
        "sembilan puluh sembilan ribu sembilan ratus sembilan puluh sembilan",
        "九万九千九百九十九",
        "தொண்ணூற்றொன்பது ஆயிரத்து தொள்ளாயிரத்து தொண்ணூற்றொன்பது",
    ),
    100_000: ("one hundred thousand", "seratus ribu", "十万", "ஒரு லட்சம்"),
    100_010: (
        "one hundred thousand and ten",
        "seratus ribu sepuluh",
        "十万零一十",
        "ஒரு லட்சத்து பத்து",
    ),
    999_999: (
        "nine hundred and ninety-nine thousand nine hundred and ninety-nine",
        "sembilan ratus sembilan puluh sembilan ribu sembilan ratus sembilan puluh sembilan",
        "九十九万九千九百九十九",
        "ஒன்பது லட்சத்து தொண்ணூற்றொன்பது ஆயிரத்து தொள்ளாயிரத்து தொண்ணூற்றொன்பது",
    ),
}
DATES = {
    date(2027, 1, 1): (
        "the first of January, twenty twenty-seven",
        "satu Januari dua ribu dua puluh tujuh",
        "二零二七年一月一日",
        "இரண்டாயிரத்து இருபத்தேழாம் ஆண்டு ஜனவரி ஒன்றாம் தேதி",
    ),
    date(2027, 1, 21): (
        "the twenty-first of January, twenty twenty-seven",
        "dua puluh satu Januari dua ribu dua puluh tujuh",
        "二零二七年一月二十一日",
        "இரண்டாயிரத்து இருபத்தேழாம் ஆண்டு ஜனவரி இருபத்தொன்றாம் தேதி",
    ),
    date(2028, 2, 29): (
        "the twenty-ninth of February, twenty twenty-eight",
        "dua puluh sembilan Februari dua ribu dua puluh lapan",
        "二零二八年二月二十九日",
        "இரண்டாயிரத்து இருபத்தெட்டாம் ஆண்டு பிப்ரவரி இருபத்தொன்பதாம் தேதி",
    ),
    date(2026, 12, 31): (
        "the thirty-first of December, twenty twenty-six",
        "tiga puluh satu Disember dua ribu dua puluh enam",
        "二零二六年十二月三十一日",
        "இரண்டாயிரத்து இருபத்தாறாம் ஆண்டு டிசம்பர் முப்பத்தொன்றாம் தேதி",
    ),
    date(2030, 8, 10): (
        "the tenth of August, twenty thirty",
        "sepuluh Ogos dua ribu tiga puluh",
        "二零三零年八月十日",
        "இரண்டாயிரத்து முப்பதாம் ஆண்டு ஆகஸ்ட் பத்தாம் தேதி",
    ),
    date(2000, 5, 3): (
        "the third of May, two thousand",
        "tiga Mei dua ribu",
        "二零零零年五月三日",
        "இரண்டாயிரமாம் ஆண்டு மே மூன்றாம் தேதி",
    ),
    date(2005, 3, 12): (
        "the twelfth of March, two thousand and five",
        "dua belas Mac dua ribu lima",
        "二零零五年三月十二日",
        "இரண்டாயிரத்து ஐந்தாம் ஆண்டு மார்ச் பன்னிரண்டாம் தேதி",
    ),
    date(2100, 7, 11): (
        "the eleventh of July, twenty-one hundred",
        "sebelas Julai dua ribu seratus",
        "二一零零年七月十一日",
        "இரண்டாயிரத்து நூறாம் ஆண்டு ஜூலை பதினொன்றாம் தேதி",
    ),
    date(1905, 6, 20): (
        "the twentieth of June, nineteen oh five",
        "dua puluh Jun seribu sembilan ratus lima",
        "一九零五年六月二十日",
        "ஆயிரத்து தொள்ளாயிரத்து ஐந்தாம் ஆண்டு ஜூன் இருபதாம் தேதி",
    ),
}


@pytest.mark.parametrize("ringgit", MONEY)
def test_money_is_said_in_ringgit_and_sen(ringgit: str) -> None:
    micros = int(ringgit.replace(".", "")) * SEN
    assert tuple(said(tag, "{x_micros}", x_micros=micros) for tag in LANGUAGES) == (MONEY[ringgit])


@pytest.mark.parametrize("n", NUMBERS)
def test_numbers_are_said_before_what_is_counted(n: int) -> None:
    assert tuple(number(tag, n) for tag in LANGUAGES) == NUMBERS[n]


@pytest.mark.parametrize("day", DATES, ids=str)
def test_dates_are_said_in_each_languages_order(day: date) -> None:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZONE)
    assert tuple(said(tag, "{x_at}", x_at=noon) for tag in LANGUAGES) == DATES[day]


def test_an_end_is_said_as_the_last_local_day_before_it() -> None:
    midnight = "2027-03-01T16:00:00+00:00"  # where it is already the second of March
    assert said("en", "{x_until}", x_until=midnight) == "the first of March, twenty twenty-seven"
    assert said("en", "{x_at}", x_at=midnight) == "the second of March, twenty twenty-seven"
    late = datetime(2027, 3, 1, 16, 0, 0, 1, tzinfo=UTC)
    assert said("en", "{x_until}", x_until=late) == "the second of March, twenty twenty-seven"


def test_parts_of_a_sen_are_left_out() -> None:
    assert said("en", "{x_micros}", x_micros=1_009_999) == "one ringgit"
    assert said("en", "{x_micros}", x_micros=9_999) == "zero ringgit"


@pytest.mark.parametrize(
    ("digits", "expected"),
    [
        ("7902", "seven nine zero two"),
        ("0123456789", "zero one two, three four five, six seven eight nine"),
        ("01112345678", "zero one one, one two three four, five six seven eight"),
        ("60123456789", "six zero one, two three four five, six seven eight nine"),
        ("012-345 6789", "zero one two, three four five, six seven eight nine"),
        ("1234567812345678", ", ".join(["one two three four", "five six seven eight"] * 2)),
        ("12345", "one two, three four five"),
        ("0", "zero"),
    ],
)
def test_digits_are_said_in_groups(digits: str, expected: str) -> None:
    assert said("en", "{x_digits}", x_digits=digits) == expected


def test_a_row_of_digits_has_its_own_words() -> None:
    assert said("ms", "{x_digits}", x_digits="208") == "dua kosong lapan"
    assert said("zh-Hans", "{x_digits}", x_digits="20212") == "二零，二一二"
    assert said("ta", "{x_digits}", x_digits="101") == "ஒன்று பூஜ்ஜியம் ஒன்று"


@pytest.mark.parametrize(
    "params",
    [
        {"x_micros": -1},
        {"x_micros": 1_000_000_000_000},
        {"x_micros": "1.00"},
        {"x_micros": True},
        {"x_count": 1_000_000},
        {"x_digits": "12a"},
        {"x_digits": ""},
        {"x_digits": "١٢"},
        {"x_until": "tomorrow"},
        {"x_name": "Aisyah"},
    ],
)
def test_what_cannot_be_said_is_refused(params: dict[str, object]) -> None:
    template = "".join(f"{{{name}}}" for name in params)
    with pytest.raises(ValueError, match=r"x_|isoformat"):
        said("en", template, **params)


def test_a_missing_value_or_text_is_refused() -> None:
    with pytest.raises(KeyError):
        said("en", "{x_count}")
    with pytest.raises(KeyError):
        speak(texts("en"), "no_such_text", {}, zone=ZONE)


# Against others


@given(COUNTS)
@settings(max_examples=500)
def test_english_agrees_with_inflect(n: int) -> None:
    assert number("en", n) == ENGLISH.number_to_words(n, comma="")


@pytest.mark.parametrize("day", range(1, 32))
def test_english_days_agree_with_inflect(day: int) -> None:
    ordinal = ENGLISH.ordinal(ENGLISH.number_to_words(day))
    assert TONGUES["en"].said[f"day.{day}"] == f"the {ordinal} of"


@given(COUNTS)
@settings(max_examples=500)
def test_malay_agrees_with_icu(n: int) -> None:
    assert number("ms", n) == icu_rbnf.spellout(n, "ms").replace("kosong", "sifar")


@given(COUNTS)
@settings(max_examples=500)
def test_chinese_agrees_with_icu_but_for_the_counted_two(n: int) -> None:
    written = icu_rbnf.spellout(n, "zh").replace("〇", "零")
    assert number("zh-Hans", n) == re.sub(r"^二$|(?<!十)二(?=[百千万])", "两", written)


def tamil_value(names: Sequence[str]) -> int:
    """Add up what clips of a Tamil number say."""
    total = part = 0
    for name in names:
        kind, *rest = name.removesuffix(".more").split(".")
        n = int(rest[0]) if rest else 0
        match kind:
            case "num":
                part = n
            case "thousand" if not rest:
                total, part = total + part * 1000, 0
            case _:
                total += n * {"lakh": 100_000, "thousand": 1000, "hundred": 100}[kind]
    return total + part


@given(COUNTS)
@settings(max_examples=500)
def test_tamil_numbers_add_up_and_only_their_last_part_is_plain(n: int) -> None:
    names = TONGUES["ta"].count(n)
    assert tamil_value(names) == n
    compound = [name for name in names if not name.startswith("num.")]
    closed = names[-1].startswith("num.")
    assert [name.endswith(".more") for name in compound] == (
        [True] * len(compound) if closed else [*([True] * (len(compound) - 1)), False]
    )


def test_tamil_small_numbers_come_from_their_tens_and_units() -> None:
    """ICU leaves the words apart: joined, the tens' beginning and the units' end are kept."""
    spoken = TONGUES["ta"].said
    for n in range(22, 100):
        tens, units = n // 10 * 10, n % 10
        if units > 1:
            start = icu_rbnf.spellout(tens, "ta")[:4]
            end = icu_rbnf.spellout(units, "ta")[1:]
            assert spoken[f"num.{n}"].startswith(start), n
            assert spoken[f"num.{n}"].endswith(end), n


# The list of what to record


INSTANTS = st.datetimes(datetime(2001, 1, 1), datetime(2199, 12, 1), timezones=st.just(UTC))  # noqa: DTZ001
VALUES = {
    "micros": st.integers(0, 999_999_999_999),
    "until": INSTANTS,
    "at": INSTANTS.map(datetime.isoformat),
    "digits": st.text("0123456789", min_size=1, max_size=16),
    "count": COUNTS,
}


def fields(template: str) -> set[str]:
    return {field for _, field, _, _ in Formatter().parse(template) if field}


@pytest.mark.parametrize("tag", LANGUAGES)
@given(data=st.data())
@settings(max_examples=30)  # each says every text
def test_whatever_is_said_is_on_the_list(tag: str, data: st.DataObject) -> None:
    here = texts(tag)
    known = set(every_clip(tag))
    for key in here.keys("voice."):
        names = {name for wording in here.wordings(key) for name in fields(wording)}
        params = {name: data.draw(VALUES[name.rpartition("_")[2]]) for name in sorted(names)}
        clips = speak(here, key.removeprefix("voice."), params, zone=ZONE)
        assert set(clips) - known == set()


@pytest.mark.parametrize("tag", LANGUAGES)
def test_every_number_and_every_day_is_on_the_list(tag: str) -> None:
    tongue = TONGUES[tag]
    asked = {name for n in range(0, 1_000_000, 37) for name in tongue.count(n)}
    asked |= {name for n in range(12_000) for name in tongue.count(n)}
    asked |= {name for n in range(0, 1_000_000, 1000) for name in tongue.count(n)}
    days = (date(1901, 1, 1) + timedelta(days=n) for n in range(0, 500 * 365, 3))
    asked |= {name for day in days for name in tongue.date(day)}
    asked |= {f"digit.{digit}" for digit in range(10)} | {"ringgit", "sen"}
    assert asked - tongue.said.keys() == set()
    # Years of long ago are the only ones for which some Tamil clips are.
    spare = {name for name in tongue.said.keys() - asked if not name.endswith(".ord")}
    assert spare == set()


@pytest.mark.parametrize("tag", LANGUAGES)
def test_clips_are_named_once_and_as_files_can_be(tag: str) -> None:
    clips = every_clip(tag)
    names = [clip.name for clip in clips]
    assert sorted(set(names)) == sorted(names)
    assert [name for name in names if not re.fullmatch(r"[a-z0-9_.-]+", name)] == []
    assert [clip for clip in clips if clip.text != clip.text.strip() or not clip.text] == []


@pytest.mark.parametrize("tag", LANGUAGES)
def test_every_fragment_says_in_which_text_it_is(tag: str) -> None:
    shared = {Clip(name, text) for name, text in TONGUES[tag].said.items()}
    own = {clip.name for clip in every_clip(tag) if not clip.is_silent and clip not in shared}
    assert own == set(contexts(tag))


@pytest.mark.parametrize("tag", LANGUAGES)
def test_catalogs_say_only_what_is_known_how_to_say(tag: str) -> None:
    here = texts(tag)
    for key in here.keys("voice."):
        wordings = here.wordings(key)
        for wording in wordings:
            assert {name.rpartition("_")[2] for name in fields(wording)} <= VALUES.keys(), key
        counted = [name for name in fields(wordings[-1]) if name.endswith("_count")]
        assert len(wordings) == 1 or len(counted) == 1, key


# How texts are cut


def test_a_text_is_cut_at_its_placeholders() -> None:
    clips = speak(
        texts("en"),
        "credited_stands",
        {"balance_micros": 10_500_000, "active_until": "2027-01-21T16:00:00+00:00"},
        zone=ZONE,
    )
    assert clips == (
        Clip("credited_stands.1", "Your balance is"),
        Clip("num.10", "ten"),
        Clip("ringgit", "ringgit"),
        Clip("num.50", "fifty"),
        Clip("sen", "sen"),
        Clip("stop", "."),
        Clip("credited_stands.2", "Your line is active until"),
        Clip("day.21", "the twenty-first of"),
        Clip("month.1", "January,"),
        Clip("num.20", "twenty"),
        Clip("num.27", "twenty-seven"),
        Clip("stop", "."),
        Clip("credited_stands.3", "An SMS confirms this."),
    )
    assert words(clips) == (
        "Your balance is ten ringgit fifty sen. Your line is active until the twenty-first of"
        " January, twenty twenty-seven. An SMS confirms this."
    )


def test_a_text_without_placeholders_is_one_clip() -> None:
    assert speak(texts("ms"), "menu_topup", {}, zone=ZONE) == (
        Clip("menu_topup", "Untuk tambah nilai, tekan 1."),
    )


@pytest.mark.parametrize(
    ("tag", "one", "two"),
    [
        ("en", "Try again in one minute.", "Try again in two minutes."),
        ("ms", "Cuba lagi selepas satu minit.", "Cuba lagi selepas dua minit."),
        ("zh-Hans", "请在一分钟后再试。", "请在两分钟后再试。"),
        (
            "ta",
            "ஒரு நிமிடத்திற்குப் பிறகு மீண்டும் முயலவும்.",
            "இரண்டு நிமிடங்களுக்குப் பிறகு மீண்டும் முயலவும்.",
        ),
    ],
)
def test_a_counted_text_takes_the_form_of_its_number(tag: str, one: str, two: str) -> None:
    for minutes, expected in ((1, one), (2, two)):
        clips = speak(texts(tag), "too_many_wrong_codes", {"minutes_count": minutes}, zone=ZONE)
        assert words(clips).endswith(expected)


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        (
            "ms",
            "Baki anda ialah seribu lima ringgit. Talian anda aktif hingga dua puluh sembilan"
            " Februari dua ribu dua puluh lapan. SMS akan mengesahkannya.",
        ),
        (
            "zh-Hans",
            "您的余额是一千零五令吉。电话线的有效期至二零二八年二月二十九日。确认短讯会发送给您。",
        ),
        (
            "ta",
            "உங்கள் மீதத் தொகை ஆயிரத்து ஐந்து ரிங்கிட். உங்கள் இணைப்பு இரண்டாயிரத்து"
            " இருபத்தெட்டாம் ஆண்டு பிப்ரவரி இருபத்தொன்பதாம் தேதி வரை செயல்படும்."
            " குறுஞ்செய்தி இதை உறுதிப்படுத்தும்.",
        ),
    ],
)
def test_whole_sentences_are_read_as_written(tag: str, expected: str) -> None:
    params = {"balance_micros": 1_005_000_000, "active_until": "2028-02-29T16:00:00+00:00"}
    assert words(speak(texts(tag), "credited_stands", params, zone=ZONE)) == expected
