"""Charging by API v1, for switches that speak neither Diameter nor Nchf; and what was used."""

from __future__ import annotations

import re

import msgspec

from tambah.api.rest.paging import page_asked
from tambah.api.rest.request import Request, decode, read_body
from tambah.api.rest.usage_shapes import (
    ChargeRefund,
    ChargeRequest,
    SessionAnswer,
    SessionStep,
    UnitGrant,
    UsageAsk,
    UsageItem,
    UsagePage,
)
from tambah.desks.charging import ChargingDesk, Wish
from tambah.desks.usage_words import masked_called, read_place, write_place
from tambah.domain.charging_commands import (
    Ask,
    ChargeEvent,
    Grant,
    RefundEvent,
    ReleaseUnits,
    ReserveUnits,
    UnitsGranted,
    UpdateUnits,
)
from tambah.domain.money import CURRENCY, ringgit
from tambah.domain.numbering import fold_msisdn
from tambah.domain.rating import Service
from tambah.domain.refusals import FieldMalformed, NumberUnknown, PartnerSuspended
from tambah.domain.tariff import Usage
from tambah.store.views.lines import find_line_id
from tambah.store.views.usage import Place, Used, used_by_line
from tambah.web.site import Site

SESSION_PATTERN = "^[A-Za-z0-9._~:@-]{1,128}$"
CURSOR_PATTERN = "^[A-Za-z0-9_-]{43}$"
_SESSION = re.compile(SESSION_PATTERN.rstrip("$") + r"\Z")
_step_decoder = msgspec.json.Decoder(SessionStep)
_charge_decoder = msgspec.json.Decoder(ChargeRequest)
_refund_decoder = msgspec.json.Decoder(ChargeRefund)
_STEPS = {"reserve": ReserveUnits, "update": UpdateUnits, "release": ReleaseUnits}


async def charge_session(site: Site, request: Request) -> SessionAnswer:
    """POST /api/v1/lines/{msisdn}/sessions/{session}: begin a session, go on with it, end it."""
    asked = decode(_step_decoder, await read_body(request.receive))
    desk = _desk(site, request)
    step = _STEPS[asked.step](
        peer=request.caller.name,
        session_id=_session(request),
        request_no=asked.number,
        msisdn=fold_msisdn(request.subject, site.rules.numbers),
        asks=await desk.asks(_wishes(asked.usages)),
    )
    return _answer(request, await desk.submit(step))


async def charge_event(site: Site, request: Request) -> SessionAnswer:
    """POST /api/v1/lines/{msisdn}/charges/{session}: charge at once, all of it or nothing."""
    asked = decode(_charge_decoder, await read_body(request.receive))
    desk = _desk(site, request)
    command = ChargeEvent(
        peer=request.caller.name,
        session_id=_session(request),
        request_no=asked.number,
        msisdn=fold_msisdn(request.subject, site.rules.numbers),
        asks=await desk.asks(_wishes(asked.usages)),
    )
    return _answer(request, await desk.submit(command), is_event=True)


async def refund_charge(site: Site, request: Request) -> SessionAnswer:
    """POST /api/v1/lines/{msisdn}/charges/{session}/refund: give a charge back, once."""
    asked = decode(_refund_decoder, await read_body(request.receive))
    if len(set(asked.rating_groups)) < len(asked.rating_groups):
        raise FieldMalformed(field="rating_groups")
    # What was used is in the record of the charge; that it is asked for is all that counts here.
    asks = tuple(
        Ask(rating_group=group, usage=Usage(service=Service.SMS)) for group in asked.rating_groups
    )
    command = RefundEvent(
        peer=request.caller.name,
        session_id=_session(request),
        request_no=asked.number,
        msisdn=fold_msisdn(request.subject, site.rules.numbers),
        asks=asks,
    )
    return _answer(request, await _desk(site, request).submit(command), is_event=True)


async def list_usage(site: Site, request: Request) -> UsagePage:
    """GET /api/v1/lines/{msisdn}/usage: what the line used, newest first."""
    msisdn = fold_msisdn(request.subject, site.rules.numbers)
    limit, before = page_asked(request.scope["query_string"], require_place)
    line_id = await find_line_id(site.database, msisdn)
    if line_id is None:
        raise NumberUnknown
    # One more than asked for tells whether anything follows.
    found = await used_by_line(site.database, line_id, before, limit + 1)
    page = found[:limit]
    return UsagePage(
        items=[_item(site, one) for one in page],
        next=write_place(page[-1].place) if len(found) > limit else None,
    )


def require_place(text: str) -> Place:
    """Return the place that a cursor stands for. Raises FieldMalformed."""
    place = read_place(text)
    if place is None:
        raise FieldMalformed(field="cursor")
    return place


def _desk(site: Site, request: Request) -> ChargingDesk:
    if request.caller.is_suspended:
        raise PartnerSuspended
    return ChargingDesk(site.engine, site.database, site.rules, site.clock)


def _session(request: Request) -> str:
    if not _SESSION.match(request.thing):
        raise FieldMalformed(field="session")
    return request.thing


def _wishes(usages: list[UsageAsk]) -> list[Wish]:
    if len({one.rating_group for one in usages}) < len(usages):
        raise FieldMalformed(field="usages")
    return [
        Wish(
            rating_group=one.rating_group,
            service=Service[one.service.upper()],
            to=one.to.strip(),
            network=one.network.strip(),
            wanted=one.wanted,
            used=one.used,
            more=one.more,
        )
        for one in usages
    ]


def _answer(request: Request, done: UnitsGranted, *, is_event: bool = False) -> SessionAnswer:
    return SessionAnswer(
        msisdn=str(done.msisdn),
        session=request.thing,
        number=done.request_no,
        grants=[_grant(one, is_event=is_event) for one in done.grants],
        credit=ringgit(done.free_micros),
        charged=ringgit(done.charged_micros),
        currency=CURRENCY,
        again=done.again,
    )


def _grant(grant: Grant, *, is_event: bool) -> UnitGrant:
    return UnitGrant(
        rating_group=grant.rating_group,
        units=grant.units,
        seconds=grant.seconds,
        threshold=grant.threshold,
        final=grant.final,
        refused=grant.refused or None,
        price=ringgit(grant.micros) if is_event else None,
    )


def _item(site: Site, used: Used) -> UsageItem:
    return UsageItem(
        rating_group=used.rating_group,
        service=used.service.name.lower(),  # type: ignore[arg-type]
        to=masked_called(used.called, site.rules.numbers),
        zone=used.origin,
        destination_class=used.destination_class,
        began_at=used.began_at,
        ended_at=used.ended_at,
        units=used.units,
        covered=used.covered_units,
        unpaid=used.unpaid_units,
        price=ringgit(used.charged_micros),
        refunded=ringgit(used.refunded_micros),
        currency=CURRENCY,
    )
