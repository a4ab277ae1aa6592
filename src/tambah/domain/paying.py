"""A payment opened, what a provider says of it, and its way back.

Received money goes from the provider's clearing account to *held*, and from there, in the same
decision, to the line; or into a refund when the line cannot take it. So nothing is ever paid and
forgotten.
"""

from collections.abc import Callable
from datetime import timedelta

from tambah.domain.ageing import age
from tambah.domain.catalog import Denomination
from tambah.domain.commands import NewsKind, OpenPayment, PaymentNews, PaymentStands
from tambah.domain.crediting import Origin, credit_line, require_fits
from tambah.domain.draft import Draft, Note
from tambah.domain.ledger import CLEARING, Account, TransferKind
from tambah.domain.line import require_can_top_up
from tambah.domain.money import ringgit
from tambah.domain.payment import (
    OPEN_STATES,
    Dispute,
    Payment,
    PaymentAccount,
    PaymentState,
    ProviderId,
    Refund,
    RefundState,
    reference_for,
)
from tambah.domain.payment_changes import (
    change,
    left_micros,
    name,
    stands,
    state_of,
)
from tambah.domain.promotion import facts_of, keep_promise, promise
from tambah.domain.records import replace
from tambah.domain.refunding import cancel_refund, fail_refund, open_refund, settle_refund
from tambah.domain.refusals import (
    AmountOutOfRange,
    PaymentAmountDiffers,
    PaymentNotRefundable,
    PaymentsOfDayReached,
    PaymentUnknown,
    Refusal,
)
from tambah.domain.state import TopUpSource

OWN_NAME = 0
"""`PaymentRef.provider` of our own references."""

LOOK_AFTER = timedelta(seconds=15)
"""How long the payer is left alone before the provider is first asked."""

ASK_LATE_AFTER = timedelta(hours=1)
"""How soon a payment that came to nothing is asked about once more: a page may outlive it."""

ASK_AGAIN_AFTER = timedelta(seconds=5)
"""How soon the provider is asked when it did not answer."""


def open_payment(command: OpenPayment, draft: Draft) -> PaymentStands:
    """Write a payment down, with what it promises today.

    Raises the refusals of a line that cannot be topped up, AmountOutOfRange, BalanceTooHigh,
    ReactivationTooLittle, PaymentsOfDayReached.
    """
    age(draft)
    line = draft.require_line()
    require_can_top_up(line, draft.now)
    rule = draft.rules.payments
    if not rule.least_micros <= command.amount_micros <= rule.most_micros:
        raise AmountOutOfRange(least=ringgit(rule.least_micros), most=ringgit(rule.most_micros))
    offer = draft.rules.catalog.offer(command.amount_micros, draft.now)
    require_fits(draft, offer.credit_micros)
    count, paid_micros = draft.known.paid_today
    if (
        count >= rule.line_daily_count
        or paid_micros + command.amount_micros > rule.line_daily_micros
    ):
        raise PaymentsOfDayReached(most=ringgit(rule.line_daily_micros))
    is_bank = command.provider is ProviderId.BANK
    window = timedelta(days=rule.bank_days) if is_bank else timedelta(minutes=rule.window_minutes)
    draft.payment_seq += 1
    payment = Payment(
        line_id=line.line_id,
        payment_no=draft.payment_seq,
        created_at=draft.now,
        provider=command.provider,
        method=command.method,
        state=PaymentState.CREATED,
        price_micros=offer.price_micros,
        tax_micros=offer.tax_micros,
        credit_micros=offer.credit_micros,
        bonus_micros=offer.bonus_micros,
        fee_micros=rule.fee_micros(command.method),
        valid_days=offer.valid_days,
        bonus_days=offer.bonus_days,
        reference=reference_for(draft.request, line.line_id, draft.payment_seq),
        language=command.language,
        page_token=command.page_token,
        expires_at=draft.now + window,
        due_at=draft.now + LOOK_AFTER,
        line_state=line.state,
        promised=promise(
            draft.rules.promotions, offer, facts_of(line, TopUpSource.PAYMENT), draft.now
        ),
    )
    # Counted on the line, so that the row is written though nothing else of it changed.
    draft.line = replace(line, payment_seq=draft.payment_seq)
    draft.payment = PaymentAccount(payment=payment)
    name(draft, payment.reference, OWN_NAME)
    return stands(draft)


