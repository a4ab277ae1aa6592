"""Will what was bought outlive the line? And which top-up mends that.

Credit with an end of its own (bonus, later packages) cannot be spent once the line is in grace.
Who tops up RM10 to make up the price of a package of 30 days has a line of 10 days, and loses the
rest: so this is said while it can be mended.
"""

from collections.abc import Iterable
from datetime import datetime

from tambah.domain.balance import Bucket, is_live
from tambah.domain.catalog import Catalog
from tambah.domain.line import Line, LineState
from tambah.domain.money import MICROS_PER_RINGGIT
from tambah.domain.records import Record
from tambah.domain.rules import Rules


class Outlived(Record, frozen=True, kw_only=True):
    """What ends after its line does.

    bucket: the one that ends last. ends_at: when it does; active_until: when the line does (both
    first instants, UTC). price_micros: the smallest amount to pay now that takes the line as far;
    None when no single top-up does. mended_until: the line's end after it.
    """

    bucket: Bucket
    ends_at: datetime
    active_until: datetime
    price_micros: int | None = None
    mended_until: datetime | None = None


def warning(line: Line, buckets: Iterable[Bucket], rules: Rules, now: datetime) -> Outlived | None:
    """Return the warning that a line's credit will outlive the line, None for no reason to warn.

    line: as it is true at `now` (a view's, or aged). buckets: its own; what is spent, has lapsed
    or has no end of its own is left out here.
    """
    until = line.active_until
    if line.state not in (LineState.ACTIVE, LineState.GRACE) or until is None:
        return None
    outliving = [
        (bucket.expires_at, bucket.bucket_id, bucket)
        for bucket in buckets
        if bucket.expires_at is not None
        and bucket.expires_at > until
        and bucket.remaining_micros > 0
        and is_live(bucket, now)
    ]
    if not outliving:
        return None
    ends_at, _, bucket = max(outliving, key=lambda one: one[:2])
    for price_micros in _prices(rules.catalog, now):
        offer = rules.catalog.offer(price_micros, now)
        mended_until = rules.validity.extend(until, offer.valid_days, now)
        if mended_until >= ends_at:
            return Outlived(
                bucket=bucket,
                ends_at=ends_at,
                active_until=until,
                price_micros=price_micros,
                mended_until=mended_until,
            )
    return Outlived(bucket=bucket, ends_at=ends_at, active_until=until)


def _prices(catalog: Catalog, now: datetime) -> list[int]:
    """Return what can be paid: each denomination, and whole ringgit of one's own; ascending."""
    own = catalog.own_amount
    whole = range(
        -(-own.least_micros // MICROS_PER_RINGGIT), own.most_micros // MICROS_PER_RINGGIT + 1
    )
    prices = {ringgit * MICROS_PER_RINGGIT for ringgit in whole}
    prices.update(offer.price_micros for offer in catalog.on_sale(now))
    return sorted(prices)
