"""Agreements, earnings, and every refusal that dealers can meet."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from tambah.domain import refusals as no
from tambah.domain.commands import Command
from tambah.domain.dealer import (
    Agreement,
    Dealer,
    DealerKind,
    Earned,
    Neighbour,
    PaidAs,
    agreement_at,
    earnings,
    percent,
    require_fits_tree,
)
from tambah.domain.dealer_rule import DealerRule
from tambah.domain.records import replace
from tambah.domain.state import CardStock
from tambah.domain.validity import ValidityPolicy
from tambah.domain.voucher import BatchState, VoucherState

from .histories import history_rules
from .memory_books import MemoryBooks
from .proofs import prove
from .trade_oracle import prove_trade
from .trees import agreement, move, pay, sell, undo
from .world import (
    ALICE,
    RM,
    START,
    World,
    adjust,
    batch,
    card,
    code,
    fund,
    import_line,
    partner,
    redeem,
    reverse,
    top_up,
)

ROOT, SHOP, TILL, PLAIN = 701, 702, 703, 704
LIVE, DATED = batch(9, 10), batch(8, 10, redeem_before=START)
OFF = batch(7, 10, state=BatchState.GENERATED)
FRESH = VoucherState.GENERATED


def dealer(*path: int, charged: tuple[int, ...], **agreements: Agreement) -> Dealer:
    """Return a dealer; its path's agreements by `_ID`."""
    found = {int(name[1:]): (one,) for name, one in agreements.items()}
    return Dealer(
        partner_id=path[-1],
        kind=DealerKind.SHOP,
        path=path,
        charged=charged,
        agreements=found,
    )


def make_books(undo_minutes: int = 10, **shop: int) -> MemoryBooks:
    """Return books with a root, its shop (limits as told), a till of the shop, and a partner."""
    agreed = {"_701": agreement(600), "_702": agreement(300, **shop)}
    world = World(
        partners=tuple(partner(one) for one in (ROOT, SHOP, TILL, PLAIN)),
        cards={
            code(901): card(LIVE, 1, FRESH),
            code(902): card(LIVE, 2, FRESH),
            code(903): card(LIVE, 3, VoucherState.LOCKED),
            code(801): card(DATED, 1, FRESH),
            code(701): card(OFF, 1, FRESH),
        },
        dealers=(
            dealer(ROOT, charged=(ROOT,), _701=agreed["_701"]),
            dealer(ROOT, SHOP, charged=(SHOP,), **agreed),
            dealer(ROOT, SHOP, TILL, charged=(TILL, SHOP), **agreed),
        ),
    )
    window = DealerRule(undo_minutes=undo_minutes)
    rules = dataclasses.replace(history_rules(ValidityPolicy.ADD), dealers=window)
    books = MemoryBooks(rules, world)
    books.submit(import_line(), START)
    books.submit(fund("float", 100, SHOP), START)
    return books


def test_each_level_earns_what_it_has_more_than_the_one_below() -> None:
    found = dealer(
        ROOT,
        SHOP,
        TILL,
        charged=(TILL,),
        _701=agreement(333),
        _703=agreement(111, PaidAs.TRANSFER),
    )

    earned = earnings(found, 10_050_000, START)

    # 1.11 % and 3.33 % of RM10.05, each rounded once; the shop, without an agreement, has none.
    assert earned == (
        Earned(TILL, 111_555, PaidAs.TRANSFER),
        Earned(ROOT, 223_110, PaidAs.TRANSFER),
    )
    assert (found.parent_id, found.payer_id) == (SHOP, TILL)


def test_the_agreement_in_force_at_the_sale_counts() -> None:
    first, second = agreement(100, since=1), agreement(200, since=2)
    instants = [START, first.effective_at, second.effective_at]

    found = [agreement_at((second, first), at) for at in instants]

    assert found == [None, first, second]
    assert percent(325) == "3.25"


