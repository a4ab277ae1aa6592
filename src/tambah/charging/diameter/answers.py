"""What a Credit-Control-Answer says: units, how long, what then, and what it cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from diameter.message.avp import Avp

from tambah.charging.diameter.asked import Asked, AskedGroup, unit_of
from tambah.charging.diameter.avps import group, make
from tambah.charging.diameter.names import (
    CHECK_BALANCE_RESULT,
    COST_INFORMATION,
    CURRENCY_CODE,
    EXPONENT,
    FINAL_UNIT_ACTION,
    FINAL_UNIT_INDICATION,
    GRANTED_SERVICE_UNIT,
    MULTIPLE_SERVICES_CREDIT_CONTROL,
    RATING_GROUP,
    REDIRECT_ADDRESS_TYPE,
    REDIRECT_SERVER,
    REDIRECT_SERVER_ADDRESS,
    REFUND_INFORMATION,
    RESULT_CODE,
    SERVICE_IDENTIFIER,
    TIME_QUOTA_THRESHOLD,
    UNIT_QUOTA_THRESHOLD,
    UNIT_VALUE,
    VALIDITY_TIME,
    VALUE_DIGITS,
    VOLUME_QUOTA_THRESHOLD,
    Action,
    Name,
    RequestType,
    Result,
)
from tambah.charging.diameter.results import result_of_code
from tambah.domain.charging_commands import Grant, UnitsGranted
from tambah.domain.rating import Service

_THRESHOLDS: Mapping[Service, Name] = {
    Service.DATA: VOLUME_QUOTA_THRESHOLD,
    Service.VOICE: TIME_QUOTA_THRESHOLD,
    Service.SMS: UNIT_QUOTA_THRESHOLD,
    Service.MMS: UNIT_QUOTA_THRESHOLD,
}
_TERMINATE, _REDIRECT = 0, 1
_URL = 2
_ENOUGH_CREDIT, _NO_CREDIT = 0, 1
_MYR = 458
"""Ringgit in ISO 4217."""
_MICROS_EXPONENT = -6
_MOST_UNSIGNED_32 = 0xFFFFFFFF


class Said(NamedTuple):
    """An answer: its Result-Code, and the AVPs that are not of every answer."""

    result: Result
    avps: tuple[Avp, ...] = ()


def say_granted(asked: Asked, granted: UnitsGranted, top_up_page: str) -> Said:
    """Say what a session may use now, or what an event cost.

    At its end a session is told what all of it cost (RFC 8506, 5.4).
    """
    if asked.type is RequestType.EVENT:
        return _say_charged(asked, granted)
    said = _say_units(asked, granted, top_up_page)
    if asked.type is not RequestType.TERMINATION:
        return said
    return Said(said.result, (*said.avps, _cost_avp(granted.charged_micros)))


def _say_units(asked: Asked, granted: UnitsGranted, top_up_page: str) -> Said:
    grants = {grant.rating_group: grant for grant in granted.grants}
    if asked.in_groups:
        return Said(
            Result.SUCCESS,
            tuple(
                _group_avp(asked, one, grants.get(one.key), top_up_page) for one in asked.groups
            ),
        )
    (only,) = asked.groups
    grant = grants.get(only.key)
    if grant is None:
        return Said(Result.SUCCESS)
    return Said(
        result_of_code(grant.refused), tuple(_units_avps(asked.service, grant, top_up_page))
    )


def say_refused(asked: Asked, result: Result) -> Said:
    """Say that nothing is granted: of each rating group as well, for many look only there."""
    if asked.action is Action.CHECK_BALANCE and result is Result.CREDIT_LIMIT_REACHED:
        return Said(Result.SUCCESS, (make(CHECK_BALANCE_RESULT, _NO_CREDIT),))
    if not asked.in_groups:
        return Said(result)
    return Said(
        result,
        tuple(
            group(MULTIPLE_SERVICES_CREDIT_CONTROL, *_names(one), make(RESULT_CODE, int(result)))
            for one in asked.groups
        ),
    )


def _say_charged(asked: Asked, granted: UnitsGranted) -> Said:
    if asked.action is Action.CHECK_BALANCE:
        return Said(Result.SUCCESS, (make(CHECK_BALANCE_RESULT, _ENOUGH_CREDIT),))
    cost = _cost_avp(sum(grant.micros for grant in granted.grants))
    if asked.action is Action.PRICE_ENQUIRY:
        return Said(Result.SUCCESS, (cost,))
    grants = {grant.rating_group: grant for grant in granted.grants}
    if not asked.in_groups:
        (grant,) = granted.grants
        return Said(Result.SUCCESS, (_granted_avp(asked.service, grant), cost))
    avps = [_charged_group_avp(asked, one, grants.get(one.key)) for one in asked.groups]
    return Said(Result.SUCCESS, (*avps, cost))


def _charged_group_avp(asked: Asked, one: AskedGroup, grant: Grant | None) -> Avp:
    """Return an event's rating group; what it takes to give it back goes along (TS 32.299)."""
    debited = asked.action is Action.DIRECT_DEBITING
    session = asked.session_id.encode()
    return group(
        MULTIPLE_SERVICES_CREDIT_CONTROL,
        _granted_avp(asked.service, grant) if grant is not None and debited else None,
        *_names(one),
        make(RESULT_CODE, int(Result.SUCCESS)),
        make(REFUND_INFORMATION, session) if debited else None,
    )


