"""Every expected "no", each with a stable code.

A refusal knows nothing of HTTP, SMS or voice: every door maps every code to its own words, and
a test proves each map complete. `params` are the values a sentence about it may need; they never
hold a secret. A refusal may come with changes (a wrong code counts): see `decide`.
"""

from datetime import datetime
from typing import ClassVar


class Refusal(Exception):
    """The rules say no.

    code: stable name, part of the contract with other programs.
    params: values for the sentence; str, int or datetime.
    """

    code: ClassVar[str] = ""

    def __init__(self, **params: str | int | datetime) -> None:
        super().__init__(self.code)
        self.params = params


# What was typed or sent


class NumberMalformed(Refusal):
    """The text is no telephone number of this country."""

    code = "number_malformed"


class CodeMistyped(Refusal):
    """The code's length or check digit is wrong; costs the caller nothing."""

    code = "code_mistyped"


class AmountMalformed(Refusal):
    """The amount is no plain decimal string."""

    code = "amount_malformed"


class AmountTooPrecise(Refusal):
    """The amount has fractions of a sen."""

    code = "amount_too_precise"


class AmountOutOfRange(Refusal):
    """The amount is below the least or above the most. Params: least, most (ringgit)."""

    code = "amount_out_of_range"


class CurrencyNotAccepted(Refusal):
    """Ringgit only."""

    code = "currency_not_accepted"


class BodyMalformed(Refusal):
    """The request's body is not a JSON object."""

    code = "body_malformed"


class BodyTooLarge(Refusal):
    """The request's body is over the limit."""

    code = "body_too_large"


class FieldMissing(Refusal):
    """A required field is absent or not a text. Params: field."""

    code = "field_missing"


class FieldMalformed(Refusal):
    """A field is there but cannot be read. Params: field."""

    code = "field_malformed"


class IdempotencyKeyMissing(Refusal):
    """Every POST of money needs an Idempotency-Key."""

    code = "idempotency_key_missing"


class IdempotencyKeyReused(Refusal):
    """The key was used before with other content."""

    code = "idempotency_key_reused"


class ReferenceUsed(Refusal):
    """The partner's reference already stands for another top-up of the line."""

    code = "reference_used"


class FormExpired(Refusal):
    """The web form's token is not one of ours, or too old."""

    code = "form_expired"


class PageNotFound(Refusal):
    """There is nothing at this address."""

    code = "page_not_found"


class MethodNotAllowed(Refusal):
    """The address exists, the method does not."""

    code = "method_not_allowed"


# Who asks


class KeyUnknown(Refusal):
    """No API key, or none that is known and live."""

    code = "key_unknown"


class ScopeMissing(Refusal):
    """The API key lacks a scope. Params: scope."""

    code = "scope_missing"


class PartnerSuspended(Refusal):
    """The partner may not sell at present."""

    code = "partner_suspended"


# Lines


class NumberUnknown(Refusal):
    """The number is no line of this operator."""

    code = "number_unknown"


class LineNotActivated(Refusal):
    """The line has not been activated yet."""

    code = "line_not_activated"


class LineExpired(Refusal):
    """The line's grace period is over; a top-up alone does not bring it back."""

    code = "line_expired"


class LineTerminated(Refusal):
    """The line has ended; its number is in quarantine or gone."""

    code = "line_terminated"


class LineBarred(Refusal):
    """The line is barred (a lost phone, by its owner)."""

    code = "line_barred"


class LineInGrace(Refusal):
    """The line's validity has ended, so that its credit waits; a top-up makes it usable again."""

    code = "line_in_grace"


class LineSuspended(Refusal):
    """The operator has suspended the line (registration)."""

    code = "line_suspended"


class ReactivationTooLittle(Refusal):
    """The top-up's credit does not cover the fee of reactivation. Params: least (ringgit)."""

    code = "reactivation_too_little"


class BalanceTooHigh(Refusal):
    """The credit would pass the most that a line may hold. Params: most (ringgit)."""

    code = "balance_too_high"


class NumberInUse(Refusal):
    """The number already belongs to a line that differs from the one given."""

    code = "number_in_use"


