"""Packages by two people: what is asked for, and how it comes on sale.

What is agreed to takes the place of whatever had its code, in operator.toml or before in the
console, from its day on and never from before it was agreed to. What is worse for those whose
package is renewed begins so late that each of them is told of it by the reminder.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from tambah.domain.approval import Approval, Deed
from tambah.domain.package import Package, PackageVersion, in_succession, is_worse
from tambah.domain.records import replace
from tambah.domain.refusals import PackageChanged, PackageOver, PackageUnknown
from tambah.domain.rules import Rules
from tambah.domain.validity import ValidityRule
from tambah.engine.administer import acting, note
from tambah.engine.approving.filing import actor_behind
from tambah.engine.approving.means import Means
from tambah.store.approvals import Wanted
from tambah.store.database import Connection, Database
from tambah.store.package_versions import (
    MadeVersion,
    insert_version,
    lock_versions,
    read_versions,
    version_by,
)

Outcome = Mapping[str, object]

NOTICE_DAYS = 2
"""Whole days that what is worse waits: the reminder goes out in the last two of what runs."""


async def ask_package(
    database: Database, of_file: Rules, package: Package, now: datetime
) -> Wanted:
    """Ask for a package to be sold, instead of what has its code. Raises PackageOver."""
    versions = await read_versions(database)
    stands = standing(_sold(of_file, versions), package.code, now)
    _require_to_come(package, begins_at(package, stands, now, of_file.validity))
    return Wanted(
        deed=Deed.SELL_PACKAGE,
        subject=f"package:{package.code}",
        params={"package": plain(package), "version": _count(versions, package.code)},
        before={"package": plain(stands)} if stands else {},
    )


async def ask_withdrawal(database: Database, of_file: Rules, code: str, now: datetime) -> Wanted:
    """Ask for a package to be sold no more once it is agreed. Raises PackageUnknown."""
    versions = await read_versions(database)
    stands = standing(_sold(of_file, versions), code, now)
    if stands is None:
        raise PackageUnknown
    return Wanted(
        deed=Deed.WITHDRAW_PACKAGE,
        subject=f"package:{code}",
        params={"code": code, "version": _count(versions, code)},
        before={"package": plain(stands)},
    )


def standing(packages: Iterable[Package], code: str, now: datetime) -> Package | None:
    """Return what is sold under a code now or, where nothing is, will be next."""
    ours = [one for one in packages if one.code == code]
    to_come = [one for one in ours if one.on_sale_until is None or now < one.on_sale_until]
    return min(to_come, key=lambda one: one.on_sale_from, default=None)


def begins_at(
    package: Package, stands: Package | None, now: datetime, validity: ValidityRule
) -> datetime:
    """Return from when a package would be sold if it were agreed to now."""
    since = max(package.on_sale_from, now)
    if stands is None or not stands.recurring or not is_worse(package, stands):
        return since
    noticed = validity.start_of(validity.local_day(now) + timedelta(days=NOTICE_DAYS + 1))
    return max(since, noticed)


async def sell_package(means: Means, approval: Approval, _: int) -> Outcome:
    """Have a package sold. Raises PackageChanged, PackageOver."""
    wanted, now = read_plain(approval.params["package"]), means.clock.now()
    async with acting(means.database) as connection:
        await lock_versions(connection)
        done = await version_by(connection, approval.approval_id)
        if done is not None:
            return {"effective_at": done.what.since.isoformat()}
        sold = await _sold_as_asked(connection, means.rules, approval, wanted.code)
        stands = standing(sold, wanted.code, now)
        since = begins_at(wanted, stands, now, means.rules.validity)
        _require_to_come(wanted, since)
        made = replace(wanted, on_sale_from=since)
        what = PackageVersion(code=made.code, since=since, package=made)
        await insert_version(connection, what, approval.approval_id, now)
        await note(
            connection,
            actor_behind(approval),
            "SellPackage",
            f"package:{made.code}",
            before=plain(stands) if stands else {},
            after=plain(made),
        )
    return {"effective_at": since.isoformat()}


async def withdraw_package(means: Means, approval: Approval, _: int) -> Outcome:
    """Have a package sold no more. Raises PackageChanged, PackageUnknown."""
    code, now = str(approval.params["code"]), means.clock.now()
    async with acting(means.database) as connection:
        await lock_versions(connection)
        done = await version_by(connection, approval.approval_id)
        if done is not None:
            return {"ended_at": done.what.since.isoformat()}
        sold = await _sold_as_asked(connection, means.rules, approval, code)
        stands = standing(sold, code, now)
        if stands is None:
            raise PackageUnknown
        what = PackageVersion(code=code, since=now, package=None)
        await insert_version(connection, what, approval.approval_id, now)
        await note(
            connection,
            actor_behind(approval),
            "WithdrawPackage",
            f"package:{code}",
            before=plain(stands),
        )
    return {"ended_at": now.isoformat()}


def plain(package: Package) -> dict[str, Any]:
    """Return a package as requests and the audit trail keep it."""
    return msgspec.to_builtins(package)


def read_plain(kept: object) -> Package:
    """Return the package that `plain` wrote."""
    return msgspec.convert(kept, Package)


async def _sold_as_asked(
    connection: Connection, of_file: Rules, approval: Approval, code: str
) -> tuple[Package, ...]:
    """Return what is sold when. Raises PackageChanged where the code was changed meanwhile."""
    versions = await read_versions(connection)
    if _count(versions, code) != approval.params["version"]:
        raise PackageChanged
    return _sold(of_file, versions)


def _sold(of_file: Rules, versions: Iterable[MadeVersion]) -> tuple[Package, ...]:
    return in_succession(of_file.packages, (one.what for one in versions))


def _count(versions: Iterable[MadeVersion], code: str) -> int:
    return sum(one.what.code == code for one in versions)


def _require_to_come(package: Package, since: datetime) -> None:
    if package.on_sale_until is not None and package.on_sale_until <= since:
        raise PackageOver
