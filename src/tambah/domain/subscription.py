"""Packages that a line has bought, each with what was true when it was bought."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import IntEnum

from tambah.domain.balance import BucketKind
from tambah.domain.records import Record, replace
from tambah.domain.state import Annex


class SubscriptionState(IntEnum):
    """Where a bought package is. The numbers are stored.

    ENDED: its time was over. RENEWED: and the next one has gone on from it. LAPSED: it was to be
    renewed, and could not. REFUNDED: taken back unused.
    """

    RUNNING = 1
    ENDED = 2
    RENEWED = 3
    LAPSED = 4
    REFUNDED = 5


class Granted(Record, frozen=True, kw_only=True):
    """An allowance that came with a package, and the bucket that it went to."""

    kind: BucketKind
    amount: int
    scope: str
    bucket_id: int


class Paid(Record, frozen=True, kw_only=True):
    """What one bucket of credit paid of a price (micro-ringgit)."""

    bucket_id: int
    kind: BucketKind
    amount_micros: int
    expires_at: datetime | None = None


class Subscription(Record, frozen=True, kw_only=True):
    """One package, bought or renewed once: a row that says for ever what that was.

    number: counts per line. at: when it was booked; started_at: from when on it runs, which a
    renewal that was seen to late says truthfully; until: first instant at which it is over.
    renews: to be renewed then; renewal_no: 0 when it was bought, and counts on. remind_at: when
    to tell that it will be renewed. extended_from: the end that what ran had before this one
    extended it. ended_at: when it was booked as over.
    """

    line_id: int
    number: int
    package: str
    names: Mapping[str, str]
    price_micros: int
    granted: tuple[Granted, ...]
    paid: tuple[Paid, ...]
    recurring: bool
    renews: bool
    renewal_no: int
    at: datetime
    started_at: datetime
    until: datetime
    receipt: str
    state: SubscriptionState = SubscriptionState.RUNNING
    remind_at: datetime | None = None
    extended_from: datetime | None = None
    ended_at: datetime | None = None

    @property
    def is_running(self) -> bool:
        """Say whether it runs, as it is written."""
        return self.state is SubscriptionState.RUNNING

    @property
    def due_at(self) -> datetime:
        """Return when the clock next does something to it, while it runs."""
        return self.until if self.remind_at is None else min(self.remind_at, self.until)


class Subscriptions(Annex, frozen=True, kw_only=True):
    """What runs on a line, and what a decision ended of it. last_no: the last number given."""

    line_id: int
    held: tuple[Subscription, ...] = ()
    last_no: int = 0

    @property
    def running(self) -> list[Subscription]:
        """Return what runs, soonest to end first."""
        ours = (one for one in self.held if one.is_running)
        return sorted(ours, key=lambda one: (one.until, one.number))

    @property
    def due_at(self) -> datetime | None:
        """Return when the clock next does something to any of it."""
        return min((one.due_at for one in self.running), default=None)

    def find(self, number: int) -> Subscription | None:
        """Return what runs under a number, None for none."""
        return next((one for one in self.running if one.number == number), None)

    def put(self, changed: Iterable[Subscription]) -> "Subscriptions":
        """Return these with some in the places of those with their numbers, or new."""
        by_number = {one.number: one for one in self.held}
        by_number.update((one.number, one) for one in changed)
        last_no = max(self.last_no, *by_number, 0)
        return replace(self, held=tuple(by_number.values()), last_no=last_no)
