"""The same day over Diameter: calls, messages and data as a core and a gateway would charge them.

Packages and top-ups go over HTTP, as subscribers and tills do them.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from diameter.message.avp import Avp

from tambah.charging.diameter.avps import Fields, fields_of, group, make
from tambah.charging.diameter.names import (
    ADDRESS_DATA,
    AUTH_APPLICATION_ID,
    CALLED_PARTY_ADDRESS,
    CC_REQUEST_NUMBER,
    CC_REQUEST_TYPE,
    CC_SERVICE_SPECIFIC_UNITS,
    CC_TIME,
    CC_TOTAL_OCTETS,
    COST_INFORMATION,
    CREDIT_CONTROL_APPLICATION,
    DESTINATION_REALM,
    FINAL_UNIT_INDICATION,
    GRANTED_SERVICE_UNIT,
    IMS_INFORMATION,
    MULTIPLE_SERVICES_CREDIT_CONTROL,
    RATING_GROUP,
    RECIPIENT_ADDRESS,
    RECIPIENT_INFO,
    REQUESTED_ACTION,
    REQUESTED_SERVICE_UNIT,
    RESULT_CODE,
    SERVICE_CONTEXT_ID,
    SERVICE_INFORMATION,
    SESSION_ID,
    SMS_INFORMATION,
    SUBSCRIPTION_ID,
    SUBSCRIPTION_ID_DATA,
    SUBSCRIPTION_ID_TYPE,
    UNIT_VALUE,
    USED_SERVICE_UNIT,
    VALUE_DIGITS,
    Action,
    Name,
    RequestType,
    Result,
)
from tambah.simulator.day import Act, Kind
from tambah.simulator.gateway import Gateway
from tambah.simulator.network import HttpNetwork, Refused
from tambah.simulator.report import Done

_GROUP = 1


class _Way(NamedTuple):
    """How an act is charged: the specification of its service, and the AVP of its units."""

    context: str
    unit: Name


_WAYS = {
    Kind.CALL: _Way("32260@3gpp.org", CC_TIME),
    Kind.TEXT: _Way("32274@3gpp.org", CC_SERVICE_SPECIFIC_UNITS),
    Kind.BROWSE: _Way("32251@3gpp.org", CC_TOTAL_OCTETS),
}


class DiameterNetwork:
    """Does acts over Diameter where they are use, over HTTP where they are not.

    realm: of the server. run: tells this run's sessions from any other's.
    """

    def __init__(self, gateway: Gateway, realm: str, http: HttpNetwork, run: str) -> None:
        self._gateway = gateway
        self._realm = realm
        self._http = http
        self._run = run

    async def do(self, act: Act, name: str) -> Done:
        """Do an act; return what came of it. name: the act's own, within this run."""
        if act.kind not in _WAYS:
            return await self._http.do(act, name)
        doing = _Session(self._gateway, self._realm, act, f"{self._run}-{name}")
        micros = 0
        refused = ""
        try:
            micros = await (doing.text() if act.kind is Kind.TEXT else doing.use())
        except Refused as refusal:
            refused = refusal.code
        return Done(act.second, act.kind, micros, doing.requests, refused, doing.slowest)


class _Session:
    """One session under way: its requests, counted and timed."""

    def __init__(self, gateway: Gateway, realm: str, act: Act, name: str) -> None:
        self._gateway = gateway
        self._act = act
        self._way = _WAYS[act.kind]
        self._common = [
            make(SESSION_ID, f"{gateway.host};{name}"),
            *gateway.origin(),
            make(DESTINATION_REALM, realm.encode()),
            make(AUTH_APPLICATION_ID, CREDIT_CONTROL_APPLICATION),
            make(SERVICE_CONTEXT_ID, self._way.context),
            group(
                SUBSCRIPTION_ID,
                make(SUBSCRIPTION_ID_TYPE, 0),
                make(SUBSCRIPTION_ID_DATA, act.msisdn),
            ),
        ]
        self._next = 0
        self.requests = 0
        self.slowest = 0.0

    async def use(self) -> int:
        """Begin, report and ask again as often as need be, end; return what it cost."""
        answer = await self._ask(RequestType.INITIAL, self._units(None))
        left = self._act.units
        while True:
            granted, is_final = self._granted(answer)
            used = min(left, granted)
            left -= used
            if left == 0 or is_final or granted == 0:
                ended = await self._ask(RequestType.TERMINATION, self._units(used, more=False))
                return _cost(ended)
            answer = await self._ask(RequestType.UPDATE, self._units(used))

    async def text(self) -> int:
        """Send a message, charged at once; return what it cost."""
        asked = group(REQUESTED_SERVICE_UNIT, make(self._way.unit, 1))
        answer = await self._ask(
            RequestType.EVENT,
            [
                make(REQUESTED_ACTION, int(Action.DIRECT_DEBITING)),
                group(MULTIPLE_SERVICES_CREDIT_CONTROL, asked, make(RATING_GROUP, _GROUP)),
            ],
        )
        return _cost(answer)

    def _units(self, used: int | None, *, more: bool = True) -> list[Avp]:
        reported = None if used is None else make(self._way.unit, used)
        return [
            group(
                MULTIPLE_SERVICES_CREDIT_CONTROL,
                group(REQUESTED_SERVICE_UNIT) if more else None,
                group(USED_SERVICE_UNIT, reported) if reported else None,
                make(RATING_GROUP, _GROUP),
            )
        ]

    async def _ask(self, kind: RequestType, avps: list[Avp]) -> Fields:
        """Send a request. Raises Refused with the name of the Result-Code."""
        began = time.monotonic()
        answer, sent = await self._gateway.ask(
            [
                *self._common,
                make(CC_REQUEST_TYPE, int(kind)),
                make(CC_REQUEST_NUMBER, self._next),
                *avps,
                *self._called(),
            ]
        )
        self._next += 1
        self.requests += sent
        self.slowest = max(self.slowest, time.monotonic() - began)
        result = answer.number(RESULT_CODE)
        if result != Result.SUCCESS:
            raise Refused(_named(result))
        return answer

    def _called(self) -> list[Avp]:
        if self._act.kind is Kind.CALL:
            called = make(CALLED_PARTY_ADDRESS, f"tel:+{self._act.to}")
            return [group(SERVICE_INFORMATION, group(IMS_INFORMATION, called))]
        if self._act.kind is Kind.TEXT:
            address = group(RECIPIENT_ADDRESS, make(ADDRESS_DATA, self._act.to))
            sms = group(SMS_INFORMATION, group(RECIPIENT_INFO, address))
            return [group(SERVICE_INFORMATION, sms)]
        return []

    def _granted(self, answer: Fields) -> tuple[int, bool]:
        """Return how many units may be used, and whether they are the last."""
        services = answer.every(MULTIPLE_SERVICES_CREDIT_CONTROL)
        if not services:
            return 0, True
        service = fields_of(services[0])
        units = service.under(GRANTED_SERVICE_UNIT).number(self._way.unit)
        return units or 0, service.first(FINAL_UNIT_INDICATION) is not None


def _cost(answer: Fields) -> int:
    """Return what a session or an event cost, in micro-ringgit."""
    return answer.under(COST_INFORMATION, UNIT_VALUE).number(VALUE_DIGITS) or 0


def _named(result: int | None) -> str:
    return Result(result).name.lower() if result in set(Result) else str(result)
