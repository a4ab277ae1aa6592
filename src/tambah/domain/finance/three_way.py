"""The three-way reconciliation: what was sold, what was used, and how the liability moved.

Each side is known from elsewhere: sales from dealers' books, activations and providers' records;
use from the ledger's credits to lines; the liability from the stock of cards and the ledger's
accounts. Sold less used is what the liability must have moved by. What is left over is one
figure, and every part of it an item that a person can do something about.
"""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import Any

from tambah.domain.differences import Difference, DifferenceKind
from tambah.domain.finance.flows import Flows
from tambah.domain.finance.statement import Movement
from tambah.domain.ledger import CLEARING, Account, TransferKind
from tambah.domain.matching import Span
from tambah.domain.payment import ProviderId
from tambah.domain.records import Record
from tambah.domain.voucher import format_serial


class Sold(StrEnum):
    """The first side. SETTLED_OTHER_DAYS: in the period here or there, on the other day there."""

    DEALER_CARDS = "dealer_cards"
    CARDS_OUTSIDE = "cards_outside"
    DEALER_RELOADS = "dealer_reloads"
    SETTLED = "settled"
    SETTLED_OTHER_DAYS = "settled_other_days"


class Used(StrEnum):
    """The second side. CARDS_KEPT: what cards cost beyond the credit and tax that they gave.

    FLOAT_BOUGHT: settled by a provider, and in dealers' floats until they sell.
    """

    REDEEMED = "redeemed"
    CARDS_KEPT = "cards_kept"
    CARDS_VOIDED = "cards_voided"
    RELOADED = "reloaded"
    PAID = "paid"
    DISPUTED = "disputed"
    BY_HAND = "by_hand"
    FLOAT_BOUGHT = "float_bought"


class Moved(StrEnum):
    """The third side. CARDS_TAKEN_BACK: redemptions that were reversed and are owed again."""

    CARDS = "cards"
    CARDS_TAKEN_BACK = "cards_taken_back"
    TRANSIT = "transit"
    HELD = "held"


class ItemKind(StrEnum):
    """What is not explained. UNTOLD: what no other item says; there is none in sound books."""

    CARD_NEVER_SOLD = "card_never_sold"
    CARD_USABLE_UNSOLD = "card_usable_unsold"
    SALE_WITHOUT_CARD = "sale_without_card"
    MISSING_IN_LEDGER = "missing_in_ledger"
    MISSING_AT_PROVIDER = "missing_at_provider"
    DAY_MISSING = "day_missing"
    AMOUNT_DIFFERS = "amount_differs"
    DOUBLE = "double"
    REFUND_MISSING_IN_LEDGER = "refund_missing_in_ledger"
    REFUND_MISSING_AT_PROVIDER = "refund_missing_at_provider"
    DISPUTE_DIFFERS = "dispute_differs"
    MANUAL_CREDIT = "manual_credit"
    UNTOLD = "untold"


class UnsoldCards(Record, frozen=True, kw_only=True):
    """Cards of a batch that nobody sold and that were redeemed on a day, or can be now.

    day: None for those that can be. first: the lowest number of them. amount: what they gave, or
    would give, micro-ringgit.
    """

    batch_id: int
    first: int
    count: int
    amount_micros: int
    day: date | None = None


class OddSale(Record, frozen=True, kw_only=True):
    """A dealer's sale of a card that is not there, was sold before, or at another price.

    amount: by how much more was paid than that card explains, micro-ringgit.
    """

    day: date
    partner_id: int
    reference: str
    amount_micros: int


class CardFacts(Record, frozen=True, kw_only=True):
    """What the stock of cards says of a period. Micro-ringgit, at the cards' price.

    outside: sold without a dealer (a range that was activated, a batch that needs none).
    by_dealers: sold by dealers. used, voided: of those that had been sold. kept: see
    Used.CARDS_KEPT.
    """

    outside_micros: int = 0
    by_dealers_micros: int = 0
    used_micros: int = 0
    kept_micros: int = 0
    voided_micros: int = 0
    unsold: tuple[UnsoldCards, ...] = ()
    odd_sales: tuple[OddSale, ...] = ()


