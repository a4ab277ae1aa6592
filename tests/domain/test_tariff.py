"""Tariffs: the longest prefix, bands of the week, on-net and roaming, and when a price ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambah.domain.opening_hours import HoursMalformed
from tambah.domain.rating import Rate, Service
from tambah.domain.records import replace
from tambah.domain.refusals import RateUnknown
from tambah.domain.tariff import (
    NO_TARIFFS,
    RECEIVED,
    Sheet,
    TariffBook,
    TariffRow,
    Usage,
    build_sheet,
    read_band,
)

KL = ZoneInfo("Asia/Kuala_Lumpur")
BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 1, 1, tzinfo=UTC)
NOON = datetime(2026, 6, 3, 4, tzinfo=UTC)  # a Wednesday, noon in Kuala Lumpur
VOICE = Service.VOICE


def price(sen: int) -> Rate:
    """Return a price a minute, by the second."""
    return Rate(price_micros=sen * 10_000, per_units=60)


def row(pattern: str, sen: int, **fields: object) -> TariffRow:
    """Return a row of voice at home, unless `fields` say otherwise."""
    plain = TariffRow(
        service=VOICE,
        origin="home",
        pattern=pattern,
        on_net=False,
        hours="",
        destination_class="idd-1",
        name="",
        rate=price(sen),
    )
    return replace(plain, **fields)


def book(*rows: TariffRow) -> TariffBook:
    """Return a book of one tariff with one sheet."""
    return TariffBook(sheets={"standard": (build_sheet(1, START, rows),)})


def sen(of: TariffBook, usage: Usage, at: datetime = NOON, zone: ZoneInfo = KL) -> int:
    """Return what a unit of the usage costs, in sen."""
    return of.quote("standard", usage, at, zone).rate.price_micros // 10_000


def call(to: str, **fields: object) -> Usage:
    """Return a call from home."""
    return replace(Usage(service=VOICE, to=to), **fields)


WORLD = book(
    row("60", 20, destination_class="domestic"),
    row("60", 5, destination_class="on-net", on_net=True),
    row("601300", 0, destination_class="free"),
    row("=999", 0, destination_class="emergency"),
    row("86", 30, name="China"),
    row("86755", 12, name="China, Shenzhen"),
    row("8675512", 90),
    row("1", 25),
    row("60", 150, origin="zone-1"),
    row("=" + RECEIVED, 80, origin="zone-1", destination_class="received"),
    row("", 400, origin="zone-2"),
    row("", 15, service=Service.SMS),
    row("", 10, service=Service.DATA, destination_class="data"),
    row("=social", 1, service=Service.DATA, destination_class="social"),
)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (call("8675512345678"), 90),
        (call("8675598765432"), 12),
        (call("8613800138000"), 30),
        (call("86"), 30),
        (call("60123456789"), 20),
        (call("60123456789", on_net=True), 5),
        (call("8613800138000", on_net=True), 30),  # nothing of our own network is there
        (call("601300800000"), 0),
        (call("999"), 0),
        (call("60123456789", origin="zone-1"), 150),
        (call("60123456789", origin="zone-1", on_net=True), 150),
        (call(RECEIVED, origin="zone-1"), 80),
        (call("4930123456", origin="zone-2"), 400),
        (Usage(service=Service.SMS, to="4915112345678"), 15),
        (Usage(service=Service.DATA), 10),
        (Usage(service=Service.DATA, application="social"), 1),
        (Usage(service=Service.DATA, application="video"), 10),
    ],
)
def test_the_longest_prefix_counts(usage: Usage, expected: int) -> None:
    assert sen(WORLD, usage) == expected


@pytest.mark.parametrize(
    "usage",
    [
        call("4930123456"),
        call("9991"),  # whole numbers are no prefixes
        call("8"),
        call(""),
        call(RECEIVED),
        call("8675512345678", origin="zone-1"),
        call("60123456789", origin="zone-9"),
        call("60123456789", origin="zone-9", on_net=True),
        Usage(service=Service.MMS, to="60123456789"),
    ],
)
def test_what_no_row_is_for_has_no_rate(usage: Usage) -> None:
    with pytest.raises(RateUnknown):
        sen(WORLD, usage)


def test_a_quote_says_what_it_is_of() -> None:
    quote = WORLD.quote("standard", call("8675598765432"), NOON, KL)

    assert (quote.name, quote.destination_class, quote.sheet_id) == ("China, Shenzhen", "idd-1", 1)
    assert quote.until is None


PEAK = "Mo-Fr 08:00-18:00"
NIGHT = "22:00-06:00"
BANDED = book(
    row("60", 10), row("60", 20, hours=PEAK), row("60", 5, hours=NIGHT), row("1", 7, hours="")
)


@pytest.mark.parametrize(
    ("local", "expected", "until"),
    [
        ("2026-06-03 07:59:59", 10, "2026-06-03 08:00"),
        ("2026-06-03 08:00:00", 20, "2026-06-03 18:00"),
        ("2026-06-03 18:00:00", 10, "2026-06-03 22:00"),
        ("2026-06-03 22:00:00", 5, "2026-06-04 06:00"),
        ("2026-06-04 05:59:59", 5, "2026-06-04 06:00"),
        ("2026-06-06 12:00:00", 10, "2026-06-06 22:00"),  # a Saturday
        ("2026-06-08 02:00:00", 5, "2026-06-08 06:00"),  # begun on Sunday
    ],
)
def test_bands_of_the_week(local: str, expected: int, until: str) -> None:
    at = datetime.fromisoformat(local).replace(tzinfo=KL).astimezone(UTC)
    quote = BANDED.quote("standard", call("60123456789"), at, KL)

    assert quote.rate == price(expected)
    assert quote.until == datetime.fromisoformat(until).replace(tzinfo=KL)


def test_a_destination_without_bands_has_no_end() -> None:
    assert BANDED.quote("standard", call("1202"), NOON, KL).until is None


def test_a_band_of_the_same_price_is_no_change() -> None:
    same = book(row("60", 10), row("60", 10, hours=PEAK))

    assert same.quote("standard", call("60"), NOON, KL).until is None


@pytest.mark.parametrize(
    ("hours", "at", "expected", "until"),
    [
        # On 29 March 2026 the clock goes from 02:00 to 03:00 in Berlin (01:00 UTC).
        ("01:30-02:30", "2026-03-29T00:30", 1, "2026-03-29T01:00"),
        ("02:00-03:00", "2026-03-29T00:59", 9, "2026-03-30T00:00"),
        ("02:30-04:00", "2026-03-29T00:59:30", 9, "2026-03-29T01:00"),
        ("02:30-04:00", "2026-03-29T01:00", 1, "2026-03-29T02:00"),
        # On 25 October 2026 it goes from 03:00 back to 02:00 (01:00 UTC): 02:30 comes twice.
        ("02:30-04:00", "2026-10-25T00:30", 1, "2026-10-25T01:00"),
        ("02:30-04:00", "2026-10-25T01:00", 9, "2026-10-25T01:30"),
        ("02:30-04:00", "2026-10-25T01:30", 1, "2026-10-25T03:00"),
        ("Su 02:00-03:00", "2026-10-25T00:00:00.5", 1, "2026-10-25T02:00"),
    ],
)
def test_bands_follow_the_clock_that_is_changed(
    hours: str, at: str, expected: int, until: str
) -> None:
    tariff = book(row("49", 9), row("49", 1, hours=hours))
    instant = datetime.fromisoformat(at).replace(tzinfo=UTC)
    quote = tariff.quote("standard", call("4930"), instant, BERLIN)

    assert quote.rate == price(expected)
    assert quote.until == datetime.fromisoformat(until).replace(tzinfo=UTC)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001 - made aware below
    st.sampled_from([PEAK, NIGHT, "Sa,Su 00:00-24:00", "Su 01:30-02:30", "24/7"]),
    st.sampled_from(
        ["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"]
    ),
    st.integers(1, 1000),
)
def test_a_rate_holds_until_its_quote_says_and_no_longer(
    moment: datetime, hours: str, name: str, part: int
) -> None:
    zone, at = ZoneInfo(name), moment.replace(tzinfo=UTC)
    tariff = book(row("49", 9), row("49", 1, hours=hours))
    quote = tariff.quote("standard", call("49"), at, zone)
    end = quote.until or at + timedelta(days=7)

    between = at + (end - at) * part / 1001
    assert tariff.quote("standard", call("49"), between, zone).rate == quote.rate
    before = max(at, end - timedelta(microseconds=1))
    assert tariff.quote("standard", call("49"), before, zone).rate == quote.rate
    if quote.until is not None:
        assert quote.until > at
        assert tariff.quote("standard", call("49"), quote.until, zone).rate != quote.rate


def sheets(*days: int) -> tuple[Sheet, ...]:
    """Return sheets from these days of June on, each one's price its number in sen."""
    return tuple(
        build_sheet(number, datetime(2026, 6, day, tzinfo=UTC), [row("60", number)])
        for number, day in enumerate(days, start=1)
    )


