"""A session of use under way: what it was promised, what it used, and what it was told last."""

from collections.abc import Hashable
from datetime import datetime

from tambah.domain.balance import BucketKind
from tambah.domain.charging_commands import Answered
from tambah.domain.rating import Rate, Service
from tambah.domain.records import Record
from tambah.domain.state import Annex
from tambah.domain.tariff import Usage

ALLOWANCE_FOR = {
    Service.VOICE: BucketKind.SECONDS,
    Service.SMS: BucketKind.MESSAGES,
    Service.MMS: BucketKind.MESSAGES,
    Service.DATA: BucketKind.BYTES,
}
"""The allowance that a service uses before credit."""


class Hold(Record, frozen=True, kw_only=True):
    """Part of a bucket, in its unit, that belongs to a session and is not booked yet."""

    bucket_id: int
    amount: int


class Paid(Record, frozen=True, kw_only=True):
    """What a bucket paid by now and the books say so; enough of it to find its like again."""

    bucket_id: int
    kind: BucketKind
    amount: int
    expires_at: datetime | None = None
    scope: str = ""


class Group(Record, frozen=True, kw_only=True):
    """What a session uses under one rating group, at one rate at a time.

    rate: as it was when the open grant was made; `paid_units` were paid by credit at it and cost
    rate_micros. granted: promised and not reported yet. used: all units reported. credit_units: of
    them by credit, at whatever rate; charged_micros: what that cost. unpaid_units: used beyond
    what there was to pay with. holds: what the open grant holds; owed: used and not booked;
    paid: booked.
    """

    rating_group: int
    usage: Usage
    rate: Rate
    quoted: Rate
    destination_class: str
    began_at: datetime
    last_at: datetime
    granted: int = 0
    used: int = 0
    paid_units: int = 0
    rate_micros: int = 0
    credit_units: int = 0
    charged_micros: int = 0
    unpaid_units: int = 0
    holds: tuple[Hold, ...] = ()
    owed: tuple[Hold, ...] = ()
    paid: tuple[Paid, ...] = ()

    @property
    def allowance(self) -> BucketKind:
        """Return the kind of allowance that it uses before credit."""
        return ALLOWANCE_FOR[self.usage.service]


class Reservation(Annex, frozen=True, kw_only=True):
    """A session of use (a call, a data session, a message), open or closed.

    peer, session_id: who asked, and how it calls the session; session: their key. request_no: of
    the last request, answer: what it was told. expires_at: when the clock closes it. notify_to:
    where its network element wants to hear that there is credit again. limited: the last answer
    fell short of what was asked for want of credit; transfer_seq: the line's at that time. ended:
    it said so itself; one that only the clock closed goes on if it is heard of again.
    """

    line_id: int
    session: bytes
    peer: str
    session_id: str
    request_no: int
    began_at: datetime
    last_at: datetime
    booked_at: datetime
    expires_at: datetime
    answer: Answered
    groups: tuple[Group, ...] = ()
    closed_at: datetime | None = None
    notify_to: str = ""
    limited: bool = False
    transfer_seq: int = 0
    ended: bool = False

    @property
    def key(self) -> Hashable:
        """Return what tells it from others: its line and its session's key."""
        return (self.line_id, self.session)


class UsageRecord(Annex, frozen=True, kw_only=True):
    """What was used and what it cost, as the subscriber and the books see it.

    units: reported; credit_units: of them by credit; unpaid_units: beyond what there was to pay
    with. charged_micros, covered_units: booked, of credit and of allowances. refunded_micros,
    refunded_units: given back.
    """

    line_id: int
    session: bytes
    rating_group: int
    usage: Usage
    destination_class: str
    began_at: datetime
    ended_at: datetime
    units: int
    credit_units: int
    unpaid_units: int
    charged_micros: int
    covered_units: int
    paid: tuple[Paid, ...]
    refunded_micros: int = 0
    refunded_units: int = 0

    @property
    def key(self) -> Hashable:
        """Return what tells it from others: line, session, rating group."""
        return (self.line_id, self.session, self.rating_group)
