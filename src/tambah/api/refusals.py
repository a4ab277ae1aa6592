"""Every refusal as HTTP says it: a status, headers, a problem document (RFC 9457)."""

import math
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from tambah import i18n
from tambah.domain import refusals as no
from tambah.domain.refusals import Refusal

STATUS: Mapping[type[Refusal], int] = {
    # What was sent cannot be read.
    no.NumberMalformed: 400,
    no.CodeMistyped: 400,
    no.AmountMalformed: 400,
    no.AmountTooPrecise: 400,
    no.BodyMalformed: 400,
    no.FieldMissing: 400,
    no.FieldMalformed: 400,
    no.IdempotencyKeyMissing: 400,
    no.RangeBeyondBatch: 400,
    no.RangeMalformed: 400,
    no.ReasonMissing: 400,
    no.FormExpired: 400,
    no.WebhookUnsigned: 400,
    no.PhotoUnreadable: 400,
    no.SerialMalformed: 400,
    no.CardDigitsMalformed: 400,
    no.PasswordTooWeak: 400,
    no.PinTooWeak: 400,
    no.BodyTooLarge: 413,
    no.StatementTooLarge: 413,
    no.ListTooLong: 413,
    no.PhotoTooLarge: 413,
    # Who asks may not.
    no.KeyUnknown: 401,
    no.SignInNeeded: 401,
    no.StaffSignInWrong: 401,
    no.PinWrong: 401,
    no.ScopeMissing: 403,
    no.PartnerSuspended: 403,
    no.PermissionMissing: 403,
    no.ApprovalOwn: 403,
    # There is no such thing.
    no.PageNotFound: 404,
    no.NumberUnknown: 404,
    no.TopUpUnknown: 404,
    no.PackageUnknown: 404,
    no.PackageNotRunning: 404,
    no.BatchUnknown: 404,
    no.VoucherUnknown: 404,
    no.PartnerUnknown: 404,
    no.DealerUnknown: 404,
    no.DealerExists: 409,
    no.SaleUnknown: 404,
    no.SellerUnknown: 404,
    no.PaymentUnknown: 404,
    no.BankEntryUnknown: 404,
    no.SimUnknown: 404,
    no.TicketUnknown: 404,
    no.InvitationUnknown: 404,
    no.RateUnknown: 404,
    no.StaffUnknown: 404,
    no.PasskeyUnknown: 404,
    no.ApprovalUnknown: 404,
    no.PeriodUnknown: 404,
    no.MethodNotAllowed: 405,
    # Read and understood, but never to be had in this form.
    no.AmountOutOfRange: 422,
    no.CurrencyNotAccepted: 422,
    no.IdempotencyKeyReused: 422,
    no.CodeNotUsable: 422,
    no.SmsUnavailable: 503,
    no.SignInCodeWrong: 422,
    no.AuthenticatorCodeWrong: 422,
    no.PasskeyNotAccepted: 422,
    no.SingleSignOnRefused: 422,
    no.IdentityNotMatched: 422,
    no.BarNotYours: 409,
    no.DenominationUnknown: 422,
    no.PaymentMethodUnavailable: 422,
    no.PaymentRefused: 422,
    no.StatementMalformed: 422,
    no.AuditHeadMalformed: 422,
    # As things stand; they may change.
    no.ReferenceUsed: 409,
    no.LastSecondFactor: 409,
    no.LineNotActivated: 409,
    no.LineExpired: 409,
    no.LineTerminated: 409,
    no.LineBarred: 409,
    no.LineSuspended: 409,
    no.ReactivationTooLittle: 409,
    no.BalanceTooHigh: 409,
    no.NumberInUse: 409,
    no.LineAlreadyActive: 409,
    no.CodeAlreadyYours: 409,
    no.DealerNotRelated: 409,
    no.CommissionOutOfTree: 409,
    no.CommissionChanged: 409,
    no.NothingDue: 409,
    no.CardSoldByYou: 409,
    no.CardSold: 409,
    no.CardNotYours: 409,
    no.CardNotForSale: 409,
    no.BatchNotReleased: 409,
    no.SaleUndone: 409,
    no.UndoTooLate: 409,
    no.SaleSpent: 409,
    no.StockNotHeld: 409,
    no.StockSold: 409,
    no.SellerNumberTaken: 409,
    no.FloatTooLow: 409,
    no.DailyCapReached: 409,
    no.LineInGrace: 409,
    no.SessionUnknown: 404,
    no.RequestOutOfOrder: 409,
    no.ChargeUnknown: 404,
    no.AlreadyRefunded: 409,
    no.CreditTooLow: 409,
    no.TopUpWasMoved: 409,
    no.MoveTooLate: 409,
    no.MoveToSameNumber: 409,
    no.NothingToMove: 409,
    no.PromotionNameTaken: 409,
    no.PromotionUnknown: 404,
    no.PromotionOver: 409,
    no.PackageChanged: 409,
    no.PackageOver: 409,
    no.PackageNotForYou: 409,
    no.PackageAlreadyRunning: 409,
    no.PackageNotRecurring: 409,
    no.PackageUsed: 409,
    no.AlreadyReversed: 409,
    no.BatchStateWrong: 409,
    no.VoucherStateWrong: 409,
    no.CardRedeemed: 409,
    no.SubstituteUnfit: 409,
    no.PaymentsOfDayReached: 409,
    no.PaymentAmountDiffers: 409,
    no.PaymentNotRefundable: 409,
    no.CreditSpent: 409,
    no.RefundInstead: 409,
    no.BankEntryDone: 409,
    no.ChangeOnHold: 409,
    no.SimNotUsable: 409,
    no.EsimCodeGone: 409,
    no.TicketClosed: 409,
    no.TicketChanged: 409,
    no.CardNotIdentified: 409,
    no.StaffNameTaken: 409,
    no.ApprovalWaiting: 409,
    no.PrintFileDiffers: 422,
    no.ApprovalOver: 409,
    no.PeriodNotOver: 409,
    no.PeriodTooEarly: 409,
    no.PeriodAhead: 422,
    no.PeriodOutOfOrder: 409,
    no.BooksDisagree: 409,
    # Later.
    no.TooManyWrongCodes: 429,
    no.TooManyTries: 429,
    no.GuestsPaused: 429,
    no.Busy: 429,
    no.TooManyLookUps: 429,
    no.TooManyCodesAsked: 429,
    no.TooManyTickets: 429,
    no.Unavailable: 503,
    no.ProviderUnavailable: 503,
    no.SingleSignOnDown: 503,
    no.InternalError: 500,
}

