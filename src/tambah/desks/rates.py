"""What calls, messages and data cost, for whoever asks: the rate page and programs alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from tambah.domain.calling_codes import codes_of, regions_of
from tambah.domain.dialling import fold_destination
from tambah.domain.rating import Rate, Service
from tambah.domain.refusals import NumberMalformed, RateUnknown
from tambah.domain.tariff import EXACT, HOME, RECEIVED, Entry, Sheet, Usage
from tambah.i18n.countries import find_regions
from tambah.web.site import Site

_MOST_LOOKED_AT = 5_000
_MOST_GROUPS = 12
_MOST_PATTERNS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """A rate and when it holds. hours: empty for all other times."""

    hours: str
    rate: Rate
    is_now: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a service costs to somewhere. prices: by band where bands differ, the rest last."""

    service: Service
    destination_class: str
    name: str
    prices: tuple[Priced, ...]

    @property
    def now(self) -> Rate:
        """Return the rate that holds now."""
        return next(priced.rate for priced in self.prices if priced.is_now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Others:
    """Numbers of a country that cost otherwise. patterns: how the first of them begin."""

    price: Price
    patterns: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Where somebody calls to. digits: a number, or its beginning. regions: that begin so."""

    digits: str
    regions: tuple[str, ...]
    is_number: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RateCard:
    """What everything costs from somewhere to somewhere; None for what cannot be had.

    on_net: the same to numbers on our own network. others: to the same country's other numbers.
    """

    where: Where
    voice: Price | None
    on_net: Price | None
    sms: Price | None
    sms_on_net: Price | None
    mms: Price | None
    others: tuple[Others, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """A tariff as it stands at an instant: what rates are asked of. until: its next sheet."""

    tariff: str
    sheet: Sheet
    at: datetime
    until: datetime | None
    site: Site

    def price(self, usage: Usage) -> Price | None:
        """Return what a usage costs, None where no row is for it."""
        entry = self.sheet.find(usage)
        return None if entry is None else self._price(usage.service, entry)

    def card(self, where: Where, origin: str = HOME) -> RateCard:
        """Return what everything costs from `origin`. Raises RateUnknown for an unknown number."""
        usage = Usage(service=Service.VOICE, origin=origin, to=where.digits)
        voice, on_net = self._both(usage)
        sms, sms_on_net = self._both(_with(usage, Service.SMS))
        card = RateCard(
            where=where,
            voice=voice,
            on_net=on_net,
            sms=sms,
            sms_on_net=sms_on_net,
            mms=self.price(_with(usage, Service.MMS)),
            others=() if where.is_number else self._others(where, origin, voice),
        )
        # A catch-all for messages makes no number of a few digits.
        if card.voice is None and not card.others and not (where.regions and card.sms):
            raise RateUnknown
        return card

    def received(self, origin: str) -> Price | None:
        """Return what a call received in a roaming zone costs."""
        return self.price(Usage(service=Service.VOICE, origin=origin, to=RECEIVED))

    def data(self, origin: str = HOME) -> list[tuple[str, Price]]:
        """Return what data costs, by class of application; the empty one, for any, first."""
        table = self.sheet.table(Service.DATA, origin)
        return [
            (pattern.removeprefix(EXACT), self._price(Service.DATA, entry))
            for pattern, entry in sorted(table.entries.items())
        ]

    def _both(self, usage: Usage) -> tuple[Price | None, Price | None]:
        """Return the price off our network and on it; the latter None where it is the same."""
        off = self.price(usage)
        code = self.site.rules.numbers.country_code
        if not usage.to.startswith(code):
            return off, None
        on = self.price(
            Usage(service=usage.service, origin=usage.origin, to=usage.to, on_net=True)
        )
        return off, None if on == off else on

    def _others(self, where: Where, origin: str, main: Price | None) -> tuple[Others, ...]:
        table = self.sheet.table(Service.VOICE, origin)
        groups: dict[Price, list[str]] = {}
        codes = [code for region in where.regions for code in codes_of(region)]
        for code in dict.fromkeys(codes or [where.digits]):
            for pattern, entry in islice(table.under(code), _MOST_LOOKED_AT):
                price = self._price(Service.VOICE, entry)
                # Area codes of another country that shares the code are that country's.
                if price != main and set(regions_of(pattern)) & set(where.regions):
                    groups.setdefault(price, []).append(pattern)
        return tuple(
            Others(price=price, patterns=tuple(found[:_MOST_PATTERNS]), count=len(found))
            for price, found in islice(groups.items(), _MOST_GROUPS)
        )

    def _price(self, service: Service, entry: Entry) -> Price:
        zone = self.site.rules.validity.zone
        now = entry.band_at(self.at, zone)
        bands = [one for one in entry.banded if one[1] != entry.rate]
        rest = Priced(hours="", rate=entry.rate, is_now=now not in bands)
        return Price(
            service=service,
            destination_class=entry.destination_class,
            name=entry.name,
            prices=(
                *(Priced(hours=one[0].hours, rate=one[1], is_now=one == now) for one in bands),
                rest,
            ),
        )


def open_counter(site: Site, plan: str = "") -> Counter | None:
    """Return the tariff of a plan's lines as it stands now, None where none is in force."""
    book, at = site.engine.rules.tariffs, site.clock.now()
    tariff = book.tariff_of(plan)
    sheet, following = book.sheet(tariff, at), book.next_sheet(tariff, at)
    if sheet is None:
        return None
    until = following.effective_from if following is not None else None
    return Counter(tariff=tariff, sheet=sheet, at=at, until=until, site=site)


def find_where(site: Site, typed: str) -> list[Where]:
    """Return where a number or a country's name may mean; empty for nowhere that we know."""
    try:
        return [_where(fold_destination(typed, site.rules.numbers))]
    except NumberMalformed:
        return [where_is(region) for region in find_regions(typed)]


def where_is(region: str) -> Where:
    """Return a country as somewhere to call to, by its main calling code."""
    return Where(digits=codes_of(region)[0], regions=(region,), is_number=False)


def _where(digits: str) -> Where:
    found = regions_of(digits)
    is_code = any(digits in codes_of(region) for region in found)
    return Where(digits=digits, regions=found, is_number=not is_code)


def _with(usage: Usage, service: Service) -> Usage:
    return Usage(service=service, origin=usage.origin, to=usage.to)
