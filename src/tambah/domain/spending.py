"""How what a session uses meets what a line has: promised, counted, let go of, booked.

Allowances before credit, and of each the soonest to expire first. What is promised or used is
held in its bucket, so that nothing else can spend it; it is booked when the session ends, or now
and then while it goes on.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from tambah.domain.balance import ALLOWANCES, Bucket, BucketKind, is_live
from tambah.domain.draft import Draft
from tambah.domain.ledger import USED_BY, TransferKind
from tambah.domain.rating import Rate, cost, units_for
from tambah.domain.records import replace
from tambah.domain.reservation import Group, Hold, Paid

_CREDIT = frozenset({BucketKind.MAIN, BucketKind.BONUS})


class Reach(NamedTuple):
    """A bucket, and how much of it may be spent."""

    bucket: Bucket
    most: int


class Promise(NamedTuple):
    """Units that can be granted. is_all: there is nothing beyond them; ends_at: of what pays."""

    units: int
    is_all: bool
    ends_at: datetime | None


def at_rate(group: Group, rate: Rate) -> Group:
    """Return the group going on at a rate, the same or another.

    Where the rate changes in mid-session (by hours, by zone), whoever pays has been connected and
    has begun: the connection fee and the first interval are not charged a second time.
    """
    if rate == group.quoted:
        return group
    goes_on = replace(rate, connection_micros=0, first_units=rate.next_units)
    return replace(
        group,
        quoted=rate,
        rate=goes_on if group.credit_units else rate,
        paid_units=0,
        rate_micros=0,
    )


def let_go(draft: Draft, group: Group) -> Group:
    """Free what the group's open grant holds."""
    for one in group.holds:
        _hold(draft, one.bucket_id, -one.amount)
    return replace(group, holds=(), granted=0)


def count(draft: Draft, group: Group, used: int, *, usable: bool) -> Group:
    """Count what was used of the open grant and let go of the rest.

    usable: whether the line may use more than it was promised. What nothing is left to pay for is
    told apart: neither credit nor an allowance ever falls below nothing.
    """
    promised = {one.bucket_id: one.amount for one in group.holds}
    group = let_go(draft, group)
    owed = {one.bucket_id: one.amount for one in group.owed}
    by_allowance = _take(draft, _reach(draft, group, promised, usable=usable), used, owed)
    left = used - by_allowance
    credit = _reach(draft, group, promised, usable=usable, credit=True)
    have_micros = sum(one.most for one in credit)
    affordable = units_for(group.rate, have_micros, group.paid_units)
    by_credit = left if affordable is None else min(left, affordable)
    micros = cost(group.rate, group.paid_units + by_credit) - group.rate_micros
    _take(draft, credit, micros, owed)
    return replace(
        group,
        last_at=draft.now,
        used=group.used + used,
        paid_units=group.paid_units + by_credit,
        rate_micros=group.rate_micros + micros,
        credit_units=group.credit_units + by_credit,
        charged_micros=group.charged_micros + micros,
        unpaid_units=group.unpaid_units + left - by_credit,
        owed=_holds(owed),
    )


def promise(draft: Draft, group: Group, wanted: int | None) -> tuple[Group, Promise]:
    """Hold what pays for so many more units, or for as many as there are; see `ChargingRule`.

    Where it is left to us how many, a share of the credit is left to other sessions.
    """
    rule, service = draft.rules.charging, group.usage.service
    size = rule.sizes[service] if wanted is None else min(wanted, rule.sizes[service])
    allowances = _reach(draft, group, {}, usable=True)
    covered_most = sum(one.most for one in allowances)
    credit = _reach(draft, group, {}, usable=True, credit=True)
    free_micros = sum(one.most for one in credit)
    covered = min(size, covered_most)
    affordable = units_for(group.rate, free_micros, group.paid_units)
    by_credit = size - covered if affordable is None else min(size - covered, affordable)
    if wanted is None:
        share = free_micros * rule.share_permille // 1000
        shared = units_for(group.rate, share, group.paid_units)
        if shared is not None:
            by_credit = min(by_credit, max(shared, rule.least[service] - covered, 0))
    is_all = affordable is not None and covered + by_credit == covered_most + affordable
    holds: dict[int, int] = {}
    _take(draft, allowances, covered, holds)
    micros = cost(group.rate, group.paid_units + by_credit) - group.rate_micros
    _take(draft, credit, micros, holds)
    ends = [e for i in holds if (e := draft.buckets[i].expires_at) is not None]
    units = covered + by_credit
    group = replace(group, granted=units, holds=_holds(holds))
    return group, Promise(units, is_all, min(ends, default=None))


