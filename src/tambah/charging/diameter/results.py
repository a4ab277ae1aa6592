"""What each refusal is called in Diameter: Result-Codes of RFC 6733 and RFC 8506, section 9."""

from collections.abc import Mapping

from tambah.charging.diameter.names import Result
from tambah.domain.refusals import (
    AlreadyRefunded,
    Busy,
    ChargeUnknown,
    CreditTooLow,
    FieldMalformed,
    InternalError,
    LineBarred,
    LineExpired,
    LineInGrace,
    LineNotActivated,
    LineSuspended,
    LineTerminated,
    NumberMalformed,
    NumberUnknown,
    RateUnknown,
    Refusal,
    RequestOutOfOrder,
    SessionUnknown,
    Unavailable,
)

# A line in grace has credit that a top-up makes usable again: to the network it has none. What
# repeating cannot mend is no 3004, or an element would repeat it at the next server for ever.
_RESULTS: Mapping[type[Refusal], Result] = {
    CreditTooLow: Result.CREDIT_LIMIT_REACHED,
    LineInGrace: Result.CREDIT_LIMIT_REACHED,
    LineBarred: Result.END_USER_SERVICE_DENIED,
    LineSuspended: Result.END_USER_SERVICE_DENIED,
    LineNotActivated: Result.END_USER_SERVICE_DENIED,
    LineExpired: Result.END_USER_SERVICE_DENIED,
    LineTerminated: Result.USER_UNKNOWN,
    NumberUnknown: Result.USER_UNKNOWN,
    NumberMalformed: Result.USER_UNKNOWN,
    FieldMalformed: Result.USER_UNKNOWN,
    RateUnknown: Result.RATING_FAILED,
    SessionUnknown: Result.UNKNOWN_SESSION_ID,
    RequestOutOfOrder: Result.INVALID_AVP_VALUE,
    ChargeUnknown: Result.UNABLE_TO_COMPLY,
    AlreadyRefunded: Result.UNABLE_TO_COMPLY,
    Busy: Result.TOO_BUSY,
    Unavailable: Result.TOO_BUSY,
    InternalError: Result.UNABLE_TO_COMPLY,
}
_BY_CODE = {refusal.code: result for refusal, result in _RESULTS.items()}


def result_of(refusal: Refusal) -> Result:
    """Return a refusal's Result-Code."""
    return _RESULTS[type(refusal)]


def result_of_code(code: str) -> Result:
    """Return the Result-Code of a refusal's code, as a grant has it; of none, success."""
    return _BY_CODE[code] if code else Result.SUCCESS


def mapped() -> frozenset[type[Refusal]]:
    """Return the refusals that have a Result-Code of their own."""
    return frozenset(_RESULTS)