class LineAlreadyActive(Refusal):
    """The line was activated before."""

    code = "line_already_active"


# Recharge codes


class CodeNotUsable(Refusal):
    """Unknown, inactive, void, expired, locked or used by another: one answer for all."""

    code = "code_not_usable"


class CodeAlreadyYours(Refusal):
    """This line redeemed this very code before. Params: used_at."""

    code = "code_already_yours"


class TooManyWrongCodes(Refusal):
    """The line's ladder of wrong codes is locked. Params: until."""

    code = "too_many_wrong_codes"


class TooManyTries(Refusal):
    """The source (address, key, terminal) spent its hourly budget of wrong codes."""

    code = "too_many_tries"


class GuestsPaused(Refusal):
    """Too many wrong codes over the whole service: guests wait, owners do not."""

    code = "guests_paused"


# Money


class FloatTooLow(Refusal):
    """The partner's float and credit limit do not cover the sale."""

    code = "float_too_low"


class DailyCapReached(Refusal):
    """The partner's top-ups of the day passed its cap. Params: cap (ringgit)."""

    code = "daily_cap_reached"


class CreditTooLow(Refusal):
    """The line's credit does not cover the debit. Params: missing (ringgit)."""

    code = "credit_too_low"


class PackageUnknown(Refusal):
    """No package is on sale under that code."""

    code = "package_unknown"


class PackageChanged(Refusal):
    """Somebody else changed the package, or took it off sale, since this was asked for."""

    code = "package_changed"


class PackageOver(Refusal):
    """The package's last day on sale is past, or before the first on which it could be sold."""

    code = "package_over"


class PackageNotForYou(Refusal):
    """The line may not have that package; programs are told the reason.

    reason: `state` (its credit is frozen), `plan`, `activated` (not, or too long ago), `needs` (a
    package that is not running), `forbids` (one that is).
    """

    code = "package_not_for_you"


class PackageAlreadyRunning(Refusal):
    """The package runs, and is not sold again before it is over. Params: until."""

    code = "package_already_running"


class PackageNotRunning(Refusal):
    """Nothing runs on the line under that number."""

    code = "package_not_running"


class PackageNotRecurring(Refusal):
    """The package is bought once at a time; it cannot be renewed."""

    code = "package_not_recurring"


class PackageUsed(Refusal):
    """Some of the package was used, or is held by a session: it is not taken back."""

    code = "package_used"


class TopUpUnknown(Refusal):
    """The line has no such top-up."""

    code = "topup_unknown"


class TopUpWasMoved(Refusal):
    """The top-up came from another number, where it had gone by mistake: it stays."""

    code = "topup_was_moved"


class MoveTooLate(Refusal):
    """A top-up is moved soon after it or not at all. Params: hours (0 for never)."""

    code = "move_too_late"


class MoveToSameNumber(Refusal):
    """The top-up is on that number already."""

    code = "move_to_same_number"


class NothingToMove(Refusal):
    """All the top-up's main credit is spent."""

    code = "nothing_to_move"


class PromotionNameTaken(Refusal):
    """A promotion of that name is there, or was: a name is for ever."""

    code = "promotion_name_taken"


class PromotionUnknown(Refusal):
    """No promotion of that name was made in the console."""

    code = "promotion_unknown"


class PromotionOver(Refusal):
    """The promotion has ended, or would have before it is in force."""

    code = "promotion_over"


class AlreadyReversed(Refusal):
    """The top-up was reversed before."""

    code = "already_reversed"


# Payments


class PaymentUnknown(Refusal):
    """There is no such payment."""

    code = "payment_unknown"


class PaymentMethodUnavailable(Refusal):
    """Nobody here takes money by that method."""

    code = "payment_method_unavailable"


class PaymentsOfDayReached(Refusal):
    """The number's payments of the day passed their limit. Params: most (ringgit)."""

    code = "payments_of_day_reached"


class PaymentAmountDiffers(Refusal):
    """What a provider says was paid is not what was asked; a person must look."""

    code = "payment_amount_differs"


class PaymentNotRefundable(Refusal):
    """Nothing of the payment is here to be sent back. Params: state."""

    code = "payment_not_refundable"


