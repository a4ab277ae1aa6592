"""GET what calls, messages and data cost: what the rate page tells, for programs."""

from urllib.parse import parse_qs

from tambah.api.rest import shapes
from tambah.api.rest.request import Request
from tambah.desks.rates import Price, Priced, find_where, open_counter
from tambah.domain.money import CURRENCY, ringgit
from tambah.domain.rating import Service, cost
from tambah.domain.refusals import FieldMalformed, FieldMissing, RateUnknown
from tambah.domain.tariff import HOME
from tambah.web.site import Site

MOST_TYPED = 64
_SAMPLES = {
    Service.VOICE: (60, 300, 600),
    Service.SMS: (1,),
    Service.MMS: (1,),
    Service.DATA: (1 << 20, 1 << 30),
}
_UNITS = {
    Service.VOICE: "seconds",
    Service.SMS: "messages",
    Service.MMS: "messages",
    Service.DATA: "bytes",
}


async def show_rates(site: Site, request: Request) -> shapes.Rates:
    """GET /api/v1/rates?to=…: what everything costs now, to a number or a country."""
    asked = _asked(request.scope["query_string"])
    origin = asked.get("from", HOME)
    if origin != HOME and origin not in site.operator.tariffs.zones:
        raise FieldMalformed(field="from")
    counter = open_counter(site, asked.get("plan", ""))
    found = find_where(site, asked["to"])
    if counter is None or not found:
        raise RateUnknown
    if len(found) > 1:
        raise FieldMalformed(field="to")  # a name of several countries
    card = counter.card(found[0], origin)
    return shapes.Rates(
        to=card.where.digits,
        countries=list(card.where.regions),
        origin=origin,
        tariff=counter.tariff,
        sheet=counter.sheet.sheet_id,
        at=counter.at,
        until=counter.until,
        currency=CURRENCY,
        voice=_price(card.voice),
        voice_on_net=_price(card.on_net),
        sms=_price(card.sms),
        sms_on_net=_price(card.sms_on_net),
        mms=_price(card.mms),
        received=_price(counter.received(origin)),
        data={word: _told(price) for word, price in counter.data(origin)},
    )


def _asked(query: bytes) -> dict[str, str]:
    """Return what is asked for, `to` at least. Raises FieldMissing and FieldMalformed."""
    try:
        found = parse_qs(query.decode("latin-1"), keep_blank_values=True, max_num_fields=50)
    except ValueError:
        raise FieldMalformed(field="query") from None
    asked = {name: values[-1] for name, values in found.items()}
    to = asked.get("to", "")
    if not to.strip():
        raise FieldMissing(field="to")
    if len(to) > MOST_TYPED:
        raise FieldMalformed(field="to")
    return asked


def _price(price: Price | None) -> shapes.Price | None:
    return None if price is None else _told(price)


def _told(price: Price) -> shapes.Price:
    return shapes.Price(
        destination_class=price.destination_class,
        name=price.name,
        rates=[_band(price.service, priced) for priced in price.prices],
    )


def _band(service: Service, priced: Priced) -> shapes.BandRate:
    rate = priced.rate
    return shapes.BandRate(
        hours=priced.hours,
        now=priced.is_now,
        unit=_UNITS[service],  # type: ignore[arg-type]
        connection=ringgit(rate.connection_micros),
        price=ringgit(rate.price_micros),
        per=rate.per_units,
        first=rate.first_units,
        next=rate.next_units,
        rounding=rate.rounding.name.lower(),  # type: ignore[arg-type]
        round_to=ringgit(rate.round_to_micros),
        costs={str(units): ringgit(cost(rate, units)) for units in _SAMPLES[service]},
    )