@pytest.mark.parametrize(
    ("rate_bp", "is_parent", "rates", "limit"),
    [
        (300, True, [(0, 300)], None),
        (301, True, [(0, 300)], "3.00"),
        (300, True, [(0, 300), (5, 200)], "2.00"),
        (300, True, [(0, 300), (9, 200)], None),
        (1, True, [], "0.00"),
        (300, False, [(0, 300)], None),
        (299, False, [(0, 300)], "3.00"),
        (299, False, [(0, 100), (5, 300)], "3.00"),
        (299, False, [(0, 100), (9, 300)], None),
        (0, False, [], None),
    ],
)
def test_a_rate_lies_between_the_childrens_and_the_parents_while_it_is_in_force(
    rate_bp: int, is_parent: bool, rates: list[tuple[int, int]], limit: str | None
) -> None:
    theirs = tuple(agreement(rate, since=since) for since, rate in rates)
    own = [agreement(50, since=0), agreement(75, since=9)]
    new = agreement(rate_bp, since=3)

    if limit is None:
        require_fits_tree(new, own, [Neighbour(is_parent, theirs)])
        return
    with pytest.raises(no.CommissionOutOfTree) as refused:
        require_fits_tree(new, own, [Neighbour(is_parent, theirs)])
    assert refused.value.params == {"rate": limit}


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        (sell(PLAIN, 1, "a", 9), no.DealerUnknown),
        (sell(999, 1, "a", 9), no.PartnerUnknown),
        (sell(SHOP, 1, "a", 9), None),
        (sell(SHOP, 99, "a", 9), no.VoucherUnknown),
        (sell(SHOP, 3, "a", 9), no.CardNotForSale),
        (sell(SHOP, 1, "a", 8), no.CardNotForSale),
        (sell(SHOP, 1, "a", 7), no.BatchNotReleased),
        (undo(PLAIN, "x", "a"), no.DealerUnknown),
        (undo(SHOP, "x", "a"), no.SaleUnknown),
        (move(SHOP, TILL, 5, "a"), None),
        (move(SHOP, ROOT, 5, "a"), None),
        (move(SHOP, PLAIN, 5, "a"), no.DealerUnknown),
        (move(PLAIN, SHOP, 5, "a"), no.DealerUnknown),
        (move(ROOT, TILL, 5, "a"), no.DealerNotRelated),
        (move(SHOP, TILL, 0, "a"), no.AmountOutOfRange),
        (move(SHOP, TILL, 101, "a"), no.FloatTooLow),
        (pay(PLAIN, "a"), no.DealerUnknown),
        (pay(SHOP, "a"), no.NothingDue),
    ],
)
def test_what_dealers_may_do_and_what_not(
    command: Command, refusal: type[no.Refusal] | None
) -> None:
    books = make_books()

    if refusal is None:
        books.submit(command, START)
    else:
        with pytest.raises(refusal):
            books.submit(command, START)

    prove(books)
    prove_trade(books)


def test_a_suspended_level_stops_those_who_draw_on_it() -> None:
    books = make_books()
    books.partners[SHOP] = replace(books.partners[SHOP], suspended=True)

    for command in (
        sell(TILL, 1, "a", 9),
        top_up("b", 5, partner_id=TILL),
        move(SHOP, ROOT, 1, "c"),
    ):
        with pytest.raises(no.PartnerSuspended):
            books.submit(command, START)


def test_the_lower_one_of_two_limits_counts_at_every_level() -> None:
    books = make_books(most_sale=20, most_day=25)
    books.partners[SHOP] = replace(books.partners[SHOP], daily_cap_micros=30 * RM)

    with pytest.raises(no.AmountOutOfRange) as dear:
        books.submit(top_up("a", 30, partner_id=TILL), START)
    assert dear.value.params == {"least": "1.00", "most": "20.00"}
    books.submit(top_up("b", 20, partner_id=TILL), START)
    with pytest.raises(no.DailyCapReached) as full:
        books.submit(sell(SHOP, 1, "c", 9), START)
    assert full.value.params == {"cap": "25.00"}
    # What is undone on the same day makes room again; of another day it is not counted any more.
    books.submit(undo(TILL, "b", "d"), START)
    books.submit(sell(SHOP, 1, "e", 9), START)
    assert books.partners[TILL].sold_micros == 0
    prove_trade(books)


def test_a_sale_of_yesterday_makes_no_room_today() -> None:
    books = make_books()
    books.submit(sell(SHOP, 1, "a", 9), START + timedelta(hours=23, minutes=58))
    midnight = START + timedelta(days=1)
    books.submit(sell(SHOP, 2, "b", 9), midnight)

    books.submit(undo(SHOP, "a", "c"), midnight)

    assert books.partners[SHOP].sold_micros == 10 * RM


def test_an_agreed_limit_of_a_day_counts_without_one_of_the_dealers_own() -> None:
    books = make_books(most_day=5)

    with pytest.raises(no.DailyCapReached):
        books.submit(sell(SHOP, 1, "a", 9), START)


def test_a_sale_needs_a_reference_that_was_not_used() -> None:
    books = make_books()
    books.submit(sell(SHOP, 1, "a", 9), START)

    with pytest.raises(no.ReferenceUsed):
        books.submit(_again(sell(SHOP, 2, "a", 9), "b"), START)
    with pytest.raises(no.ReferenceUsed):
        books.submit(top_up("c", 5, partner_id=SHOP, reference="a"), START)
    with pytest.raises(no.FieldMissing):
        books.submit(_unnamed(sell(SHOP, 2, "d", 9)), START)
    # A reload without a reference is one that cannot be undone by its dealer.
    books.submit(top_up("e", 5, partner_id=SHOP, reference=""), START)
    assert [one.reference for one in books.sales.values()] == ["a", None]


