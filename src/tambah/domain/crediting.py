"""Giving a line what an offer and promotions promise: credit, bonus, dates, receipt, SMS."""

from typing import NamedTuple

from tambah.domain.balance import BucketKind, total_micros
from tambah.domain.catalog import Denomination
from tambah.domain.commands import Credited
from tambah.domain.draft import Draft, Note
from tambah.domain.gift import Gift
from tambah.domain.giving import give
from tambah.domain.ledger import Account, TransferKind
from tambah.domain.line import (
    Line,
    LineState,
    extend_line,
    reactivation_fee,
    require_covers_return,
)
from tambah.domain.money import ringgit
from tambah.domain.promotion import Given, apply, facts_of
from tambah.domain.records import replace
from tambah.domain.refusals import BalanceTooHigh
from tambah.domain.state import TopUpRecord, TopUpSource

RECEIPT_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTVWXY"
_PAIRS = [low + high for high in RECEIPT_ALPHABET for low in RECEIPT_ALPHABET]


class Origin(NamedTuple):
    """Where a top-up's money came from, as its transfers and its record tell it.

    account: the system account that pays. partner_id, peer, reference: of a partner's sale;
    payer_id: whose float paid, if not its own.
    batch_id, number: of a card. page_token: digest of the result page's address. payment_no,
    receipt: of a payment, whose reference is the receipt; promised, line_state: by promotions, and
    the line's state, when it was opened. moved_from: line and top-up, of one that was moved.
    """

    kind: TransferKind
    account: Account
    source: TopUpSource
    peer: tuple[int, int] | None = None
    reference: str = ""
    partner_id: int | None = None
    batch_id: int | None = None
    number: int | None = None
    page_token: bytes | None = None
    payment_no: int | None = None
    receipt: str = ""
    promised: Given | None = None
    line_state: LineState | None = None
    payer_id: int | None = None
    moved_from: tuple[int, int] | None = None


class _Added(NamedTuple):
    """What is known of a top-up once it is booked."""

    receipt: str
    bonus_bucket_id: int | None
    gifts: tuple[Gift, ...]


def credit_line(draft: Draft, offer: Denomination, origin: Origin) -> Credited:
    """Give the draft's line, aged to now, what the offer promises.

    With it goes what the promotions in force give, or what was promised when it was opened. An
    expired line (whose owner was checked) is reactivated by it, for a fee out of the credit.
    Raises BalanceTooHigh, ReactivationTooLittle.
    """
    require_fits(draft, offer.credit_micros)
    before = draft.require_line()
    given = origin.promised
    if given is None:
        facts = facts_of(before, origin.source)
        given = apply(draft.rules.promotions, offer, facts, draft.now)
    draft.topup_seq += 1
    receipt = origin.receipt or receipt_for(draft.request)
    _book_credit(draft, offer, origin, receipt)
    _charge_reactivation(draft, before)
    added = _Added(receipt, _give_bonus(draft, offer), give(draft, given))
    if given.gifts:
        # From here on the offer is all that was given.
        bonus_micros = offer.bonus_micros + given.bonus_micros
        valid_days = offer.valid_days + given.valid_days
        offer = replace(offer, bonus_micros=bonus_micros, valid_days=valid_days)
    rules = draft.rules
    after = extend_line(before, offer.valid_days, rules.life, rules.validity, draft.now)
    draft.line = after
    _record(draft, offer, origin, before, added)
    credited = _credited(draft, offer, origin, added)
    _tell(draft, offer, credited, reactivation_fee(before, draft.rules.life))
    return credited


def _tell(draft: Draft, offer: Denomination, credited: Credited, fee_micros: int) -> None:
    if fee_micros > 0:
        draft.tell(
            "reactivated",
            credited_micros=offer.credit_micros,
            fee_micros=fee_micros,
            balance_micros=credited.balance_micros,
            active_until=credited.active_until.isoformat(),
            receipt=credited.receipt,
        )
        return
    draft.tell(
        "credited_with_bonus" if offer.bonus_micros else "credited",
        credited_micros=offer.credit_micros,
        bonus_micros=offer.bonus_micros,
        balance_micros=credited.balance_micros,
        active_until=credited.active_until.isoformat(),
        receipt=credited.receipt,
    )


def require_fits(draft: Draft, credit_micros: int) -> None:
    """Refuse a top-up that is too much for the line, or too little to bring it back."""
    require_room(draft, credit_micros)
    require_covers_return(draft.require_line(), credit_micros, draft.rules.life)


