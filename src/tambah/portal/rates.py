"""`/rates`: what a call, a message or data costs, by number or country, at home and abroad."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from litestar import Response, get

from tambah.desks.rates import Counter, RateCard, Where, find_where, open_counter, where_is
from tambah.domain.calling_codes import regions_of
from tambah.domain.refusals import RateUnknown
from tambah.domain.tariff import HOME
from tambah.i18n import Texts
from tambah.i18n.countries import country_name
from tambah.portal.rate_words import (
    MINUTES,
    tell_card,
    tell_data,
    tell_origin,
    tell_received,
    tell_where,
)
from tambah.web.pages import AnyRequest, Pages, asked_language
from tambah.web.site import Site

RATES = "/rates"
_MOST_TYPED = 64
_MOST_CHOICES = 12
_OFTEN = ("ID", "BD", "NP", "MM", "IN", "PH", "VN", "PK", "CN", "SG", "TH", "GB")
"""Where many of those in Malaysia call home to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a reader asks for. to: as typed. origin: HOME or a roaming zone. plan: a line's."""

    to: str = ""
    origin: str = HOME
    plan: str = ""

    def query(self, **more: str) -> str:
        """Write it as a query."""
        asked = {"to": self.to, "from": "" if self.origin == HOME else self.origin}
        asked |= {"plan": self.plan} | more
        return urlencode({name: value for name, value in asked.items() if value})


def rate_routes(pages: Pages) -> list[Any]:
    """Return the handler of /rates."""

    @get(RATES, include_in_schema=False)
    async def show_rates(request: AnyRequest) -> Response[bytes]:
        return _draw(pages, request, read_asked(pages.site, request.query_params))

    return [show_rates]


def read_asked(site: Site, fields: Mapping[str, str]) -> Asked:
    """Read what is asked for; what makes no sense is passed over."""
    to = fields.get("to", "")[:_MOST_TYPED]
    # A plus sign that nobody encoded came as a space.
    to = f"+{to.strip()}" if to.startswith(" ") and to.strip()[:1].isdigit() else to.strip()
    origin, plan = fields.get("from", HOME), fields.get("plan", "")
    return Asked(
        to=to,
        origin=origin if origin in site.operator.tariffs.zones else HOME,
        plan=plan if plan in site.operator.tariffs.plans else "",
    )


def _draw(pages: Pages, request: AnyRequest, asked: Asked) -> Response[bytes]:
    site, spoken = pages.site, pages.speak(request)
    counter = open_counter(site, asked.plan)
    found = find_where(site, asked.to) if asked.to else [_home(site)]
    card = _card(counter, found[0], asked.origin) if counter and len(found) == 1 else None
    received = counter.received(asked.origin) if counter else None
    return pages.draw(
        request,
        "rates.html",
        status=404 if asked.to and (not found or (len(found) == 1 and card is None)) else 200,
        asked=asked,
        lang=asked_language(request),
        is_open=counter is not None,
        minutes=MINUTES,
        origins=_origins(spoken, site, counter),
        plans=sorted(site.operator.tariffs.plans),
        choices=_choices(spoken, found, asked) if len(found) > 1 else [],
        often=[_country(spoken, region, asked) for region in _OFTEN],
        card=tell_card(spoken, card, site.operator.brand.name) if card else None,
        where=tell_where(spoken, found[0]) if len(found) == 1 else "",
        received=tell_received(spoken, received) if received else None,
        data=tell_data(spoken, counter, asked.origin) if counter else [],
        until=_until(spoken, counter),
    )


def _card(counter: Counter, where: Where, origin: str) -> RateCard | None:
    try:
        return counter.card(where, origin)
    except RateUnknown:
        return None


def _home(site: Site) -> Where:
    """Return our own country as somewhere to call to."""
    return where_is(_home_region(site))


def _home_region(site: Site) -> str:
    return regions_of(site.rules.numbers.country_code)[0]


def _origins(spoken: Texts, site: Site, counter: Counter | None) -> list[tuple[str, str]]:
    """Return where a call may come from, as far as the sheet knows."""
    zones = site.operator.tariffs.zones
    known = counter.sheet.origins if counter else []
    home = _home_region(site)
    return [
        (origin, tell_origin(spoken, origin, tuple(zones.get(origin, ())), home))
        for origin in known
        if origin == HOME or origin in zones
    ]


def _choices(spoken: Texts, found: list[Where], asked: Asked) -> list[tuple[str, str]]:
    regions = [where.regions[0] for where in found][:_MOST_CHOICES]
    return sorted((_country(spoken, region, asked) for region in regions), key=lambda one: one[0])


def _country(spoken: Texts, region: str, asked: Asked) -> tuple[str, str]:
    """Return a country's name, and the query that asks for it."""
    name = country_name(region, spoken.tag)
    return name, asked.query(to=name)


def _until(spoken: Texts, counter: Counter | None) -> str:
    if counter is None or counter.until is None:
        return ""
    return spoken.date(counter.site.rules.validity.local_day(counter.until))