def take_news(command: PaymentNews, draft: Draft) -> PaymentStands:
    """Take in what a provider says; what was known before changes nothing.

    Raises PaymentUnknown, PaymentAmountDiffers.
    """
    payment = draft.require_payment().payment
    if command.provider not in (None, payment.provider):
        raise PaymentUnknown  # nobody speaks for another's payments
    age(draft)
    handler = _NEWS[command.kind]
    before = draft.require_payment()
    refund_no = handler(command, draft)
    changed = draft.require_payment() is not before
    return stands(draft, refund_no=refund_no, changed=changed)


def _begun(command: PaymentNews, draft: Draft) -> None:
    payment = draft.require_payment().payment
    if payment.state not in OPEN_STATES:
        return
    if payment.state is PaymentState.AWAITING and payment.provider_ref == command.provider_ref:
        return
    _learn_name(command, draft)
    change(
        draft,
        replace(
            draft.require_payment().payment,
            state=PaymentState.AWAITING,
            pay_url=command.pay_url,
            due_at=draft.now + LOOK_AFTER,
        ),
    )


def _unknown(_: PaymentNews, draft: Draft) -> None:
    payment = draft.require_payment().payment
    if payment.state in (PaymentState.CREATED, PaymentState.AWAITING):
        due_at = draft.now + ASK_AGAIN_AFTER
        change(draft, replace(payment, state=PaymentState.UNKNOWN, due_at=due_at))


def _paid(command: PaymentNews, draft: Draft) -> int | None:
    payment = draft.require_payment().payment
    if payment.received_micros > 0:
        return None
    if command.amount_micros != payment.total_micros:
        raise PaymentAmountDiffers
    _receive(command, draft)
    return _credit_or_refund(draft)


def _receive(command: PaymentNews, draft: Draft) -> None:
    """Book what the provider has received for us."""
    _learn_name(command, draft)
    payment = draft.require_payment().payment
    total_micros = payment.total_micros
    note = Note(payment_no=payment.payment_no)
    clearing = CLEARING[payment.provider]
    draft.book(total_micros, TransferKind.PAYMENT, clearing, Account.HELD, note)
    change(
        draft,
        replace(
            payment,
            state=PaymentState.PAID,
            received_micros=total_micros,
            held_micros=total_micros,
            paid_at=draft.now,
            pay_url=None,
            reason=None,
            due_at=None,
        ),
    )


def _credit_or_refund(draft: Draft) -> int | None:
    """Credit what was received; where the line cannot take it, open a refund and return it."""
    payment = draft.require_payment().payment
    try:
        require_can_top_up(draft.require_line(), draft.now)
        require_fits(draft, payment.credit_micros)
    except Refusal as refusal:
        return open_refund(draft, payment.received_micros, reason=refusal.code)
    offer = Denomination(
        price_micros=payment.price_micros,
        tax_micros=payment.tax_micros,
        credit_micros=payment.credit_micros,
        bonus_micros=payment.bonus_micros,
        valid_days=payment.valid_days,
        bonus_days=payment.bonus_days,
        on_sale_from=payment.created_at,
    )
    origin = Origin(
        kind=TransferKind.CREDIT,
        account=Account.HELD,
        source=TopUpSource.PAYMENT,
        payment_no=payment.payment_no,
        receipt=payment.reference,
        promised=keep_promise(payment.promised, is_first=draft.topup_seq == 0),
        line_state=payment.line_state,
    )
    credited = credit_line(draft, offer, origin)
    if payment.fee_micros:
        note = Note(payment_no=payment.payment_no)
        draft.book(payment.fee_micros, TransferKind.FEE, Account.HELD, Account.FEES_EARNED, note)
    change(
        draft,
        replace(
            payment,
            state=PaymentState.CREDITED,
            held_micros=0,
            topup_no=credited.topup_no,
        ),
    )
    return None


