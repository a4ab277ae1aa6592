"""Closing a day or a month: which may be closed, what is written down, what a close proves.

A close never changes. It names the one before it by its hash, so none can be taken out or put in,
and the next one counts the period before it once more: what came into a closed period shows.
"""

from calendar import monthrange
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from itertools import pairwise

from tambah.domain.finance.cards import BatchCards
from tambah.domain.finance.statement import Movement, Statement, balances_after, in_money, state
from tambah.domain.ledger import Account, TransferKind
from tambah.domain.records import Record
from tambah.domain.refusals import (
    BooksDisagree,
    PeriodNotOver,
    PeriodOutOfOrder,
    PeriodTooEarly,
)

SETTLING = timedelta(minutes=10)
"""How long after a midnight its day may be closed: no transaction that moves money lives longer,
and each takes its instant from the database when it begins."""

_A_DAY = timedelta(days=1)


class PeriodKind(IntEnum):
    """What is closed."""

    DAY = 1
    MONTH = 2


class Period(Record, frozen=True, kw_only=True):
    """A local day, or a local month by its first day."""

    kind: PeriodKind
    first: date

    @property
    def last(self) -> date:
        """Return its last day."""
        if self.kind is PeriodKind.DAY:
            return self.first
        return self.first.replace(day=monthrange(self.first.year, self.first.month)[1])

    @property
    def next(self) -> "Period":
        """Return the period that follows."""
        return Period(kind=self.kind, first=self.last + _A_DAY)

    def __str__(self) -> str:
        """Write it as people type it: 2026-12-31, 2026-12."""
        day = self.first.isoformat()
        return day if self.kind is PeriodKind.DAY else day[:7]


class Measure(IntEnum):
    """What a line of a close says of its item.

    BALANCE: credits less debits of an account at the end (micro-ringgit). MOVED, COUNT: what
    moved in the period with a booking (`booking_number`), and in how many transfers. CARDS,
    CARDS_VALUE: of a batch, how many were sold and not used at the end, and their price.
    """

    BALANCE = 1
    MOVED = 2
    COUNT = 3
    CARDS = 4
    CARDS_VALUE = 5


class Line(Record, frozen=True, kw_only=True):
    """One figure of a close."""

    measure: Measure
    item: int
    value: int


class Close(Record, frozen=True, kw_only=True):
    """A period that was closed. seq: its place in the one chain of all. since: days before it are
    in its opening balances. previous, hash: SHA-256, of the close before it and of itself.
    """

    seq: int
    period: Period
    since: date
    closed_at: datetime
    who: str
    why: str
    lines: tuple[Line, ...]
    previous: bytes = b""
    hash: bytes = b""

    def values(self, measure: Measure) -> dict[int, int]:
        """Return its figures of one measure by item."""
        return {line.item: line.value for line in self.lines if line.measure is measure}

    @property
    def balances(self) -> dict[int, int]:
        """Return what every account held at its end."""
        return self.values(Measure.BALANCE)

    @property
    def movements(self) -> list[Movement]:
        """Return what moved in it, all put on its first day."""
        counts = self.values(Measure.COUNT)
        return [
            _movement(self.since, number, amount_micros, counts[number])
            for number, amount_micros in self.values(Measure.MOVED).items()
        ]

    @property
    def statement(self) -> Statement:
        """Return its statement; tax by day is that of its days' own closes."""
        moved = self.movements
        opening = balances_after(self.balances, [_turned(one) for one in moved])
        return state(opening, moved)

    @property
    def cards_micros(self) -> int:
        """Return what was owed for cards sold and unused at its end."""
        return sum(self.values(Measure.CARDS_VALUE).values())

    def content(self) -> tuple[object, ...]:
        """Return everything that its hash covers, plain."""
        return (
            self.seq,
            int(self.period.kind),
            self.period.first.isoformat(),
            self.since.isoformat(),
            self.closed_at.astimezone(UTC).isoformat(),
            self.who,
            self.why,
            [[int(line.measure), line.item, line.value] for line in self.lines],
        )


class Counted(Record, frozen=True, kw_only=True):
    """What one snapshot shows when a day is closed.

    opening: balances when the day began. again: movements of the day closed before it, counted
    once more; empty when there is none. moved: of the day. later: since the day ended. held: what
    all buckets of lines and floats hold now, by account. cards_before, cards: sold and unused
    when the day began and ended.
    """

    opening: dict[int, int]
    again: tuple[Movement, ...]
    moved: tuple[Movement, ...]
    later: tuple[Movement, ...]
    held: dict[int, int]
    cards_before: tuple[BatchCards, ...]
    cards: tuple[BatchCards, ...]


def booking_number(kind: int, debit: int, credit: int) -> int:
    """Return one number for a booking: kind, debit and credit, two digits for each account."""
    return kind * 10_000 + debit * 100 + credit


