"""What API v1 consists of: the router goes by it, and so does the OpenAPI document."""

from collections.abc import Mapping

from tambah.api.rest import shapes
from tambah.api.rest.credits import redeem_voucher, top_up
from tambah.api.rest.lines import list_transfers, show_line
from tambah.api.rest.packages import buy_package, list_line_packages, list_packages
from tambah.api.rest.rates import show_rates
from tambah.api.rest.route import EVERYWHERE, Route
from tambah.api.rest.sales import list_sales, sell_card, undo_sale
from tambah.api.rest.usage import (
    CURSOR_PATTERN,
    charge_event,
    charge_session,
    list_usage,
    refund_charge,
)
from tambah.api.rest.usage_shapes import (
    ChargeRefund,
    ChargeRequest,
    SessionAnswer,
    SessionStep,
    UsagePage,
)
from tambah.api.rest.vouchers import show_voucher
from tambah.domain import refusals as no
from tambah.domain.refusals import Refusal

_WRITING: tuple[type[Refusal], ...] = (
    no.BodyMalformed,
    no.BodyTooLarge,
    no.FieldMissing,
    no.FieldMalformed,
    no.IdempotencyKeyMissing,
    no.IdempotencyKeyReused,
    no.NumberMalformed,
    no.NumberUnknown,
    no.PartnerSuspended,
    no.PartnerUnknown,
    no.LineNotActivated,
    no.LineExpired,
    no.LineTerminated,
    no.LineBarred,
    no.LineSuspended,
    no.ReactivationTooLittle,
    no.BalanceTooHigh,
    no.Busy,
)

_BUYING: tuple[type[Refusal], ...] = tuple(
    one
    for one in _WRITING
    if one not in (no.PartnerUnknown, no.ReactivationTooLittle, no.BalanceTooHigh)
)

_SELLING: tuple[type[Refusal], ...] = (
    no.BodyTooLarge,
    no.FieldMalformed,
    no.IdempotencyKeyMissing,
    no.IdempotencyKeyReused,
    no.PartnerSuspended,
    no.PartnerUnknown,
    no.DealerUnknown,
    no.Busy,
)

_CHARGING: tuple[type[Refusal], ...] = (
    no.BodyMalformed,
    no.BodyTooLarge,
    no.FieldMissing,
    no.FieldMalformed,
    no.NumberMalformed,
    no.NumberUnknown,
    no.PartnerSuspended,
    no.LineNotActivated,
    no.LineInGrace,
    no.LineExpired,
    no.LineTerminated,
    no.LineBarred,
    no.LineSuspended,
    no.CreditTooLow,
    no.RateUnknown,
    no.RequestOutOfOrder,
    no.Busy,
)


