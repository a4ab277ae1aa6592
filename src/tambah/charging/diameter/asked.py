"""A Credit-Control-Request, read: whose, what of, how much, where and to whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tambah.charging.diameter.avps import Faulty, Fields, fields_of, number_of, text_of
from tambah.charging.diameter.names import (
    ACCESS_NETWORK_INFORMATION,
    ADDRESS_DATA,
    CALLED_PARTY_ADDRESS,
    CC_CORRELATION_ID,
    CC_INPUT_OCTETS,
    CC_OUTPUT_OCTETS,
    CC_REQUEST_NUMBER,
    CC_REQUEST_TYPE,
    CC_SERVICE_SPECIFIC_UNITS,
    CC_TIME,
    CC_TOTAL_OCTETS,
    IMS_INFORMATION,
    MMS_INFORMATION,
    MULTIPLE_SERVICES_CREDIT_CONTROL,
    ORIGIN_HOST,
    PS_INFORMATION,
    RATING_GROUP,
    RECIPIENT_ADDRESS,
    RECIPIENT_INFO,
    REFUND_INFORMATION,
    REQUESTED_ACTION,
    REQUESTED_SERVICE_UNIT,
    ROLE_OF_NODE,
    SERVICE_CONTEXT_ID,
    SERVICE_IDENTIFIER,
    SERVICE_INFORMATION,
    SESSION_ID,
    SGSN_MCC_MNC,
    SMS_INFORMATION,
    SUBSCRIPTION_ID,
    SUBSCRIPTION_ID_DATA,
    SUBSCRIPTION_ID_TYPE,
    USED_SERVICE_UNIT,
    USER_LOCATION_INFO,
    Action,
    Name,
    RequestType,
    Result,
)
from tambah.charging.diameter.places import (
    called_number,
    network_of_access,
    network_of_location,
)
from tambah.domain.numbering import NumberPlan
from tambah.domain.rating import Service
from tambah.domain.tariff import RECEIVED

_SERVICES: Mapping[str, Service] = {
    "32251": Service.DATA,
    "32255": Service.DATA,
    "32260": Service.VOICE,
    "32276": Service.VOICE,
    "32270": Service.MMS,
    "32274": Service.SMS,
}
"""Service by the specification that Service-Context-Id names (TS 32.299, 7.1.12)."""
_UNITS: Mapping[Service, Name] = {
    Service.DATA: CC_TOTAL_OCTETS,
    Service.VOICE: CC_TIME,
    Service.SMS: CC_SERVICE_SPECIFIC_UNITS,
    Service.MMS: CC_SERVICE_SPECIFIC_UNITS,
}
_E164, _IMSI, _SIP_URI = 0, 1, 2
_TERMINATING = 1


class AskedGroup(NamedTuple):
    """One rating group of a request. more: units are asked for; wanted: how many, None if open.

    services: its Service-Identifiers, which go back with the answer.
    """

    rating_group: int | None
    services: tuple[int, ...]
    wanted: int | None
    used: int
    more: bool

    @property
    def key(self) -> int:
        """Return what tells it from others of its session."""
        if self.rating_group is not None:
            return self.rating_group
        return self.services[0] if self.services else 0


class Asked(NamedTuple):
    """What a network element asks. peer: the element, not a relay before it.

    number: as it was written, e164 if not `imsi`; both empty where the request does not say.
    to, network: empty where it does not say. in_groups: units are those of its
    Multiple-Services-Credit-Control, else of the session. of_session_id: of the charge to refund.
    """

    peer: str
    session_id: str
    type: RequestType
    request_no: int
    action: Action
    service: Service
    number: str
    imsi: str
    groups: tuple[AskedGroup, ...]
    in_groups: bool
    to: str
    network: str
    of_session_id: str


def read_asked(fields: Fields, plan: NumberPlan) -> Asked:
    """Read a request. Raises Faulty with what is missing or wrong."""
    session_id = fields.require_text(SESSION_ID)
    kind = _read_type(fields)
    service = _read_service(fields)
    number, imsi = _read_subscriber(fields)
    multiple = fields.every(MULTIPLE_SERVICES_CREDIT_CONTROL)
    if multiple:
        groups = _merged([_read_group(fields_of(one), service) for one in multiple])
    else:
        groups = (_read_session_units(fields, service, kind),)
    information = fields.group(SERVICE_INFORMATION) or Fields(())
    return Asked(
        peer=fields.require_text(ORIGIN_HOST).lower(),
        session_id=session_id,
        type=kind,
        request_no=fields.require_number(CC_REQUEST_NUMBER),
        action=_read_action(fields, kind),
        service=service,
        number=number,
        imsi=imsi,
        groups=groups,
        in_groups=bool(multiple),
        to=_read_called(information, service, plan),
        network=_read_network(fields, information),
        of_session_id=_read_refunded(fields),
    )


def unit_of(service: Service) -> Name:
    """Return the AVP in which a service's units are counted."""
    return _UNITS[service]


def _read_type(fields: Fields) -> RequestType:
    found = fields.require(CC_REQUEST_TYPE)
    try:
        return RequestType(number_of(found))
    except ValueError as error:
        raise Faulty(Result.INVALID_AVP_VALUE, found) from error