def book(draft: Draft, group: Group) -> Group:
    """Book what was used: a transfer for each bucket that paid."""
    paid = {one.bucket_id: one for one in group.paid}
    for one in group.owed:
        _hold(draft, one.bucket_id, -one.amount)
        bucket = draft.buckets[one.bucket_id]
        draft.move(bucket, -one.amount, TransferKind.USAGE, USED_BY[bucket.kind])
        before = paid[one.bucket_id].amount if one.bucket_id in paid else 0
        paid[one.bucket_id] = Paid(
            bucket_id=one.bucket_id,
            kind=bucket.kind,
            amount=before + one.amount,
            expires_at=bucket.expires_at,
            scope=bucket.scope,
        )
    return replace(group, owed=(), paid=tuple(paid[i] for i in sorted(paid)))


def give_back(draft: Draft, paid: Iterable[Paid]) -> tuple[int, int]:
    """Book what was paid back into its buckets; return micro-ringgit and allowance given back.

    What has lapsed meanwhile stays lapsed: it could not have been used any more.
    """
    micros = units = 0
    for one in paid:
        if one.expires_at is not None and one.expires_at <= draft.now:
            continue
        if one.expires_at is None:
            bucket = draft.main
        else:
            bucket = draft.bucket(one.kind, one.expires_at, one.scope)
        draft.move(bucket, one.amount, TransferKind.USAGE_REFUND, USED_BY[one.kind])
        if one.kind in ALLOWANCES:
            units += one.amount
        else:
            micros += one.amount
    return micros, units


def free_credit(draft: Draft) -> int:
    """Return the line's live credit, main and bonus, that nothing holds; micro-ringgit."""
    found = (b for b in draft.buckets.values() if b.kind in _CREDIT and is_live(b, draft.now))
    return sum(bucket.free for bucket in found)


def _reach(
    draft: Draft, group: Group, promised: dict[int, int], *, usable: bool, credit: bool = False
) -> list[Reach]:
    """Return what may pay for the group, the soonest to expire first.

    promised: by bucket, what the grant that is being counted held. A bucket that lapsed since, or
    a line that may not be used any more, pays no more than that.
    """
    found: list[Reach] = []
    for bucket in draft.buckets.values():
        if credit:
            if bucket.kind not in _CREDIT:
                continue
        elif bucket.kind is not group.allowance or not _covers(bucket, group):
            continue
        most = bucket.free
        if not usable or not is_live(bucket, draft.now):
            most = min(most, promised.get(bucket.bucket_id, 0))
        if most > 0:
            found.append(Reach(bucket, most))
    return sorted(found, key=_soonest)


def _covers(bucket: Bucket, group: Group) -> bool:
    return not bucket.scope or group.destination_class in bucket.scope.split()


def _soonest(reach: Reach) -> tuple[bool, float, int]:
    expires_at = reach.bucket.expires_at
    ends = expires_at.timestamp() if expires_at else 0.0
    return (expires_at is None, ends, reach.bucket.bucket_id)


def _take(draft: Draft, reach: list[Reach], amount: int, into: dict[int, int]) -> int:
    """Hold so much of the buckets, or as much as they have; note it by bucket, return it."""
    left = amount
    for bucket, most in reach:
        part = min(most, left)
        if part > 0:
            left -= part
            _hold(draft, bucket.bucket_id, part)
            into[bucket.bucket_id] = into.get(bucket.bucket_id, 0) + part
    return amount - left


def _hold(draft: Draft, bucket_id: int, delta: int) -> None:
    bucket = draft.buckets[bucket_id]
    draft.hold(replace(bucket, held=bucket.held + delta))


def _holds(amounts: dict[int, int]) -> tuple[Hold, ...]:
    return tuple(Hold(bucket_id=i, amount=amounts[i]) for i in sorted(amounts) if amounts[i])
