"""Sending a payment back: unspent credit first, then, if the operator says so, his own money.

A refund is opened by taking the credit back into *held*; the provider is asked afterwards, as
often as it takes, and the money leaves *held* when the provider says that it is gone.
"""

from tambah.domain.ageing import age
from tambah.domain.commands import PaymentStands, RefundPayment
from tambah.domain.draft import Draft, Note
from tambah.domain.ledger import CLEARING, Account, TransferKind
from tambah.domain.line import LineState
from tambah.domain.money import MICROS_PER_SEN, ringgit
from tambah.domain.payment import Dispute, PaymentAccount, Refund, RefundState
from tambah.domain.payment_changes import change, left_micros, stands, state_of, with_refund
from tambah.domain.records import replace
from tambah.domain.refusals import AmountOutOfRange, CreditSpent, PaymentNotRefundable
from tambah.domain.reversal import reverse_top_up
from tambah.domain.state import TopUpRecord

_HAS_CREDIT = frozenset({LineState.ACTIVE, LineState.GRACE})
_HAS_OWNER = _HAS_CREDIT | {LineState.PRE_ACTIVE, LineState.EXPIRED}


def refund_payment(command: RefundPayment, draft: Draft) -> PaymentStands:
    """Open a refund by hand.

    Raises PaymentUnknown, PaymentNotRefundable, AmountOutOfRange, CreditSpent.
    """
    account = draft.require_payment()
    age(draft)
    payment = account.payment
    left = left_micros(account)
    if left <= 0 or payment.dispute in (Dispute.OPEN, Dispute.LOST):
        raise PaymentNotRefundable(state=payment.state.name.lower())
    asked = command.amount_micros
    if asked is not None and (not MICROS_PER_SEN <= asked <= left or asked % MICROS_PER_SEN):
        raise AmountOutOfRange(least=ringgit(MICROS_PER_SEN), most=ringgit(left))
    refund_no = open_refund(draft, asked, reason="by_hand", forgive_spent=command.forgive_spent)
    opened = stands(draft, refund_no=refund_no)
    if command.only_micros is not None and opened.refund_micros != command.only_micros:
        raise CreditSpent(most=ringgit(opened.refund_micros))
    return opened


def open_refund(
    draft: Draft,
    amount_micros: int | None,
    *,
    reason: str,
    forgive_spent: bool = False,
    is_sent: bool = False,
) -> int:
    """Hold what is to be sent back and write the refund down; return its number.

    amount_micros: None for all that can be taken back. is_sent: the provider did it already.
    Raises CreditSpent when more is asked than is unspent, unless that is forgiven.
    """
    account = draft.require_payment()
    before = account.payment
    wanted = left_micros(account) if amount_micros is None else amount_micros
    taken = wanted if before.topup_no is None else _take_back(draft, account, wanted)
    is_whole = amount_micros is not None or forgive_spent
    # Nobody sends back less than a sen: what is over stays with the operator.
    amount = wanted if is_whole else min(wanted, taken - taken % MICROS_PER_SEN)
    spent = max(0, amount - taken)
    if amount <= 0 or (spent > 0 and not forgive_spent):
        raise CreditSpent(most=ringgit(taken))
    note, kind = Note(payment_no=before.payment_no), TransferKind.TAKE_BACK
    if spent > 0:
        draft.book(spent, kind, Account.ADJUSTMENTS, Account.HELD, note)
    elif taken > amount and before.topup_no is not None:
        draft.book(taken - amount, kind, Account.HELD, Account.ADJUSTMENTS, note)
    refund = Refund(
        line_id=before.line_id,
        payment_no=before.payment_no,
        refund_no=before.refund_seq + 1,
        at=draft.now,
        amount_micros=amount,
        spent_micros=spent,
        state=RefundState.PENDING,
        reason=reason,
        due_at=None if is_sent else draft.now,
    )
    held = before.held_micros if before.topup_no is None else before.held_micros + amount
    payment = replace(before, held_micros=held, refund_seq=refund.refund_no, reason=reason)
    opened = PaymentAccount(payment=payment, refunds=(*account.refunds, refund))
    draft.payment = replace(opened, payment=replace(payment, state=state_of(opened)))
    if not is_sent:
        _tell(draft, "payment_refunding", amount)
    return refund.refund_no


