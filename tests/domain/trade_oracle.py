"""What a tree of dealers must come to, worked out another way than the rules do it.

It looks at sales alone (who sold what for how much, and whether it was undone) and works out from
scratch what every float must hold and what everybody must have earned.
"""

from __future__ import annotations

from fractions import Fraction

from tambah.domain.dealer import Dealer, PaidAs
from tambah.domain.ledger import Account, TransferKind
from tambah.domain.voucher import VoucherState

from .memory_books import MemoryBooks


def prove_trade(books: MemoryBooks) -> None:
    """Assert what must be true of dealers' trade after every command."""
    for partner in books.partners.values():
        remaining = partner.float_bucket.remaining_micros
        assert remaining >= -partner.credit_limit_micros, "a float went below its limit"
        assert remaining == _worked_out(books, partner.partner_id)
    for transfer in books.transfers.values():
        if transfer.balance_micros is not None and transfer.credit is not Account.FLOAT:
            limit = _limit(books, transfer.owner_id) if transfer.debit is Account.FLOAT else 0
            assert transfer.balance_micros >= -limit, "even for a moment"
    _prove_commissions(books)
    _prove_cards(books)


def _worked_out(books: MemoryBooks, partner_id: int) -> int:
    """Return what a float must hold, from what was paid in, moved, sold and paid out."""
    total = 0
    for transfer in books.transfers.values():
        if transfer.owner_id == partner_id and transfer.kind in (
            TransferKind.FUNDING,
            TransferKind.FLOAT_MOVE,
        ):
            sign = 1 if transfer.credit is Account.FLOAT else -1
            total += sign * transfer.amount_micros
    for sale in books.sales.values():
        if sale.payer_id == partner_id and sale.undone_at is None:
            total -= sale.price_micros
            total += _margin(books, sale.partner_id, sale.price_micros)
            if sale.topup_no is not None:
                total += _taken_back(books, sale.payer_id, sale.line_id or 0, sale.topup_no)
    run = [
        c.amount_micros
        for c in books.commissions
        if c.partner_id == partner_id and c.paid_as is PaidAs.TRANSFER and c.paid_seq is not None
    ]
    return total + sum(run)


def _taken_back(books: MemoryBooks, payer_id: int, line_id: int, topup_no: int) -> int:
    """Return what staff took back of a reload that was spent in part."""
    return sum(
        t.amount_micros
        for t in books.transfers.values()
        if t.owner_id == line_id
        and t.mends_topup_no == topup_no
        and t.credit is Account.TRANSIT
        and t.peer_owner_id == payer_id
    )


def _limit(books: MemoryBooks, partner_id: int) -> int:
    return books.partners[partner_id].credit_limit_micros


def _shares(dealer: Dealer, price_micros: int) -> dict[int, int]:
    """Return what a sale earns each level, by exact fractions, level by level from the root."""
    rates = {one: dealer.agreements[one][-1].rate_bp for one in dealer.agreements}
    shares: dict[int, int] = {}
    path = list(dealer.path)
    for place, partner_id in enumerate(path):
        below = max(
            (_rounded(price_micros, rates.get(one, 0)) for one in path[place + 1 :]), default=0
        )
        own = _rounded(price_micros, rates.get(partner_id, 0)) - below
        if own > 0:
            shares[partner_id] = own
    return shares


def _rounded(price_micros: int, rate_bp: int) -> int:
    exact = Fraction(price_micros * rate_bp, 10_000)
    whole = exact.numerator // exact.denominator
    return whole + (1 if exact - whole >= Fraction(1, 2) else 0)


def _margin(books: MemoryBooks, seller_id: int, price_micros: int) -> int:
    dealer = books.dealers[seller_id]
    payer_id = dealer.charged[-1]
    agreed = dealer.agreements.get(payer_id)
    if agreed is None or agreed[-1].paid_as is not PaidAs.MARGIN:
        return 0
    return _shares(dealer, price_micros).get(payer_id, 0)


def _prove_commissions(books: MemoryBooks) -> None:
    """Every sale earns every level its share, all shares are the root's rate, undone ones none."""
    for sale in books.sales.values():
        paid_by = (sale.payer_id, sale.payer_seq)
        rows = [c for c in books.commissions if (c.payer_id, c.payer_seq) == paid_by]
        dealer = books.dealers[sale.partner_id]
        earned = {c.partner_id: c.amount_micros for c in rows if not c.is_undo}
        assert earned == _shares(dealer, sale.price_micros)
        best = max((dealer.agreements[one][-1].rate_bp for one in dealer.agreements), default=0)
        assert sum(earned.values()) == _rounded(sale.price_micros, best)
        if sale.undone_at is not None:
            assert sum(c.amount_micros for c in rows) == 0
        else:
            assert not any(c.is_undo for c in rows)


def _prove_cards(books: MemoryBooks) -> None:
    """A card is live or used if it is sold, once, and for sale if it is not."""
    standing = [
        (s.batch_id, s.number)
        for s in books.sales.values()
        if s.batch_id is not None and s.undone_at is None
    ]
    assert len(standing) == len(set(standing)), "a card was sold twice"
    live = {
        place
        for place, one in books.cards.items()
        if one.state in (VoucherState.ACTIVE, VoucherState.REDEEMED)
    }
    assert live == set(standing)
