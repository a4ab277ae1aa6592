"""Whom a call or message goes to, and which network somebody is in, as networks write it."""

from __future__ import annotations

import re
from urllib.parse import unquote

from tambah.domain.numbering import NumberPlan

EMERGENCY = "112"
_SHORT = 6
_INTERNATIONAL = "00"
_SEPARATORS = re.compile(r"[\s\-.()]")
_CELL = re.compile(r"-3gpp2?=\"?([0-9]{5,6})", re.IGNORECASE)
_LOCATIONS_WITH_A_NETWORK = frozenset({0, 1, 2, 128, 129, 130, 131, 132, 133, 134, 135, 136, 137})
"""Geographic location types of TS 29.061 that begin with country code and network code."""


def called_number(text: str, plan: NumberPlan) -> str:
    """Return whom a URI or number calls, as E.164 digits or a short code; empty if it is neither.

    `tel:+60123456789`, `sip:+60123456789@ims.example;user=phone`, `0123456789`, `60123456789`,
    `tel:5551;phone-context=+603`, `urn:service:sos`. Numbers without a plus are national ones if
    they begin with the trunk prefix, and otherwise have a country code.
    """
    scheme, colon, rest = text.strip().partition(":")
    if scheme.lower() == "urn":
        return EMERGENCY if "sos" in rest.lower() else ""
    user = unquote((rest if colon else scheme).partition("@")[0])
    dialled, _, parameters = user.partition(";")
    digits = _SEPARATORS.sub("", dialled)
    if not digits.isascii() or not digits.removeprefix("+").isdecimal():
        return ""
    if digits.startswith("+"):
        return digits[1:]
    context = re.search(r"phone-context=\+([0-9]+)", parameters)
    if context:
        return context[1] + digits.removeprefix(plan.trunk_prefix)
    return _without_plus(digits, plan)


def network_of_location(location: bytes) -> str:
    """Return the network of a 3GPP-User-Location-Info (TS 29.061), empty if it tells of none."""
    if len(location) < 4 or location[0] not in _LOCATIONS_WITH_A_NETWORK:
        return ""
    one, two, three = location[1:4]
    country = f"{one & 15:x}{one >> 4:x}{two & 15:x}"
    third = "" if two >> 4 == 15 else f"{two >> 4:x}"
    network = country + f"{three & 15:x}{three >> 4:x}" + third
    return network if network.isdecimal() else ""


def network_of_access(information: str) -> str:
    """Return the network of a P-Access-Network-Info header, empty if it tells of none.

    How many digits the network code has it does not say: two, but in North America (E.212).
    """
    found = _CELL.search(information)
    if found is None:
        return ""
    return found[1] if found[1].startswith("3") else found[1][:5]


def _without_plus(digits: str, plan: NumberPlan) -> str:
    if len(digits) <= _SHORT:
        return digits
    if digits.startswith(_INTERNATIONAL):
        return digits[len(_INTERNATIONAL) :]
    if plan.trunk_prefix and digits.startswith(plan.trunk_prefix):
        return plan.country_code + digits[len(plan.trunk_prefix) :]
    return digits
