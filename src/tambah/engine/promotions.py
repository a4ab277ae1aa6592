"""Promotions, from operator.toml as people write them to the rules that `decide` is given."""

from __future__ import annotations

from collections import Counter
from enum import IntEnum
from typing import TypeVar

from tambah.config import AllowanceEntry, ConfigError, Operator, PromotionEntry
from tambah.domain.balance import BucketKind
from tambah.domain.line import LineState
from tambah.domain.promotion import Allowance, Promotion
from tambah.domain.refusals import FieldMalformed
from tambah.domain.state import TopUpSource
from tambah.domain.validity import ValidityRule
from tambah.engine.entries import read_day, read_money

UNITS = {
    "seconds": (BucketKind.SECONDS, 1),
    "minutes": (BucketKind.SECONDS, 60),
    "messages": (BucketKind.MESSAGES, 1),
    "bytes": (BucketKind.BYTES, 1),
    "MB": (BucketKind.BYTES, 2**20),
    "GB": (BucketKind.BYTES, 2**30),
}
"""Units that an allowance may be written in, and how many of ours one is."""

STATES = (LineState.ACTIVE, LineState.GRACE, LineState.EXPIRED)
"""States in which a line can be topped up; expired ones when they are reactivated."""

SOURCES = (TopUpSource.VOUCHER, TopUpSource.PARTNER, TopUpSource.PAYMENT)
"""Sources that a promotion may be for: what is moved to the right number gets none again."""

_MOST_DAYS = 3650
_MOST_PERMILLE = 10_000
_MOST_AMOUNT = 2**50
_Choice = TypeVar("_Choice", bound=IntEnum)


def promotion_rules(operator: Operator, validity: ValidityRule) -> tuple[Promotion, ...]:
    """Return the operator's promotions. Raises ConfigError naming the entry that is wrong."""
    names = Counter(entry.name for entry in operator.promotions)
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        raise ConfigError(f"promotions: {twice[0]!r} is there twice; a name is for ever")
    return tuple(_promotion(entry, operator, validity) for entry in operator.promotions)


def draft_promotion(
    entry: PromotionEntry, operator: Operator, validity: ValidityRule
) -> Promotion:
    """Return a promotion that somebody drafts, by the checks of operator.toml's.

    Raises FieldMalformed with the entry's field, `gives` when it gives nothing.
    """
    try:
        return _promotion(entry, operator, validity)
    except ConfigError as wrong:
        where = str(wrong).partition(": ")[0].removeprefix(f"promotions.{entry.name}")
        is_nothing = str(wrong).endswith("it gives nothing")
        field = "gives" if is_nothing else where.rpartition(".")[2] or "name"
        raise FieldMalformed(field="name" if field == "promotions" else field) from wrong


def _promotion(entry: PromotionEntry, operator: Operator, validity: ValidityRule) -> Promotion:
    where = f"promotions.{entry.name}"
    since = read_day(entry.since, f"{where}.since", validity)
    until = read_day(entry.until, f"{where}.until", validity) if entry.until else None
    _check(entry, operator, where)
    if until is not None and until <= since:
        raise ConfigError(f"{where}.until: the first day without it comes after since")
    return Promotion(
        name=entry.name,
        since=since,
        until=until,
        group=entry.group,
        extra_permille=_number(entry.extra_permille, _MOST_PERMILLE, f"{where}.extra_permille"),
        bonus_micros=read_money(entry.bonus, f"{where}.bonus"),
        bonus_days=_number(entry.bonus_days, _MOST_DAYS, f"{where}.bonus_days"),
        extra_days=_number(entry.extra_days, _MOST_DAYS, f"{where}.extra_days"),
        allowances=tuple(_allowance(one, f"{where}.allowances") for one in entry.allowances),
        first_topup=entry.first_topup,
        activated_within_days=entry.activated_within_days or None,
        denominations=tuple(
            read_money(price, f"{where}.denominations") for price in entry.denominations
        ),
        least_micros=read_money(entry.least, f"{where}.least"),
        sources=_chosen(entry.sources, SOURCES, f"{where}.sources"),
        states=_chosen(entry.states, STATES, f"{where}.states"),
        plans=entry.plans,
    )


def _check(entry: PromotionEntry, operator: Operator, where: str) -> None:
    """Refuse what could never give anything, or never to anybody."""
    if not entry.name.strip() or not entry.name.isprintable() or len(entry.name) > 64:
        raise ConfigError("promotions: each has a name of 1 to 64 characters")
    gives = entry.extra_permille or entry.extra_days or entry.allowances
    if not gives and not read_money(entry.bonus, f"{where}.bonus"):
        raise ConfigError(f"{where}: it gives nothing")
    if entry.activated_within_days < 0:
        raise ConfigError(f"{where}.activated_within_days: from 0")
    unknown = set(entry.plans) - set(operator.plans)
    if unknown:
        raise ConfigError(f"{where}.plans: there is no {sorted(unknown)[0]}")


def _allowance(entry: AllowanceEntry, where: str) -> Allowance:
    if entry.unit not in UNITS:
        raise ConfigError(f"{where}.unit: one of {', '.join(UNITS)}")
    kind, units = UNITS[entry.unit]
    amount = _number(entry.amount * units, _MOST_AMOUNT, f"{where}.amount")
    if amount == 0:
        raise ConfigError(f"{where}.amount: more than nothing")
    return Allowance(
        kind=kind, amount=amount, days=_number(entry.days, _MOST_DAYS, f"{where}.days")
    )


def _chosen(names: tuple[str, ...], known: tuple[_Choice, ...], where: str) -> tuple[_Choice, ...]:
    by_name = {one.name.lower(): one for one in known}
    if set(names) - set(by_name):
        raise ConfigError(f"{where}: of {', '.join(by_name)}")
    return tuple(by_name[name] for name in names)


def _number(number: int, most: int, where: str) -> int:
    if not 0 <= number <= most:
        raise ConfigError(f"{where}: from 0 to {most}")
    return number
