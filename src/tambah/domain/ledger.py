"""Accounts and transfers: one row moves one amount from a debit to a credit account.

Debits equal credits by construction. Of the two accounts at most one is the owner's own (a
bucket's); the other is a system account, which has no balance row to fight over: its balance is
the sum of its transfers.
"""

from datetime import datetime
from enum import IntEnum

from tambah.domain.balance import BucketKind
from tambah.domain.payment import ProviderId
from tambah.domain.records import Record


class Account(IntEnum):
    """The chart of accounts. Those below 10 are owners' own, a balance for each bucket.

    CARDS_SOLD: what cards redeemed were worth (a liability until then). TRANSIT: between a float
    and a line, or two lines, in two paired transfers. FUNDING: money that partners paid in.
    OPENING: balances brought along from another system. CLEARING_…: what a payment provider has
    of ours. HELD: money of payers that is neither credited nor sent back. DISPUTES: what payers'
    banks took back.
    FEES_EARNED: what payers paid on top of the price. …_SECONDS, …_MESSAGES, …_BYTES: allowances,
    which are no money: where they came from, and where they lapsed to. COMMISSIONS: what dealers
    earned by selling. USAGE_REVENUE: what was used and paid by credit. PACKAGE_REVENUE: what lines
    paid for packages. …_USED: allowances that were used.
    """

    LINE_MAIN = 1
    LINE_BONUS = 2
    FLOAT = 3
    CARDS_SOLD = 10
    TRANSIT = 11
    BONUS_GIVEN = 12
    TAX = 13
    FORFEITED = 14
    OPENING = 15
    ADJUSTMENTS = 16
    FUNDING = 17
    REVENUE = 18
    CLEARING_SANDBOX = 20
    CLEARING_STRIPE = 21
    CLEARING_PAYPAL = 22
    CLEARING_BANK = 23
    HELD = 24
    DISPUTES = 25
    FEES_EARNED = 26
    COMMISSIONS = 27
    USAGE_REVENUE = 28
    LINE_SECONDS = 4
    LINE_MESSAGES = 5
    LINE_BYTES = 6
    SECONDS_GIVEN = 40
    MESSAGES_GIVEN = 41
    BYTES_GIVEN = 42
    SECONDS_LAPSED = 43
    MESSAGES_LAPSED = 44
    BYTES_LAPSED = 45
    SECONDS_USED = 46
    MESSAGES_USED = 47
    BYTES_USED = 48
    PACKAGE_REVENUE = 29


CLEARING = {
    ProviderId.SANDBOX: Account.CLEARING_SANDBOX,
    ProviderId.STRIPE: Account.CLEARING_STRIPE,
    ProviderId.PAYPAL: Account.CLEARING_PAYPAL,
    ProviderId.BANK: Account.CLEARING_BANK,
}
"""The account that stands for each payment provider."""

OWN_ACCOUNT = {
    BucketKind.MAIN: Account.LINE_MAIN,
    BucketKind.BONUS: Account.LINE_BONUS,
    BucketKind.FLOAT: Account.FLOAT,
    BucketKind.SECONDS: Account.LINE_SECONDS,
    BucketKind.MESSAGES: Account.LINE_MESSAGES,
    BucketKind.BYTES: Account.LINE_BYTES,
}
"""The owner's account of each kind of bucket; they have the same numbers."""

OWN_ACCOUNTS = frozenset(OWN_ACCOUNT.values())

GIVEN_BY = {
    BucketKind.BONUS: Account.BONUS_GIVEN,
    BucketKind.SECONDS: Account.SECONDS_GIVEN,
    BucketKind.MESSAGES: Account.MESSAGES_GIVEN,
    BucketKind.BYTES: Account.BYTES_GIVEN,
}
"""Where what is given on top comes from, and goes back to."""

LAPSED_TO = {
    BucketKind.MAIN: Account.FORFEITED,
    BucketKind.BONUS: Account.FORFEITED,
    BucketKind.SECONDS: Account.SECONDS_LAPSED,
    BucketKind.MESSAGES: Account.MESSAGES_LAPSED,
    BucketKind.BYTES: Account.BYTES_LAPSED,
}
"""Where what was not used in time goes."""