RETRY_SECONDS: Mapping[type[Refusal], int] = {
    no.TooManyWrongCodes: 900,
    no.TooManyTries: 3600,
    no.GuestsPaused: 300,
    no.TooManyLookUps: 3600,
    no.TooManyCodesAsked: 3600,
    no.TooManyTickets: 3600,
    no.ProviderUnavailable: 10,
    no.SmsUnavailable: 60,
    no.SingleSignOnDown: 60,
    no.Busy: 1,
    no.Unavailable: 2,
}
"""When to come back, for refusals that do not carry the instant themselves."""


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A refusal as a problem document (RFC 9457). Programs go by code, people by detail.

    The members after code are there where the refusal has them.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    field: str | None = None
    scope: str | None = None
    allow: str | None = None
    least: str | None = None
    most: str | None = None
    cap: str | None = None
    missing: str | None = None
    until: datetime | None = None
    used_at: datetime | None = None
    sold_at: datetime | None = None
    minutes: int | None = None
    state: str | None = None
    reason: str | None = None
    incident: str | None = None


_MEMBERS = frozenset(Problem.__struct_fields__) - {"type", "title", "status", "detail", "code"}
_ENCODE = msgspec.json.Encoder().encode


def title_of(code: str) -> str:
    """Return a code as a short English title, the same for every occurrence."""
    return code.replace("_", " ").capitalize()


def problem_of(refusal: Refusal, language: str, zone: ZoneInfo) -> Problem:
    """Return a refusal's problem document, its sentence in `language` (a BCP 47 tag)."""
    members = {name: value for name, value in refusal.params.items() if name in _MEMBERS}
    return msgspec.convert(
        {
            "type": f"/docs#{refusal.code}",
            "title": title_of(refusal.code),
            "status": STATUS[type(refusal)],
            "detail": i18n.texts(language).refusal(refusal, zone),
            "code": refusal.code,
            **members,
        },
        Problem,
    )


def encode_problem(problem: Problem) -> bytes:
    """Write a problem document as JSON."""
    return _ENCODE(problem)


def headers_of(refusal: Refusal, now: datetime) -> list[tuple[bytes, bytes]]:
    """Return the headers that a refusal brings: Retry-After, WWW-Authenticate, Allow, Connection.

    now: an aware UTC instant, from which Retry-After counts.
    """
    kind = type(refusal)
    if kind is no.KeyUnknown:
        return [(b"www-authenticate", b'Bearer realm="tambah"')]
    if kind is no.ScopeMissing:
        challenge = f'Bearer realm="tambah", error="insufficient_scope", scope="{_text(refusal)}"'
        return [(b"www-authenticate", challenge.encode("ascii"))]
    if kind is no.MethodNotAllowed:
        return [(b"allow", str(refusal.params.get("allow", "")).encode("ascii"))]
    if kind is no.BodyTooLarge:
        return [(b"connection", b"close")]  # what is left of the body is not waited for
    seconds = retry_after_seconds(refusal, now)
    return [(b"retry-after", b"%d" % seconds)] if seconds is not None else []


def retry_after_seconds(refusal: Refusal, now: datetime) -> int | None:
    """Return in how many seconds it is worth trying again, None for never by itself."""
    usual = RETRY_SECONDS.get(type(refusal))
    until = refusal.params.get("until")
    if usual is None or not isinstance(until, datetime):
        return usual
    return max(1, math.ceil((until - now).total_seconds()))


def _text(refusal: Refusal) -> str:
    return str(refusal.params.get("scope", ""))