def require_room(draft: Draft, credit_micros: int) -> None:
    """Refuse what would take the main credit over the most that a line may hold."""
    most_micros = draft.rules.most_credit_micros
    if draft.main.remaining_micros + credit_micros > most_micros:
        raise BalanceTooHigh(most=ringgit(most_micros))


def receipt_for(request: bytes) -> str:
    """Return the eight characters that people quote: no 0, O, 1, I; the same for a repeat."""
    number = int.from_bytes(request[:8].ljust(8, b"\0"))
    number, first = divmod(number, len(_PAIRS))
    number, second = divmod(number, len(_PAIRS))
    number, third = divmod(number, len(_PAIRS))
    return _PAIRS[first] + _PAIRS[second] + _PAIRS[third] + _PAIRS[number % len(_PAIRS)]


def _book_credit(draft: Draft, offer: Denomination, origin: Origin, receipt: str) -> None:
    topup_no, reference = draft.topup_seq, origin.reference or receipt
    payment_no = origin.payment_no
    note = Note(topup_no=topup_no, reference=reference, peer=origin.peer, payment_no=payment_no)
    draft.move(draft.main, offer.credit_micros, origin.kind, origin.account, note)
    if offer.tax_micros > 0:
        note = Note(topup_no=topup_no, peer=origin.peer, payment_no=payment_no)
        draft.book(offer.tax_micros, TransferKind.TAX, origin.account, Account.TAX, note)


def _charge_reactivation(draft: Draft, before: Line) -> None:
    fee_micros = reactivation_fee(before, draft.rules.life)
    if fee_micros > 0:
        note = Note(topup_no=draft.topup_seq)
        draft.move(draft.main, -fee_micros, TransferKind.REACTIVATION, Account.REVENUE, note)


def _give_bonus(draft: Draft, offer: Denomination) -> int | None:
    if offer.bonus_micros == 0:
        return None
    expires_at = draft.rules.validity.end_of_day(draft.now, offer.bonus_days)
    bucket = draft.bucket(BucketKind.BONUS, expires_at)
    note = Note(topup_no=draft.topup_seq)
    draft.move(bucket, offer.bonus_micros, TransferKind.BONUS, Account.BONUS_GIVEN, note)
    return bucket.bucket_id


def _record(
    draft: Draft,
    offer: Denomination,
    origin: Origin,
    before: Line,
    added: _Added,
) -> None:
    active_until = draft.require_line().active_until
    assert active_until is not None, "a line that was extended has dates"
    draft.topups.append(
        TopUpRecord(
            line_id=before.line_id,
            topup_no=draft.topup_seq,
            at=draft.now,
            source=origin.source,
            price_micros=offer.price_micros,
            tax_micros=offer.tax_micros,
            main_micros=offer.credit_micros,
            bonus_micros=offer.bonus_micros,
            bonus_bucket_id=added.bonus_bucket_id,
            valid_days=offer.valid_days,
            active_until_before=before.active_until,
            active_until=active_until,
            receipt=added.receipt,
            reference=origin.reference or None,
            partner_id=origin.partner_id,
            batch_id=origin.batch_id,
            number=origin.number,
            payment_no=origin.payment_no,
            page_token=origin.page_token,
            reactivation_micros=reactivation_fee(before, draft.rules.life),
            line_state=origin.line_state or before.state,
            payer_id=origin.payer_id,
            moved_line_id=origin.moved_from[0] if origin.moved_from else None,
            moved_topup_no=origin.moved_from[1] if origin.moved_from else None,
            gifts=added.gifts,
        )
    )


def _credited(draft: Draft, offer: Denomination, origin: Origin, added: _Added) -> Credited:
    line = draft.require_line()
    assert line.active_until is not None, "a line that was extended has dates"
    assert line.grace_until is not None, "a line that was extended has dates"
    return Credited(
        msisdn=line.msisdn,
        topup_no=draft.topup_seq,
        at=draft.now,
        price_micros=offer.price_micros,
        tax_micros=offer.tax_micros,
        credited_micros=offer.credit_micros,
        bonus_micros=offer.bonus_micros,
        balance_micros=draft.main.remaining_micros,
        bonus_balance_micros=total_micros(draft.buckets.values(), BucketKind.BONUS, draft.now),
        active_until=line.active_until,
        grace_until=line.grace_until,
        receipt=added.receipt,
        reference=origin.reference,
        gifts=added.gifts,
    )
