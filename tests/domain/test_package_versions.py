"""What is sold when, once versions were made of what operator.toml has."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambah.domain.balance import BucketKind
from tambah.domain.package import (
    Package,
    PackageAllowance,
    PackageVersion,
    find_package,
    in_succession,
    is_worse,
    on_sale,
)
from tambah.domain.records import replace
from tambah.domain.refusals import PackageUnknown

from .test_packages import RM, day, package

GB = 2**30


def version(one: Package | None, at: datetime, code: str = "DATA7") -> PackageVersion:
    """Return a version that begins at an instant; None takes what has the code off sale."""
    made = None if one is None else replace(one, on_sale_from=at)
    return PackageVersion(code=code, since=at, package=made)


def test_a_version_takes_the_place_of_what_was_sold_from_its_instant_on() -> None:
    sold = in_succession(
        [package("FIRST"), package(), package("LAST")], [version(package(price=12), day(5))]
    )

    assert find_package(sold, "DATA7", day(5) - timedelta(microseconds=1)).price_micros == 10 * RM
    assert find_package(sold, "DATA7", day(5)).price_micros == 12 * RM
    assert [one.code for one in on_sale(sold, day(6))] == ["FIRST", "DATA7", "LAST"]


def test_what_is_taken_off_sale_is_unknown_from_then_on_and_may_come_back() -> None:
    sold = in_succession([package()], [version(None, day(5)), version(package(price=8), day(9))])

    assert find_package(sold, "DATA7", day(4)).price_micros == 10 * RM
    for off in (day(5), day(8)):
        with pytest.raises(PackageUnknown):
            find_package(sold, "DATA7", off)
    assert find_package(sold, "DATA7", day(9)).price_micros == 8 * RM


def test_what_the_file_has_for_later_is_replaced_too() -> None:
    file = [package(on_sale_until=day(20)), package(price=15, on_sale_from=day(20))]

    sold = in_succession(file, [version(package(price=12), day(5))])

    assert find_package(sold, "DATA7", day(30)).price_micros == 12 * RM
    assert len(sold) == 2


def test_what_was_over_stays_as_it_was() -> None:
    sold = in_succession([package(on_sale_until=day(2))], [version(package(), day(5))])

    assert sold[0].on_sale_until == day(2)


def test_a_new_code_comes_last() -> None:
    sold = in_succession([package()], [version(package("NEW"), day(1), code="NEW")])

    assert [one.code for one in sold] == ["DATA7", "NEW"]


_KINDS = st.lists(
    st.tuples(
        st.sampled_from(["A1", "B1"]), st.integers(0, 30), st.one_of(st.none(), st.integers(1, 9))
    ),
    max_size=8,
)


@given(_KINDS, st.integers(0, 40))
def test_the_last_version_that_has_begun_is_what_is_sold(
    made: list[tuple[str, int, int | None]], at: int
) -> None:
    """Against a plain reading: the last made of those for a day not later than this one.

    Of those, one made later for an earlier day takes over all that was made before it.
    """
    file = [package("A1", price=100)]
    versions = [
        version(package(code, price=price) if price else None, day(begins), code)
        for code, begins, price in made
    ]
    sold = in_succession(file, versions)

    for code in ("A1", "B1"):
        plain = 100 if code == "A1" else None
        for place, (whose, begins, price) in enumerate(made):
            later = [b for c, b, _ in made[place + 1 :] if c == code]
            if whose == code and begins <= at and all(b > at for b in later):
                plain = price
        assert [one.price_micros for one in on_sale(sold, day(at)) if one.code == code] == (
            [] if plain is None else [plain * RM]
        )


def data(amount: int, scope: str = "social") -> PackageAllowance:
    """Return a part of a package, in bytes."""
    return PackageAllowance(kind=BucketKind.BYTES, amount=amount, scope=scope)


@pytest.mark.parametrize(
    ("change", "worse"),
    [
        ({}, False),
        ({"price_micros": 9 * RM}, False),
        ({"price_micros": 11 * RM}, True),
        ({"days": 8}, True),
        ({"days": 0, "hours": 200}, True),
        ({"main_only": True}, True),
        ({"allowances": (data(GB, ""),)}, True),
        ({"allowances": (data(GB - 1),)}, True),
        ({"allowances": (data(GB // 2), data(GB // 2))}, False),
    ],
)
def test_what_costs_more_or_gives_less_is_worse(change: dict[str, Any], worse: bool) -> None:
    assert is_worse(replace(package(), **change), package()) is worse
