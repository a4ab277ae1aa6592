"""What a person does about each kind of item that the three-way reconciliation lists."""

from tambah.domain.differences import ADVICE as OF_DIFFERENCES
from tambah.domain.differences import DifferenceKind
from tambah.domain.finance.three_way import ItemKind

_OF_CARDS = {
    ItemKind.CARD_NEVER_SOLD: (
        "The code was redeemed, and nobody sold the card: it was copied where cards are printed or"
        " kept, or set usable in the database. Lock the rest of its range, look at who redeemed"
        " it, and call the print shop."
    ),
    ItemKind.CARD_USABLE_UNSOLD: (
        "The card can be redeemed, and nobody sold it, activated its range or released its batch."
        " Lock the range until it is known why."
    ),
    ItemKind.SALE_WITHOUT_CARD: (
        "A dealer paid for a card that is not there, had been sold before, or has another price."
        " Look at the dealer's sale and put the float right."
    ),
    ItemKind.UNTOLD: (
        "Something moved that no item tells of. Run `tambah verify --full`; what it names is where"
        " to look."
    ),
}

ADVICE = {kind: _OF_CARDS.get(kind) or OF_DIFFERENCES[DifferenceKind(kind)] for kind in ItemKind}
"""What a person does about it."""
