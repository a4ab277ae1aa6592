"""Selling for a partner or a dealer: cards by serial number, reloads, and taking either back."""

from datetime import timedelta

from tambah.domain.ageing import age
from tambah.domain.commands import Credited, TopUp
from tambah.domain.crediting import Origin, credit_line
from tambah.domain.dealer import Commission, Dealer, DealerSale, PaidAs, SaleKind
from tambah.domain.dealer_commands import CardSold, SaleUndone, SellCard, UndoSale
from tambah.domain.draft import Draft, Note
from tambah.domain.gift import GiftKind
from tambah.domain.ledger import Account, TransferKind
from tambah.domain.line import require_can_top_up
from tambah.domain.records import replace
from tambah.domain.refusals import (
    BatchNotReleased,
    CardNotForSale,
    CardNotYours,
    CardSoldByYou,
    DealerUnknown,
    FieldMissing,
    ReferenceUsed,
    SaleSpent,
    SaleUnknown,
    UndoTooLate,
    VoucherUnknown,
)
from tambah.domain.refusals import (
    CardSold as CardIsSold,
)
from tambah.domain.refusals import (
    SaleUndone as SaleIsUndone,
)
from tambah.domain.reversal import reverse_top_up
from tambah.domain.sale_charge import Goods, charge, give_room_back, require_may_sell
from tambah.domain.state import TopUpSource
from tambah.domain.voucher import BatchState, Voucher, VoucherState


def top_up(command: TopUp, draft: Draft) -> Credited:
    """Reload a line from a float; a dealer's sale counts and earns at every level.

    Raises PartnerUnknown, PartnerSuspended, ReferenceUsed, what `charge` does, and what the line
    and the catalog refuse.
    """
    require_may_sell(draft)
    age(draft)
    require_can_top_up(draft.require_line(), draft.now)
    if draft.known.referred or draft.known.sale is not None:
        raise ReferenceUsed
    offer = draft.rules.catalog.offer(command.amount_micros, draft.now)
    line_id = draft.require_line().line_id
    # Each of the pair names the other: the line's next transfer is the credit.
    note = Note(reference=command.reference, peer=(line_id, draft.transfer_seq + 1))
    goods = Goods(command.amount_micros, TransferKind.SALE, Account.TRANSIT, note)
    paid = charge(draft, goods)
    origin = Origin(
        kind=TransferKind.TOPUP,
        account=Account.TRANSIT,
        source=TopUpSource.PARTNER,
        peer=(paid.payer_id, paid.seq),
        reference=command.reference,
        partner_id=command.partner_id,
        payer_id=None if paid.payer_id == command.partner_id else paid.payer_id,
    )
    credited = credit_line(draft, offer, origin)
    if draft.known.dealer is not None:
        draft.sale = DealerSale(
            partner_id=command.partner_id,
            payer_id=paid.payer_id,
            payer_seq=paid.seq,
            at=draft.now,
            kind=SaleKind.RELOAD,
            price_micros=command.amount_micros,
            reference=command.reference or None,
            line_id=line_id,
            topup_no=credited.topup_no,
        )
    return credited


def sell_card(command: SellCard, draft: Draft) -> CardSold:
    """Make a card worth something, against a float.

    Raises PartnerUnknown, DealerUnknown, PartnerSuspended, FieldMissing, ReferenceUsed,
    VoucherUnknown, CardSoldByYou, CardNotYours, CardSold, BatchNotReleased, CardNotForSale, and
    what `charge` does.
    """
    draft.require_partner()
    dealer = draft.known.dealer
    if dealer is None:
        raise DealerUnknown
    require_may_sell(draft)
    if not command.reference:
        raise FieldMissing(field="reference")
    if draft.known.sale is not None:
        raise ReferenceUsed
    voucher = _require_sellable(draft, dealer)
    batch = voucher.batch
    note = Note(reference=command.reference)
    goods = Goods(batch.price_micros, TransferKind.CARD_SALE, Account.CARDS_SOLD, note)
    paid = charge(draft, goods)
    draft.voucher = replace(voucher, state=VoucherState.ACTIVE, was_activated=True)
    stock = draft.known.stock
    draft.sale = DealerSale(
        partner_id=command.partner_id,
        payer_id=paid.payer_id,
        payer_seq=paid.seq,
        at=draft.now,
        kind=SaleKind.CARD,
        price_micros=batch.price_micros,
        reference=command.reference,
        terminal=command.terminal or None,
        batch_id=batch.batch_id,
        number=voucher.number,
        holder_id=stock.holder_id if stock else None,
        move_no=stock.move_no if stock else None,
    )
    return CardSold(
        partner_id=command.partner_id,
        payer_id=paid.payer_id,
        batch_id=batch.batch_id,
        number=voucher.number,
        at=draft.now,
        price_micros=batch.price_micros,
        commission_micros=paid.commission_micros,
        float_micros=draft.require_level(paid.payer_id).float_bucket.remaining_micros,
        reference=command.reference,
    )


