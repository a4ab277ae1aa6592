"""What an entry of a statement means: pure, one entry after another, never on amount alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType

from tambah.domain.floats import float_reference, partner_of
from tambah.domain.money import CURRENCY
from tambah.domain.payment import ProviderId, RefundState
from tambah.payments.bank.entry import Booking, Entry, fold_account
from tambah.payments.bank.scanning import (
    clear_references,
    named_refunds,
    names_a_refund,
    possible_references,
)
from tambah.payments.bank.statements import NamedEntry
from tambah.store.bank import (
    NEW,
    BankRow,
    EntryState,
    KnownDealer,
    KnownPayment,
    KnownRefund,
    Verdict,
)

REFUND_RETURNED = "refund_returned"
"""Reason of money that came in and names a refund: the payer's bank could not pass it on."""
FLOAT = "float"
"""Reason of money that came in under a dealer's reference: it is float that the dealer buys."""
REFUND_TOLD_BEFORE = "refund_told_before"
"""Reason of our own transfer that may be one by which a refund was settled, told once more."""
_LEAST_ACCOUNT_DIGITS = 5
_TOLD_AGAIN_WITHIN = timedelta(days=7)
"""A bank tells of one transfer in a notification and in a statement, days and names apart."""

Taken = Collection[tuple[int, int, int | None]]
"""(line, payment, refund) that earlier entries are for."""


def first_row(named: NamedEntry, place: int, account_number: str) -> BankRow:
    """Return an entry as it is first kept: what can be said of it without the books."""
    entry = named.entry
    return BankRow(
        fingerprint=named.fingerprint,
        place=place,
        booked_on=entry.booked_on,
        amount_micros=entry.amount_micros,
        currency=entry.currency,
        is_credit=entry.is_credit,
        bank_ref=entry.bank_ref,
        texts=entry.texts,
        verdict=first_verdict(entry, account_number, is_repeat=named.is_repeat),
    )


def first_verdict(entry: Entry, account_number: str, *, is_repeat: bool = False) -> Verdict:
    """Say whether the books need to be asked about an entry (`new`), or what else it is.

    account_number: the operator's own, however it is written; empty for any.
    """
    if entry.booking in (Booking.PENDING, Booking.INFORMATION):
        return _ignored(entry.booking.value)
    if entry.amount_micros == 0:
        return _ignored("zero")
    if entry.is_reversal:
        is_returned = entry.is_credit and names_a_refund(entry.texts)
        return _queued(REFUND_RETURNED if is_returned else "reversal")
    reason = _doubt(entry, account_number, is_repeat=is_repeat)
    if reason is None:
        return _queued(NEW)
    return _queued(reason) if entry.is_credit else _ignored("debit")


def _doubt(entry: Entry, account_number: str, *, is_repeat: bool) -> str | None:
    """Return why a person has to look first, None when nobody has to."""
    if entry.booking is Booking.UNCLEAR:
        return "status_unclear"
    if entry.currency != CURRENCY:
        return "other_currency"
    if not _same_account(entry.account, account_number):
        return "other_account"
    if entry.is_unclear:
        return "batch_unclear"
    return "duplicate" if is_repeat else None


def wanted_references(row: BankRow) -> set[str]:
    """Return what may be references in an entry, to be looked up."""
    return possible_references(row.texts)


def wanted_partners(row: BankRow) -> set[int]:
    """Return whose float's references there may be in an entry, to be looked up."""
    if not row.is_credit:
        return set()
    meant = (partner_of(reference) for reference in possible_references(row.texts))
    return {partner_id for partner_id in meant if partner_id is not None}


def decide(
    row: BankRow,
    payments: Mapping[str, KnownPayment],
    taken: Taken = (),
    dealers: Mapping[int, KnownDealer] = MappingProxyType({}),
) -> Verdict:
    """Say what an entry means.

    payments: by reference, those of `wanted_references` that exist. taken: (line, payment,
    refund) that entries before this one are for. dealers: those of `wanted_partners` that there
    are. A verdict of MATCHED is still to be told to the
    engine.
    """
    buying = [dealers[partner_id] for partner_id in sorted(wanted_partners(row) & set(dealers))]
    if buying:
        return _decide_float(row, buying, payments)
    meant = [payments[reference] for reference in sorted(wanted_references(row) & set(payments))]
    return (_decide_credit if row.is_credit else _decide_debit)(row, meant, taken)


def refunds_meant(row: BankRow, payment: KnownPayment) -> tuple[KnownRefund, ...]:
    """Return the refunds that an entry names; all of the payment's when it names none."""
    named = named_refunds(row.texts, payment.reference)
    return tuple(r for r in payment.refunds if not named or r.refund_no in named)


