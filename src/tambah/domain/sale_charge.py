"""What a sale costs whose float, against whose limits, and what it earns whom."""

from typing import NamedTuple

from tambah.domain.dealer import (
    Agreement,
    Commission,
    Dealer,
    Earned,
    PaidAs,
    earnings,
    margin_of,
)
from tambah.domain.draft import Draft, Note
from tambah.domain.ledger import Account, TransferKind
from tambah.domain.money import ringgit
from tambah.domain.records import replace
from tambah.domain.refusals import (
    AmountOutOfRange,
    DailyCapReached,
    FloatTooLow,
    PartnerSuspended,
)
from tambah.domain.state import PartnerAccount


class Goods(NamedTuple):
    """What is sold: its price in micro-ringgit, and how the paying float books it."""

    price_micros: int
    kind: TransferKind
    account: Account
    note: Note


class Charged(NamedTuple):
    """Who paid for a sale, by which of its transfers, and what the seller earned."""

    payer_id: int
    seq: int
    commission_micros: int


def levels_of(draft: Draft) -> tuple[int, ...]:
    """Return whose limits a dealer's sale counts against: its own, up to whose float pays."""
    dealer = draft.known.dealer
    assert dealer is not None, "a partner that is no dealer has no levels"
    return dealer.charged


def require_may_sell(draft: Draft) -> None:
    """Raises PartnerUnknown, and PartnerSuspended for any level up to the one that pays."""
    if draft.known.dealer is None:
        if draft.require_partner().suspended:
            raise PartnerSuspended
    elif any(draft.require_level(level).suspended for level in levels_of(draft)):
        raise PartnerSuspended


def charge(draft: Draft, goods: Goods) -> Charged:
    """Count a sale at every level, and have the one that pays pay for it.

    Its margin comes in first, so that the float need only cover the rest and is below nothing at
    no moment. Raises AmountOutOfRange, DailyCapReached, FloatTooLow.
    """
    dealer = draft.known.dealer
    if dealer is not None:
        return _charge_levels(draft, goods, dealer)
    # A partner that is no dealer: the hot path, which pays nothing for trees it has no part in.
    partner = draft.require_partner()
    draft.keep_partner(_count_sale(draft, partner, goods.price_micros, None))
    _require_covers(partner, goods.price_micros)
    seq = draft.move_float(-goods.price_micros, goods.kind, goods.account, goods.note)
    return Charged(partner.partner_id, seq, 0)


def _charge_levels(draft: Draft, goods: Goods, dealer: Dealer) -> Charged:
    for level in dealer.charged:
        partner, agreement = draft.require_level(level), dealer.agreed_with(level, draft.now)
        draft.keep_partner(_count_sale(draft, partner, goods.price_micros, agreement))
    payer_id = dealer.payer_id
    earned = earnings(dealer, goods.price_micros, draft.now)
    margin_micros = margin_of(earned)
    _require_covers(draft.require_level(payer_id), goods.price_micros - margin_micros)
    margin_seq = None
    if margin_micros > 0:
        note = Note(reference=goods.note.reference)
        margin_seq = draft.move_float(
            margin_micros, TransferKind.COMMISSION, Account.COMMISSIONS, note, payer_id
        )
    seq = draft.move_float(-goods.price_micros, goods.kind, goods.account, goods.note, payer_id)
    draft.commissions = tuple(
        Commission(
            partner_id=one.partner_id,
            payer_id=payer_id,
            payer_seq=seq,
            is_undo=False,
            seller_id=dealer.partner_id,
            at=draft.now,
            amount_micros=one.amount_micros,
            paid_as=one.paid_as,
            paid_seq=margin_seq if one.paid_as is PaidAs.MARGIN else None,
        )
        for one in earned
    )
    return Charged(payer_id, seq, _earned_by(earned, dealer.partner_id))


def _require_covers(payer: PartnerAccount, amount_micros: int) -> None:
    if payer.float_bucket.remaining_micros + payer.credit_limit_micros < amount_micros:
        raise FloatTooLow


def give_room_back(draft: Draft, price_micros: int) -> None:
    """Take an undone sale out of what its levels sold on its day, where that is still counted."""
    sale = draft.known.sale
    assert sale is not None, "a sale is undone"
    day = draft.rules.validity.local_day(sale.at)
    for level in levels_of(draft):
        partner = draft.require_level(level)
        if partner.sold_on == day:
            left_micros = max(0, partner.sold_micros - price_micros)
            draft.keep_partner(replace(partner, sold_micros=left_micros))


def _count_sale(
    draft: Draft, partner: PartnerAccount, price_micros: int, agreement: Agreement | None
) -> PartnerAccount:
    """Return the partner with the sale counted. Raises AmountOutOfRange and DailyCapReached."""
    most_micros, cap_micros = _limits(partner, agreement)
    if not partner.least_micros <= price_micros <= most_micros:
        raise AmountOutOfRange(least=ringgit(partner.least_micros), most=ringgit(most_micros))
    today = draft.rules.validity.local_day(draft.now)
    if partner.sold_on is not None:
        # A line's own clock may be ahead by a little: the cap is never counted from 0 twice a day.
        today = max(today, partner.sold_on)
    sold_micros = price_micros + (partner.sold_micros if partner.sold_on == today else 0)
    if cap_micros is not None and sold_micros > cap_micros:
        raise DailyCapReached(cap=ringgit(cap_micros))
    return replace(partner, sold_on=today, sold_micros=sold_micros)


def _limits(partner: PartnerAccount, agreement: Agreement | None) -> tuple[int, int | None]:
    """Return the most of a sale and of a day: the partner's, or what is agreed if that is less."""
    most_micros, cap_micros = partner.most_micros, partner.daily_cap_micros
    if agreement is None:
        return most_micros, cap_micros
    if agreement.most_sale_micros is not None:
        most_micros = min(most_micros, agreement.most_sale_micros)
    if agreement.most_day_micros is not None:
        agreed_micros = agreement.most_day_micros
        cap_micros = agreed_micros if cap_micros is None else min(cap_micros, agreed_micros)
    return most_micros, cap_micros


def _earned_by(earned: tuple[Earned, ...], partner_id: int) -> int:
    return sum(one.amount_micros for one in earned if one.partner_id == partner_id)
