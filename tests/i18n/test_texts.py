import datetime as dt
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from tambah.i18n import LANGUAGES, texts

KUALA_LUMPUR = ZoneInfo("Asia/Kuala_Lumpur")
EVENING = datetime(2027, 3, 1, 14, 30, tzinfo=UTC)


def test_languages_are_listed_by_their_own_names_in_menu_order():
    assert list(LANGUAGES.items()) == [
        ("en", "English"),
        ("ms", "Bahasa Melayu"),
        ("zh-Hans", "简体中文"),
        ("ta", "தமிழ்"),
    ]


def test_texts_of_an_unknown_language_raise_key_error():
    with pytest.raises(KeyError):
        texts("fr")


def test_get_raises_key_error_for_a_missing_key_and_for_a_missing_param():
    with pytest.raises(KeyError):
        texts("en").get("no.such.key")
    with pytest.raises(KeyError):
        texts("en").get("when", date="1 Mar 2027")


@pytest.mark.parametrize("tag", LANGUAGES)
@pytest.mark.parametrize(
    ("amount_micros", "written"),
    [
        (0, "RM0.00"),
        (10_500_000, "RM10.50"),
        (1_234_500_000, "RM1,234.50"),
        (1_000_000_000_000, "RM1,000,000.00"),
        (2_500, "RM0.0025"),
        (-10_500_000, "-RM10.50"),
    ],
)
def test_money_is_written_the_same_in_every_language(tag: str, amount_micros: int, written: str):
    assert texts(tag).money(amount_micros) == written


@pytest.mark.parametrize(
    ("tag", "date", "when", "at_ten"),
    [
        ("en", "1 Mar 2027", "1 Mar 2027, 10:30 pm", "1 Mar 2027, 10:00 pm"),
        ("ms", "1 Mac 2027", "1 Mac 2027, 10:30 malam", "1 Mac 2027, 10:00 malam"),
        ("zh-Hans", "2027年3月1日", "2027年3月1日晚上10时30分", "2027年3月1日晚上10时"),
        ("ta", "1 மார்ச் 2027", "1 மார்ச் 2027, இரவு 10:30", "1 மார்ச் 2027, இரவு 10:00"),
    ],
)
def test_dates_and_times_are_written_as_the_glossary_has_them(
    tag: str, date: str, when: str, at_ten: str
):
    said = texts(tag)
    written = (
        said.date(dt.date(2027, 3, 1)),
        said.when(EVENING, KUALA_LUMPUR),
        said.when(EVENING.replace(minute=0), KUALA_LUMPUR),
    )
    assert written == (date, when, at_ten)


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("en", ["12:05 am", "3:05 am", "11:05 am", "12:05 pm", "3:05 pm", "11:05 pm"]),
        (
            "ms",
            [
                "12:05 tengah malam",
                "3:05 pagi",
                "11:05 pagi",
                "12:05 tengah hari",
                "3:05 petang",
                "11:05 malam",
            ],
        ),
        (
            "zh-Hans",
            [
                "凌晨12时05分",
                "凌晨3时05分",
                "早上11时05分",
                "中午12时05分",
                "下午3时05分",
                "晚上11时05分",
            ],
        ),
        (
            "ta",
            [
                "நள்ளிரவு 12:05",
                "அதிகாலை 3:05",
                "காலை 11:05",
                "நண்பகல் 12:05",
                "பிற்பகல் 3:05",
                "இரவு 11:05",
            ],
        ),
    ],
)
def test_each_part_of_the_day_has_its_word(tag: str, words: list[str]):
    said = texts(tag)
    instants = [datetime(2027, 3, 1, hour, 5, tzinfo=UTC) for hour in (0, 3, 11, 12, 15, 23)]
    today = said.date(dt.date(2027, 3, 1))
    times = [
        said.when(instant, UTC).removeprefix(today).removeprefix(", ") for instant in instants
    ]
    assert times == words


@pytest.mark.parametrize(
    ("tag", "written"),
    [
        ("en", ["0 minutes", "1 minute", "15 minutes", "1 hour 30 minutes", "1 day", "2 days"]),
        ("ms", ["0 minit", "1 minit", "15 minit", "1 jam 30 minit", "1 hari", "2 hari"]),
        ("zh-Hans", ["0分钟", "1分钟", "15分钟", "1小时30分钟", "1天", "2天"]),
        (
            "ta",
            [
                "0 நிமிடங்கள்",
                "1 நிமிடம்",
                "15 நிமிடங்கள்",
                "1 மணி நேரம் 30 நிமிடங்கள்",
                "1 நாள்",
                "2 நாட்கள்",
            ],
        ),
    ],
)
def test_durations_leave_out_zeros_and_follow_the_plural(tag: str, written: list[str]):
    assert [texts(tag).duration(minutes) for minutes in (0, 1, 15, 90, 1440, 2880)] == written