def _failed(command: PaymentNews, draft: Draft) -> None:
    _close(draft, PaymentState.FAILED, command.reason or "declined")


def _expired(command: PaymentNews, draft: Draft) -> None:
    _close(draft, PaymentState.EXPIRED, command.reason or "expired")


def _close(draft: Draft, state: PaymentState, reason: str) -> None:
    """End the wait. Money that comes all the same is credited like any other, and asked for."""
    payment = draft.require_payment().payment
    if payment.state in OPEN_STATES:
        due_at = None if payment.provider_ref is None else draft.now + ASK_LATE_AFTER
        change(draft, replace(payment, state=state, reason=reason, pay_url=None, due_at=due_at))


def _refunded(command: PaymentNews, draft: Draft) -> int | None:
    """Take in that money went back: of our refund, or of one made at the provider's desk."""
    _require_received(draft)
    refund_no = _which_refund(command, draft.require_payment())
    if refund_no is None:
        _turn_dispute(draft, command.amount_micros)
        amount_micros = min(command.amount_micros, left_micros(draft.require_payment()))
        if amount_micros <= 0:
            return None
        refund_no = open_refund(
            draft, amount_micros, reason="provider", forgive_spent=True, is_sent=True
        )
    settle_refund(draft, refund_no, command.refund_ref)
    _name_refund(command, draft, refund_no)
    return refund_no


def _require_received(draft: Draft) -> None:
    """Refuse news of money that goes on before it is known to have come: ask for that first."""
    payment = draft.require_payment().payment
    if payment.received_micros == 0:
        raise PaymentNotRefundable(state=payment.state.name.lower())


def _turn_dispute(draft: Draft, amount_micros: int) -> None:
    """Count what a dispute took as the refund by which the provider ended it: it went once."""
    payment = draft.require_payment().payment
    turned = min(amount_micros, payment.disputed_micros)
    if turned > 0:
        _book_dispute(draft, turned, won=True)
        left = payment.disputed_micros - turned
        change(draft, replace(payment, dispute=Dispute.LOST, disputed_micros=left))


def _which_refund(command: PaymentNews, account: PaymentAccount) -> int | None:
    """Return the refund that the news speaks of, None for one we know nothing of.

    One that the provider refused, and that then goes through for the same amount, was sent by
    hand.
    """
    named = _named_refund(command, account)
    if named is not None or command.refund_no is not None:
        return named.refund_no if named else None
    for refund in account.refunds:
        failed = refund.state is RefundState.FAILED
        if failed and refund.amount_micros == command.amount_micros:
            return refund.refund_no
    return None


def _named_refund(command: PaymentNews, account: PaymentAccount) -> Refund | None:
    """Return the refund that the news names: by our number, or as the provider calls it."""
    for refund in account.refunds:
        if refund.refund_no == command.refund_no:
            return refund
        if command.refund_ref is not None and refund.provider_ref == command.refund_ref:
            return refund
    return None


def _refund_failed(command: PaymentNews, draft: Draft) -> int | None:
    refund = _named_refund(command, draft.require_payment())
    if refund is None:
        return None
    fail_refund(draft, refund)
    return refund.refund_no


def _refund_again(command: PaymentNews, draft: Draft) -> int | None:
    """Have a refund that failed sent once more, under a number of its own."""
    refund = _require_failed(command, draft)
    cancel_refund(draft, refund)
    account = draft.require_payment()
    again = replace(
        refund,
        refund_no=account.payment.refund_seq + 1,
        at=draft.now,
        state=RefundState.PENDING,
        provider_ref=None,
        settled_at=None,
        due_at=draft.now,
    )
    payment = replace(account.payment, refund_seq=again.refund_no)
    opened = PaymentAccount(payment=payment, refunds=(*account.refunds, again))
    draft.payment = replace(opened, payment=replace(payment, state=state_of(opened)))
    return again.refund_no