def returned_refunds(row: BankRow, payment: KnownPayment) -> list[int]:
    """Return the refunds of which an entry that waits may be the money that came back.

    Those that it names; else, where it names the payment alone, the done ones of its amount.
    """
    if not row.is_credit or payment.provider is not ProviderId.BANK:
        return []
    meant = refunds_meant(row, payment)
    if row.verdict.reason != REFUND_RETURNED:
        if row.verdict.reason not in ("reversal", "paid_before"):
            return []
        meant = _equal(row, meant)
    is_named = bool(named_refunds(row.texts, payment.reference))
    return [r.refund_no for r in meant if is_named or r.state is RefundState.DONE]


def _decide_credit(row: BankRow, meant: list[KnownPayment], taken: Taken) -> Verdict:
    """Say what money that came in is: a payment as it was asked for, or a person's to see to."""
    clear = clear_references(row.texts)
    if len(clear.union(payment.reference for payment in meant)) > 1:
        return _queued("several_references")
    if not meant:
        return _queued("unknown_reference" if clear else "no_reference")
    payment = meant[0]
    if payment.provider is not ProviderId.BANK:
        return _of(payment, "other_provider")
    if named_refunds(row.texts, payment.reference) and (back := refunds_meant(row, payment)):
        return _of(
            payment, REFUND_RETURNED, refund_no=back[0].refund_no if len(back) == 1 else None
        )
    if payment.received_micros > 0 or (payment.line_id, payment.payment_no, None) in taken:
        return _of(payment, "paid_before")
    if row.amount_micros != payment.total_micros:
        more = row.amount_micros > payment.total_micros
        return _of(payment, "overpaid" if more else "underpaid")
    return _of(payment, "paid", EntryState.MATCHED)


def _decide_float(
    row: BankRow, buying: Sequence[KnownDealer], payments: Mapping[str, KnownPayment]
) -> Verdict:
    """Say whose float money that came in pays for; a person does, where it names others too."""
    named = {float_reference(dealer.partner_id) for dealer in buying}
    others = clear_references(row.texts) | (wanted_references(row) & set(payments))
    if len(buying) > 1 or others - named:
        return _queued("several_references")
    return Verdict(state=EntryState.MATCHED, reason=FLOAT, partner_id=buying[0].payer_id)


def _decide_debit(row: BankRow, meant: list[KnownPayment], taken: Taken) -> Verdict:
    """Say what our own transfer means: a refund under its payment's reference, or nothing here."""
    if not meant:
        return _ignored("debit")
    if len(meant) > 1:
        return _queued("several_references")
    payment = meant[0]
    if payment.provider is not ProviderId.BANK:
        return _of(payment, "other_provider")
    return _decide_refund(row, payment, taken)


def _decide_refund(row: BankRow, payment: KnownPayment, taken: Taken) -> Verdict:
    """Say which refund of a payment our transfer is; one that was told before settles no other."""
    refunds = refunds_meant(row, payment)
    ours = {refund_no for *key, refund_no in taken if key == [payment.line_id, payment.payment_no]}
    waiting = [r for r in refunds if r.state is RefundState.PENDING and r.refund_no not in ours]
    fitting = _equal(row, waiting)
    # One refund that is named and waits is meant, whatever was told of the others: they are not
    # among `refunds` then.
    if any(r.refund_no in ours or _was_told(row, r) for r in _equal(row, refunds)):
        return _of(payment, REFUND_TOLD_BEFORE)
    if len(fitting) > 1:
        return _of(payment, "several_refunds")
    if fitting:
        return _of(payment, "refunded", EntryState.MATCHED, fitting[0].refund_no)
    return _of(payment, "refund_differs" if waiting else "refund_unexpected")


def _was_told(row: BankRow, refund: KnownRefund) -> bool:
    """Say whether an entry may be the transfer by which a refund was settled, told once more."""
    if refund.told_on:
        return any(abs(row.booked_on - day) <= _TOLD_AGAIN_WITHIN for day in refund.told_on)
    # A person said that it was done: its debit is still to be told.
    settled_on = refund.settled_on
    return settled_on is not None and row.booked_on <= settled_on + _TOLD_AGAIN_WITHIN


def _equal(row: BankRow, refunds: Sequence[KnownRefund]) -> tuple[KnownRefund, ...]:
    return tuple(r for r in refunds if r.amount_micros == row.amount_micros)


def _same_account(account: str, account_number: str) -> bool:
    """Say whether a statement is of our account; banks put codes before and after its number.

    A statement that does not name its account well enough counts as ours.
    """
    ours = fold_account(account_number)
    if len(ours) < _LEAST_ACCOUNT_DIGITS or not account:
        return True
    return ours in account or (len(account) >= _LEAST_ACCOUNT_DIGITS and account in ours)


def _ignored(reason: str) -> Verdict:
    return Verdict(state=EntryState.IGNORED, reason=reason)


def _queued(reason: str) -> Verdict:
    return Verdict(state=EntryState.QUEUED, reason=reason)


def _of(
    payment: KnownPayment,
    reason: str,
    state: EntryState = EntryState.QUEUED,
    refund_no: int | None = None,
) -> Verdict:
    return Verdict(
        state=state,
        reason=reason,
        line_id=payment.line_id,
        payment_no=payment.payment_no,
        refund_no=refund_no,
    )