def test_the_sheet_in_force_counts_until_the_next() -> None:
    tariffs = TariffBook(sheets={"standard": sheets(1, 5)})
    second = datetime(2026, 6, 5, tzinfo=UTC)

    early = tariffs.quote("standard", call("60"), NOON, KL)
    late = tariffs.quote("standard", call("60"), second, KL)

    assert (early.sheet_id, early.until) == (1, second)
    assert tariffs.next_sheet("standard", NOON) is tariffs.sheet("standard", second)
    assert tariffs.next_sheet("standard", second) is None
    assert (late.sheet_id, late.until) == (2, None)


def test_of_two_sheets_from_one_instant_the_later_counts() -> None:
    assert sen(TariffBook(sheets={"standard": sheets(1, 1)}), call("60")) == 2


def test_a_band_ends_with_its_sheet() -> None:
    banded = build_sheet(1, START, [row("60", 9), row("60", 1, hours=PEAK)])
    tariffs = TariffBook(
        sheets={"standard": (banded, build_sheet(2, NOON + timedelta(hours=1), [row("60", 3)]))}
    )

    assert tariffs.quote("standard", call("60"), NOON, KL).until == NOON + timedelta(hours=1)


def test_before_its_first_sheet_a_tariff_has_no_rates() -> None:
    with pytest.raises(RateUnknown):
        WORLD.quote("standard", call("60"), START - timedelta(seconds=1), KL)
    assert WORLD.sheet("standard", START) is not None
    with pytest.raises(RateUnknown):
        NO_TARIFFS.quote("standard", call("60"), NOON, KL)