USED_BY = {
    BucketKind.MAIN: Account.USAGE_REVENUE,
    BucketKind.BONUS: Account.USAGE_REVENUE,
    BucketKind.SECONDS: Account.SECONDS_USED,
    BucketKind.MESSAGES: Account.MESSAGES_USED,
    BucketKind.BYTES: Account.BYTES_USED,
}
"""Where what is used goes, and comes back from when an event's charge is given back."""

_ALLOWANCE_OF: dict[int, BucketKind] = {
    Account.LINE_SECONDS: BucketKind.SECONDS,
    Account.SECONDS_GIVEN: BucketKind.SECONDS,
    Account.SECONDS_LAPSED: BucketKind.SECONDS,
    Account.SECONDS_USED: BucketKind.SECONDS,
    Account.LINE_MESSAGES: BucketKind.MESSAGES,
    Account.MESSAGES_GIVEN: BucketKind.MESSAGES,
    Account.MESSAGES_LAPSED: BucketKind.MESSAGES,
    Account.MESSAGES_USED: BucketKind.MESSAGES,
    Account.LINE_BYTES: BucketKind.BYTES,
    Account.BYTES_GIVEN: BucketKind.BYTES,
    Account.BYTES_LAPSED: BucketKind.BYTES,
    Account.BYTES_USED: BucketKind.BYTES,
}


def allowance_of(account: int) -> BucketKind | None:
    """Return the allowance whose unit an account is kept in, None for money."""
    return _ALLOWANCE_OF.get(account)


class TransferKind(IntEnum):
    """Why money moved.

    CREDIT: a payment that was received becomes credit. PAYMENT: money came in at a provider;
    REFUND: it went back. TAKE_BACK: part of a payment's credit, to be sent back; from adjustments
    when it is spent. FEE: what was paid on top. DISPUTE: a payer's bank took the money back;
    DISPUTE_WON: it came again. REFUND_RETURNED: a refund came back to the provider.
    REACTIVATION: the fee of bringing an expired line back. GRANT: what a promotion gives, bonus or
    an allowance. LAPSE: an allowance was not used in time. CARD_SALE: a dealer's float paid for a
    card that was sold. COMMISSION: what a dealer earned. FLOAT_MOVE: from one dealer's float to
    another's. USAGE: credit or an allowance was used; USAGE_REFUND: what an event was charged was
    given back. PACKAGE: credit paid for a package, and what that granted. MOVE: a top-up went to a
    wrong number; its credit goes on to the right one.
    """

    REDEMPTION = 1
    TOPUP = 2
    BONUS = 3
    TAX = 4
    FUNDING = 5
    OPENING = 6
    ADJUSTMENT = 7
    REVERSAL = 8
    FORFEIT = 9
    SALE = 10
    CREDIT = 11
    PAYMENT = 12
    REFUND = 13
    TAKE_BACK = 14
    FEE = 15
    DISPUTE = 16
    DISPUTE_WON = 17
    REFUND_RETURNED = 18
    REACTIVATION = 19
    GRANT = 20
    LAPSE = 21
    CARD_SALE = 22
    COMMISSION = 23
    FLOAT_MOVE = 24
    USAGE = 25
    USAGE_REFUND = 26
    PACKAGE = 27
    MOVE = 28


class Transfer(Record, frozen=True, kw_only=True):
    """One row of the books.

    owner_id, seq: whose it is, and its place in that owner's unbroken sequence from 1.
    amount_micros: between accounts of an allowance its seconds, messages or bytes. bucket_id,
    balance_micros: the owner's bucket it moved and what that held afterwards; None when it moved
    none (tax). topup_no: the top-up it belongs to. peer_owner_id, peer_seq: the paired
    transfer in the other owner's books. mends_topup_no: the top-up that a reversal mends.
    request: digest of the request that caused it; empty for ageing. payment_no: the payment that
    it is about.
    """

    owner_id: int
    seq: int
    at: datetime
    kind: TransferKind
    debit: Account
    credit: Account
    amount_micros: int
    bucket_id: int | None = None
    balance_micros: int | None = None
    topup_no: int | None = None
    reference: str | None = None
    peer_owner_id: int | None = None
    peer_seq: int | None = None
    mends_topup_no: int | None = None
    request: bytes = b""
    payment_no: int | None = None
