"""What was used, as people read it: whom it went to, how long or how much, and what it cost."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tambah.domain.numbering import NumberPlan, mask_msisdn, show_msisdn
from tambah.domain.rating import Service
from tambah.domain.tariff import HOME, RECEIVED
from tambah.store.views.usage import Place, Used

SHORT_CODE_DIGITS = 6
_UNITS = {Service.VOICE: "seconds", Service.DATA: "bytes"}
_CURSOR_BYTES = 32
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_MICROSECONDS = 2**55
_MOST_GROUP = 2**63


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A record as pages tell it.

    did: `voice`, `received`, `sms`, `mms` or `data`. to: whom it went to, written out; hidden:
    the same masked. unit: `seconds`, `messages` or `bytes`.
    """

    used: Used
    did: str
    to: str
    hidden: str
    unit: str
    is_abroad: bool


def describe_usage(used: Used, plan: NumberPlan) -> Described:
    """Return a record with what it is told with."""
    is_received = used.called == RECEIVED
    return Described(
        used=used,
        did=RECEIVED if is_received else used.service.name.lower(),
        to=shown_called(used.called, plan),
        hidden=masked_called(used.called, plan),
        unit=_UNITS.get(used.service, "messages"),
        is_abroad=used.origin != HOME,
    )


def masked_called(called: str, plan: NumberPlan) -> str:
    """Return whom something went to for others than the line's owner: a number masked.

    Short codes are services, and stay as they are; so do words such as `received`.
    """
    return mask_msisdn(int(called), plan) if _is_number(called) else called


def shown_called(called: str, plan: NumberPlan) -> str:
    """Return whom something went to for the line's owner."""
    return show_msisdn(int(called), plan) if _is_number(called) else called


def write_place(place: Place) -> str:
    """Return the cursor of what comes after (is older than) a record; safe in an address."""
    microseconds = (place.began_at - _EPOCH) // timedelta(microseconds=1)
    raw = microseconds.to_bytes(8) + place.session + place.rating_group.to_bytes(8)
    return base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")


def read_place(text: str) -> Place | None:
    """Return the place that a cursor stands for, None for any other text."""
    try:
        raw = base64.b64decode(f"{text}=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    microseconds, rating_group = int.from_bytes(raw[:8]), int.from_bytes(raw[24:])
    fits = len(raw) == _CURSOR_BYTES and microseconds <= _MOST_MICROSECONDS
    if not fits or rating_group >= _MOST_GROUP:
        return None
    return Place(_EPOCH + timedelta(microseconds=microseconds), raw[8:24], rating_group)


def _is_number(called: str) -> bool:
    return called.isdecimal() and len(called) > SHORT_CODE_DIGITS
