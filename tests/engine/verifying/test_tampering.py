"""Every way to falsify the books that we could think of is found, named, and nothing else is."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tambah.engine.clock import Clock
from tambah.engine.verifying import Verdict, close_books, verify
from tambah.store.database import Database
from tests.conftest import Fresh

from .history import Counter, Owners, first_part, second_part, tamper

TOPUP = (
    "line_id, topup_no, at, source, price_micros, tax_micros, main_micros, bonus_micros, "
    "bonus_bucket_id, valid_days, active_until_before, active_until, receipt, reference, "
    "partner_id, batch_id, number, reactivation_micros"
)


@dataclass(frozen=True)
class Deed:
    """What is done to the books, and what is found: kind and subject of each."""

    name: str
    statements: tuple[str, ...]
    found: frozenset[str]


def deed(name: str, *statements: str, found: str) -> Deed:
    """Return a deed; `found` has a finding to each `kind subject` pair, parted by commas."""
    return Deed(name, statements, frozenset(part.strip() for part in found.split(",")))


def named(verdict: Verdict) -> frozenset[str]:
    """Return what a verdict names; no finding comes twice."""
    assert len(set(verdict.findings)) == verdict.total
    return frozenset(f"{f.kind} {f.subject}" for f in verdict.findings)


# Owners: 1 alice, 2 bob, 3 carol, 4 dave, 5 the shop. In the second part alice redeems card 4
# (her top-up 4: transfers 10 credit, 11 tax, 12 bonus into bucket 3), is topped up by the shop
# (top-up 5: 13 credit, 14 tax; the shop's 9) and adjusted (15); bob is topped up (his 17 and 18,
# top-up 4; the shop's 10); the shop is funded (11). Dave's credit is forfeited (2).
DEEDS = [
    deed(
        "an amount",
        "UPDATE transfer SET amount_micros = 5000000 WHERE owner_id = 1 AND seq = 13",
        found="balance transfer:1/13, sale transfer:5/9, topup topup:1/5, account account:transit",
    ),
    deed(
        "a balance",
        "UPDATE transfer SET balance_micros = 1 WHERE owner_id = 1 AND seq = 10",
        found="balance transfer:1/10",
    ),
    deed(
        "the last balance",
        "UPDATE transfer SET balance_micros = 1 WHERE owner_id = 1 AND seq = 15",
        found="balance transfer:1/15, bucket bucket:1/1",
    ),
    deed(
        "a row in the middle deleted",
        "DELETE FROM transfer WHERE owner_id = 1 AND seq = 13",
        found="sequence transfer:1/13, sale transfer:5/9, topup topup:1/5,account account:transit",
    ),
    deed(
        "a tax row deleted",
        "DELETE FROM transfer WHERE owner_id = 1 AND seq = 11",
        found="sequence transfer:1/11, topup topup:1/4",
    ),
    deed(
        "the last row deleted",
        "DELETE FROM transfer WHERE owner_id = 1 AND seq = 15",
        found="sequence transfer:1/15, bucket bucket:1/1",
    ),
    deed(
        "a row moved to the end",
        "UPDATE transfer SET seq = 16 WHERE owner_id = 1 AND seq = 12",
        found="sequence transfer:1/12, sequence transfer:1/16",
    ),
    deed(
        "a row added at the end",
        "INSERT INTO transfer SELECT 4, 3, now(), 7, 16, 1, 5000000, 1, 5000000, NULL, NULL, "
        "NULL, NULL, NULL, ''",
        found="sequence transfer:4/3, bucket bucket:4/1",
    ),
    deed(
        "a row added in a place that is taken",
        "INSERT INTO transfer SELECT 2, 17, now() + interval '80 days', 7, 16, 1, 5000000, 1, "
        "5000000, NULL, NULL, NULL, NULL, NULL, ''",
        found="sequence transfer:2/17",
    ),
    deed(
        "a row of nobody",
        "INSERT INTO transfer SELECT 77, 1, now(), 7, 16, 1, 5000000, 1, 5000000, NULL, NULL, "
        "NULL, NULL, NULL, ''",
        found="sequence owner:77, bucket bucket:77/1",
    ),
    deed(
        "another bucket",
        "UPDATE transfer SET bucket_id = 2 WHERE owner_id = 1 AND seq = 13",
        found="booking transfer:1/13, balance transfer:1/13, balance transfer:1/15,"
        "bucket bucket:1/2",
    ),
    deed(
        "another kind",
        "UPDATE transfer SET kind = 9 WHERE owner_id = 1 AND seq = 15",
        found="booking transfer:1/15",
    ),
    deed(
        "another account",
        "UPDATE transfer SET debit = 10 WHERE owner_id = 1 AND seq = 15",
        found="booking transfer:1/15",
    ),
    deed(
        "another peer",
        "UPDATE transfer SET peer_seq = 99 WHERE owner_id = 1 AND seq = 13",
        found="sale transfer:5/9, sale transfer:1/13",
    ),
    deed(
        "another reference",
        "UPDATE transfer SET reference = 'mine' WHERE owner_id = 5 AND seq = 10",
        found="sale transfer:5/10",
    ),
    deed(
        "a partner's side dropped",
        "DELETE FROM transfer WHERE owner_id = 5 AND seq = 9",
        found="sequence transfer:5/9, sale transfer:1/13, account account:transit",
    ),
    deed(
        "a line's side dropped",
        "DELETE FROM transfer WHERE owner_id = 1 AND seq IN (13, 14, 15)",
        found="sequence transfer:1/13, sale transfer:5/9, topup topup:1/5, bucket bucket:1/1,"
        "account account:transit",
    ),
    deed(
        "a sale without its line",
        "INSERT INTO transfer SELECT 5, 12, now(), 10, 3, 11, 1000000, 1, 81400000, NULL, 'x', "
        "2, 19, NULL, ''",
        "UPDATE partner SET transfer_seq = 12 WHERE partner_id = 5",
        "UPDATE bucket SET remaining_micros = 81400000 WHERE owner_id = 5",
        found="sale transfer:5/12, account account:transit",
    ),
    deed(
        "a counter",
        "UPDATE line SET transfer_seq = 20 WHERE line_id = 2",
        found="sequence transfer:2/19",
    ),
    deed(
        "a bucket",
        "UPDATE bucket SET remaining_micros = remaining_micros + 1 WHERE owner_id = 3 "
        "AND bucket_id = 1",
        found="bucket bucket:3/1",
    ),
    deed(
        "a bucket deleted",
        "DELETE FROM bucket WHERE owner_id = 3 AND bucket_id = 2",
        found="bucket bucket:3/2",
    ),
    deed(
        "a bucket added",
        "INSERT INTO bucket SELECT 3, 9, 1, 500, NULL",
        found="bucket bucket:3/9",
    ),
    deed(
        "a float overdrawn",
        "UPDATE partner SET credit_limit_micros = 0 WHERE partner_id = 5",
        "UPDATE bucket SET remaining_micros = -1 WHERE owner_id = 5",
        found="bucket bucket:5/1, overdrawn bucket:5/1",
    ),
    deed(
        "a card made new again",
        "UPDATE voucher SET state = 2, redeemed_line_id = NULL, redeemed_topup_no = NULL, "
        "redeemed_at = NULL WHERE number = 4",
        found="voucher voucher:0001-00000004",
    ),
    deed(
        "a card redeemed without credit",
        "UPDATE voucher SET state = 3, redeemed_line_id = 4, redeemed_topup_no = 1, "
        "redeemed_at = now() WHERE number = 7",
        found="voucher voucher:0001-00000007",
    ),
    deed(
        "a card redeemed for an old top-up",
        "UPDATE voucher SET state = 3, redeemed_line_id = 1, redeemed_topup_no = 1, "
        "redeemed_at = now() WHERE number = 7",
        found="voucher voucher:0001-00000007",
    ),
    deed(
        "a card's top-up",
        "UPDATE voucher SET redeemed_line_id = 2 WHERE number = 4",
        found="voucher voucher:0001-00000004",
    ),
    deed(
        "a card's serial number",
        "UPDATE voucher_serial SET digest = 'other' WHERE number = 4",
        found="voucher voucher:0001-00000004",
    ),
    deed(
        "a card credited twice, all else in order",
        f"INSERT INTO topup ({TOPUP}) SELECT 1, 6, at, source, price_micros, tax_micros, "
        "main_micros, bonus_micros, bonus_bucket_id, valid_days, active_until_before, "
        "active_until, receipt, "
        "reference, partner_id, batch_id, number, 0 FROM topup WHERE line_id = 1 AND topup_no = 4",
        "INSERT INTO transfer SELECT 1, seq + 6, at, kind, debit, credit, amount_micros, "
        "bucket_id, CASE seq WHEN 10 THEN 85000000 WHEN 12 THEN 2000000 END, 6, reference, "
        "NULL, NULL, NULL, request FROM transfer WHERE owner_id = 1 AND seq IN (10, 11, 12)",
        "UPDATE line SET transfer_seq = 18, topup_seq = 6 WHERE line_id = 1",
        "UPDATE bucket SET remaining_micros = 85000000 WHERE owner_id = 1 AND bucket_id = 1",
        "UPDATE bucket SET remaining_micros = 2000000 WHERE owner_id = 1 AND bucket_id = 3",
        found="voucher voucher:0001-00000004",
    ),
    deed(
        "a top-up's amount",
        "UPDATE topup SET main_micros = 1 WHERE line_id = 1 AND topup_no = 4",
        found="topup topup:1/4, voucher voucher:0001-00000004",
    ),
    deed(
        "a top-up's reference",
        "UPDATE topup SET reference = 'mine' WHERE line_id = 1 AND topup_no = 5",
        found="topup topup:1/5",
    ),
    deed(
        "a top-up's partner",
        "UPDATE topup SET partner_id = 4 WHERE line_id = 1 AND topup_no = 5",
        found="topup topup:1/5",
    ),
    deed(
        "a top-up's record deleted",
        "DELETE FROM topup WHERE line_id = 1 AND topup_no = 5",
        found="topup transfer:1/13",
    ),
    deed(
        "a top-up's record added",
        f"INSERT INTO topup ({TOPUP}) SELECT 3, 7, now(), source, price_micros, tax_micros, "
        "main_micros, bonus_micros, bonus_bucket_id, valid_days, active_until_before, "
        "active_until, receipt, "
        "'other', partner_id, batch_id, number, 0 FROM topup WHERE line_id = 1 AND topup_no = 5",
        found="topup topup:3/7",
    ),
    deed(
        "a reversal's mark",
        "UPDATE transfer SET kind = 8, mends_topup_no = 1 WHERE owner_id = 1 AND seq = 15",
        found="booking transfer:1/15, reversal topup:1/1",
    ),
    deed(
        "dates",
        "UPDATE line SET grace_until = active_until - interval '1 day' WHERE line_id = 3",
        found="line line:3",
    ),
    deed(
        "numbers swapped",
        "UPDATE number SET line_id = 5 - line_id WHERE line_id IN (2, 3)",
        found="number line:2, number line:3",
    ),
    deed("a number lost", "DELETE FROM number WHERE line_id = 2", found="number line:2"),
    deed(
        "a number of nobody",
        "INSERT INTO number SELECT 60199999999, 99",
        found="number line:99",
    ),
    deed(
        "two lines with one number",
        "UPDATE line SET msisdn = (SELECT msisdn FROM line WHERE line_id = 2) WHERE line_id = 3",
        "DELETE FROM number WHERE line_id = 3",
        found="number line:3",
    ),
    deed(
        "a line deleted",
        "DELETE FROM line WHERE line_id = 4",
        found="sequence owner:4, number line:4",
    ),
    deed(
        "an audit row's words",
        "UPDATE audit SET why = 'another' WHERE day = current_date AND seq = 3",
        found="audit audit:DAY/3",
    ),
    deed(
        "an audit row deleted",
        "DELETE FROM audit WHERE day = current_date AND seq = 3",
        found="audit audit:DAY/3",
    ),
    deed(
        "the audit's end cut off",
        "DELETE FROM audit WHERE day = current_date AND seq > 7",
        found="audit audit:DAY/8",
    ),
    deed(
        "a day of the audit deleted",
        "DELETE FROM audit WHERE day = current_date",
        found="audit audit:DAY/1",
    ),
    deed(
        "an audit row added",
        "INSERT INTO audit SELECT day, 10, at, who, action, subject, why, before, after, hash, "
        "sha256('x') FROM audit WHERE day = current_date AND seq = 9",
        found="audit audit:DAY/10",
    ),
    deed(
        "an audit row's hash",
        "UPDATE audit SET hash = sha256('x') WHERE day = current_date AND seq = 3",
        found="audit audit:DAY/3, audit audit:DAY/4",
    ),
    deed(
        "an audit head",
        "DELETE FROM audit_head WHERE day = current_date",
        found="audit audit:DAY/9",
    ),
]


def expected(deed: Deed, verdict: Verdict) -> frozenset[str]:
    """Return what is to be found, with today's date put in."""
    return frozenset(part.replace("DAY", verdict.at.date().isoformat()) for part in deed.found)