def _require_sellable(draft: Draft, dealer: Dealer) -> Voucher:
    voucher, stock, sold = draft.known.voucher, draft.known.stock, draft.known.card_sale
    if voucher is None:
        raise VoucherUnknown
    if sold is not None and sold.partner_id == dealer.partner_id:
        raise CardSoldByYou(sold_at=sold.at)
    if stock is not None and stock.holder_id not in dealer.charged:
        raise CardNotYours
    if voucher.state in (VoucherState.ACTIVE, VoucherState.REDEEMED):
        raise CardIsSold
    if voucher.batch.state is not BatchState.RELEASED:
        raise BatchNotReleased
    redeem_before = voucher.batch.redeem_before
    is_late = redeem_before is not None and draft.now >= redeem_before
    if voucher.state is not VoucherState.GENERATED or is_late:
        raise CardNotForSale
    return voucher


def undo_sale(command: UndoSale, draft: Draft) -> SaleUndone:
    """Take a dealer's own sale back: the money to the float that paid, the commission too.

    Raises PartnerUnknown, DealerUnknown, SaleUnknown, SaleUndone, UndoTooLate, SaleSpent, and
    LineTerminated for a reload of a line that has ended.
    """
    draft.require_partner()
    sale = draft.known.sale
    if draft.known.dealer is None:
        raise DealerUnknown
    if sale is None:
        raise SaleUnknown
    if sale.undone_at is not None:
        raise SaleIsUndone
    minutes = draft.rules.dealers.undo_minutes
    if draft.now >= sale.at + timedelta(minutes=minutes):
        raise UndoTooLate(minutes=minutes)
    if sale.kind is SaleKind.CARD:
        _undo_card(draft, sale)
    else:
        _undo_reload(draft, sale)
    give_room_back(draft, sale.price_micros)
    return SaleUndone(
        partner_id=sale.partner_id,
        payer_id=sale.payer_id,
        kind=sale.kind,
        at=draft.now,
        price_micros=sale.price_micros,
        float_micros=draft.require_level(sale.payer_id).float_bucket.remaining_micros,
        reference=command.reference,
        batch_id=sale.batch_id,
        number=sale.number,
        msisdn=None if draft.line is None else draft.line.msisdn,
    )


def _undo_card(draft: Draft, sale: DealerSale) -> None:
    """Put the card back among those for sale; see `VoucherState` for why it may go back."""
    voucher = draft.known.voucher
    assert voucher is not None, "the store holds the card that was sold"
    if voucher.state is VoucherState.REDEEMED:
        raise SaleSpent
    if voucher.state is not VoucherState.ACTIVE:
        raise CardNotForSale
    draft.voucher = replace(voucher, state=VoucherState.GENERATED)
    # The transfer names the one that it mends.
    note = Note(reference=sale.reference, peer=(sale.payer_id, sale.payer_seq))
    draft.move_float(
        sale.price_micros, TransferKind.REVERSAL, Account.CARDS_SOLD, note, sale.payer_id
    )
    take_sale_back(draft)


def _undo_reload(draft: Draft, sale: DealerSale) -> None:
    """Reverse the top-up, if it can be reversed whole."""
    age(draft)
    assert sale.topup_no is not None, "a reload made a top-up"
    topup = next(t for t in draft.known.topups if t.topup_no == sale.topup_no)
    taken = reverse_top_up(draft, sale.topup_no)
    gifts = tuple(gift for gift in topup.gifts if gift.kind is not GiftKind.DAYS)
    if taken.spent_micros or taken.bonus_micros < topup.bonus_micros or taken.gifts != gifts:
        raise SaleSpent
    take_sale_back(draft)


def take_sale_back(draft: Draft) -> None:
    """Mark the sale whose money came back to its payer, and take its commission back.

    The payer's last transfer is the one that brought the money. A margin goes back at once; of
    what is owed, or was paid meanwhile, less is paid next time. Does nothing without a sale: a
    partner that is no dealer.
    """
    sale = draft.known.sale
    if sale is None:
        return
    seq = draft.require_level(sale.payer_id).transfer_seq
    draft.sale = replace(sale, undone_at=draft.now, undone_seq=seq)
    draft.commissions = tuple(_take_back(draft, one) for one in draft.known.commissions)


def _take_back(draft: Draft, earned: Commission) -> Commission:
    paid_seq = None
    if earned.paid_as is PaidAs.MARGIN:
        assert earned.paid_seq is not None, "a margin is paid with the sale"
        note = Note(peer=(earned.partner_id, earned.paid_seq))
        paid_seq = draft.move_float(
            -earned.amount_micros,
            TransferKind.REVERSAL,
            Account.COMMISSIONS,
            note,
            earned.partner_id,
        )
    return replace(
        earned,
        is_undo=True,
        at=draft.now,
        amount_micros=-earned.amount_micros,
        paid_seq=paid_seq,
    )