class Settled(Record, frozen=True, kw_only=True):
    """A provider's money in a period, micro-ringgit: what it settled beside what was booked.

    other_days: of what settled exceeds booked, that which is booked or settled outside the
    period. problem: why it was not asked; then the books are believed.
    """

    provider: ProviderId
    settled_micros: int
    booked_micros: int
    other_days_micros: int = 0
    problem: str | None = None


class Item(Record, frozen=True, kw_only=True):
    """A part of the figure. amount: what it adds to it, micro-ringgit, either sign.

    day: the local day, None for what has no day but is so now. age_days: from that day on. path:
    words of an address of the console for more: ("vouchers", serial), ("payments", reference).
    """

    kind: ItemKind
    day: date | None
    age_days: int
    amount_micros: int
    count: int = 1
    provider: ProviderId | None = None
    reference: str = ""
    line_id: int | None = None
    note: str = ""
    path: tuple[str, str] | None = None


class ThreeWay(Record, frozen=True, kw_only=True):
    """A period's three sides and what they leave unexplained, micro-ringgit.

    kept_by_providers: their fees, a cost that these books do not carry; explained. problems:
    providers that could not be asked.
    """

    span: Span
    sold: dict[Sold, int]
    used: dict[Used, int]
    moved: dict[Moved, int]
    items: tuple[Item, ...]
    kept_by_providers_micros: int
    problems: dict[ProviderId, str]

    @property
    def unexplained_micros(self) -> int:
        """Return the figure: sold less used less what the liability moved by."""
        return unexplained(self.sold, self.used, self.moved)

    @property
    def is_clean(self) -> bool:
        """Say whether everybody could be asked and nothing is left unexplained."""
        return not self.items and not self.problems


def unexplained(sold: dict[Sold, int], used: dict[Used, int], moved: dict[Moved, int]) -> int:
    """Return what the three sides leave over, micro-ringgit."""
    return sum(sold.values()) - sum(used.values()) - sum(moved.values())


def reconcile_three_ways(
    span: Span,
    movements: Iterable[Movement],
    cards: CardFacts,
    settled: Iterable[Settled],
    differences: Iterable[Difference],
    *,
    today: date,
) -> ThreeWay:
    """Put the three sides of a period beside each other.

    movements: of the period's days. differences: between providers and books in the period, and
    what was moved by hand (`domain.reconciling`).
    """
    flows = Flows(movements)
    of_providers, told = list(settled), list(differences)
    sold, used, moved = (
        _sold(flows, cards, of_providers),
        _used(flows, cards),
        _moved(flows, cards),
    )
    items = [
        *_of_cards(cards, today),
        *(item for one in told if (item := _of_difference(one, today)) is not None),
    ]
    rest = unexplained(sold, used, moved) - sum(item.amount_micros for item in items)
    if rest:
        items.append(_item(ItemKind.UNTOLD, span.last, today, rest))
    return ThreeWay(
        span=span,
        sold=sold,
        used=used,
        moved=moved,
        items=tuple(sorted(items, key=_place)),
        kept_by_providers_micros=sum(
            one.provider_micros for one in told if one.kind is DifferenceKind.FEE
        ),
        problems={one.provider: one.problem for one in of_providers if one.problem},
    )


_GIVEN = (
    TransferKind.REDEMPTION,
    TransferKind.TOPUP,
    TransferKind.CREDIT,
    TransferKind.TAX,
    TransferKind.FEE,
    TransferKind.REVERSAL,
    TransferKind.TAKE_BACK,
)
_CREDIT_AND_TAX = (Account.LINE_MAIN, Account.TAX)
_TO_PAYERS = (*_CREDIT_AND_TAX, Account.FEES_EARNED, Account.ADJUSTMENTS)


def _sold(flows: Flows, cards: CardFacts, settled: list[Settled]) -> dict[Sold, int]:
    cards_back = (TransferKind.CARD_SALE, TransferKind.REVERSAL)
    return {
        Sold.DEALER_CARDS: flows.between(
            [TransferKind.CARD_SALE], [Account.FLOAT], [Account.CARDS_SOLD]
        )
        - flows.between(cards_back, [Account.CARDS_SOLD], [Account.FLOAT]),
        Sold.CARDS_OUTSIDE: cards.outside_micros,
        Sold.DEALER_RELOADS: flows.between([TransferKind.SALE], [Account.FLOAT], [Account.TRANSIT])
        - flows.between([TransferKind.REVERSAL], [Account.TRANSIT], [Account.FLOAT]),
        Sold.SETTLED: sum(one.settled_micros for one in settled),
        Sold.SETTLED_OTHER_DAYS: -sum(one.other_days_micros for one in settled),
    }