@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.name)
async def test_tampering_is_found_from_the_start_and_from_a_closing(
    deed: Deed, counter: Counter, clock: Clock, database: Database, fresh: Fresh
) -> None:
    await first_part(counter)
    closed = await close_books(database)
    assert closed.closed_at is not None
    await second_part(counter, clock)
    assert (await verify(database)).findings == ()

    await tamper(fresh.owner_dsn, *deed.statements)

    from_closing = await verify(database)
    assert from_closing.closed_at == closed.closed_at
    assert named(from_closing) == expected(deed, from_closing)
    from_start = await verify(database, full=True)
    assert from_start.closed_at is None
    assert named(from_start) == expected(deed, from_start)
    assert (await close_books(database)).closed_at is None


@pytest.mark.parametrize(
    "deed",
    [
        deed(
            "a closed amount",
            "UPDATE transfer SET amount_micros = 8000000 WHERE owner_id = 1 AND seq = 1",
            found="balance transfer:1/1, closing bucket:1/1, closing account:line_main,"
            "closing account:opening",
        ),
        deed(
            "a closed row deleted",
            "DELETE FROM transfer WHERE owner_id = 4 AND seq = 1",
            found="sequence transfer:4/1, closing bucket:4/1, closing account:line_main,"
            "closing account:opening",
        ),
        deed(
            "a closed reversal unmarked",
            "UPDATE topup SET reversed_at = NULL WHERE line_id = 3 AND topup_no = 2",
            found="reversal topup:3/2",
        ),
        deed(
            "a closed card made new again",
            "UPDATE voucher SET state = 2, redeemed_line_id = NULL, redeemed_topup_no = NULL, "
            "redeemed_at = NULL WHERE number = 1",
            found="voucher voucher:0001-00000001",
        ),
    ],
    ids=lambda deed: deed.name,
)
async def test_what_was_altered_after_closing_is_found_by_a_full_verification(
    deed: Deed, history: None, database: Database, fresh: Fresh
) -> None:
    assert (await close_books(database)).closed_at is not None
    await tamper(fresh.owner_dsn, *deed.statements)
    assert (await verify(database)).findings == ()

    again = await close_books(database)

    assert again.closed_at is not None, "it goes on from what was proved before"
    verdict = await verify(database, full=True)
    assert named(verdict) == deed.found