ROUTES: tuple[Route, ...] = (
    Route(
        name="showLine",
        summary="Look at a line",
        about="State, dates and balances as they are now. Nothing is written.",
        method="GET",
        noun="lines",
        subject="msisdn",
        scope="lines:read",
        handler=show_line,
        status=200,
        answer=shapes.Line,
        refusals=(no.NumberMalformed, no.NumberUnknown),
    ),
    Route(
        name="topUp",
        summary="Top up a line",
        about=(
            "Reloads the line from your float. Your reference stands for one top-up of the line, "
            "for ever: that is the last guard against paying twice."
        ),
        method="POST",
        noun="lines",
        subject="msisdn",
        tail="topups",
        scope="topups:write",
        handler=top_up,
        status=201,
        body=shapes.TopUpRequest,
        answer=shapes.Credited,
        refusals=(
            *_WRITING,
            no.CurrencyNotAccepted,
            no.AmountMalformed,
            no.AmountTooPrecise,
            no.AmountOutOfRange,
            no.ReferenceUsed,
            no.FloatTooLow,
            no.DailyCapReached,
        ),
    ),
    Route(
        name="redeemVoucher",
        summary="Redeem a recharge code",
        about=(
            "Turns a code into credit. Wrong codes are counted, on the line and on your key; a "
            "code whose check digit fails costs nothing."
        ),
        method="POST",
        noun="lines",
        subject="msisdn",
        tail="redemptions",
        scope="redemptions:write",
        handler=redeem_voucher,
        status=201,
        body=shapes.RedemptionRequest,
        answer=shapes.Credited,
        refusals=(
            *_WRITING,
            no.CodeMistyped,
            no.CodeNotUsable,
            no.CodeAlreadyYours,
            no.TooManyWrongCodes,
            no.TooManyTries,
            no.GuestsPaused,
        ),
    ),
    Route(
        name="listTransfers",
        summary="List a line's transfers",
        about="The line's books, newest first. Follow `next` until it is null.",
        method="GET",
        noun="lines",
        subject="msisdn",
        tail="transfers",
        scope="transfers:read",
        handler=list_transfers,
        status=200,
        answer=shapes.TransferPage,
        refusals=(no.NumberMalformed, no.NumberUnknown, no.FieldMalformed),
        takes_page=True,
    ),
    Route(
        name="chargeSession",
        summary="Charge a session",
        about=(
            "Promises units before they are used, counts what was used, and ends. The session is "
            "yours to name, its requests are numbered upwards; the same number again gets the "
            "same answer. Where several rating groups are asked for, each is answered for itself."
        ),
        method="POST",
        noun="lines",
        subject="msisdn",
        tail="sessions/*",
        thing="session",
        scope="charge",
        handler=charge_session,
        status=200,
        body=SessionStep,
        answer=SessionAnswer,
        refusals=(*_CHARGING, no.SessionUnknown),
    ),
    Route(
        name="chargeEvent",
        summary="Charge an event",
        about="Charges something that happens at once, such as a message: all of it, or nothing.",
        method="POST",
        noun="lines",
        subject="msisdn",
        tail="charges/*",
        thing="session",
        scope="charge",
        handler=charge_event,
        status=200,
        body=ChargeRequest,
        answer=SessionAnswer,
        refusals=_CHARGING,
    ),
    Route(
        name="refundCharge",
        summary="Give a charge back",
        about=(
            "Gives an event's charge back into what paid it, once, within the hours for it. Its "
            "number must be above the charge's."
        ),
        method="POST",
        noun="lines",
        subject="msisdn",
        tail="charges/*/refund",
        thing="session",
        scope="charge",
        handler=refund_charge,
        status=200,
        body=ChargeRefund,
        answer=SessionAnswer,
        refusals=(
            no.BodyMalformed,
            no.BodyTooLarge,
            no.FieldMissing,
            no.FieldMalformed,
            no.NumberMalformed,
            no.NumberUnknown,
            no.PartnerSuspended,
            no.LineTerminated,
            no.ChargeUnknown,
            no.AlreadyRefunded,
            no.RequestOutOfOrder,
            no.Busy,
        ),
    ),
    Route(
        name="listUsage",
        summary="List what a line used",
        about="Calls, messages and data as booked, newest first. Follow `next` until it is null.",
        method="GET",
        noun="lines",
        subject="msisdn",
        tail="usage",
        scope="charge",
        handler=list_usage,
        status=200,
        answer=UsagePage,
        refusals=(no.NumberMalformed, no.NumberUnknown, no.FieldMalformed),
        takes_page=True,
        cursor=CURSOR_PATTERN,
    ),
    Route(
        name="showVoucher",
        summary="Look at a voucher",
        about="What became of a card, by the serial number on it. Never its code.",
        method="GET",
        noun="vouchers",
        subject="serial",
        scope="vouchers:read",
        handler=show_voucher,
        status=200,
        answer=shapes.Voucher,
        refusals=(no.VoucherUnknown,),
    ),
    Route(
        name="sellCard",
        summary="Sell a card",
        about=(
            "Activates a card by the serial number on it and takes its price out of your float, "
            "or of the one you draw on. Your reference stands for one sale, for ever."
        ),
        method="POST",
        noun="cards",
        subject="serial",
        tail="sale",
        scope="sales:write",
        handler=sell_card,
        status=201,
        body=shapes.SaleRequest,
        answer=shapes.SoldCard,
        refusals=(
            *_SELLING,
            no.BodyMalformed,
            no.FieldMissing,
            no.VoucherUnknown,
            no.CardSoldByYou,
            no.CardSold,
            no.CardNotYours,
            no.CardNotForSale,
            no.BatchNotReleased,
            no.ReferenceUsed,
            no.AmountOutOfRange,
            no.FloatTooLow,
            no.DailyCapReached,
        ),
    ),
    Route(
        name="undoSale",
        summary="Undo a sale",
        about=(
            "Takes one of your sales back, a card or a reload, for a few minutes and while "
            "nothing of it is used. The money returns to the float that paid, the card is for "
            "sale again."
        ),
        method="POST",
        noun="sales",
        subject="reference",
        tail="undo",
        scope="sales:write",
        handler=undo_sale,
        status=200,
        answer=shapes.UndoneSale,
        refusals=(
            *_SELLING,
            no.SaleUnknown,
            no.SaleUndone,
            no.UndoTooLate,
            no.SaleSpent,
            no.CardNotForSale,
            no.LineTerminated,
        ),
    ),
    Route(
        name="listSales",
        summary="List your last sales",
        about="What happened to your sales, cards and reloads, the newest first.",
        method="GET",
        noun="sales",
        scope="sales:read",
        handler=list_sales,
        status=200,
        answer=shapes.SaleList,
        refusals=(no.DealerUnknown, no.FieldMalformed),
        takes_page=True,
    ),
    Route(
        name="showRates",
        summary="Look up a rate",
        about=(
            "What calls, messages and data cost now from somewhere to a number or a country: as "
            "the rate page tells it. A country is given by its code (CN) or by a name, in any of "
            "the four languages."
        ),
        method="GET",
        noun="rates",
        scope="rates:read",
        handler=show_rates,
        status=200,
        answer=shapes.Rates,
        refusals=(no.FieldMissing, no.FieldMalformed, no.RateUnknown),
        takes_rate=True,
    ),
    Route(
        name="listPackages",
        summary="List the packages on sale",
        about="Prices, allowances and terms as they are now.",
        method="GET",
        noun="packages",
        scope="packages:read",
        handler=list_packages,
        status=200,
        answer=shapes.PackageList,
        refusals=(),
    ),
    Route(
        name="listLinePackages",
        summary="List a line's packages",
        about="What runs on the line, and what is left of it.",
        method="GET",
        noun="lines",
        subject="msisdn",
        tail="packages",
        scope="packages:read",
        handler=list_line_packages,
        status=200,
        answer=shapes.RunningList,
        refusals=(no.NumberMalformed, no.NumberUnknown),
    ),
    Route(
        name="buyPackage",
        summary="Buy a package",
        about=(
            "Buys a package from the line's own credit, bonus first. Only for partners that "
            "speak for lines, for it spends what is the subscriber's."
        ),
        method="POST",
        noun="lines",
        subject="msisdn",
        tail="packages",
        scope="packages:write",
        handler=buy_package,
        status=201,
        body=shapes.PurchaseRequest,
        answer=shapes.BoughtPackage,
        refusals=(
            *_BUYING,
            no.PackageUnknown,
            no.PackageNotForYou,
            no.PackageAlreadyRunning,
            no.CreditTooLow,
        ),
    ),
)

__all__ = ["EVERYWHERE", "ROUTES", "SCOPES", "Route", "by_address"]

SCOPES: tuple[str, ...] = tuple(dict.fromkeys(route.scope for route in ROUTES))


def by_address() -> Mapping[tuple[str, str | None], Mapping[str, Route]]:
    """Return the routes by noun and tail (None without a subject), then by method."""
    table: dict[tuple[str, str | None], dict[str, Route]] = {}
    for route in ROUTES:
        tail = route.tail if route.subject else None
        table.setdefault((route.noun, tail), {})[route.method] = route
    return table
