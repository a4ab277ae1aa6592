"""Booking what promotions give, and taking back what is unspent of it."""

from datetime import datetime

from tambah.domain.balance import BucketKind
from tambah.domain.draft import Draft, Note
from tambah.domain.gift import Gift, GiftKind, Promised
from tambah.domain.ledger import GIVEN_BY, TransferKind
from tambah.domain.promotion import Given
from tambah.domain.records import replace
from tambah.domain.state import TopUpRecord


def give(draft: Draft, given: Given) -> tuple[Gift, ...]:
    """Book the gifts of the draft's last top-up: one transfer for each bucket that they fill.

    Days are not booked; whoever extends the line counts them in.
    """
    into: dict[tuple[BucketKind, datetime], int] = {}
    for one in given.gifts:
        if one.kind is not GiftKind.DAYS:
            place = _place(draft, one)
            into[place] = into.get(place, 0) + one.amount
    buckets: dict[tuple[BucketKind, datetime], int] = {}
    for place, amount in into.items():
        bucket = draft.bucket(*place)
        note = Note(topup_no=draft.topup_seq)
        draft.move(bucket, amount, TransferKind.GRANT, GIVEN_BY[bucket.kind], note)
        buckets[place] = bucket.bucket_id
    return tuple(_gift(draft, one, buckets) for one in given.gifts)


def take_gifts_back(draft: Draft, topup: TopUpRecord) -> tuple[Gift, ...]:
    """Take back what is unspent of a top-up's gifts; return that. Days are not looked at."""
    taken: list[Gift] = []
    for gift in topup.gifts:
        amount = claw(draft, gift.bucket_id, gift.amount, topup.topup_no)
        if amount > 0:
            taken.append(replace(gift, amount=amount))
    return tuple(taken)


def claw(draft: Draft, bucket_id: int | None, amount: int, topup_no: int) -> int:
    """Take back at most so much from a bucket of bonus or allowance; return how much it was."""
    bucket = draft.buckets.get(bucket_id or 0)
    clawed = min(bucket.free, amount) if bucket else 0
    if bucket is not None and clawed > 0:
        note = Note(mends_topup_no=topup_no)
        draft.move(bucket, -clawed, TransferKind.REVERSAL, GIVEN_BY[bucket.kind], note)
    return clawed


def _place(draft: Draft, one: Promised) -> tuple[BucketKind, datetime]:
    return BucketKind(one.kind), draft.rules.validity.end_of_day(draft.now, one.days)


def _gift(draft: Draft, one: Promised, buckets: dict[tuple[BucketKind, datetime], int]) -> Gift:
    if one.kind is GiftKind.DAYS:
        return Gift(promotion=one.promotion, kind=one.kind, amount=one.amount)
    place = _place(draft, one)
    return Gift(
        promotion=one.promotion,
        kind=one.kind,
        amount=one.amount,
        bucket_id=buckets[place],
        expires_at=place[1],
    )