def settle_refund(draft: Draft, refund_no: int, provider_ref: str | None) -> None:
    """Book that a refund's money has left the provider; a second time changes nothing."""
    account = draft.require_payment()
    refund = next(r for r in account.refunds if r.refund_no == refund_no)
    if refund.state is RefundState.DONE:
        return
    payment = account.payment
    note = Note(payment_no=payment.payment_no)
    clearing = CLEARING[payment.provider]
    draft.book(refund.amount_micros, TransferKind.REFUND, Account.HELD, clearing, note)
    done = replace(
        refund,
        state=RefundState.DONE,
        provider_ref=provider_ref or refund.provider_ref,
        settled_at=draft.now,
        due_at=None,
    )
    settled = PaymentAccount(
        payment=replace(
            payment,
            held_micros=payment.held_micros - refund.amount_micros,
            refunded_micros=payment.refunded_micros + refund.amount_micros,
        ),
        refunds=with_refund(account.refunds, done),
    )
    draft.payment = settled
    change(draft, replace(settled.payment, state=state_of(settled)))
    _tell(draft, "payment_refunded", refund.amount_micros)


def fail_refund(draft: Draft, refund: Refund) -> None:
    """Take in that a refund came to nothing; one that was thought done is held again."""
    if refund.state not in (RefundState.PENDING, RefundState.DONE):
        return
    account = draft.require_payment()
    payment = account.payment
    if refund.state is RefundState.DONE:
        note = Note(payment_no=payment.payment_no)
        clearing = CLEARING[payment.provider]
        kind = TransferKind.REFUND_RETURNED
        draft.book(refund.amount_micros, kind, clearing, Account.HELD, note)
        payment = replace(
            payment,
            held_micros=payment.held_micros + refund.amount_micros,
            refunded_micros=payment.refunded_micros - refund.amount_micros,
        )
    failed = replace(refund, state=RefundState.FAILED, settled_at=None, due_at=None)
    _put(draft, PaymentAccount(payment=payment, refunds=with_refund(account.refunds, failed)))


def cancel_refund(draft: Draft, refund: Refund) -> None:
    """Let a refund be that failed; what becomes of its money is the caller's to say."""
    account = draft.require_payment()
    cancelled = replace(refund, state=RefundState.CANCELLED)
    _put(draft, replace(account, refunds=with_refund(account.refunds, cancelled)))


def _put(draft: Draft, account: PaymentAccount) -> None:
    draft.payment = account
    change(draft, replace(account.payment, state=state_of(account)))


def _take_back(draft: Draft, account: PaymentAccount, wanted: int) -> int:
    """Take credit back into held, at most what is wanted; return how much (micro-ringgit).

    The whole of a payment goes back as a reversal of its top-up, with bonus, days, tax and fee; a
    part is taken from the main credit alone.
    """
    payment = account.payment
    topups = (*draft.known.topups, *draft.topups)
    topup = next(t for t in topups if t.topup_no == payment.topup_no)
    if draft.require_line().state not in _HAS_CREDIT or topup.reversed_at is not None:
        return 0
    if not account.refunds and wanted == payment.received_micros:
        return _reverse(draft, account, topup)
    before = sum(
        refund.amount_micros - refund.spent_micros
        for refund in account.refunds
        if refund.state is not RefundState.CANCELLED
    )
    unspent = min(draft.main.free, topup.main_micros - before)
    taken = max(0, min(wanted, unspent))
    if taken > 0:
        note = Note(payment_no=payment.payment_no)
        draft.move(draft.main, -taken, TransferKind.TAKE_BACK, Account.HELD, note)
    return taken


def _reverse(draft: Draft, account: PaymentAccount, topup: TopUpRecord) -> int:
    payment = account.payment
    taken = reverse_top_up(draft, topup.topup_no, tell=False).main_micros
    if taken < topup.main_micros:
        return taken
    if payment.fee_micros > 0:
        note = Note(payment_no=payment.payment_no)
        kind = TransferKind.FEE
        draft.book(payment.fee_micros, kind, Account.FEES_EARNED, Account.HELD, note)
    return taken + topup.tax_micros + payment.fee_micros


def _tell(draft: Draft, template: str, amount_micros: int) -> None:
    """Tell the line's subscriber; a line that ended has none, and its number may be another's."""
    if draft.require_line().state not in _HAS_OWNER:
        return
    reference = draft.require_payment().payment.reference
    draft.tell(template, refunded_micros=amount_micros, reference=reference)
