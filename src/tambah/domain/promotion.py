"""Promotions: rules with dates that give something on top of a top-up.

`apply` is the one place where it is worked out what a top-up gets: what is booked, what pages
promise before, and what a preview counts all come from it. Within a group the single best
promotion counts; different groups add up.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from tambah.domain.balance import BucketKind
from tambah.domain.catalog import Denomination
from tambah.domain.gift import GiftKind, Promised
from tambah.domain.line import Line, LineState
from tambah.domain.money import permille_of
from tambah.domain.records import Record, replace
from tambah.domain.state import TopUpSource


class Allowance(Record, frozen=True, kw_only=True):
    """Seconds, messages or bytes that are given for so many days (0: to the end of the day)."""

    kind: BucketKind
    amount: int
    days: int


class Promotion(Record, frozen=True, kw_only=True):
    """What is given on top, from one instant to another, and with which top-ups.

    until: first instant without it, None for open. group: of all that bear one name only the best
    counts. What it gives: extra_permille of the credit and bonus_micros as bonus, for bonus_days;
    extra_days of validity; allowances. With which top-ups, empty or None for any: first_topup:
    the line's first here; activated_within_days of the line's activation; denominations: prices;
    least_micros: the least price; sources, states (of the line when it tops up), plans.
    """

    name: str
    since: datetime
    until: datetime | None = None
    group: str = ""
    extra_permille: int = 0
    bonus_micros: int = 0
    bonus_days: int = 30
    extra_days: int = 0
    allowances: tuple[Allowance, ...] = ()
    first_topup: bool = False
    activated_within_days: int | None = None
    denominations: tuple[int, ...] = ()
    least_micros: int = 0
    sources: tuple[TopUpSource, ...] = ()
    states: tuple[LineState, ...] = ()
    plans: tuple[str, ...] = ()

    def is_running(self, now: datetime) -> bool:
        """Say whether it is in force at `now`."""
        return self.since <= now and (self.until is None or now < self.until)

    def standing(self, now: datetime) -> str:
        """Return `running`, `upcoming`, or `over`: also of one that ended before it began."""
        if self.is_running(now):
            return "running"
        is_over = self.until is not None and self.until <= max(now, self.since)
        return "over" if is_over else "upcoming"


class Facts(Record, frozen=True, kw_only=True):
    """What promotions look at beside the price. None: not known, so nothing that asks for it."""

    source: TopUpSource
    state: LineState | None = None
    plan: str | None = None
    is_first: bool | None = None
    activated_at: datetime | None = None


class Given(Record, frozen=True, kw_only=True):
    """What promotions give with one top-up, all together and by promotion."""

    gifts: tuple[Promised, ...] = ()

    def amount_of(self, kind: GiftKind) -> int:
        """Return how much there is of one kind, in its unit."""
        return sum(gift.amount for gift in self.gifts if gift.kind is kind)

    @property
    def bonus_micros(self) -> int:
        """Return the bonus on top of the offer's own."""
        return self.amount_of(GiftKind.BONUS)

    @property
    def valid_days(self) -> int:
        """Return the days on top of the offer's own."""
        return self.amount_of(GiftKind.DAYS)

    @property
    def allowances(self) -> tuple[Promised, ...]:
        """Return what is neither money nor days."""
        return tuple(g for g in self.gifts if g.kind not in (GiftKind.DAYS, GiftKind.BONUS))


NOTHING_GIVEN = Given()


def facts_of(line: Line, source: TopUpSource) -> Facts:
    """Return what promotions look at of a line, aged to now, before it is topped up."""
    return Facts(
        source=source,
        state=line.state,
        plan=line.plan,
        is_first=line.topup_seq == 0,
        activated_at=line.activated_at,
    )


