"""What the lasting page of a payment says: one of a few things, the money first."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from tambah.domain.payment import (
    Dispute,
    Payment,
    PaymentRule,
    PaymentState,
    ProviderId,
    Refund,
    RefundState,
)
from tambah.domain.validity import ValidityRule
from tambah.store.views.payments import PaymentPage


class Said(StrEnum):
    """What a payment's page says; each has its sentences under `portal.pay.<name>`."""

    DONE = "done"
    PENDING = "pending"
    BANK = "bank"
    UNKNOWN = "unknown"
    PAID = "paid"
    FAILED = "failed"
    EXPIRED = "expired"
    REFUNDING = "refunding"
    REFUND_FAILED = "refund_failed"
    REFUNDED = "refunded"
    DISPUTED = "disputed"


_SAID = {
    PaymentState.CREATED: Said.PENDING,
    PaymentState.AWAITING: Said.PENDING,
    PaymentState.UNKNOWN: Said.UNKNOWN,
    PaymentState.PAID: Said.PAID,
    PaymentState.CREDITED: Said.DONE,
    PaymentState.FAILED: Said.FAILED,
    PaymentState.EXPIRED: Said.EXPIRED,
    PaymentState.REFUNDING: Said.REFUNDING,
    PaymentState.REFUNDED: Said.REFUNDED,
    PaymentState.DISPUTED: Said.DISPUTED,
}
MOVING = frozenset({Said.PENDING, Said.UNKNOWN, Said.PAID})
"""What changes by itself within seconds or minutes: the page looks again."""
ENDED_UNPAID = frozenset({Said.FAILED, Said.EXPIRED})
"""What may be tried again."""

REASONS = frozenset({"declined", "cancelled"})
"""Reasons of a failure that payers are told in words of their own; others are told in general."""

_PAUSES = ((120, 5), (600, 15), (3600, 60))
"""(seconds since the payment was opened, seconds until the page looks again)."""
_LONGEST_PAUSE = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class PageState:
    """A payment's page, worked out.

    amount_micros: what its sentences speak of. deadline: the day by which the money is promised
    back. why: key of a sentence that says how it came, empty for none. refresh_seconds: when to
    look again, 0 for never. pay_url: where it can still be paid, empty for nowhere.
    """

    said: Said
    amount_micros: int
    deadline: date | None = None
    settled_on: date | None = None
    why: str = ""
    refresh_seconds: int = 0
    pay_url: str = ""


def page_state(
    page: PaymentPage, rule: PaymentRule, validity: ValidityRule, now: datetime
) -> PageState:
    """Say what a payment's page shows at `now`."""
    payment = page.payment
    said = _said(page)
    refund = _refund_of(said, page.refunds)
    settled_at = refund.settled_at if refund else None
    is_open = said is Said.PENDING and now < payment.expires_at
    return PageState(
        said=said,
        amount_micros=_amount(said, payment, refund),
        deadline=_deadline(refund, rule, validity),
        settled_on=validity.local_day(settled_at) if settled_at else None,
        why=_why(said, payment, refund),
        refresh_seconds=_pause(now - payment.created_at) if said in MOVING else 0,
        pay_url=(payment.pay_url or "") if is_open else "",
    )


def _said(page: PaymentPage) -> Said:
    payment = page.payment
    said = _SAID[payment.state]
    if said is Said.PENDING and payment.provider is ProviderId.BANK:
        return Said.BANK
    if said is Said.REFUNDING and any(r.state is RefundState.FAILED for r in page.refunds):
        return Said.REFUND_FAILED
    return said


def _refund_of(said: Said, refunds: tuple[Refund, ...]) -> Refund | None:
    """Return the refund that the page speaks of: the latest in that state."""
    wanted = {
        Said.REFUNDING: RefundState.PENDING,
        Said.REFUND_FAILED: RefundState.FAILED,
        Said.REFUNDED: RefundState.DONE,
    }.get(said)
    return next((r for r in reversed(refunds) if r.state is wanted), None)


def _amount(said: Said, payment: Payment, refund: Refund | None) -> int:
    if said is Said.REFUNDED:
        return payment.refunded_micros
    if said is Said.DISPUTED:
        return payment.disputed_micros
    return refund.amount_micros if refund else payment.total_micros


def _deadline(refund: Refund | None, rule: PaymentRule, validity: ValidityRule) -> date | None:
    if refund is None:
        return None
    return validity.local_day(refund.at) + timedelta(days=rule.refund_days)


def _why(said: Said, payment: Payment, refund: Refund | None) -> str:
    if said is Said.FAILED:
        return f"failed_{payment.reason if payment.reason in REASONS else 'other'}"
    if said is Said.DISPUTED and payment.dispute is Dispute.LOST:
        return "dispute_lost"
    if refund is not None and payment.topup_no is None:
        return "not_credited"
    return ""


def _pause(age: timedelta) -> int:
    seconds = age.total_seconds()
    return next((pause for until, pause in _PAUSES if seconds < until), _LONGEST_PAUSE)