class SessionUnknown(Refusal):
    """There is no such session of use, or it has ended."""

    code = "session_unknown"


class RequestOutOfOrder(Refusal):
    """The session has had a later request than this one, or began with another."""

    code = "request_out_of_order"


class ChargeUnknown(Refusal):
    """There is no such charge to give back, or the time for it is over."""

    code = "charge_unknown"


class AlreadyRefunded(Refusal):
    """The charge was given back before."""

    code = "already_refunded"


class CreditSpent(Refusal):
    """More is to be refunded than is unspent. Params: most (ringgit)."""

    code = "credit_spent"


class RefundInstead(Refusal):
    """The top-up was paid for: its payment is to be refunded, which reverses the top-up."""

    code = "refund_instead"


class ProviderUnavailable(Refusal):
    """The payment provider does not answer, before any money moved; try again or another way."""

    code = "provider_unavailable"


class PaymentRefused(Refusal):
    """The payment provider will not take this payment; nothing was taken."""

    code = "payment_refused"


class WebhookUnsigned(Refusal):
    """A webhook whose signature does not prove who sent it, or that is too old."""

    code = "webhook_unsigned"


class TooManyLookUps(Refusal):
    """The source had too many numbers checked in an hour."""

    code = "too_many_look_ups"


class StatementMalformed(Refusal):
    """The file is no bank statement that can be read. Params: where."""

    code = "statement_malformed"


class StatementTooLarge(Refusal):
    """The bank statement is over the limit. Params: most_mb."""

    code = "statement_too_large"


class BankEntryUnknown(Refusal):
    """There is no such line of a bank statement."""

    code = "bank_entry_unknown"


class BankEntryDone(Refusal):
    """The line of the bank statement was matched or ignored before."""

    code = "bank_entry_done"


# Vouchers as stock


class BatchUnknown(Refusal):
    """There is no such batch."""

    code = "batch_unknown"


class BatchStateWrong(Refusal):
    """The batch's state does not allow that. Params: state."""

    code = "batch_state_wrong"


class VoucherUnknown(Refusal):
    """There is no such serial number."""

    code = "voucher_unknown"


class VoucherStateWrong(Refusal):
    """The voucher's state does not allow that. Params: state."""

    code = "voucher_state_wrong"


class CardRedeemed(Refusal):
    """The card was redeemed, so nothing is given for it. Params: used_at."""

    code = "card_redeemed"


class SubstituteUnfit(Refusal):
    """The card to be given for another is sold, worth less, or not of a released batch."""

    code = "substitute_unfit"


class RangeMalformed(Refusal):
    """The range of serial numbers is empty, reversed, or leaves the batch."""

    code = "range_malformed"


class RangeBeyondBatch(Refusal):
    """The range goes on beyond the batch. Params: serial (of its last card)."""

    code = "range_beyond_batch"


class DenominationUnknown(Refusal):
    """No denomination of that value is in force."""

    code = "denomination_unknown"


class RateUnknown(Refusal):
    """No tariff in force has a rate for where this goes to, or comes from."""

    code = "rate_unknown"


# Signing in


class SignInCodeWrong(Refusal):
    """The one-time password is wrong, late, used, or the number is locked; which is not told."""

    code = "sign_in_code_wrong"


class SmsUnavailable(Refusal):
    """This installation has no way to send SMS, and what was asked for needs one."""

    code = "sms_unavailable"


class TooManyCodesAsked(Refusal):
    """Too many one-time passwords were asked for; told to nobody who is not signed in."""

    code = "too_many_codes_asked"


class SignInNeeded(Refusal):
    """Whoever asks is not signed in, or too long ago for this."""

    code = "sign_in_needed"


class IdentityNotMatched(Refusal):
    """The answers do not match whom the line is registered to, or nobody is registered."""

    code = "identity_not_matched"


class BarNotYours(Refusal):
    """The operator barred the line; its owner cannot lift that."""

    code = "bar_not_yours"


# SIMs


class ChangeOnHold(Refusal):
    """The SIM was replaced a short while ago; sensitive changes wait. Params: until."""

    code = "change_on_hold"


