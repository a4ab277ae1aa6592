"""Buckets: credit that lives and dies together."""

from collections.abc import Iterable
from datetime import datetime
from enum import IntEnum

from tambah.domain.money import ringgit
from tambah.domain.records import Record, replace
from tambah.domain.refusals import CreditTooLow


class BucketKind(IntEnum):
    """What a bucket holds. FLOAT belongs to a partner, the others to a line.

    MAIN, BONUS and FLOAT hold money. SECONDS, MESSAGES and BYTES are allowances: no money, and
    never added to any.
    """

    MAIN = 1
    BONUS = 2
    FLOAT = 3
    SECONDS = 4
    MESSAGES = 5
    BYTES = 6


ALLOWANCES = frozenset({BucketKind.SECONDS, BucketKind.MESSAGES, BucketKind.BYTES})


MAIN_BUCKET_ID = 1
FLOAT_BUCKET_ID = 1


class Bucket(Record, frozen=True, kw_only=True):
    """Credit, or an allowance, of one owner with one end.

    owner_id: a line's or a partner's id. remaining_micros: unspent, micro-ringgit (of an allowance
    its seconds, messages or bytes), never negative but for a float with a credit limit.
    expires_at: first instant (UTC) at which it can no longer be spent; None for main credit (the
    line's own dates rule it) and floats. held: what of the remainder is promised to sessions under
    way, or used by them and not booked yet. scope: of an allowance, the classes of destination or
    application that it is for, parted by blanks; empty for all.
    """

    owner_id: int
    bucket_id: int
    kind: BucketKind
    remaining_micros: int
    expires_at: datetime | None = None
    held: int = 0
    scope: str = ""

    @property
    def free(self) -> int:
        """Return what is neither spent nor held, in the bucket's unit."""
        return self.remaining_micros - self.held


def is_live(bucket: Bucket, now: datetime) -> bool:
    """Say whether the bucket can be spent at `now`; it lapses at `expires_at` exactly."""
    return bucket.expires_at is None or now < bucket.expires_at


def total_micros(buckets: Iterable[Bucket], kind: BucketKind, now: datetime) -> int:
    """Return what is unspent in the live buckets of one kind, held or not, in that kind's unit."""
    return sum(b.remaining_micros for b in buckets if b.kind is kind and is_live(b, now))


def draw_down(
    buckets: Iterable[Bucket], price_micros: int, now: datetime
) -> list[tuple[Bucket, int]]:
    """Pay a price, soonest-expiring credit first; return each bucket touched and what it paid.

    The buckets come back with the amount taken off. Credit without an end (main) goes last, for
    a subscriber would spend what is about to lapse first. Raises CreditTooLow; then nothing is
    drawn. An allowance pays no price: ValueError.
    """
    if price_micros < 0:
        raise ValueError(f"a price cannot be negative: {price_micros}")
    buckets = list(buckets)
    if any(bucket.kind in ALLOWANCES for bucket in buckets):
        raise ValueError("an allowance cannot pay a price")
    unpaid_micros = price_micros
    drawn: list[tuple[Bucket, int]] = []
    for bucket in sorted(buckets, key=_spending_order):
        part_micros = min(bucket.free if is_live(bucket, now) else 0, unpaid_micros)
        if part_micros > 0:
            unpaid_micros -= part_micros
            left = bucket.remaining_micros - part_micros
            drawn.append((replace(bucket, remaining_micros=left), part_micros))
    if unpaid_micros > 0:
        raise CreditTooLow(missing=ringgit(unpaid_micros))
    return drawn


def _spending_order(bucket: Bucket) -> tuple[bool, float, int]:
    expires_at = bucket.expires_at
    return (expires_at is None, expires_at.timestamp() if expires_at else 0.0, bucket.bucket_id)
