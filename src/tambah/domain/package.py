"""Packages: minutes, messages and bytes that are bought from credit, for so long."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from tambah.domain.balance import BucketKind
from tambah.domain.line import Line
from tambah.domain.money import MICROS_PER_SEN, divide_half_up
from tambah.domain.records import Record
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