class SimUnknown(Refusal):
    """There is no such SIM in the inventory."""

    code = "sim_unknown"


class SimNotUsable(Refusal):
    """The SIM's state does not allow that: it serves a line, or did. Params: state."""

    code = "sim_not_usable"


class EsimCodeGone(Refusal):
    """There is no eSIM code to show: it is used up, or the line is on no eSIM."""

    code = "esim_code_gone"


# Tickets


class TicketUnknown(Refusal):
    """There is no ticket of that reference and number; which of the two is not told."""

    code = "ticket_unknown"


class TicketClosed(Refusal):
    """The ticket is closed or erased: nothing is added to it any more."""

    code = "ticket_closed"


class TicketChanged(Refusal):
    """Somebody wrote in the ticket since it was looked at; nothing was added."""

    code = "ticket_changed"


class TooManyTickets(Refusal):
    """The number has as many tickets open as it may, or the ticket as many notes or photos."""

    code = "too_many_tickets"


class PhotoUnreadable(Refusal):
    """The file is no JPEG, PNG or WebP picture, is animated, or has too many pixels."""

    code = "photo_unreadable"


class PhotoTooLarge(Refusal):
    """The photo is over the limit. Params: most_mb."""

    code = "photo_too_large"


class SerialMalformed(Refusal):
    """The text is no serial number of a card."""

    code = "serial_malformed"


class CardDigitsMalformed(Refusal):
    """What can be read of a card is not 16 digits, or too little. Params: most_digits."""

    code = "card_digits_malformed"


class CardNotIdentified(Refusal):
    """The readable digits do not lead to the card of that serial number, and to it alone."""

    code = "card_not_identified"


# Staff


class StaffSignInWrong(Refusal):
    """Name, password or code is wrong, or the account waits or is ended; which is not told."""

    code = "staff_sign_in_wrong"


class PermissionMissing(Refusal):
    """The roles of whoever is signed in to the console do not allow that."""

    code = "permission_missing"


class PasswordTooWeak(Refusal):
    """The password is too short, too common, or made of the name. Params: least."""

    code = "password_too_weak"


class AuthenticatorCodeWrong(Refusal):
    """The code is not what the authenticator shows for that secret at this time."""

    code = "authenticator_code_wrong"


class PasskeyNotAccepted(Refusal):
    """The passkey could not be added: not verified, asked for too long ago, or one too many."""

    code = "passkey_not_accepted"


class PasskeyUnknown(Refusal):
    """Whoever is signed in has no such passkey."""

    code = "passkey_unknown"


class LastSecondFactor(Refusal):
    """Without that passkey or authenticator a password alone would be enough."""

    code = "last_second_factor"


class SingleSignOnRefused(Refusal):
    """The provider's answer is wrong, late, or of nobody who may sign in; which is not told."""

    code = "single_sign_on_refused"


class SingleSignOnDown(Refusal):
    """The provider of single sign-on does not answer."""

    code = "single_sign_on_down"


class InvitationUnknown(Refusal):
    """The invitation was used, is over, or never was."""

    code = "invitation_unknown"


class StaffUnknown(Refusal):
    """Nobody of that name works here."""

    code = "staff_unknown"


class StaffNameTaken(Refusal):
    """Somebody of that name is known already, if only as disabled."""

    code = "staff_name_taken"


class AuditHeadMalformed(Refusal):
    """The file is none of the audit trail's ends, or was changed after it was signed."""

    code = "audit_head_malformed"


class ApprovalUnknown(Refusal):
    """There is no such request."""

    code = "approval_unknown"


class ApprovalOwn(Refusal):
    """Whoever asks for something does not agree to it: that takes another."""

    code = "approval_own"


class ApprovalOver(Refusal):
    """The request was decided, withdrawn or done, or is too late. Params: state."""

    code = "approval_over"


class PrintFileDiffers(Refusal):
    """The SHA-256 is not that of the print file, so it is kept."""

    code = "print_file_differs"


class ApprovalWaiting(Refusal):
    """Nobody has agreed to the request yet: there is nothing to collect."""

    code = "approval_waiting"


# The console's lists


class ListTooLong(Refusal):
    """A list has too many rows for a file; nothing was written. Params: most."""

    code = "list_too_long"


