"""Packages, from operator.toml as people write them to the rules that `decide` is given."""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import pairwise

from tambah.config import ConfigError, Operator, PackageAllowanceEntry, PackageEntry
from tambah.domain.line import Language
from tambah.domain.package import Package, PackageAllowance, Stacking
from tambah.domain.refusals import FieldMalformed
from tambah.domain.validity import ValidityRule
from tambah.engine.entries import read_day, read_money
from tambah.engine.promotions import UNITS

_CODE = re.compile(r"[A-Z][A-Z0-9]{1,7}", re.ASCII)
_CLASS = re.compile(r"[a-z][a-z0-9-]{0,30}", re.ASCII)
_TAGS = {language.tag for language in Language}
_MOST_NAME = 40
_MOST_TERMS = 300
_MOST_DAYS = 3650
_MOST_HOURS = 24 * 366
_MOST_AMOUNT = 2**50
_MOST_PRICE_MICROS = 999_990_000  # what three to a screen have room for


def package_rules(operator: Operator, validity: ValidityRule) -> tuple[Package, ...]:
    """Return the operator's packages. Raises ConfigError naming the entry that is wrong.

    A code may be there more than once, at other times: a new price is a new entry, so that what
    was on sale before stays on record.
    """
    packages = tuple(_package(entry, operator, validity) for entry in operator.packages)
    codes = {one.code for one in packages}
    for one in packages:
        _require_others(one, codes)
    for code in codes:
        _require_apart([one for one in packages if one.code == code])
    return packages


def draft_package(
    entry: PackageEntry, operator: Operator, validity: ValidityRule, codes: Collection[str]
) -> Package:
    """Return a package that somebody drafts, by the checks of operator.toml's.

    codes: of the packages that there are. Raises FieldMalformed with the entry's field, a dot and
    the language after it where it is a text.
    """
    try:
        package = _package(entry, operator, validity)
        _require_others(package, {*codes, package.code})
    except ConfigError as wrong:
        where = str(wrong).partition(": ")[0]
        field = where.removeprefix("packages").removeprefix(f".{entry.code}").removeprefix(".")
        named = "code" if where == "packages" else field or "days"
        raise FieldMalformed(field=named) from wrong
    return package


def _require_others(one: Package, codes: Collection[str]) -> None:
    """Refuse a package that asks for, or rules out, one that there is not."""
    for field, named in (("needs", one.needs), ("forbids", one.forbids)):
        unknown = sorted(set(named) - set(codes))
        if unknown:
            raise ConfigError(f"packages.{one.code}.{field}: there is no {unknown[0]}")


def _require_apart(same: list[Package]) -> None:
    """Refuse two of one code that are on sale at the same time."""
    same.sort(key=lambda one: one.on_sale_from)
    for earlier, later in pairwise(same):
        if earlier.on_sale_until is None or later.on_sale_from < earlier.on_sale_until:
            raise ConfigError(
                f"packages.{earlier.code}: there twice at one time; end the first with"
                " on_sale_until"
            )


def _package(entry: PackageEntry, operator: Operator, validity: ValidityRule) -> Package:
    if not _CODE.fullmatch(entry.code):
        raise ConfigError(
            f"packages: {entry.code!r} is no code: 2 to 8 capitals and digits, a letter first"
        )
    where = f"packages.{entry.code}"
    _check(entry, operator, where)
    price_micros = read_money(entry.price, f"{where}.price")
    if not 0 < price_micros <= _MOST_PRICE_MICROS:
        raise ConfigError(f"{where}.price: from 0.01 to 999.99")
    since = read_day(entry.on_sale_from, f"{where}.on_sale_from", validity)
    until = entry.on_sale_until
    ends = read_day(until, f"{where}.on_sale_until", validity) if until else None
    if ends is not None and ends <= since:
        raise ConfigError(f"{where}.on_sale_until: comes after on_sale_from")
    return Package(
        code=entry.code,
        names=_texts(entry.names, _MOST_NAME, f"{where}.names"),
        terms=_texts(entry.terms, _MOST_TERMS, f"{where}.terms") if entry.terms else {},
        price_micros=price_micros,
        allowances=tuple(_allowance(one, f"{where}.allowances") for one in entry.allowances),
        days=_number(entry.days, _MOST_DAYS, f"{where}.days"),
        hours=_number(entry.hours, _MOST_HOURS, f"{where}.hours"),
        recurring=entry.recurring,
        auto_renew=entry.auto_renew,
        stacking=_stacking(entry.stacking, where),
        main_only=entry.main_only,
        on_sale_from=since,
        on_sale_until=ends,
        plans=entry.plans,
        within_days=entry.activated_within_days or None,
        needs=entry.needs,
        forbids=entry.forbids,
    )


def _check(entry: PackageEntry, operator: Operator, where: str) -> None:
    if not entry.allowances:
        raise ConfigError(f"{where}.allowances: one at least; there is nothing in it")
    if entry.days and entry.hours:
        raise ConfigError(f"{where}: days or hours, not both")
    has_length = bool(entry.days or entry.hours)
    if entry.recurring and not has_length:
        raise ConfigError(f"{where}.recurring: what ends on the same day is not renewed")
    if entry.stacking == Stacking.EXTEND and not has_length:
        raise ConfigError(f"{where}.stacking: what ends on the same day is not extended")
    if entry.auto_renew and not entry.recurring:
        raise ConfigError(f"{where}.auto_renew: only of what is recurring")
    if entry.activated_within_days < 0:
        raise ConfigError(f"{where}.activated_within_days: from 0")
    unknown = set(entry.plans) - set(operator.plans)
    if unknown:
        raise ConfigError(f"{where}.plans: there is no {sorted(unknown)[0]}")


def _texts(texts: dict[str, str], most: int, where: str) -> dict[str, str]:
    if set(texts) != _TAGS:
        raise ConfigError(f"{where}: a text for each of {', '.join(sorted(_TAGS))}, no other")
    for tag, text in texts.items():
        if not text.strip() or not text.isprintable() or len(text) > most:
            raise ConfigError(f"{where}.{tag}: 1 to {most} characters on one line")
    return texts


def _stacking(text: str, where: str) -> Stacking:
    try:
        return Stacking(text)
    except ValueError as error:
        raise ConfigError(f"{where}.stacking: one of {', '.join(Stacking)}") from error


def _allowance(entry: PackageAllowanceEntry, where: str) -> PackageAllowance:
    if entry.unit not in UNITS:
        raise ConfigError(f"{where}.unit: one of {', '.join(UNITS)}")
    kind, units = UNITS[entry.unit]
    amount = entry.amount * units
    if not 0 < amount <= _MOST_AMOUNT:
        raise ConfigError(f"{where}.amount: from 1 to {_MOST_AMOUNT // units}")
    if not all(_CLASS.fullmatch(one) for one in entry.classes):
        raise ConfigError(f"{where}.classes: small letters, digits and dashes, as `idd-1`")
    return PackageAllowance(kind=kind, amount=amount, scope=" ".join(sorted(set(entry.classes))))


def _number(number: int, most: int, where: str) -> int:
    if not 0 <= number <= most:
        raise ConfigError(f"{where}: from 0 to {most}")
    return number
