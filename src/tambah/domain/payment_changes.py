"""What changes of a payment while a command is decided, and what is read off its amounts."""

from tambah.domain.commands import PaymentStands
from tambah.domain.draft import Draft
from tambah.domain.payment import (
    UNSENT,
    Dispute,
    Payment,
    PaymentAccount,
    PaymentState,
    Refund,
)
from tambah.domain.records import replace
from tambah.domain.state import PaymentRef


def stands(draft: Draft, *, refund_no: int | None = None, changed: bool = True) -> PaymentStands:
    """Return the payment as it stands in the draft."""
    account = draft.require_payment()
    payment = account.payment
    refund = next((r for r in account.refunds if r.refund_no == refund_no), None)
    return PaymentStands(
        line_id=payment.line_id,
        payment_no=payment.payment_no,
        msisdn=draft.require_line().msisdn,
        provider=payment.provider,
        method=payment.method,
        state=payment.state,
        total_micros=payment.total_micros,
        reference=payment.reference,
        expires_at=payment.expires_at,
        received_micros=payment.received_micros,
        held_micros=payment.held_micros,
        refunded_micros=payment.refunded_micros,
        dispute=payment.dispute,
        topup_no=payment.topup_no,
        refund_no=refund_no,
        refund_micros=refund.amount_micros if refund else 0,
        changed=changed,
    )


def name(draft: Draft, ref: str, provider: int, refund_no: int | None = None) -> None:
    """Have the payment, or one of its refunds, found under a name."""
    payment = draft.require_payment().payment
    draft.payment_refs.append(
        PaymentRef(
            ref=ref,
            provider=provider,
            line_id=payment.line_id,
            payment_no=payment.payment_no,
            refund_no=refund_no,
        )
    )


def change(draft: Draft, payment: Payment) -> None:
    """Put the payment in place of the one that the draft has."""
    draft.payment = replace(draft.require_payment(), payment=payment)


def state_of(account: PaymentAccount) -> PaymentState:
    """Return the state that the amounts of a received payment tell."""
    payment = account.payment
    if payment.dispute in (Dispute.OPEN, Dispute.LOST):
        return PaymentState.DISPUTED
    if any(r.state in UNSENT for r in account.refunds):
        return PaymentState.REFUNDING
    if payment.refunded_micros >= payment.received_micros:
        return PaymentState.REFUNDED
    return PaymentState.PAID if payment.topup_no is None else PaymentState.CREDITED


def left_micros(account: PaymentAccount) -> int:
    """Return what was received and is neither sent back, nor on its way, nor disputed."""
    payment = account.payment
    pending = sum(r.amount_micros for r in account.refunds if r.state in UNSENT)
    gone = payment.refunded_micros + payment.disputed_micros
    return payment.received_micros - gone - pending


def with_refund(refunds: tuple[Refund, ...], changed: Refund) -> tuple[Refund, ...]:
    """Return the refunds with one of them changed."""
    return tuple(changed if r.refund_no == changed.refund_no else r for r in refunds)
