"""Which transfers there are: between which two accounts each kind moves money.

A new kind of transfer is added here in the commit that books it; until then `verify` names it.
"""

from tambah.domain.balance import ALLOWANCES
from tambah.domain.ledger import (
    CLEARING,
    GIVEN_BY,
    LAPSED_TO,
    OWN_ACCOUNT,
    USED_BY,
    Account,
    TransferKind,
)

_CREDIT = (Account.LINE_MAIN, Account.LINE_BONUS)

BOOKINGS: frozenset[tuple[TransferKind, Account, Account]] = frozenset(
    {
        (TransferKind.REDEMPTION, Account.CARDS_SOLD, Account.LINE_MAIN),
        (TransferKind.TOPUP, Account.TRANSIT, Account.LINE_MAIN),
        (TransferKind.BONUS, Account.BONUS_GIVEN, Account.LINE_BONUS),
        (TransferKind.TAX, Account.CARDS_SOLD, Account.TAX),
        (TransferKind.TAX, Account.TRANSIT, Account.TAX),
        (TransferKind.FUNDING, Account.FUNDING, Account.FLOAT),
        (TransferKind.FUNDING, Account.CLEARING_BANK, Account.FLOAT),
        (TransferKind.OPENING, Account.OPENING, Account.LINE_MAIN),
        (TransferKind.ADJUSTMENT, Account.ADJUSTMENTS, Account.LINE_MAIN),
        (TransferKind.ADJUSTMENT, Account.LINE_MAIN, Account.ADJUSTMENTS),
        (TransferKind.REVERSAL, Account.LINE_MAIN, Account.CARDS_SOLD),
        (TransferKind.REVERSAL, Account.LINE_MAIN, Account.TRANSIT),
        (TransferKind.REVERSAL, Account.TAX, Account.CARDS_SOLD),
        (TransferKind.REVERSAL, Account.TAX, Account.TRANSIT),
        (TransferKind.REVERSAL, Account.TRANSIT, Account.FLOAT),
        (TransferKind.FORFEIT, Account.LINE_MAIN, Account.FORFEITED),
        (TransferKind.FORFEIT, Account.LINE_BONUS, Account.FORFEITED),
        (TransferKind.REACTIVATION, Account.LINE_MAIN, Account.REVENUE),
        *((TransferKind.GRANT, given, OWN_ACCOUNT[kind]) for kind, given in GIVEN_BY.items()),
        *((TransferKind.REVERSAL, OWN_ACCOUNT[kind], given) for kind, given in GIVEN_BY.items()),
        *((TransferKind.LAPSE, OWN_ACCOUNT[kind], LAPSED_TO[kind]) for kind in ALLOWANCES),
        *((TransferKind.USAGE, OWN_ACCOUNT[kind], used) for kind, used in USED_BY.items()),
        *((TransferKind.USAGE_REFUND, used, OWN_ACCOUNT[kind]) for kind, used in USED_BY.items()),
        *((TransferKind.PACKAGE, own, Account.PACKAGE_REVENUE) for own in _CREDIT),
        *((TransferKind.REVERSAL, Account.PACKAGE_REVENUE, own) for own in _CREDIT),
        *((TransferKind.PACKAGE, GIVEN_BY[kind], OWN_ACCOUNT[kind]) for kind in ALLOWANCES),
        (TransferKind.SALE, Account.FLOAT, Account.TRANSIT),
        (TransferKind.CARD_SALE, Account.FLOAT, Account.CARDS_SOLD),
        (TransferKind.REVERSAL, Account.CARDS_SOLD, Account.FLOAT),
        (TransferKind.COMMISSION, Account.COMMISSIONS, Account.FLOAT),
        (TransferKind.REVERSAL, Account.FLOAT, Account.COMMISSIONS),
        (TransferKind.FLOAT_MOVE, Account.FLOAT, Account.TRANSIT),
        (TransferKind.FLOAT_MOVE, Account.TRANSIT, Account.FLOAT),
        (TransferKind.MOVE, Account.LINE_MAIN, Account.TRANSIT),
        (TransferKind.MOVE, Account.TRANSIT, Account.LINE_MAIN),
        (TransferKind.CREDIT, Account.HELD, Account.LINE_MAIN),
        (TransferKind.TAX, Account.HELD, Account.TAX),
        (TransferKind.REVERSAL, Account.LINE_MAIN, Account.HELD),
        (TransferKind.REVERSAL, Account.TAX, Account.HELD),
        (TransferKind.TAKE_BACK, Account.LINE_MAIN, Account.HELD),
        (TransferKind.TAKE_BACK, Account.ADJUSTMENTS, Account.HELD),
        (TransferKind.TAKE_BACK, Account.HELD, Account.ADJUSTMENTS),
        (TransferKind.FEE, Account.HELD, Account.FEES_EARNED),
        (TransferKind.FEE, Account.FEES_EARNED, Account.HELD),
        *((TransferKind.PAYMENT, clearing, Account.HELD) for clearing in CLEARING.values()),
        *((TransferKind.REFUND, Account.HELD, clearing) for clearing in CLEARING.values()),
        *((TransferKind.REFUND_RETURNED, one, Account.HELD) for one in CLEARING.values()),
        *((TransferKind.DISPUTE, Account.DISPUTES, clearing) for clearing in CLEARING.values()),
        *(
            (TransferKind.DISPUTE_WON, clearing, Account.DISPUTES)
            for clearing in CLEARING.values()
        ),
    }
)

BOOKING_NUMBERS = sorted(kind * 10_000 + debit * 100 + credit for kind, debit, credit in BOOKINGS)
"""The same as numbers, which a query compares fastest."""
