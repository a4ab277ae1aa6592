"""Buying packages, having them renewed or not, and taking them back unused."""

from datetime import datetime

from tambah.domain.ageing import age
from tambah.domain.balance import Bucket, BucketKind, is_live, total_micros
from tambah.domain.draft import Draft, Note
from tambah.domain.ledger import GIVEN_BY, Account, TransferKind
from tambah.domain.line import LineState, require_can_top_up
from tambah.domain.package import Package, Stacking, find_package, why_not
from tambah.domain.package_commands import (
    BoughtAllowance,
    BuyPackage,
    PackageBought,
    PackageRefunded,
    RefundPackage,
    RenewalSet,
    SetRenewal,
)
from tambah.domain.records import replace
from tambah.domain.refusals import (
    PackageAlreadyRunning,
    PackageChanged,
    PackageNotForYou,
    PackageNotRecurring,
    PackageNotRunning,
    PackageUsed,
)
from tambah.domain.renewing import Period, held_by, keep, reminder_of, take_up
from tambah.domain.subscription import Paid, Subscription, SubscriptionState


def buy_package(command: BuyPackage, draft: Draft) -> PackageBought:
    """Buy a package from the line's credit.

    Raises PackageUnknown, PackageChanged (another price), PackageNotForYou (reason),
    PackageAlreadyRunning, CreditTooLow (missing), and what a line is refused a top-up for.
    """
    age(draft)
    package = find_package(draft.rules.packages, command.package, draft.now)
    if command.price_micros not in (None, package.price_micros):
        raise PackageChanged
    ours = require_may_buy(draft, package)
    wanted = package.auto_renew if command.auto_renew is None else command.auto_renew
    period = _period(draft, package, ours, renews=wanted and package.recurring)
    bought = take_up(draft, package, period)
    if period.extended_from is not None:
        _lengthen(draft, ours, period.until)
    draft.remark({}, {"package": bought.package, "receipt": bought.receipt})
    draft.tell(
        "package_bought",
        package=bought.package,
        price_micros=bought.price_micros,
        balance_micros=draft.main.remaining_micros,
        package_until=bought.until.isoformat(),
        receipt=bought.receipt,
    )
    return _bought(draft, bought)


def require_may_buy(draft: Draft, package: Package) -> list[Subscription]:
    """Refuse a line, aged to now, that may not have a package; return those of it that run."""
    line = draft.require_line()
    require_can_top_up(line, draft.now)
    if line.state is not LineState.ACTIVE:
        # Credit is frozen or gone: there is nothing to pay with until a top-up.
        raise PackageNotForYou(reason="state")
    running = held_by(draft).running
    reason = why_not(package, line, {one.package for one in running}, draft.now)
    if reason is not None:
        raise PackageNotForYou(reason=reason)
    ours = [one for one in running if one.package == package.code]
    if ours and package.stacking is Stacking.REFUSE:
        raise PackageAlreadyRunning(until=ours[-1].until)
    return ours


def set_renewal(command: SetRenewal, draft: Draft) -> RenewalSet:
    """Switch the renewal of what runs on or off. Raises PackageNotRunning, PackageNotRecurring."""
    age(draft)
    one = _require_running(draft, command.number)
    if command.renews and not one.recurring:
        raise PackageNotRecurring
    changed = replace(one, renews=command.renews)
    changed = replace(changed, remind_at=reminder_of(draft, changed))
    if changed != one:
        keep(draft, changed)
    draft.remark({"renews": one.renews}, {"renews": changed.renews, "package": one.package})
    return RenewalSet(
        msisdn=draft.require_line().msisdn,
        number=changed.number,
        package=changed.package,
        until=changed.until,
        renews=changed.renews,
    )


