"""What promotions give on top of a top-up: promised, and given."""

from datetime import datetime
from enum import IntEnum

from tambah.domain.records import Record


class GiftKind(IntEnum):
    """What is given. The numbers are stored; all but DAYS are those of `balance.BucketKind`.

    DAYS: days of validity. BONUS: micro-ringgit. SECONDS, MESSAGES, BYTES: of an allowance.
    """

    DAYS = 0
    BONUS = 2
    SECONDS = 4
    MESSAGES = 5
    BYTES = 6


class Promised(Record, frozen=True, kw_only=True):
    """One thing that a promotion promises with a top-up.

    amount: in its kind's unit. days: how long a bonus or an allowance lives, 0 to the end of the
    day. is_first: kept only if it is (or is not) the line's first top-up; None for either.
    """

    promotion: str
    kind: GiftKind
    amount: int
    days: int = 0
    is_first: bool | None = None


class Gift(Record, frozen=True, kw_only=True):
    """One thing that a promotion gave with a top-up.

    amount: in its kind's unit. bucket_id: where it went, None for days. expires_at: first instant
    (UTC) at which it can no longer be used.
    """

    promotion: str
    kind: GiftKind
    amount: int
    bucket_id: int | None = None
    expires_at: datetime | None = None
