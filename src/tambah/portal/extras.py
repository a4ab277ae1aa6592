"""What comes on top of a top-up's credit, for tiles, the check page and receipts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from tambah.domain.catalog import Denomination
from tambah.domain.gift import GiftKind
from tambah.domain.promotion import Facts, Given, apply
from tambah.domain.state import TopUpSource
from tambah.domain.validity import ValidityRule
from tambah.store.views.receipts import Receipt
from tambah.web.site import Site

_End = TypeVar("_End")


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """Bonus or an allowance: for so many days, or until the end of a day.

    kind: `bonus` (micro-ringgit), `seconds`, `messages` or `bytes`.
    """

    kind: str
    amount: int
    days: int = 0
    until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A denomination with what promotions add to it, whoever buys it."""

    offer: Denomination
    valid_days: int
    extras: list[Extra]


def tile_of(site: Site, offer: Denomination, source: TopUpSource) -> Tile:
    """Return a denomination as the home page shows it: nothing that hangs on whose line it is."""
    given = apply(site.promotions, offer, Facts(source=source), site.clock.now())
    return Tile(
        offer=offer,
        valid_days=offer.valid_days + given.valid_days,
        extras=promised_extras(offer, given),
    )


def promised_extras(offer: Denomination, given: Given) -> list[Extra]:
    """Return an offer's bonus and what promotions give; what lives as long is one."""
    parts = [("bonus", offer.bonus_days, offer.bonus_micros)] if offer.bonus_micros else []
    parts += [
        (gift.kind.name.lower(), gift.days, gift.amount)
        for gift in given.gifts
        if gift.kind is not GiftKind.DAYS
    ]
    return [Extra(kind=kind, days=days, amount=sum_) for (kind, days), sum_ in _summed(parts)]


def given_extras(receipt: Receipt, validity: ValidityRule) -> list[Extra]:
    """Return the bonus and the allowances that a top-up gave; what ends together is one."""
    ends = [("bonus", receipt.bonus_until, receipt.own_bonus_micros)]
    ends += [
        (gift.kind.name.lower(), gift.expires_at, gift.amount)
        for gift in receipt.gifts
        if gift.kind is not GiftKind.DAYS
    ]
    parts = [
        (kind, validity.last_day(until) if until else None, amount)
        for kind, until, amount in ends
        if amount
    ]
    return [Extra(kind=kind, until=day, amount=sum_) for (kind, day), sum_ in _summed(parts)]


def _summed(parts: Iterable[tuple[str, _End, int]]) -> list[tuple[tuple[str, _End], int]]:
    sums: dict[tuple[str, _End], int] = {}
    for kind, end, amount in parts:
        sums[kind, end] = sums.get((kind, end), 0) + amount
    return list(sums.items())
