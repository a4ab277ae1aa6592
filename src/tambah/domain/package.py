"""Packages: minutes, messages and bytes that are bought from credit, for so long."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from tambah.domain.balance import BucketKind
from tambah.domain.line import Line
from tambah.domain.money import MICROS_PER_SEN, divide_half_up
from tambah.domain.records import Record, replace
from tambah.domain.refusals import PackageUnknown
from tambah.domain.validity import ValidityRule


class Stacking(StrEnum):
    """What buying a package does that is running already.

    EXTEND: what runs lives as much longer, and the new allowances beside it. ADD: a second one
    runs beside it, with an end of its own. REFUSE: not sold again before it is over.
    """

    EXTEND = "extend"
    ADD = "add"
    REFUSE = "refuse"


class PackageAllowance(Record, frozen=True, kw_only=True):
    """So many seconds, messages or bytes, for the classes in `scope`; see `balance.Bucket`."""

    kind: BucketKind
    amount: int
    scope: str = ""


class Package(Record, frozen=True, kw_only=True):
    """What is on sale under a code, from one instant to another.

    names, terms: by language tag. days: it ends with the local day so many days after it was
    bought, 0 for the same day; hours: so long instead. recurring: may be renewed when it ends;
    auto_renew: and is, unless the buyer says otherwise. main_only: bonus does not pay for it.
    Whom it is for, empty or None for anybody: plans; within_days of the line's activation; needs,
    forbids: codes of packages of which one, or none, has to be running.
    """

    code: str
    names: Mapping[str, str]
    terms: Mapping[str, str]
    price_micros: int
    allowances: tuple[PackageAllowance, ...]
    days: int = 0
    hours: int = 0
    recurring: bool = False
    auto_renew: bool = False
    stacking: Stacking = Stacking.ADD
    main_only: bool = False
    on_sale_from: datetime
    on_sale_until: datetime | None = None
    plans: tuple[str, ...] = ()
    within_days: int | None = None
    needs: tuple[str, ...] = ()
    forbids: tuple[str, ...] = ()

    def is_on_sale(self, now: datetime) -> bool:
        """Say whether it is in force at `now`."""
        return self.on_sale_from <= now and (
            self.on_sale_until is None or now < self.on_sale_until
        )

    def end_from(self, start: datetime, validity: ValidityRule) -> datetime:
        """Return the first instant at which it is over when it is bought at `start`."""
        if self.hours:
            return start + timedelta(hours=self.hours)
        return validity.end_of_day(start, self.days)

    def end_after(self, until: datetime, validity: ValidityRule) -> datetime:
        """Return the end of one more period after one that ended, or ends, at `until`."""
        if self.hours:
            return until + timedelta(hours=self.hours)
        return validity.end_after(until, self.days)

    @property
    def kinds(self) -> frozenset[BucketKind]:
        """Return the kinds of allowances in it."""
        return frozenset(one.kind for one in self.allowances)

    @property
    def price_of_day_micros(self) -> int:
        """Return its price for each of its days (a day at least), in whole sen, half a sen up."""
        hours = max(self.hours or self.days * 24, 24)
        return divide_half_up(self.price_micros * 24, hours * MICROS_PER_SEN) * MICROS_PER_SEN


class PackageVersion(Record, frozen=True, kw_only=True):
    """What is sold under a code from an instant on, instead of all before; None for nothing."""

    code: str
    since: datetime
    package: Package | None


def in_succession(
    packages: Iterable[Package], versions: Iterable[PackageVersion]
) -> tuple[Package, ...]:
    """Return what is sold when, once versions were made one after another.

    What was on sale before a version's instant stays on record as it was, until then: a renewal
    that is seen to late is for the price of its own time. It keeps its place among the others.
    """
    sold = list(packages)
    for version in versions:
        place = next((i for i, one in enumerate(sold) if one.code == version.code), len(sold))
        others = [one for one in sold if one.code != version.code]
        ours = [_until(one, version.since) for one in sold if one.code == version.code]
        kept = [one for one in ours if one is not None]
        if version.package is not None:
            kept.append(version.package)
        sold = [*others[:place], *kept, *others[place:]]
    return tuple(sold)


def _until(one: Package, end: datetime) -> Package | None:
    """Return a package as it is sold until another takes its place, None when it never is."""
    if one.on_sale_from >= end:
        return None
    if one.on_sale_until is not None and one.on_sale_until <= end:
        return one
    return replace(one, on_sale_until=end)


def is_worse(one: Package, than: Package) -> bool:
    """Say whether somebody pays more for a package than for another, or gets less of it."""
    if one.price_micros > than.price_micros or (one.main_only and not than.main_only):
        return True
    if (one.days, one.hours) != (than.days, than.hours):
        return True
    given, before = _amounts(one), _amounts(than)
    return any(given.get(part, 0) < amount for part, amount in before.items())


def _amounts(package: Package) -> dict[tuple[BucketKind, str], int]:
    found: dict[tuple[BucketKind, str], int] = {}
    for part in package.allowances:
        key = (part.kind, part.scope)
        found[key] = found.get(key, 0) + part.amount
    return found


def on_sale(packages: Iterable[Package], now: datetime) -> list[Package]:
    """Return what is on sale at `now`, as the operator orders it."""
    return [one for one in packages if one.is_on_sale(now)]


def find_package(packages: Iterable[Package], code: str, now: datetime) -> Package:
    """Return the package on sale under a code, in capitals or not. Raises PackageUnknown."""
    wanted = code.strip().upper()
    for one in packages:
        if one.code == wanted and one.is_on_sale(now):
            return one
    raise PackageUnknown


def why_not(package: Package, line: Line, running: Collection[str], now: datetime) -> str | None:
    """Return why a line may not have a package, None if it may.

    running: codes of what runs on the line. The reasons: `plan`, `activated` (not, or not so
    lately), `needs` (a package that is not running), `forbids` (one that is).
    """
    if package.plans and line.plan not in package.plans:
        return "plan"
    if package.within_days is not None:
        at = line.activated_at
        if at is None or now >= at + timedelta(days=package.within_days):
            return "activated"
    if package.needs and not set(package.needs) & set(running):
        return "needs"
    if set(package.forbids) & set(running):
        return "forbids"
    return None
