"""What stands in databases and other programs for ever, and how records are copied."""

from __future__ import annotations

from enum import IntEnum

import pytest

from tambah.domain.article import ArticleKind
from tambah.domain.balance import BucketKind
from tambah.domain.gift import GiftKind
from tambah.domain.guessing import Audience, GuessingRule
from tambah.domain.ledger import OWN_ACCOUNT, OWN_ACCOUNTS, Account, TransferKind
from tambah.domain.line import Language, LifeRule, LineState
from tambah.domain.staff import StaffState
from tambah.domain.state import TopUpSource
from tambah.domain.subscription import SubscriptionState
from tambah.domain.ticket import Author, TicketState
from tambah.domain.voucher import BatchState, VoucherState

from .world import KUALA_LUMPUR, rules_for


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (BucketKind, "MAIN 1 BONUS 2 FLOAT 3 SECONDS 4 MESSAGES 5 BYTES 6"),
        (Audience, "OWN 1 GUEST 2"),
        (
            Account,
            "LINE_MAIN 1 LINE_BONUS 2 FLOAT 3 CARDS_SOLD 10 TRANSIT 11 BONUS_GIVEN 12 TAX 13 "
            "FORFEITED 14 OPENING 15 ADJUSTMENTS 16 FUNDING 17 REVENUE 18 CLEARING_SANDBOX 20 "
            "CLEARING_STRIPE 21 CLEARING_PAYPAL 22 CLEARING_BANK 23 HELD 24 DISPUTES 25 "
            "FEES_EARNED 26 COMMISSIONS 27 USAGE_REVENUE 28 LINE_SECONDS 4 LINE_MESSAGES 5 "
            "LINE_BYTES 6 SECONDS_GIVEN 40 MESSAGES_GIVEN 41 BYTES_GIVEN 42 SECONDS_LAPSED 43 "
            "MESSAGES_LAPSED 44 BYTES_LAPSED 45 SECONDS_USED 46 MESSAGES_USED 47 BYTES_USED 48",
        ),
        (
            TransferKind,
            "REDEMPTION 1 TOPUP 2 BONUS 3 TAX 4 FUNDING 5 OPENING 6 ADJUSTMENT 7 REVERSAL 8 "
            "FORFEIT 9 SALE 10",
        ),
        (GiftKind, "DAYS 0 BONUS 2 SECONDS 4 MESSAGES 5 BYTES 6"),
        (Language, "EN 1 MS 2 ZH_HANS 3 TA 4"),
        (
            LineState,
            "PRE_ACTIVE 1 ACTIVE 2 GRACE 3 EXPIRED 4 QUARANTINED 5 TERMINATED 6",
        ),
        (TopUpSource, "VOUCHER 1 PARTNER 2 PAYMENT 3"),
        (BatchState, "DRAFT 1 GENERATED 2 RELEASED 3 CLOSED 4 LOCKED 5 VOID 6"),
        (ArticleKind, "OFFER 1 NEWS 2"),
        (TicketState, "OPEN 1 ANSWERED 2 WAITING 3 CLOSED 4 ERASED 5"),
        (StaffState, "INVITED 1 ACTIVE 2 DISABLED 3"),
        (Author, "SUBSCRIBER 1 STAFF 2 STAFF_ONLY 3"),
        (SubscriptionState, "RUNNING 1 ENDED 2 RENEWED 3 LAPSED 4 REFUNDED 5"),
        (VoucherState, "GENERATED 1 ACTIVE 2 REDEEMED 3 LOCKED 4 VOID 5"),
    ],
)
def test_stored_numbers_keep_their_meaning(kind: type[IntEnum], values: str) -> None:
    known = [f"{member.name} {member.value}" for member in kind]
    # New ones may come at the end; what is there never changes.
    assert " ".join(known).startswith(values)


def test_own_accounts_are_those_with_a_balance() -> None:
    assert {account for account in Account if account < 10} == OWN_ACCOUNTS
    # The proofs in SQL compare the one with the other.
    assert {kind: int(account) for kind, account in OWN_ACCOUNT.items()} == {
        kind: int(kind) for kind in BucketKind
    }


def test_the_rules_that_an_operator_need_not_set() -> None:
    rules = rules_for()
    assert rules.life == LifeRule(
        grace_days=50, reactivation_days=30, quarantine_days=183, stale_hours=24
    )
    assert rules.guessing == GuessingRule(
        ladder=((5, 15), (10, 30), (15, 60), (20, 1440)), source_hourly=30, guests_hourly=2000
    )
    assert (rules.validity.zone, rules.validity.cap_days) == (KUALA_LUMPUR, 365)
