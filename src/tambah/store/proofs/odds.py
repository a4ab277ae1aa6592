"""What a proof returns: the rows that disagree, counted in full, named up to a limit."""

from collections.abc import Iterable
from typing import NamedTuple

from tambah.store.database import Record

MOST_NAMED = 1000


class Odd(NamedTuple):
    """One thing that disagrees.

    problem: a word that the query gives it. owner_id, place: who and where (a transfer's seq, a
    bucket's id, a top-up's number; for a card its batch and number). expected, found: numbers
    that should be the same. total: how many there are of the problem, named or not. unit: the
    account or kind of bucket whose unit the numbers are in, None for money.
    """

    problem: str
    owner_id: int
    place: int
    expected: int | None
    found: int | None
    total: int
    unit: int | None = None


def odds(rows: Iterable[Record]) -> list[Odd]:
    """Return a query's rows (problem, owner_id, place, expected, found, total, unit or not)."""
    return [Odd(*row) for row in rows]