async def test_a_forgery_that_agrees_with_itself_disagrees_with_the_closing(
    history: None, database: Database, fresh: Fresh
) -> None:
    await close_books(database)
    await tamper(
        fresh.owner_dsn,
        "UPDATE transfer SET amount_micros = 8000000 WHERE owner_id = 1 AND seq = 1",
        "UPDATE transfer SET balance_micros = balance_micros + 1000000 WHERE owner_id = 1 "
        "AND bucket_id = 1",
        "UPDATE bucket SET remaining_micros = remaining_micros + 1000000 WHERE owner_id = 1 "
        "AND bucket_id = 1",
    )

    assert named(await verify(database)) == {"bucket bucket:1/1"}
    assert named(await verify(database, full=True)) == {
        "closing bucket:1/1",
        "closing account:line_main",
        "closing account:opening",
    }


async def test_a_row_smuggled_in_among_closed_ones_is_found_from_the_closing(
    history: None, database: Database, fresh: Fresh
) -> None:
    await close_books(database)
    await tamper(
        fresh.owner_dsn,
        "INSERT INTO transfer SELECT 3, 1, now() + interval '90 days', 7, 16, 1, 5000000, 1, "
        "5000000, NULL, NULL, NULL, NULL, NULL, ''",
    )

    assert named(await verify(database)) == {"sequence transfer:3/1"}
    assert named(await verify(database, full=True)) == {
        "sequence transfer:3/1",
        "closing bucket:3/1",
        "closing account:line_main",
        "closing account:adjustments",
    }


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM owner_closing WHERE owner_id = 3",
        "DELETE FROM bucket_closing WHERE owner_id = 3 AND bucket_id = 1",
        "UPDATE account_closing SET balance_micros = 0 WHERE account = 13",
    ],
)
async def test_a_closing_that_lost_a_part_is_not_built_on(
    statement: str, history: None, database: Database, fresh: Fresh
) -> None:
    await close_books(database)

    await tamper(fresh.owner_dsn, statement)

    assert not (await verify(database)).is_clean
    assert (await close_books(database)).closed_at is None


async def test_owners_fixture_is_what_the_deeds_speak_of(owners: Owners) -> None:
    assert owners == Owners(alice=1, bob=2, carol=3, dave=4, shop=5)