def _read_action(fields: Fields, kind: RequestType) -> Action:
    if kind is not RequestType.EVENT:
        return Action.DIRECT_DEBITING
    found = fields.require(REQUESTED_ACTION)
    try:
        return Action(number_of(found))
    except ValueError as error:
        raise Faulty(Result.INVALID_AVP_VALUE, found) from error


def _read_service(fields: Fields) -> Service:
    """Read `32251@3gpp.org`, or the same behind an operator's own and a release."""
    found = fields.require(SERVICE_CONTEXT_ID)
    specification = text_of(found).partition("@")[0].rpartition(".")[2]
    service = _SERVICES.get(specification)
    if service is None:
        raise Faulty(Result.RATING_FAILED, found)
    return service


def _read_subscriber(fields: Fields) -> tuple[str, str]:
    """Return the number and the IMSI that the request gives, the number rather."""
    imsi = uri = ""
    for found in fields.every(SUBSCRIPTION_ID):
        identity = fields_of(found)
        kind = identity.require_number(SUBSCRIPTION_ID_TYPE)
        written = identity.require_text(SUBSCRIPTION_ID_DATA)
        if kind == _E164:
            return written, ""
        if kind == _IMSI:
            imsi = written
        elif kind == _SIP_URI and written.lower().startswith(("sip:+", "tel:+")):
            uri = written[4:].partition("@")[0].partition(";")[0]
    return (uri, "") if uri else ("", imsi)


def _read_group(fields: Fields, service: Service) -> AskedGroup:
    requested = fields.group(REQUESTED_SERVICE_UNIT)
    return AskedGroup(
        rating_group=fields.number(RATING_GROUP),
        services=tuple(number_of(one) for one in fields.every(SERVICE_IDENTIFIER)),
        wanted=None if requested is None else _units(requested, service),
        used=sum(_units(fields_of(one), service) or 0 for one in fields.every(USED_SERVICE_UNIT)),
        more=requested is not None,
    )


def _read_session_units(fields: Fields, service: Service, kind: RequestType) -> AskedGroup:
    """Read units of the session itself; asking for more goes without saying but at its end."""
    group = _read_group(fields, service)
    return group._replace(more=group.more or kind is not RequestType.TERMINATION)


def _merged(groups: list[AskedGroup]) -> tuple[AskedGroup, ...]:
    """Return the groups with those of one rating group added up."""
    merged: dict[int, AskedGroup] = {}
    for group in groups:
        before = merged.get(group.key)
        merged[group.key] = group if before is None else _added(before, group)
    return tuple(merged.values())


def _added(one: AskedGroup, other: AskedGroup) -> AskedGroup:
    wanted = [part.wanted for part in (one, other) if part.more and part.wanted is not None]
    is_open = any(part.more and part.wanted is None for part in (one, other))
    return AskedGroup(
        rating_group=one.rating_group,
        services=tuple(dict.fromkeys(one.services + other.services)),
        wanted=None if is_open or not wanted else sum(wanted),
        used=one.used + other.used,
        more=one.more or other.more,
    )


def _units(fields: Fields, service: Service) -> int | None:
    """Return the units of a service in a group of units, None where it has none of them."""
    units = fields.number(_UNITS[service])
    if units is None and service is Service.DATA:
        ways = [fields.number(name) for name in (CC_INPUT_OCTETS, CC_OUTPUT_OCTETS)]
        known = [octets for octets in ways if octets is not None]
        return sum(known) if known else None
    return units


def _read_called(information: Fields, service: Service, plan: NumberPlan) -> str:
    if service is Service.VOICE:
        ims = information.under(IMS_INFORMATION)
        if ims.number(ROLE_OF_NODE) == _TERMINATING:
            return RECEIVED
        return called_number(ims.text(CALLED_PARTY_ADDRESS) or "", plan)
    if service is Service.SMS:
        sms = information.under(SMS_INFORMATION)
        address = sms.under(RECIPIENT_INFO, RECIPIENT_ADDRESS).text(ADDRESS_DATA)
        address = address or sms.under(RECIPIENT_ADDRESS).text(ADDRESS_DATA)
        return called_number(address or "", plan)
    if service is Service.MMS:
        mms = information.under(MMS_INFORMATION, RECIPIENT_ADDRESS)
        return called_number(mms.text(ADDRESS_DATA) or "", plan)
    return ""


def _read_network(fields: Fields, information: Fields) -> str:
    """Return where the subscriber is: of the service's own information, or beside it."""
    for place in (information.under(PS_INFORMATION), fields):
        location = place.first(USER_LOCATION_INFO)
        network = network_of_location(location.payload) if location else ""
        network = network or place.text(SGSN_MCC_MNC) or ""
        if network:
            return network
    access = information.under(IMS_INFORMATION).text(ACCESS_NETWORK_INFORMATION)
    return network_of_access(access or "")


def _read_refunded(fields: Fields) -> str:
    """Return the session of the charge to refund, as we gave it with the charge."""
    for one in fields.every(MULTIPLE_SERVICES_CREDIT_CONTROL):
        given = fields_of(one).text(REFUND_INFORMATION)
        if given:
            return given
    return fields.text(CC_CORRELATION_ID) or ""
