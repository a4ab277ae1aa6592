"""Paying for a package and granting it, and what the clock does to those that run.

A package is renewed at the instant at which it ends, whoever looks and whenever: for the price of
that instant, if the line was active then and its credit suffices. Only when the whole next period
would be over already is it renewed from now on instead; what was missed is not charged.
"""

import hashlib
from datetime import datetime, timedelta
from typing import NamedTuple

from tambah.domain.balance import Bucket, BucketKind, draw_down
from tambah.domain.crediting import receipt_for
from tambah.domain.draft import Draft, Note
from tambah.domain.ledger import GIVEN_BY, Account, TransferKind
from tambah.domain.line import LineState, stage_at
from tambah.domain.package import Package, find_package
from tambah.domain.records import replace
from tambah.domain.refusals import CreditTooLow, PackageUnknown
from tambah.domain.subscription import (
    Granted,
    Paid,
    Subscription,
    Subscriptions,
    SubscriptionState,
)


class Period(NamedTuple):
    """From when to when a package runs, and after what.

    renewal_no: how often it was renewed before. renews: to be renewed when it ends.
    """

    start: datetime
    until: datetime
    renews: bool
    renewal_no: int = 0
    extended_from: datetime | None = None


def see_to_packages(draft: Draft, *, tell: bool) -> None:
    """Renew or end what is over by the draft's instant, and remind of what will be renewed.

    To be called before what lapsed is forfeited: credit that was live when a package ended pays
    for its renewal, however late that is seen to.
    """
    due_at = draft.require_line().package_due_at
    if due_at is None or draft.now < due_at:
        return
    for one in held_by(draft).running:
        if one.until <= draft.now:
            _end(draft, one, tell=tell)
        elif one.remind_at is not None and one.remind_at <= draft.now:
            _remind(draft, one, tell=tell)


def held_by(draft: Draft) -> Subscriptions:
    """Return what runs on the draft's line; only for commands that load it."""
    held = draft.annex(Subscriptions)
    return held or Subscriptions(line_id=draft.require_line().line_id)


def keep(draft: Draft, *changed: Subscription) -> None:
    """Have subscriptions written, and the line's next instant with them."""
    held = held_by(draft).put(changed)
    draft.keep(held)
    draft.line = replace(draft.require_line(), package_due_at=held.due_at)


def take_up(draft: Draft, package: Package, period: Period) -> Subscription:
    """Pay a package's price from the line's credit and grant what is in it.

    Bonus pays first, soonest to lapse, as far as it was live at the period's start. Raises
    CreditTooLow with what is missing; then nothing is changed.
    """
    number = held_by(draft).last_no + 1
    line_id = draft.require_line().line_id
    note = Note(reference=_receipt(line_id, number))
    paid = _pay(draft, package, period.start, note)
    granted = _grant(draft, package, period.until, note)
    bought = Subscription(
        line_id=line_id,
        number=number,
        package=package.code,
        names=package.names,
        price_micros=package.price_micros,
        granted=granted,
        paid=paid,
        recurring=package.recurring,
        renews=period.renews,
        renewal_no=period.renewal_no,
        at=draft.now,
        started_at=period.start,
        until=period.until,
        receipt=_receipt(line_id, number),
        extended_from=period.extended_from,
    )
    bought = replace(bought, remind_at=reminder_of(draft, bought))
    keep(draft, bought)
    return bought


def reminder_of(draft: Draft, one: Subscription) -> datetime | None:
    """Return when to tell that it will be renewed: the day before its last; None for never."""
    if not one.renews:
        return None
    rules = draft.rules
    for instant in rules.validity.hours_before(one.until, (1,), rules.reminders.from_hour):
        if instant > max(one.started_at, draft.now):
            return instant
    return None


def _pay(draft: Draft, package: Package, at: datetime, note: Note) -> tuple[Paid, ...]:
    pays = {BucketKind.MAIN} if package.main_only else {BucketKind.MAIN, BucketKind.BONUS}
    credit = [bucket for bucket in draft.buckets.values() if bucket.kind in pays]
    paid: list[Paid] = []
    for bucket, part_micros in draw_down(credit, package.price_micros, at):
        before = draft.buckets[bucket.bucket_id]
        draft.move(before, -part_micros, TransferKind.PACKAGE, Account.PACKAGE_REVENUE, note)
        paid.append(
            Paid(
                bucket_id=bucket.bucket_id,
                kind=bucket.kind,
                amount_micros=part_micros,
                expires_at=bucket.expires_at,
            )
        )
    return tuple(paid)


