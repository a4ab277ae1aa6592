"""Rates in the reader's words: when they hold, how they are charged, what a call comes to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time

from tambah.desks.rates import Counter, Others, Price, Priced, RateCard, Where
from tambah.domain.money import divide_half_up
from tambah.domain.opening_hours import MINUTES_PER_DAY, Span, parse_hours
from tambah.domain.rating import Rate, Service, cost
from tambah.domain.tariff import EXACT, HOME
from tambah.i18n import Texts
from tambah.i18n.countries import country_names

MINUTES = (1, 5, 10)
"""Calls whose whole price is shown."""

_MINUTE = 60
_MEGABYTE = 1 << 20
_BYTES = (("gb", 1 << 30), ("mb", _MEGABYTE), ("kb", 1 << 10))


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldPrice:
    """A row of a table of prices. when: empty where one price holds at all times.

    price: for a minute, a message or a megabyte; calls: what MINUTES come to; notes: how it is
    charged.
    """

    when: str
    is_now: bool
    price: str
    calls: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A service's prices under a heading."""

    heading: str
    rows: tuple[ToldPrice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldOthers:
    """Numbers of a country that cost otherwise: how they begin, and the price of a minute."""

    name: str
    beginnings: str
    price: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldCard:
    """What everything costs to somewhere. where: its name."""

    where: str
    calls: tuple[Told, ...]
    messages: tuple[Told, ...]
    others: tuple[ToldOthers, ...]


def tell_card(spoken: Texts, card: RateCard, brand: str) -> ToldCard:
    """Put a card into words."""
    return ToldCard(
        where=tell_where(spoken, card.where),
        calls=_both(spoken, "calls", card.voice, card.on_net, brand),
        messages=(
            *_both(spoken, "sms", card.sms, card.sms_on_net, brand),
            *_both(spoken, "mms", card.mms, None, brand),
        ),
        others=tuple(_others(spoken, one) for one in card.others),
    )


def tell_where(spoken: Texts, where: Where) -> str:
    """Write where somebody calls to: `China (+86)`, `+86 755…, China`, `999`."""
    if not where.regions:
        return where.digits
    names = country_names(where.regions, spoken.tag)
    if where.is_number:
        return spoken.get("rates.where.number", number=f"+{where.digits}", country=names)
    return spoken.get("rates.where.country", code=f"+{where.digits}", country=names)


def tell_received(spoken: Texts, price: Price) -> Told:
    """Put what a received call costs into words."""
    return _told(spoken, spoken.get("rates.received"), price)


def tell_data(spoken: Texts, counter: Counter, origin: str) -> list[Told]:
    """Put what data costs into words, a class of application each."""
    return [
        _told(spoken, word.capitalize() if word else spoken.get("rates.data.any"), price)
        for word, price in counter.data(origin)
    ]


def tell_hours(spoken: Texts, hours: str) -> str:
    """Write hours of the week: `Monday to Friday 8:00 am to 6:00 pm`."""
    runs = [run for run in parse_hours(hours).runs() if run[2]]
    parts: list[str] = []
    for first, last, spans in runs:
        told = ", ".join(_span(spoken, span) for span in spans)
        is_week = (first, last) == (0, 6)
        parts.append(told if is_week else f"{_days(spoken, first, last)} {told}")
    return "; ".join(parts)


def _both(
    spoken: Texts, word: str, off: Price | None, on: Price | None, brand: str
) -> tuple[Told, ...]:
    """Tell a service's price; on our own network first, where that differs."""
    if off is None:
        return ()
    plain = spoken.get(f"rates.{word}")
    if on is None:
        return (_told(spoken, plain, off),)
    to_own = spoken.get("rates.on_net", service=plain, brand=brand)
    to_others = spoken.get("rates.off_net", service=plain)
    return (_told(spoken, to_own, on), _told(spoken, to_others, off))


def _told(spoken: Texts, heading: str, price: Price) -> Told:
    has_bands = len(price.prices) > 1
    rows = tuple(
        ToldPrice(
            when=_when(spoken, priced) if has_bands else "",
            is_now=has_bands and priced.is_now,
            price=_price(spoken, price.service, priced.rate),
            calls=_calls(spoken, priced.rate) if price.service is Service.VOICE else (),
            notes=tuple(_notes(spoken, price.service, priced.rate)),
        )
        for priced in price.prices
    )
    return Told(heading=heading, rows=rows)


def _when(spoken: Texts, priced: Priced) -> str:
    return tell_hours(spoken, priced.hours) if priced.hours else spoken.get("rates.else")


def _price(spoken: Texts, service: Service, rate: Rate) -> str:
    if rate.price_micros == 0:
        return spoken.get("rates.free")
    word, units = {
        Service.VOICE: ("minute", _MINUTE),
        Service.SMS: ("message", 1),
        Service.MMS: ("message", 1),
        Service.DATA: ("megabyte", _MEGABYTE),
    }[service]
    micros = divide_half_up(rate.price_micros * units, rate.per_units)
    return spoken.get(f"rates.per_{word}", price=spoken.money(micros))


def _calls(spoken: Texts, rate: Rate) -> tuple[str, ...]:
    return tuple(spoken.money(cost(rate, minutes * _MINUTE)) for minutes in MINUTES)


def _notes(spoken: Texts, service: Service, rate: Rate) -> list[str]:
    """Return how a rate is charged, as far as that makes it dearer than its price says."""
    notes: list[str] = []
    if rate.connection_micros:
        notes.append(spoken.get("rates.connection", price=spoken.money(rate.connection_micros)))
    if rate.price_micros == 0 or service in {Service.SMS, Service.MMS}:
        return notes
    first, following = (
        _units(spoken, service, units) for units in (rate.first_units, rate.next_units)
    )
    if rate.first_units == rate.next_units:
        if rate.first_units > 1:
            notes.append(spoken.get("rates.step", step=first))
    else:
        notes.append(spoken.get("rates.first_step", first=first, step=following))
    return notes


def _units(spoken: Texts, service: Service, units: int) -> str:
    if service is Service.DATA:
        for word, size in _BYTES:
            if units % size == 0:
                return spoken.get(f"rates.{word}", n=units // size)
        return spoken.get("rates.bytes", n=f"{units:,}")
    return spoken.plural("rates.seconds", units)


def _others(spoken: Texts, others: Others) -> ToldOthers:
    shown = ", ".join(f"+{one.removeprefix(EXACT)}" for one in others.patterns)
    left = others.count - len(others.patterns)
    more = spoken.get("rates.more", shown=shown, n=left) if left else shown
    return ToldOthers(
        name=others.price.name,
        beginnings=more,
        price=_price(spoken, Service.VOICE, others.price.now),
    )


def _days(spoken: Texts, first: int, last: int) -> str:
    names = [spoken.get(f"points.day.{day + 1}") for day in (first, last)]
    return names[0] if first == last else spoken.get("points.days", first=names[0], last=names[1])


def _span(spoken: Texts, span: Span) -> str:
    if span == (0, MINUTES_PER_DAY):
        return spoken.get("points.hours.all_day")
    start, end = (_time(spoken, minutes) for minutes in span)
    return spoken.get("points.hours.span", start=start, end=end)


def _time(spoken: Texts, minutes: int) -> str:
    return spoken.time(time(*divmod(minutes % MINUTES_PER_DAY, 60)))


def tell_origin(spoken: Texts, origin: str, countries: tuple[str, ...], home: str) -> str:
    """Write where usage comes from: at home, or a roaming zone by its countries."""
    if origin == HOME:
        return spoken.get("rates.from.home", country=country_names((home,), spoken.tag))
    names = ", ".join(country_names((region,), spoken.tag) for region in countries) or origin
    return spoken.get("rates.from.zone", countries=names)