def require_in_order(period: Period, closes: Sequence[Close]) -> None:
    """Refuse a period that is not the next of its kind. Raises PeriodOutOfOrder, PeriodTooEarly.

    closes: the last day and the last month that are closed, where there are any. Any day may be
    the first; a month needs all its days closed, from the first that ever was.
    """
    last = {close.period.kind: close.period for close in closes}
    before = last.get(period.kind)
    if before is not None and period.first < before.first:
        raise PeriodTooEarly(period=str(before.next))
    if before is not None and period != before.next:
        raise PeriodOutOfOrder(period=str(before.next))
    if period.kind is PeriodKind.MONTH:
        day = last.get(PeriodKind.DAY)
        if day is None:
            raise PeriodOutOfOrder(period=period.first.isoformat())
        if day.first < period.last:
            raise PeriodOutOfOrder(period=str(day.next))


def require_over(ends_at: datetime, now: datetime) -> None:
    """Refuse what is not over and settled. ends_at: its last midnight. Raises PeriodNotOver."""
    if now < ends_at + SETTLING:
        raise PeriodNotOver(until=ends_at + SETTLING)


def lines_of_day(counted: Counted, before: Close | None) -> tuple[Line, ...]:
    """Return the figures of a day. before: the day closed before it. Raises BooksDisagree.

    Proves that debits equal credits, that nothing is in transit at midnight, that buckets hold
    what the ledger says they do, and that the day before is as it was closed: its movements and
    its cards.
    """
    if before is not None:
        _require_unchanged(before, counted)
    balances = balances_after(counted.opening, counted.moved)
    if sum(balances.values()):
        raise BooksDisagree(what="debits and credits")
    if balances.get(Account.TRANSIT, 0):
        raise BooksDisagree(what=Account.TRANSIT.name.lower())
    now = balances_after(balances, counted.later)
    for account, held_micros in counted.held.items():
        if now.get(account, 0) != held_micros:
            raise BooksDisagree(what=Account(account).name.lower())
    return _lines(balances, counted.moved, counted.cards)


def lines_of_month(days: Sequence[Close]) -> tuple[Line, ...]:
    """Return the figures of a month from its days' closes, in order; there is at least one.

    Raises BooksDisagree where a day does not begin with what the one before it ended with.
    """
    for day, following in pairwise(days):
        opening = {a: micros for a, micros in following.statement.opening.items() if micros}
        if opening != {a: micros for a, micros in day.balances.items() if micros}:
            raise BooksDisagree(what=str(following.period))
    moved = [movement for day in days for movement in day.movements]
    last = days[-1]
    cards = [line for line in last.lines if line.measure >= Measure.CARDS]
    return (*_lines(last.balances, moved, ()), *cards)


def _require_unchanged(before: Close, counted: Counted) -> None:
    """Refuse when a closed day is not what it was any more. Raises BooksDisagree."""
    was = {(one.kind, one.debit, one.credit): _fact(one) for one in before.movements}
    makes = {(one.kind, one.debit, one.credit): _fact(one) for one in in_money(counted.again)}
    cards = {one.batch_id: one.count for one in counted.cards_before if one.count}
    if was != makes or before.values(Measure.CARDS) != cards:
        raise BooksDisagree(what=str(before.period))


def _fact(one: Movement) -> tuple[int, int]:
    return one.count, one.amount_micros


def _lines(
    balances: dict[int, int], moved: Iterable[Movement], cards: Iterable[BatchCards]
) -> tuple[Line, ...]:
    sums: dict[tuple[Measure, int], int] = {
        (Measure.BALANCE, account): micros for account, micros in balances.items()
    }
    for one in in_money(moved):
        number = booking_number(one.kind, one.debit, one.credit)
        for measure, value in ((Measure.MOVED, one.amount_micros), (Measure.COUNT, one.count)):
            sums[measure, number] = sums.get((measure, number), 0) + value
    for batch in cards:
        if batch.count:
            sums[Measure.CARDS, batch.batch_id] = batch.count
            sums[Measure.CARDS_VALUE, batch.batch_id] = batch.amount_micros
    return tuple(
        Line(measure=measure, item=item, value=value)
        for (measure, item), value in sorted(sums.items())
    )


def _movement(day: date, number: int, amount_micros: int, count: int) -> Movement:
    return Movement(
        day=day,
        kind=TransferKind(number // 10_000),
        debit=Account(number // 100 % 100),
        credit=Account(number % 100),
        count=count,
        amount_micros=amount_micros,
    )


def _turned(one: Movement) -> Movement:
    """Return a movement the other way round: what undoes it."""
    return Movement(
        day=one.day,
        kind=one.kind,
        debit=one.credit,
        credit=one.debit,
        count=one.count,
        amount_micros=one.amount_micros,
    )