def _again(command: Command, key: str) -> Command:
    return dataclasses.replace(command, request_key=key)  # type: ignore[type-var]


def _unnamed(command: Command) -> Command:
    return dataclasses.replace(command, reference="")  # type: ignore[type-var]


def test_a_card_is_sold_once_and_out_of_ones_own_stock() -> None:
    books = make_books()
    books.stocks = {
        (9, 1): CardStock(holder_id=SHOP, move_no=2),
        (9, 2): CardStock(holder_id=ROOT, move_no=2),
    }
    books.submit(sell(TILL, 1, "a", 9), START)

    with pytest.raises(no.CardSoldByYou) as mine:
        books.submit(sell(TILL, 1, "b", 9), START)
    assert mine.value.params == {"sold_at": START}
    with pytest.raises(no.CardSold):
        books.submit(sell(SHOP, 1, "c", 9), START)
    with pytest.raises(no.CardNotYours):
        books.submit(sell(TILL, 2, "d", 9), START)
    sale = next(iter(books.sales.values()))
    assert (sale.holder_id, sale.move_no) == (SHOP, 2)


def test_a_sale_is_undone_in_its_window_and_once() -> None:
    books = make_books()
    books.submit(sell(TILL, 1, "a", 9), START)

    with pytest.raises(no.UndoTooLate) as late:
        books.submit(undo(TILL, "a", "b"), START + timedelta(minutes=10))
    assert late.value.params == {"minutes": 10}
    books.submit(undo(TILL, "a", "c"), START + timedelta(minutes=9))
    with pytest.raises(no.SaleUndone):
        books.submit(undo(TILL, "a", "d"), START + timedelta(minutes=9))
    assert books.cards[9, 1].state is FRESH
    assert books.cards[9, 1].was_activated
    prove(books)
    prove_trade(books)


def test_no_window_means_no_undoing() -> None:
    books = make_books(undo_minutes=0)
    books.submit(sell(SHOP, 1, "a", 9), START)

    with pytest.raises(no.UndoTooLate):
        books.submit(undo(SHOP, "a", "b"), START)


def test_what_is_used_stays_sold() -> None:
    books = make_books()
    books.submit(sell(SHOP, 1, "a", 9), START)
    books.submit(redeem("b", code(901)), START)
    with pytest.raises(no.SaleSpent):
        books.submit(undo(SHOP, "a", "c"), START)

    books.submit(sell(SHOP, 2, "d", 9), START)
    books.cards[9, 2] = replace(books.cards[9, 2], state=VoucherState.LOCKED)
    with pytest.raises(no.CardNotForSale):
        books.submit(undo(SHOP, "d", "e"), START)

    books.submit(top_up("f", 5, partner_id=SHOP), START)
    books.submit(adjust("g", -11), START)
    with pytest.raises(no.SaleSpent):
        books.submit(undo(SHOP, "f", "h"), START)


def test_staff_take_a_reload_back_and_its_commission_only_if_it_is_whole() -> None:
    books = make_books()
    books.submit(top_up("a", 5, partner_id=TILL), START)
    books.submit(top_up("b", 5, partner_id=TILL), START)
    books.submit(reverse("c", 1), START)
    books.submit(adjust("d", -1), START)
    books.submit(reverse("e", 2), START)

    undone = [one.undone_at is not None for _, one in sorted(books.sales.items())]
    assert undone == [True, False]
    assert books.partners[SHOP].float_bucket.remaining_micros == 99_150_000
    prove(books)
    prove_trade(books)


def test_owed_commission_is_paid_once_and_what_is_undone_is_taken_off() -> None:
    books = make_books()
    books.submit(sell(SHOP, 1, "a", 9), START)
    books.submit(sell(SHOP, 2, "b", 9), START)

    for micros in (599_999, 600_001):
        with pytest.raises(no.CommissionChanged):
            books.submit(dataclasses.replace(pay(ROOT, f"{micros}"), amount_micros=micros), START)
    paid = books.submit(dataclasses.replace(pay(ROOT, "c"), amount_micros=600_000), START)
    assert (paid.amount_micros, paid.float_micros) == (600_000, 600_000)  # type: ignore[union-attr]
    with pytest.raises(no.NothingDue):
        books.submit(pay(ROOT, "d"), START)
    books.submit(undo(SHOP, "a", "e"), START)
    with pytest.raises(no.NothingDue):
        books.submit(pay(ROOT, "f"), START)
    books.submit(sell(SHOP, 1, "g", 9), START)
    books.submit(top_up("h", 20, ALICE, partner_id=SHOP), START)
    assert books.submit(pay(ROOT, "i"), START).amount_micros == 600_000  # type: ignore[union-attr]
    prove(books)
    prove_trade(books)