def apply(
    promotions: Iterable[Promotion], offer: Denomination, facts: Facts, now: datetime
) -> Given:
    """Return what the promotions in force give with an offer.

    Of each group the single best for the subscriber: most bonus, then most days, then most bytes,
    seconds and messages, then the first by name. The groups add up, in the order of their names.
    """
    best: dict[str, tuple[tuple[int | str, ...], tuple[Promised, ...]]] = {}
    for one in promotions:
        if not (one.is_running(now) and matches(one, offer, facts, now)):
            continue
        gifts = _gifts(one, offer)
        rank = _rank(one, gifts)
        if gifts and (one.group not in best or rank < best[one.group][0]):
            best[one.group] = (rank, gifts)
    if not best:
        return NOTHING_GIVEN
    return Given(gifts=tuple(gift for group in sorted(best) for gift in best[group][1]))


def matches(promotion: Promotion, offer: Denomination, facts: Facts, now: datetime) -> bool:
    """Say whether a top-up is one that the promotion is for, dates and other promotions aside.

    What was moved from a wrong number had its promotions there.
    """
    is_priced = offer.price_micros >= promotion.least_micros and (
        not promotion.denominations or offer.price_micros in promotion.denominations
    )
    return (
        is_priced
        and facts.source is not TopUpSource.MOVED
        and (not promotion.sources or facts.source in promotion.sources)
        and (not promotion.states or facts.state in promotion.states)
        and (not promotion.plans or facts.plan in promotion.plans)
        and (not promotion.first_topup or facts.is_first is True)
        and _is_new_enough(promotion, facts, now)
    )


def _is_new_enough(promotion: Promotion, facts: Facts, now: datetime) -> bool:
    if promotion.activated_within_days is None:
        return True
    days = timedelta(days=promotion.activated_within_days)
    return facts.activated_at is not None and now < facts.activated_at + days


def promise(
    promotions: Sequence[Promotion], offer: Denomination, facts: Facts, now: datetime
) -> tuple[Promised, ...]:
    """Return what to promise for a top-up that is credited later, when it is paid.

    Only whether it is the line's first is not settled now: another may come before it. So where
    that makes a difference both answers are promised, each marked with when it holds.
    """
    later = apply(promotions, offer, replace(facts, is_first=False), now).gifts
    if not facts.is_first:
        return later
    first = apply(promotions, offer, facts, now).gifts
    if first == later:
        return later
    return (
        *(replace(gift, is_first=True) for gift in first),
        *(replace(gift, is_first=False) for gift in later),
    )


def keep_promise(promised: Iterable[Promised], *, is_first: bool) -> Given:
    """Return what of a promise holds, now that it is known whether it is the first top-up."""
    return Given(
        gifts=tuple(
            replace(gift, is_first=None) for gift in promised if gift.is_first in (None, is_first)
        )
    )


def _gifts(promotion: Promotion, offer: Denomination) -> tuple[Promised, ...]:
    name = promotion.name
    bonus_micros = promotion.bonus_micros
    bonus_micros += permille_of(offer.credit_micros, promotion.extra_permille)
    gifts = [
        Promised(promotion=name, kind=GiftKind(one.kind), amount=one.amount, days=one.days)
        for one in promotion.allowances
    ]
    if promotion.extra_days:
        gifts.insert(0, Promised(promotion=name, kind=GiftKind.DAYS, amount=promotion.extra_days))
    if bonus_micros:
        days = promotion.bonus_days
        bonus = Promised(promotion=name, kind=GiftKind.BONUS, amount=bonus_micros, days=days)
        gifts.insert(0, bonus)
    return tuple(gifts)


def _rank(promotion: Promotion, gifts: tuple[Promised, ...]) -> tuple[int | str, ...]:
    """Return what the best of a group has the least of."""
    given = Given(gifts=gifts)
    order = (GiftKind.BONUS, GiftKind.DAYS, GiftKind.BYTES, GiftKind.SECONDS, GiftKind.MESSAGES)
    return (*(-given.amount_of(kind) for kind in order), promotion.name)