def test_a_plan_names_its_tariff() -> None:
    tariffs = TariffBook(plans={"tourist": "visitors"})

    assert tariffs.tariff_of("tourist") == "visitors"
    assert tariffs.tariff_of("anything") == "standard"


def test_a_sheet_shows_its_tables() -> None:
    sheet = WORLD.sheet("standard", NOON)

    assert sheet is not None
    assert sheet.origins == ["home", "zone-1", "zone-2"]
    found = [pattern for pattern, _ in sheet.table(VOICE).under("86")]
    assert found == ["86", "86755", "8675512"]
    assert [entry.name for _, entry in sheet.table(VOICE).under("99")] == []
    assert sheet.table(Service.MMS).find("60") is None


def test_equal_entries_are_kept_once() -> None:
    sheet = build_sheet(1, START, [row("601", 20), row("602", 20), row("603", 21)])
    first, second, third = (entry for _, entry in sheet.table(VOICE).under("60"))

    assert first is second
    assert third is not first


def test_what_is_no_sheet_is_not_made() -> None:
    with pytest.raises(ValueError, match="stands twice"):
        build_sheet(1, START, [row("60", 20), row("60", 20)])
    with pytest.raises(ValueError, match="at all times"):
        build_sheet(1, START, [row("60", 20), row("61", 20, hours=PEAK)])


def test_bands_that_share_a_minute_overlap() -> None:
    assert read_band(PEAK).overlaps(read_band("Fr 17:59-20:00"))
    assert not read_band(PEAK).overlaps(read_band(NIGHT))
    with pytest.raises(HoursMalformed):
        read_band("always")
