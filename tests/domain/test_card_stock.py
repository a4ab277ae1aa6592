"""Ranges of cards as they are moved, split and merged."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambah.domain.card_stock import (
    STOLEN,
    WAREHOUSE,
    Holding,
    Move,
    MoveKind,
    move_cards,
    require_way,
)
from tambah.domain.refusals import DealerNotRelated, RangeMalformed, StockNotHeld

CARDS = 12
PARENT, SHOP, OTHER = 7, 8, 9


def move(
    first: int, last: int, from_id: int, to_id: int, kind: MoveKind = MoveKind.RECOUNT
) -> Move:
    """Return a move of batch 1."""
    return Move(batch_id=1, first=first, last=last, kind=kind, from_id=from_id, to_id=to_id)


@given(
    st.lists(
        st.tuples(
            st.integers(1, CARDS), st.integers(1, CARDS), st.integers(0, 3), st.integers(0, 3)
        )
    )
)
def test_ranges_say_what_single_cards_would(moves: list[tuple[int, int, int, int]]) -> None:
    holdings = [Holding(1, CARDS, WAREHOUSE)]
    holder_of = dict.fromkeys(range(1, CARDS + 1), WAREHOUSE)
    for first, last, from_id, to_id in moves:
        asked = range(first, last + 1)
        if first > last or from_id == to_id:
            continue
        foreign = [number for number in asked if holder_of[number] != from_id]
        if foreign:
            with pytest.raises(StockNotHeld) as refused:
                move_cards(holdings, move(first, last, from_id, to_id))
            assert refused.value.params == {"serial": f"0001-{foreign[0]:08d}"}
            continue
        holdings = move_cards(holdings, move(first, last, from_id, to_id))
        holder_of |= dict.fromkeys(asked, to_id)

    told = {n: held.holder_id for held in holdings for n in range(held.first, held.last + 1)}
    assert told == holder_of
    assert sum(held.last - held.first + 1 for held in holdings) == CARDS
    pairs = itertools.pairwise(holdings)
    assert all(left.holder_id != right.holder_id for left, right in pairs), "merged"


def test_a_range_is_split_merged_and_not_handed_on_by_others() -> None:
    whole = [Holding(1, CARDS, WAREHOUSE)]

    split = move_cards(whole, move(4, 6, WAREHOUSE, SHOP))
    assert split == [
        Holding(1, 3, WAREHOUSE),
        Holding(4, 6, SHOP),
        Holding(7, CARDS, WAREHOUSE),
    ]
    assert move_cards(split, move(4, 6, SHOP, WAREHOUSE)) == whole
    with pytest.raises(StockNotHeld) as refused:
        move_cards(split, move(5, 8, SHOP, WAREHOUSE))
    assert refused.value.params == {"serial": "0001-00000007"}


@pytest.mark.parametrize(
    ("kind", "from_id", "to_id", "is_allowed"),
    [
        (MoveKind.SHIP, WAREHOUSE, SHOP, True),
        (MoveKind.SHIP, WAREHOUSE, OTHER, True),
        (MoveKind.SHIP, PARENT, SHOP, True),
        (MoveKind.SHIP, SHOP, PARENT, False),
        (MoveKind.SHIP, SHOP, WAREHOUSE, False),
        (MoveKind.SHIP, OTHER, SHOP, False),
        (MoveKind.RETURN, SHOP, PARENT, True),
        (MoveKind.RETURN, SHOP, WAREHOUSE, True),
        (MoveKind.RETURN, PARENT, SHOP, False),
        (MoveKind.RETURN, WAREHOUSE, SHOP, False),
        (MoveKind.STOLEN, SHOP, STOLEN, True),
        (MoveKind.STOLEN, WAREHOUSE, STOLEN, True),
        (MoveKind.STOLEN, SHOP, OTHER, False),
        (MoveKind.FOUND, STOLEN, SHOP, True),
        (MoveKind.FOUND, SHOP, WAREHOUSE, False),
        (MoveKind.RECOUNT, SHOP, OTHER, True),
        (MoveKind.RECOUNT, SHOP, STOLEN, False),
    ],
)
def test_cards_go_down_and_up_the_tree(
    kind: MoveKind, from_id: int, to_id: int, is_allowed: bool
) -> None:
    parents = {SHOP: PARENT}
    asked = move(1, 2, from_id, to_id, kind)

    def check() -> None:
        require_way(asked, from_parent_id=parents.get(from_id), to_parent_id=parents.get(to_id))

    if is_allowed:
        check()
    else:
        with pytest.raises(DealerNotRelated):
            check()


@pytest.mark.parametrize(("first", "last", "to_id"), [(2, 1, SHOP), (0, 1, SHOP), (1, 2, 0)])
def test_a_range_is_whole_and_goes_somewhere(first: int, last: int, to_id: int) -> None:
    with pytest.raises(RangeMalformed):
        require_way(
            move(first, last, WAREHOUSE, to_id, MoveKind.SHIP),
            from_parent_id=None,
            to_parent_id=None,
        )
