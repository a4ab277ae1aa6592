"""A hundred thousand calls over random tariffs: the domain and the oracle agree on each."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tambah.domain.opening_hours import DAYS
from tambah.domain.rating import Rate, Rounding, Service, cost
from tambah.domain.refusals import RateUnknown
from tambah.domain.tariff import Sheet, TariffBook, TariffRow, Usage, build_sheet

from .tariff_oracle import Call, Hours, Line, Paper, read_bill

TARIFFS = 50
CALLS = 500
SEEDS = (1, 2, 3, 4)  # 4 * 50 * 500 calls
YEAR = datetime(2026, 1, 1, tzinfo=UTC)
SERVICES = ("voice", "sms", "mms", "data")
ORIGINS = ("home", "home", "zone-1")
ZONES = [ZoneInfo(name) for name in ("Asia/Kuala_Lumpur", "Europe/Berlin", "Australia/Lord_Howe")]
CLASSES = ("", "social", "video")


def draw_hours(chance: random.Random) -> list[Hours | None]:
    """Draw what one destination has: all times, and perhaps two bands that do not overlap."""
    bands = chance.choice([0, 0, 1, 2])
    if bands == 0:
        return [None]
    cuts = sorted(chance.sample(range(0, 1440, 30), 2))
    days = set(chance.sample(range(7), chance.randint(1, 7)))
    day = Hours(days, cuts[0], cuts[1])
    # The night after the same hours: it may run past midnight, and never meets the day.
    night = Hours(set(range(7)), cuts[1], cuts[0])
    return [None, day, night][: bands + 1]


def draw_lines(chance: random.Random) -> list[Line]:
    """Draw the lines of a sheet: few digits, so that prefixes lie in one another."""
    lines: list[Line] = []
    seen: set[tuple[object, ...]] = set()
    for _ in range(chance.randint(8, 30)):
        service = chance.choice(("voice", "voice", "voice", *SERVICES))
        whole = chance.random() < 0.15
        if service == "data":
            prefix = chance.choice(CLASSES)
            whole = prefix != ""
        else:
            prefix = "".join(chance.choices("12", k=chance.randint(1 if whole else 0, 5)))
        own = service != "data" and chance.random() < 0.3
        key = (service, origin := chance.choice(ORIGINS), prefix, whole, own)
        if key in seen:
            continue
        seen.add(key)
        label = f"class-{len(seen)}"
        lines += [
            Line(
                service=service,
                origin=origin,
                prefix=prefix,
                is_whole=whole,
                own_network=own,
                hours=hours,
                label=label,
                connection=chance.choice((0, 0, 50_000, 333)),
                price=chance.choice((0, 80_000, 200_000, chance.randint(1, 999_999))),
                per=chance.choice((1, 6, 60, 1024)),
                first=chance.choice((1, 6, 30, 60)),
                following=chance.choice((6, 30, 60)),
                rounding=chance.choice(("up", "nearest", "down")),
                multiple=chance.choice((1, 10_000, 50_000)),
            )
            for hours in draw_hours(chance)
        ]
    chance.shuffle(lines)
    return lines


def draw_call(chance: random.Random) -> Call:
    """Draw a call in some weeks of spring and autumn, when clocks are changed as well."""
    service = chance.choice(("voice", "voice", "voice", *SERVICES))
    month = chance.choice((60, 270))
    seconds = chance.randint(0, 45 * 86_400)
    to = "".join(chance.choices("12", k=chance.randint(1, 7)))
    return Call(
        service=service,
        origin=chance.choice(ORIGINS),
        to=chance.choice(CLASSES) if service == "data" else to,
        own_network=service != "data" and chance.random() < 0.4,
        units=chance.randint(0, 600),
        at=YEAR + timedelta(days=month, seconds=seconds),
    )


def hours_text(hours: Hours | None) -> str:
    """Write hours as a sheet has them."""
    if hours is None:
        return ""
    days = ",".join(DAYS[day] for day in sorted(hours.days))
    start, end = (f"{m // 60:02d}:{m % 60:02d}" for m in (hours.start, hours.end))
    return f"{days} {start}-{end}"


def build(paper: Paper) -> Sheet:
    """Return the domain's sheet of what is printed."""
    return build_sheet(
        paper.number,
        paper.since,
        [
            TariffRow(
                service=Service[line.service.upper()],
                origin=line.origin,
                pattern=("=" if line.is_whole else "") + line.prefix,
                on_net=line.own_network,
                hours=hours_text(line.hours),
                destination_class=line.label,
                name="",
                rate=Rate(
                    connection_micros=line.connection,
                    price_micros=line.price,
                    per_units=line.per,
                    first_units=line.first,
                    next_units=line.following,
                    rounding=Rounding[line.rounding.upper()],
                    round_to_micros=line.multiple,
                ),
            )
            for line in paper.lines
        ],
    )


def answer(book: TariffBook, call: Call, zone: ZoneInfo) -> tuple[int, str, int] | None:
    """Return what the domain says a call costs, in the oracle's words."""
    service = Service[call.service.upper()]
    is_data = service is Service.DATA
    usage = Usage(
        service=service,
        origin=call.origin,
        to="" if is_data else call.to,
        on_net=call.own_network,
        application=call.to if is_data else "",
    )
    try:
        quote = book.quote("standard", usage, call.at, zone)
    except RateUnknown:
        return None
    return quote.sheet_id, quote.destination_class, cost(quote.rate, call.units)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_domain_agrees_with_the_oracle(seed: int) -> None:
    chance = random.Random(seed)
    found = 0
    for _ in range(TARIFFS):
        zone = chance.choice(ZONES)
        days = [
            chance.randint(20, 80),
            *sorted(chance.choices(range(80, 300), k=chance.randint(0, 2))),
        ]
        papers = [
            Paper(number, YEAR + timedelta(days=day), draw_lines(chance))
            for number, day in enumerate(days, start=1)
        ]
        book = TariffBook(sheets={"standard": tuple(build(paper) for paper in papers)})
        for _ in range(CALLS):
            call = draw_call(chance)
            expected = read_bill(papers, call, zone)
            assert answer(book, call, zone) == expected, call
            found += expected is not None
    # Most calls find a price, else nothing was tried.
    assert found > TARIFFS * CALLS / 2