def _group_avp(asked: Asked, one: AskedGroup, grant: Grant | None, top_up_page: str) -> Avp:
    if grant is None:  # it only reported
        return group(
            MULTIPLE_SERVICES_CREDIT_CONTROL, *_names(one), make(RESULT_CODE, int(Result.SUCCESS))
        )
    threshold = min(grant.threshold, _MOST_UNSIGNED_32)
    return group(
        MULTIPLE_SERVICES_CREDIT_CONTROL,
        *_units_avps(asked.service, grant, top_up_page),
        *_names(one),
        make(RESULT_CODE, int(result_of_code(grant.refused))),
        # Of what is final there is no more to ask for in good time.
        make(_THRESHOLDS[asked.service], threshold) if threshold and not grant.final else None,
    )


def _names(one: AskedGroup) -> Iterable[Avp]:
    for identifier in one.services:
        yield make(SERVICE_IDENTIFIER, identifier)
    if one.rating_group is not None:
        yield make(RATING_GROUP, one.rating_group)


def _units_avps(service: Service, grant: Grant, top_up_page: str) -> Iterable[Avp]:
    if grant.refused:
        return
    yield _granted_avp(service, grant)
    if grant.seconds:
        yield make(VALIDITY_TIME, grant.seconds)
    if grant.final:
        yield _final_avp(service, top_up_page)


def _granted_avp(service: Service, grant: Grant) -> Avp:
    return group(GRANTED_SERVICE_UNIT, make(unit_of(service), grant.units))


def _final_avp(service: Service, top_up_page: str) -> Avp:
    if service is not Service.DATA or not top_up_page:
        return group(FINAL_UNIT_INDICATION, make(FINAL_UNIT_ACTION, _TERMINATE))
    return group(
        FINAL_UNIT_INDICATION,
        make(FINAL_UNIT_ACTION, _REDIRECT),
        group(
            REDIRECT_SERVER,
            make(REDIRECT_ADDRESS_TYPE, _URL),
            make(REDIRECT_SERVER_ADDRESS, top_up_page),
        ),
    )


def _cost_avp(micros: int) -> Avp:
    return group(
        COST_INFORMATION,
        group(UNIT_VALUE, make(VALUE_DIGITS, micros), make(EXPONENT, _MICROS_EXPONENT)),
        make(CURRENCY_CODE, _MYR),
    )
