"""Every refusal as Nchf says it: a status with a cause, and a result of one rating group.

Causes of charging are those of TS 32.291, the others those of TS 29.500.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from tambah import i18n
from tambah.charging.nchf.shapes import InvalidParam, ProblemDetails
from tambah.domain import refusals as no
from tambah.domain.refusals import Refusal
from tambah.domain.rules import Rules


class Said(NamedTuple):
    """How a refusal is said. result: where it is of one rating group among others."""

    status: int
    cause: str
    result: str = ""


DENIED = "END_USER_SERVICE_DENIED"

SAID: Mapping[type[Refusal], Said] = {
    # Whoever is charged.
    no.NumberUnknown: Said(404, "USER_UNKNOWN", "USER_UNKNOWN"),
    no.NumberMalformed: Said(404, "USER_UNKNOWN", "USER_UNKNOWN"),
    no.LineNotActivated: Said(403, "END_USER_REQUEST_DENIED", DENIED),
    no.LineInGrace: Said(403, "END_USER_REQUEST_DENIED", DENIED),
    no.LineExpired: Said(403, "END_USER_REQUEST_DENIED", DENIED),
    no.LineTerminated: Said(403, "END_USER_REQUEST_DENIED", DENIED),
    no.LineBarred: Said(403, "END_USER_REQUEST_DENIED", DENIED),
    no.LineSuspended: Said(403, "END_USER_REQUEST_DENIED", DENIED),
    # What is charged.
    no.CreditTooLow: Said(403, "QUOTA_LIMIT_REACHED", "QUOTA_LIMIT_REACHED"),
    no.RateUnknown: Said(403, "CHARGING_FAILED", "RATING_FAILED"),
    no.ChargeUnknown: Said(404, "CONTEXT_NOT_FOUND"),
    no.AlreadyRefunded: Said(403, "CHARGING_FAILED"),
    # What was sent.
    no.SessionUnknown: Said(404, "CONTEXT_NOT_FOUND"),
    no.RequestOutOfOrder: Said(400, "MANDATORY_IE_INCORRECT"),
    no.BodyMalformed: Said(400, "INVALID_MSG_FORMAT"),
    no.FieldMissing: Said(400, "MANDATORY_IE_MISSING"),
    no.FieldMalformed: Said(400, "MANDATORY_IE_INCORRECT"),
    no.BodyTooLarge: Said(413, "INVALID_MSG_FORMAT"),
    no.PageNotFound: Said(404, "RESOURCE_URI_STRUCTURE_NOT_FOUND"),
    no.MethodNotAllowed: Said(405, "METHOD_NOT_ALLOWED"),
    # Who sent it.
    no.KeyUnknown: Said(401, "UNAUTHORIZED"),
    # We ourselves.
    no.Busy: Said(429, "NF_CONGESTION_RISK"),
    no.Unavailable: Said(503, "NF_CONGESTION"),
    no.InternalError: Said(500, "SYSTEM_FAILURE"),
}

RESULT_OF: Mapping[str, str] = {
    refusal.code: said.result for refusal, said in SAID.items() if said.result
}

_LATER: Mapping[type[Refusal], int] = {no.Busy: 1, no.Unavailable: 2}
_OF_THE_SEQUENCE = (InvalidParam(param="/invocationSequenceNumber", reason="not the next one"),)


class Unfit(Exception):
    """What was sent is well formed, and yet not for us to charge. Answered as said."""

    def __init__(self, said: Said, title: str, detail: str, param: str = "") -> None:
        super().__init__(title)
        self.said = said
        self.title = title
        self.detail = detail
        self.param = param


def problem_of(error: Refusal | Unfit, rules: Rules) -> ProblemDetails:
    """Return the problem document of a refusal; its detail is in English."""
    if isinstance(error, Unfit):
        return ProblemDetails(
            title=error.title,
            status=error.said.status,
            detail=error.detail,
            cause=error.said.cause,
            invalid_params=(InvalidParam(param=error.param),) if error.param else (),
        )
    said = said_of(error)
    return ProblemDetails(
        title=error.code.replace("_", " ").capitalize(),
        status=said.status,
        detail=i18n.texts("en").refusal(error, rules.validity.zone),
        cause=said.cause,
        invalid_params=_invalid_params(error),
    )


def said_of(refusal: Refusal) -> Said:
    """Return how a refusal is said; one that charging cannot raise would be a fault of ours."""
    return SAID.get(type(refusal)) or SAID[no.InternalError]


def headers_of(error: Refusal | Unfit) -> list[tuple[bytes, bytes]]:
    """Return the headers that a refusal brings."""
    if isinstance(error, no.KeyUnknown):
        return [(b"www-authenticate", b'Bearer realm="nchf-convergedcharging"')]
    if isinstance(error, no.MethodNotAllowed):
        return [(b"allow", b"POST")]
    if isinstance(error, Unfit) or type(error) not in _LATER:
        return []
    seconds = _LATER[type(error)]
    until = error.params.get("until")
    if isinstance(until, datetime):
        seconds = max(1, math.ceil((until - datetime.now(until.tzinfo)).total_seconds()))
    return [(b"retry-after", b"%d" % seconds)]


def _invalid_params(refusal: Refusal) -> tuple[InvalidParam, ...]:
    if isinstance(refusal, no.RequestOutOfOrder):
        return _OF_THE_SEQUENCE
    field = refusal.params.get("field")
    return (InvalidParam(param=f"/{field}"),) if isinstance(field, str) else ()
