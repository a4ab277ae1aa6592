"""A charging data request in the words of the charging desk: whose, where, what of which group."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from tambah.charging.nchf.problems import Said, Unfit
from tambah.charging.nchf.shapes import (
    ChargingDataRequest,
    PlmnId,
    SmsCharging,
    Units,
    UnitUsage,
    UserLocation,
)
from tambah.desks.charging import Wish
from tambah.domain.rating import Service
from tambah.domain.refusals import BodyMalformed, FieldMalformed, FieldMissing

MOST_UNITS = 2**50
"""Of one rating group in one request: a petabyte. More is a fault of whoever counted."""

_decode = msgspec.json.Decoder(ChargingDataRequest).decode
_decode_anything = msgspec.json.Decoder().decode
_REQUIRED = ("nfConsumerIdentification", "invocationTimeStamp", "invocationSequenceNumber")
_NOT_OURS = Said(403, "CHARGING_NOT_APPLICABLE")
_ITEM = re.compile(r"\[([0-9]+|\.\.\.)\]")
_INCOMPLETE = Said(400, "CHARGING_FAILED")


def read_request(body: bytes) -> ChargingDataRequest:
    """Read a request's body. Raises BodyMalformed, FieldMissing, FieldMalformed."""
    try:
        return _decode(body)
    except msgspec.ValidationError as error:
        wrong = error
    except (ValueError, RecursionError):
        raise BodyMalformed from None
    try:
        content: object = _decode_anything(body)
    except (ValueError, RecursionError):
        raise BodyMalformed from None
    if not isinstance(content, dict):
        raise BodyMalformed
    for name in _REQUIRED:
        if name not in content:
            raise FieldMissing(field=name)
    raise FieldMalformed(field=_place(str(wrong)))


def _place(message: str) -> str:
    """Return where msgspec found something wrong, as a JSON pointer without its first slash."""
    _, at, path = message.rpartition(" - at `$")
    if not at:
        return ""
    return _ITEM.sub(r"/\1", path.rstrip("`")).replace(".", "/").lstrip("/")


def service_of(request: ChargingDataRequest) -> Service:
    """Return what is charged. Raises Unfit for what this function does not charge for.

    Release 16 knows no calls on this interface: they come by Diameter or by the HTTP API.
    """
    if request.sms is not None:
        return Service.SMS
    others = (request.nef, request.registration, request.n2, request.nspa, request.nsm)
    if request.data is None and any(one is not msgspec.UNSET for one in others):
        raise Unfit(
            _NOT_OURS, "Not charged for", "Only data sessions and short messages are charged for."
        )
    return Service.DATA


def identities_of(request: ChargingDataRequest) -> tuple[str, str]:
    """Return IMSI and number of who is charged, either empty. Raises Unfit where both are."""
    texts = [request.subscriber_identifier]
    if request.data is not None and request.data.user is not None:
        texts.append(request.data.user.served_gpsi)
    if request.sms is not None and request.sms.originator is not None:
        texts.append(request.sms.originator.gpsi)
    imsi = next((found for text in texts if (found := _digits(text, "imsi-"))), "")
    number = next((found for text in texts if (found := _digits(text, "msisdn-"))), "")
    if not imsi and not number and not any(texts):
        raise Unfit(
            _INCOMPLETE,
            "No subscriber",
            "Neither a SUPI nor a GPSI says who is charged.",
            "/subscriberIdentifier",
        )
    return imsi, number


def wishes_of(request: ChargingDataRequest) -> list[Wish]:
    """Return what is asked of each rating group, once for each however often it is named.

    Raises FieldMalformed for units that nobody can have used.
    """
    service = service_of(request)
    to, network = _recipient(request.sms) if request.sms else "", _network(request)
    return [_wish(usages, service, to, network) for usages in _by_group(request.usages)]


def event_wishes_of(request: ChargingDataRequest) -> list[Wish]:
    """Return what an event asks for: as many units as it says, one where it says nothing.

    An event that is told of afterwards (PEC) says what was used.
    """
    messages = request.sms.messages if request.sms else None
    return [
        wish._replace(wanted=next((n for n in (wish.used, wish.wanted, messages) if n), 1), used=0)
        for wish in wishes_of(request)
    ]


def _by_group(usages: Iterable[UnitUsage]) -> Iterator[list[UnitUsage]]:
    groups: dict[int, list[UnitUsage]] = {}
    for usage in usages:
        groups.setdefault(usage.rating_group, []).append(usage)
    return iter(groups.values())


def _wish(usages: list[UnitUsage], service: Service, to: str, network: str) -> Wish:
    requested = [one.requested for one in usages if one.requested is not None]
    named = [n for one in requested if (n := _units(one, service)) is not None]
    used = sum(_units(one, service) or 0 for usage in usages for one in usage.used)
    wanted = sum(named) if named else None
    if max(used, wanted or 0) > MOST_UNITS:
        raise FieldMalformed(field="multipleUnitUsage")
    return Wish(
        rating_group=usages[0].rating_group,
        service=service,
        to=to,
        network=network,
        wanted=wanted,
        used=used,
        more=bool(requested),
    )


def _units(units: Units, service: Service) -> int | None:
    if service is Service.SMS:
        return units.service_specific_units
    if units.total_volume is not None:
        return units.total_volume
    if units.uplink_volume is None and units.downlink_volume is None:
        return None
    return (units.uplink_volume or 0) + (units.downlink_volume or 0)


def _recipient(sms: SmsCharging) -> str:
    """Return whom a message goes to: a number in digits, a short code. Raises Unfit for two."""
    if len(sms.recipients) != 1:
        raise Unfit(
            _INCOMPLETE,
            "No single recipient",
            "A message is charged by its recipient: exactly one.",
            "/sMSChargingInformation/recipientInfo",
        )
    one = sms.recipients[0]
    number = _digits(one.gpsi, "msisdn-")
    if number:
        return number
    for address in (one.other, one.received):
        digits = address.data.lstrip("+") if address else ""
        if digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS:
            return digits
    raise FieldMissing(field="sMSChargingInformation/recipientInfo/0/recipientGPSI")


def _network(request: ChargingDataRequest) -> str:
    """Return the network that the subscriber is in, empty at home or where nothing says."""
    for plmn in _networks(request):
        return plmn.mcc + plmn.mnc
    return ""


def _networks(request: ChargingDataRequest) -> Iterator[PlmnId]:
    """Go through what says where the subscriber is, the surest first."""
    session = request.data.session if request.data else None
    if session is not None:
        serving = session.serving
        if serving is None and session.serving_function is not None:
            serving = session.serving_function.information.plmn
        if serving is not None:
            if serving != session.home:
                yield serving
            return
    location = (
        request.data.location if request.data else request.sms.location if request.sms else None
    )
    yield from _located(location, session.home if session else None)


def _located(location: UserLocation | None, home: PlmnId | None) -> Iterator[PlmnId]:
    for cell in (location.nr, location.eutra) if location else ():
        if cell is not None and cell.tai is not None and cell.tai.plmn_id != home:
            yield cell.tai.plmn_id


_MOST_DIGITS = 15


def _digits(text: str, kind: str) -> str:
    digits = text.removeprefix(kind)
    fits = text.startswith(kind) and digits.isascii() and digits.isdigit()
    return digits if fits and 5 <= len(digits) <= _MOST_DIGITS else ""
