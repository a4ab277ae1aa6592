"""Cards sold: ranges cut so that each card has one instant; ages of batches."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tambah.domain.finance.cards import BatchCards, Range, by_age, earliest, serial_key

RM = 1_000_000
AT = datetime(2026, 9, 1, tzinfo=UTC)

ranges = st.lists(
    st.builds(
        lambda first, length, hours: Range(
            first=first, last=first + length, at=AT + timedelta(hours=hours)
        ),
        st.integers(1, 40),
        st.integers(0, 12),
        st.integers(0, 9),
    ),
    max_size=12,
)


@given(found=ranges)
def test_each_card_keeps_its_earliest_instant(found: list[Range]) -> None:
    cut = earliest(found)

    for card in range(60):
        instants = [one.at for one in found if one.first <= card <= one.last]
        kept = [one.at for one in cut if one.first <= card <= one.last]
        assert kept == ([min(instants)] if instants else [])
    firsts = [one.first for one in cut]
    assert firsts == sorted(firsts)


def test_what_touches_and_agrees_is_one_range() -> None:
    halves = [Range(first=1, last=5, at=AT), Range(first=6, last=9, at=AT)]

    assert earliest(halves) == [Range(first=1, last=9, at=AT)]


def test_batches_are_sorted_by_age() -> None:
    today = date(2026, 9, 30)

    def batch(days: int, count: int, *, is_past: bool = False) -> BatchCards:
        made_on = today - timedelta(days=days)
        return BatchCards(
            batch_id=1, made_on=made_on, count=count, price_micros=10 * RM, is_past=is_past
        )

    found = by_age([batch(0, 1), batch(30, 2), batch(31, 3), batch(366, 4, is_past=True)], today)

    assert [
        (a.until_days, a.count, a.amount_micros // RM, a.past_micros // RM) for a in found
    ] == [
        (30, 3, 30, 0),
        (90, 3, 30, 0),
        (180, 0, 0, 0),
        (365, 0, 0, 0),
        (None, 4, 40, 40),
    ]


def test_keys_sort_by_batch_then_number() -> None:
    assert serial_key(1, 99_999_999) < serial_key(2, 1) < serial_key(2, 2)