# Dealers


class DealerUnknown(Refusal):
    """The partner is no dealer."""

    code = "dealer_unknown"


class DealerExists(Refusal):
    """There is a dealer of that name under that parent: that number. Params: dealer."""

    code = "dealer_exists"


class DealerNotRelated(Refusal):
    """Neither of the two is the other's parent."""

    code = "dealer_not_related"


class CommissionOutOfTree(Refusal):
    """The rate is above the parent's or below a child's. Params: rate (percent, not to pass)."""

    code = "commission_out_of_tree"


class NothingDue(Refusal):
    """Nothing is owed to the dealer up to that day."""

    code = "nothing_due"


class CommissionChanged(Refusal):
    """What is owed to a dealer is not what was agreed to be paid."""

    code = "commission_changed"


class CardSoldByYou(Refusal):
    """The dealer sold the card itself. Params: sold_at (an instant)."""

    code = "card_sold_by_you"


class CardSold(Refusal):
    """The card was sold or made active before."""

    code = "card_sold"


class CardNotYours(Refusal):
    """The card is in somebody else's stock."""

    code = "card_not_yours"


class CardNotForSale(Refusal):
    """The card is locked, void, or past its date."""

    code = "card_not_for_sale"


class BatchNotReleased(Refusal):
    """The card's batch is not released for sale."""

    code = "batch_not_released"


class SaleUnknown(Refusal):
    """The dealer made no sale under that reference."""

    code = "sale_unknown"


class SaleUndone(Refusal):
    """The sale was undone before."""

    code = "sale_undone"


class UndoTooLate(Refusal):
    """The time in which a sale may be undone is over. Params: minutes."""

    code = "undo_too_late"


class SaleSpent(Refusal):
    """Some of the credit is spent, or the card is used: the sale stands."""

    code = "sale_spent"


class StockNotHeld(Refusal):
    """Not all cards of the range are held by the giver. Params: serial (of the first)."""

    code = "stock_not_held"


class StockSold(Refusal):
    """A card of the range is sold. Params: serial (of the first)."""

    code = "stock_sold"


# Closing the books


class PeriodNotOver(Refusal):
    """The day or month is not over for long enough. Params: until (when it may be closed)."""

    code = "period_not_over"


class PeriodOutOfOrder(Refusal):
    """Another day or month is to be closed first. Params: period (YYYY-MM-DD or YYYY-MM)."""

    code = "period_out_of_order"


class PeriodAhead(Refusal):
    """The day has not begun, so there is nothing to compare yet."""

    code = "period_ahead"


class PeriodTooEarly(Refusal):
    """The day or month lies before the first that was closed. Params: period (the next one)."""

    code = "period_too_early"


class PeriodUnknown(Refusal):
    """That day or month is not closed."""

    code = "period_unknown"


class BooksDisagree(Refusal):
    """What is to be closed does not agree with itself. Params: what (an account, a batch)."""

    code = "books_disagree"


# Sellers in shops


class PinWrong(Refusal):
    """Number or PIN is wrong, or too many wrong PINs came before: never told which."""

    code = "pin_wrong"


class PinTooWeak(Refusal):
    """The PIN is not six digits, or one that anybody would try first."""

    code = "pin_too_weak"


class SellerUnknown(Refusal):
    """No seller has that number now."""

    code = "seller_unknown"


class SellerNumberTaken(Refusal):
    """Another seller has that number."""

    code = "seller_number_taken"


# The world


class PartnerUnknown(Refusal):
    """There is no such partner."""

    code = "partner_unknown"


class ReasonMissing(Refusal):
    """An action by staff needs a reason."""

    code = "reason_missing"


class Busy(Refusal):
    """The queue is full; nothing was done; try again."""

    code = "busy"


class Unavailable(Refusal):
    """The database is away; it is safe to repeat with the same key."""

    code = "unavailable"


class InternalError(Refusal):
    """A bug; nothing was changed. Params: incident."""

    code = "internal_error"


def every_refusal() -> list[type[Refusal]]:
    """Return all refusals, for the doors' maps and their tests."""
    return list(Refusal.__subclasses__())
