"""What an entry of a statement means: pure, one entry after another, never on amount alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from tambah.domain.money import CURRENCY
from tambah.domain.payment import ProviderId
from tambah.payments.bank.entry import Booking, Entry, fold_account
from tambah.payments.bank.scanning import clear_references, possible_references
from tambah.payments.bank.statements import NamedEntry
from tambah.store.bank import NEW, BankRow, EntryState, KnownPayment, Verdict

_LEAST_ACCOUNT_DIGITS = 5


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
        return _queued("reversal")
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


def decide(
    row: BankRow,
    payments: Mapping[str, KnownPayment],
    taken: Collection[tuple[int, int, int | None]] = (),
) -> Verdict:
    """Say what an entry means.

    payments: by reference, those of `wanted_references` that exist. taken: (line, payment,
    refund) that entries before this one are for. A verdict of MATCHED is still to be told to the
    engine.
    """
    meant = [payments[reference] for reference in sorted(wanted_references(row) & set(payments))]
    if not row.is_credit:
        return _decide_debit(row, meant, taken)
    clear = clear_references(row.texts)
    if len(clear.union(payment.reference for payment in meant)) > 1:
        return _queued("several_references")
    if not meant:
        return _queued("unknown_reference" if clear else "no_reference")
    payment = meant[0]
    if payment.provider is not ProviderId.BANK:
        return _of(payment, "other_provider")
    if payment.received_micros > 0 or (payment.line_id, payment.payment_no, None) in taken:
        return _of(payment, "paid_before")
    if row.amount_micros != payment.total_micros:
        more = row.amount_micros > payment.total_micros
        return _of(payment, "overpaid" if more else "underpaid")
    return _of(payment, "paid", EntryState.MATCHED)


def _decide_debit(
    row: BankRow,
    meant: list[KnownPayment],
    taken: Collection[tuple[int, int, int | None]],
) -> Verdict:
    """Say what our own transfer means: a refund under its payment's reference, or nothing here."""
    if not meant:
        return _ignored("debit")
    if len(meant) > 1:
        return _queued("several_references")
    payment = meant[0]
    if payment.provider is not ProviderId.BANK:
        return _of(payment, "other_provider")
    waiting = [
        refund
        for refund in payment.refunds
        if (payment.line_id, payment.payment_no, refund.refund_no) not in taken
    ]
    for refund in waiting:
        if refund.amount_micros == row.amount_micros:
            return _of(payment, "refunded", EntryState.MATCHED, refund.refund_no)
    return _of(payment, "refund_differs" if waiting else "refund_unexpected")


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