def _grant(draft: Draft, package: Package, until: datetime, note: Note) -> tuple[Granted, ...]:
    granted: list[Granted] = []
    for one in package.allowances:
        # A bucket of its own, so that it shows what of this package is left, and nothing else.
        draft.bucket_seq += 1
        bucket = Bucket(
            owner_id=draft.require_line().line_id,
            bucket_id=draft.bucket_seq,
            kind=one.kind,
            remaining_micros=0,
            expires_at=until,
            scope=one.scope,
        )
        draft.move(bucket, one.amount, TransferKind.PACKAGE, GIVEN_BY[one.kind], note)
        granted.append(
            Granted(kind=one.kind, amount=one.amount, scope=one.scope, bucket_id=bucket.bucket_id)
        )
    return tuple(granted)


def _receipt(line_id: int, number: int) -> str:
    """Return what people quote: a renewal has no request of its own to make it of."""
    return receipt_for(hashlib.sha256(f"package {line_id} {number}".encode()).digest())


def _end(draft: Draft, one: Subscription, *, tell: bool) -> None:
    if not one.renews:
        keep(draft, _over(draft, one, SubscriptionState.ENDED))
        return
    try:
        renewed = _renew(draft, one)
    except (CreditTooLow, PackageUnknown) as refusal:
        keep(draft, _over(draft, one, SubscriptionState.LAPSED))
        if tell and not _is_stale(draft, one.until):
            missing = refusal.params.get("missing")
            if missing is None:
                draft.tell("package_over", package=one.package)
            else:
                draft.tell("package_not_renewed", package=one.package, missing=str(missing))
        return
    keep(draft, _over(draft, one, SubscriptionState.RENEWED))
    if tell and not _is_stale(draft, renewed.started_at):
        draft.tell(
            "package_renewed",
            package=renewed.package,
            price_micros=renewed.price_micros,
            balance_micros=draft.main.remaining_micros,
            package_until=renewed.until.isoformat(),
            receipt=renewed.receipt,
        )


def _renew(draft: Draft, one: Subscription) -> Subscription:
    """Renew at the end of what runs. Raises CreditTooLow, PackageUnknown (no more to be had)."""
    rules, line = draft.rules, draft.require_line()
    start = one.until
    package = find_package(rules.packages, one.package, start)
    until = package.end_after(start, rules.validity)
    if until <= draft.now:
        start = draft.now
        package = find_package(rules.packages, one.package, start)
        until = package.end_from(start, rules.validity)
    is_active = stage_at(line, rules.life, rules.validity, start) is LineState.ACTIVE
    is_for_it = not package.plans or line.plan in package.plans
    if not (package.recurring and is_active and is_for_it) or line.barred or line.suspended:
        raise PackageUnknown
    return take_up(
        draft, package, Period(start, until, renews=True, renewal_no=one.renewal_no + 1)
    )


def _over(draft: Draft, one: Subscription, state: SubscriptionState) -> Subscription:
    return replace(one, state=state, ended_at=draft.now, remind_at=None)


def _remind(draft: Draft, one: Subscription, *, tell: bool) -> None:
    line, rules = draft.require_line(), draft.rules
    due_at = one.remind_at
    assert due_at is not None, "only what is to be reminded of"
    keep(draft, replace(one, remind_at=None))
    local_now = draft.now.astimezone(rules.validity.zone)
    is_today = rules.validity.local_day(due_at) == local_now.date()
    if not (tell and line.reminds and is_today and local_now.hour < rules.reminders.until_hour):
        return
    stage = stage_at(line, rules.life, rules.validity, draft.now)
    if stage is not LineState.ACTIVE or line.barred or line.suspended:
        return
    try:
        # Of the renewal, not of today: a new price may begin in between.
        price_micros = find_package(rules.packages, one.package, one.until).price_micros
    except PackageUnknown:
        return
    draft.tell(
        "package_reminder",
        package=one.package,
        price_micros=price_micros,
        package_until=one.until.isoformat(),
    )


def _is_stale(draft: Draft, at: datetime) -> bool:
    return draft.now - at >= timedelta(hours=draft.rules.life.stale_hours)