def _used(flows: Flows, cards: CardFacts) -> dict[Used, int]:
    def given_from(account: Account) -> int:
        back = flows.between(_GIVEN, _CREDIT_AND_TAX, [account])
        return flows.between(_GIVEN, [account], _CREDIT_AND_TAX) - back

    clearing = CLEARING.values()
    return {
        Used.REDEEMED: given_from(Account.CARDS_SOLD),
        Used.CARDS_KEPT: cards.kept_micros,
        Used.CARDS_VOIDED: cards.voided_micros,
        Used.RELOADED: given_from(Account.TRANSIT),
        Used.PAID: flows.between(_GIVEN, [Account.HELD], _TO_PAYERS)
        - flows.between(_GIVEN, _TO_PAYERS, [Account.HELD]),
        Used.DISPUTED: flows.between([TransferKind.DISPUTE_WON], clearing, [Account.DISPUTES])
        - flows.between([TransferKind.DISPUTE], [Account.DISPUTES], clearing),
        Used.BY_HAND: flows.between(
            [TransferKind.ADJUSTMENT], None, [Account.LINE_MAIN, Account.LINE_BONUS]
        ),
        Used.FLOAT_BOUGHT: flows.between([TransferKind.FUNDING], clearing, [Account.FLOAT]),
    }


def _moved(flows: Flows, cards: CardFacts) -> dict[Moved, int]:
    sold_micros = cards.outside_micros + cards.by_dealers_micros
    usable_micros = sum(one.amount_micros for one in cards.unsold if one.day is None)
    return {
        Moved.CARDS: sold_micros - cards.used_micros - cards.voided_micros + usable_micros,
        Moved.CARDS_TAKEN_BACK: flows.between(
            [TransferKind.REVERSAL], _CREDIT_AND_TAX, [Account.CARDS_SOLD]
        ),
        Moved.TRANSIT: flows.net_of(Account.TRANSIT) - _between_floats(flows),
        Moved.HELD: flows.net_of(Account.HELD),
    }


def _between_floats(flows: Flows) -> int:
    """Return what is in transit between floats: it is nobody's reload."""
    kinds = [TransferKind.FLOAT_MOVE]
    came = flows.between(kinds, None, [Account.TRANSIT])
    return came - flows.between(kinds, [Account.TRANSIT], None)


def _of_cards(cards: CardFacts, today: date) -> list[Item]:
    items: list[Item] = []
    for one in cards.unsold:
        serial = format_serial(one.batch_id, one.first)
        was_used = one.day is not None
        items.append(
            _item(
                ItemKind.CARD_NEVER_SOLD if was_used else ItemKind.CARD_USABLE_UNSOLD,
                one.day,
                today,
                -one.amount_micros,
                count=one.count,
                reference=serial,
                path=("vouchers", serial),
            )
        )
    items += [
        _item(
            ItemKind.SALE_WITHOUT_CARD,
            sale.day,
            today,
            sale.amount_micros,
            reference=sale.reference,
            note=f"partner {sale.partner_id}",
        )
        for sale in cards.odd_sales
    ]
    return items


_EXPLAINED = (DifferenceKind.FEE, DifferenceKind.OTHER_DAY)
"""No part of the figure: a cost beside it, and what agrees all the same."""


def _of_difference(one: Difference, today: date) -> Item | None:
    if one.kind in _EXPLAINED:
        return None
    reference = one.reference or one.provider_ref or one.record_id or ""
    return _item(
        ItemKind(one.kind.value),
        one.day,
        today,
        one.provider_micros - one.ledger_micros,
        count=one.count,
        provider=one.provider,
        reference=reference,
        line_id=one.line_id,
        note=one.note,
        path=("payments", one.reference) if one.reference and one.provider else None,
    )


def _item(kind: ItemKind, day: date | None, today: date, amount_micros: int, **names: Any) -> Item:
    age_days = (today - day).days if day else 0
    return Item(kind=kind, day=day, age_days=age_days, amount_micros=amount_micros, **names)


def _place(item: Item) -> tuple[date, str, str, int]:
    return item.day or date.max, item.kind, item.reference, item.amount_micros