def refund_package(command: RefundPackage, draft: Draft) -> PackageRefunded:
    """Take back a package of which nothing was used.

    What bonus paid goes back to its bucket if that is still live, all else to main credit. Raises
    PackageNotRunning, PackageUsed.
    """
    age(draft)
    one = _require_running(draft, command.number)
    _take_allowances(draft, one)
    note = Note(reference=one.receipt)
    main_micros = bonus_micros = 0
    for part in one.paid:
        bucket = _payer(draft, part)
        amount = part.amount_micros
        draft.move(bucket, amount, TransferKind.REVERSAL, Account.PACKAGE_REVENUE, note)
        is_main = bucket.kind is BucketKind.MAIN
        main_micros += amount if is_main else 0
        bonus_micros += 0 if is_main else amount
    state = SubscriptionState.REFUNDED
    keep(draft, replace(one, state=state, ended_at=draft.now, remind_at=None))
    if one.extended_from is not None:
        others = [other for other in held_by(draft).running if other.package == one.package]
        _lengthen(draft, others, one.extended_from)
    draft.remark({"package": one.package, "receipt": one.receipt}, {"package": None})
    balance_micros = draft.main.remaining_micros
    draft.tell(
        "package_refunded",
        package=one.package,
        returned_micros=main_micros + bonus_micros,
        balance_micros=balance_micros,
    )
    return PackageRefunded(
        msisdn=draft.require_line().msisdn,
        number=one.number,
        package=one.package,
        main_micros=main_micros,
        bonus_micros=bonus_micros,
        balance_micros=balance_micros,
    )


def _period(draft: Draft, package: Package, ours: list[Subscription], *, renews: bool) -> Period:
    """Return when what is bought now is over; longer than by itself where it extends."""
    validity = draft.rules.validity
    if not ours or package.stacking is not Stacking.EXTEND:
        return Period(draft.now, package.end_from(draft.now, validity), renews)
    ends_at = ours[-1].until
    return Period(draft.now, package.end_after(ends_at, validity), renews, 0, ends_at)


def _lengthen(draft: Draft, ours: list[Subscription], until: datetime) -> None:
    """Have what runs end at another instant, its allowances with it; the newest one is renewed."""
    for one in ours:
        for granted in one.granted:
            bucket = draft.buckets.get(granted.bucket_id)
            # What is empty is not loaded, and has no end that matters.
            if bucket is not None and bucket.remaining_micros:
                draft.buckets[bucket.bucket_id] = replace(bucket, expires_at=until)
        keep(draft, replace(one, until=until, renews=False, remind_at=None))


def _require_running(draft: Draft, number: int) -> Subscription:
    one = held_by(draft).find(number)
    if one is None:
        raise PackageNotRunning
    return one


def _take_allowances(draft: Draft, one: Subscription) -> None:
    """Take all that was granted back. Raises PackageUsed when any of it, or its time, was used."""
    if one.extended_from is not None and one.extended_from <= draft.now:
        raise PackageUsed
    note = Note(reference=one.receipt)
    for granted in one.granted:
        bucket = draft.buckets.get(granted.bucket_id)
        if bucket is None or bucket.held or bucket.remaining_micros < granted.amount:
            raise PackageUsed
        given = GIVEN_BY[granted.kind]
        draft.move(bucket, -granted.amount, TransferKind.REVERSAL, given, note)


def _payer(draft: Draft, part: Paid) -> Bucket:
    """Return the bucket that paid, as it stands, or main credit where that has lapsed.

    A bucket that is empty is not loaded; it is made again as it was.
    """
    bucket = draft.buckets.get(part.bucket_id) or Bucket(
        owner_id=draft.require_line().line_id,
        bucket_id=part.bucket_id,
        kind=part.kind,
        remaining_micros=0,
        expires_at=part.expires_at,
    )
    return bucket if is_live(bucket, draft.now) else draft.main


def _bought(draft: Draft, one: Subscription) -> PackageBought:
    buckets = draft.buckets.values()
    return PackageBought(
        msisdn=draft.require_line().msisdn,
        number=one.number,
        package=one.package,
        names=one.names,
        price_micros=one.price_micros,
        allowances=tuple(
            BoughtAllowance(kind=part.kind, amount=part.amount, scope=part.scope)
            for part in one.granted
        ),
        balance_micros=draft.main.remaining_micros,
        bonus_balance_micros=total_micros(buckets, BucketKind.BONUS, draft.now),
        until=one.until,
        renews=one.renews,
        receipt=one.receipt,
    )