def _refund_kept(command: PaymentNews, draft: Draft) -> int | None:
    """Keep the money of a refund that failed: the operator settles it with the payer otherwise."""
    refund = _require_failed(command, draft)
    cancel_refund(draft, refund)
    account = draft.require_payment()
    note = Note(payment_no=refund.payment_no)
    kind = TransferKind.TAKE_BACK
    draft.book(refund.amount_micros, kind, Account.HELD, Account.ADJUSTMENTS, note)
    held = account.payment.held_micros - refund.amount_micros
    kept = replace(account, payment=replace(account.payment, held_micros=held))
    draft.payment = kept
    change(draft, replace(kept.payment, state=state_of(kept)))
    return refund.refund_no


def _require_failed(command: PaymentNews, draft: Draft) -> Refund:
    """Return the refund that a person speaks of. Raises PaymentNotRefundable for any other."""
    account = draft.require_payment()
    refund = _named_refund(command, account)
    if refund is None or refund.state is not RefundState.FAILED:
        raise PaymentNotRefundable(state=account.payment.state.name.lower())
    return refund


def _disputed(command: PaymentNews, draft: Draft) -> None:
    _require_received(draft)
    payment = draft.require_payment().payment
    is_next = command.dispute_ref not in (None, payment.dispute_ref)
    if payment.dispute is not Dispute.NONE and not (payment.dispute is Dispute.WON and is_next):
        return
    there = payment.received_micros - payment.refunded_micros
    amount_micros = min(command.amount_micros or there, there)
    _book_dispute(draft, amount_micros, won=False)
    change(
        draft,
        replace(
            payment,
            state=PaymentState.DISPUTED,
            dispute=Dispute.OPEN,
            dispute_ref=command.dispute_ref,
            disputed_micros=amount_micros,
        ),
    )


def _book_dispute(draft: Draft, amount_micros: int, *, won: bool) -> None:
    """Book what a payer's bank took from the provider or gave back, unless all was refunded."""
    if amount_micros == 0:
        return
    payment = draft.require_payment().payment
    note = Note(payment_no=payment.payment_no)
    clearing, disputes = CLEARING[payment.provider], Account.DISPUTES
    if won:
        draft.book(amount_micros, TransferKind.DISPUTE_WON, clearing, disputes, note)
    else:
        draft.book(amount_micros, TransferKind.DISPUTE, disputes, clearing, note)


def _dispute_won(command: PaymentNews, draft: Draft) -> None:
    _disputed(command, draft)
    payment = draft.require_payment().payment
    if payment.dispute is not Dispute.OPEN:
        return
    _book_dispute(draft, payment.disputed_micros, won=True)
    won = replace(payment, dispute=Dispute.WON, disputed_micros=0)
    state = state_of(replace(draft.require_payment(), payment=won))
    change(draft, replace(won, state=state))


def _dispute_lost(command: PaymentNews, draft: Draft) -> None:
    _disputed(command, draft)
    payment = draft.require_payment().payment
    if payment.dispute is Dispute.OPEN:
        change(draft, replace(payment, dispute=Dispute.LOST))


def _learn_name(command: PaymentNews, draft: Draft) -> None:
    """Keep the provider's name for the payment."""
    payment = draft.require_payment().payment
    ref = command.provider_ref
    if ref is None or ref == payment.provider_ref:
        return
    if payment.provider_ref is None:
        change(draft, replace(payment, provider_ref=ref))
    name(draft, ref, payment.provider)


def _name_refund(command: PaymentNews, draft: Draft, refund_no: int) -> None:
    if command.refund_ref is not None:
        name(draft, command.refund_ref, draft.require_payment().payment.provider, refund_no)


_NEWS: dict[NewsKind, Callable[[PaymentNews, Draft], int | None]] = {
    NewsKind.BEGUN: _begun,
    NewsKind.UNKNOWN: _unknown,
    NewsKind.PAID: _paid,
    NewsKind.FAILED: _failed,
    NewsKind.EXPIRED: _expired,
    NewsKind.REFUNDED: _refunded,
    NewsKind.REFUND_FAILED: _refund_failed,
    NewsKind.REFUND_AGAIN: _refund_again,
    NewsKind.REFUND_KEPT: _refund_kept,
    NewsKind.DISPUTED: _disputed,
    NewsKind.DISPUTE_WON: _dispute_won,
    NewsKind.DISPUTE_LOST: _dispute_lost,
}
