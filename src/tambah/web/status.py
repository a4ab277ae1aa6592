"""Which HTTP status each refusal is answered with, for pages and programs alike."""

from tambah.domain import refusals
from tambah.domain.refusals import Refusal

STATUS: dict[type[Refusal], int] = {
    refusals.BodyMalformed: 400,
    refusals.IdempotencyKeyMissing: 400,
    refusals.KeyUnknown: 401,
    refusals.ScopeMissing: 403,
    refusals.PartnerSuspended: 403,
    refusals.PageNotFound: 404,
    refusals.NumberUnknown: 404,
    refusals.TopUpUnknown: 404,
    refusals.BatchUnknown: 404,
    refusals.VoucherUnknown: 404,
    refusals.PartnerUnknown: 404,
    refusals.MethodNotAllowed: 405,
    refusals.LineNotActivated: 409,
    refusals.LineExpired: 409,
    refusals.LineTerminated: 409,
    refusals.LineBarred: 409,
    refusals.LineSuspended: 409,
    refusals.LineAlreadyActive: 409,
    refusals.BalanceTooHigh: 409,
    refusals.NumberInUse: 409,
    refusals.CodeAlreadyYours: 409,
    refusals.ReferenceUsed: 409,
    refusals.FloatTooLow: 409,
    refusals.DailyCapReached: 409,
    refusals.CreditTooLow: 409,
    refusals.AlreadyReversed: 409,
    refusals.BatchStateWrong: 409,
    refusals.VoucherStateWrong: 409,
    refusals.BodyTooLarge: 413,
    refusals.NumberMalformed: 422,
    refusals.CodeMistyped: 422,
    refusals.CodeNotUsable: 422,
    refusals.AmountMalformed: 422,
    refusals.AmountTooPrecise: 422,
    refusals.AmountOutOfRange: 422,
    refusals.CurrencyNotAccepted: 422,
    refusals.FieldMissing: 422,
    refusals.FieldMalformed: 422,
    refusals.IdempotencyKeyReused: 422,
    refusals.FormExpired: 422,
    refusals.RangeMalformed: 422,
    refusals.DenominationUnknown: 422,
    refusals.ReasonMissing: 422,
    refusals.TooManyWrongCodes: 429,
    refusals.TooManyTries: 429,
    refusals.GuestsPaused: 429,
    refusals.Busy: 429,
    refusals.InternalError: 500,
    refusals.Unavailable: 503,
}


def status_of(refusal: Refusal | type[Refusal]) -> int:
    """Return the HTTP status for a refusal; a test proves that each has one."""
    return STATUS[refusal if isinstance(refusal, type) else type(refusal)]
