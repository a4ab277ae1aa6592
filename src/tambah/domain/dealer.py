"""Dealers in a tree: their place, what was agreed with them, what a sale earns each of them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple

from tambah.domain.money import basis_points_of
from tambah.domain.records import Record
from tambah.domain.refusals import CommissionOutOfTree

MOST_LEVELS = 8
MOST_RATE_BP = 10_000


class DealerKind(IntEnum):
    """What a dealer is called; the rules are the same for all."""

    DISTRIBUTOR = 1
    DEALER = 2
    SHOP = 3
    TERMINAL = 4


class PaidAs(IntEnum):
    """How a commission reaches its earner: with the sale, or owed and paid later."""

    MARGIN = 1
    TRANSFER = 2


class Agreement(Record, frozen=True, kw_only=True):
    """What was agreed with a dealer from an instant on.

    rate_bp: of the face value, in hundredths of a percent. Micro-ringgit, None for no limit: the
    most of one sale and of a local day's sales.
    """

    effective_at: datetime
    rate_bp: int
    paid_as: PaidAs
    most_sale_micros: int | None = None
    most_day_micros: int | None = None


class Dealer(Record, frozen=True, kw_only=True):
    """A partner's place in the tree, which never changes.

    path: from the root to itself. charged: from itself up to whose float pays; one that pays
    itself stands there alone. agreements: of everybody on the path, by partner, oldest first.
    """

    partner_id: int
    kind: DealerKind
    path: tuple[int, ...]
    charged: tuple[int, ...]
    agreements: Mapping[int, tuple[Agreement, ...]]

    @property
    def payer_id(self) -> int:
        """Return whose float pays for what it sells."""
        return self.charged[-1]

    @property
    def parent_id(self) -> int | None:
        """Return whose child it is, None at the root."""
        return self.path[-2] if len(self.path) > 1 else None

    def agreed_with(self, partner_id: int, at: datetime) -> Agreement | None:
        """Return the agreement in force with one of the path, None without any."""
        return agreement_at(self.agreements.get(partner_id, ()), at)


class SaleKind(IntEnum):
    """What was sold."""

    CARD = 1
    RELOAD = 2


class DealerSale(Record, frozen=True, kw_only=True):
    """One sale of a dealer. price: micro-ringgit, the face value.

    payer_id, payer_seq: the transfer that paid for it; undone_seq: in the same books, the one that
    brought it back. line_id, topup_no: of a reload; batch_id, number: of a card. holder_id,
    move_no: whose stock the card was, after how many moves; None where nobody follows the batch.
    """

    partner_id: int
    payer_id: int
    payer_seq: int
    at: datetime
    kind: SaleKind
    price_micros: int
    reference: str | None = None
    terminal: str | None = None
    line_id: int | None = None
    topup_no: int | None = None
    batch_id: int | None = None
    number: int | None = None
    holder_id: int | None = None
    move_no: int | None = None
    undone_at: datetime | None = None
    undone_seq: int | None = None


class Commission(Record, frozen=True, kw_only=True):
    """What a sale earned somebody, in micro-ringgit; below nothing what an undone one took back.

    payer_id, payer_seq: the sale's transfer. paid_seq: the earner's transfer that paid it, None
    while it is owed.
    """

    partner_id: int
    payer_id: int
    payer_seq: int
    is_undo: bool
    seller_id: int
    at: datetime
    amount_micros: int
    paid_as: PaidAs
    paid_seq: int | None = None


class Earned(NamedTuple):
    """Who earns what of a sale, and how it is paid."""

    partner_id: int
    amount_micros: int
    paid_as: PaidAs


def agreement_at(agreements: Iterable[Agreement], at: datetime) -> Agreement | None:
    """Return the latest of the agreements that is in force at an instant, None for none."""
    in_force = [one for one in agreements if one.effective_at <= at]
    return max(in_force, key=lambda one: one.effective_at, default=None)


def earnings(dealer: Dealer, price_micros: int, at: datetime) -> tuple[Earned, ...]:
    """Return what a sale earns each of the path that earns something, the seller first.

    Each level's rate is applied to the whole sale, rounded once, and it earns what that is more
    than the level below has: so all of them together are exactly the root's rate of the sale.
    A margin is what the one whose float pays keeps; everybody else's is owed and paid later.
    """
    found: list[Earned] = []
    below_micros = 0
    for partner_id in reversed(dealer.path):
        agreement = dealer.agreed_with(partner_id, at)
        if agreement is None:
            continue
        own_micros = basis_points_of(price_micros, agreement.rate_bp)
        if own_micros > below_micros:
            keeps = partner_id == dealer.payer_id and agreement.paid_as is PaidAs.MARGIN
            paid_as = PaidAs.MARGIN if keeps else PaidAs.TRANSFER
            found.append(Earned(partner_id, own_micros - below_micros, paid_as))
            below_micros = own_micros
    return tuple(found)


def percent(rate_bp: int) -> str:
    """Write a rate of hundredths of a percent as a decimal string, `3.25`."""
    whole, hundredths = divmod(rate_bp, 100)
    return f"{whole}.{hundredths:02d}"


def margin_of(earned: Iterable[Earned]) -> int:
    """Return what the payer keeps of a sale at once, micro-ringgit."""
    return sum(one.amount_micros for one in earned if one.paid_as is PaidAs.MARGIN)


class Neighbour(NamedTuple):
    """The agreements of a dealer that stands next to another in the tree."""

    is_parent: bool
    agreements: tuple[Agreement, ...]


def require_fits_tree(
    new: Agreement, own: Iterable[Agreement], neighbours: Iterable[Neighbour]
) -> None:
    """Refuse a rate that is above the parent's, or below a child's, at any time it is in force.

    own: the dealer's other agreements; the next of them ends the new one. Raises
    CommissionOutOfTree with the rate that it may not pass.
    """
    later = [one.effective_at for one in own if one.effective_at > new.effective_at]
    until = min(later, default=None)
    for neighbour in neighbours:
        rates = _rates_within(neighbour.agreements, new.effective_at, until)
        if neighbour.is_parent and new.rate_bp > min(rates):
            raise CommissionOutOfTree(rate=percent(min(rates)))
        if not neighbour.is_parent and new.rate_bp < max(rates):
            raise CommissionOutOfTree(rate=percent(max(rates)))


def _rates_within(
    agreements: tuple[Agreement, ...], since: datetime, until: datetime | None
) -> list[int]:
    """Return the rates in force at some time from `since` until before `until`."""
    first = agreement_at(agreements, since)
    return [
        first.rate_bp if first else 0,
        *(
            one.rate_bp
            for one in agreements
            if since < one.effective_at and (until is None or one.effective_at < until)
        ),
    ]
