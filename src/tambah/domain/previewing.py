"""What a promotion would have given with top-ups that were made."""

from collections.abc import Iterable
from dataclasses import replace as with_rules
from datetime import UTC, datetime

from tambah.domain.gift import GiftKind
from tambah.domain.promotion import Given, Promotion, apply
from tambah.domain.records import Record, replace
from tambah.domain.replaying import LineHistory, PastTopUp, Replayed, replay
from tambah.domain.rules import Rules

_EVER = datetime.min.replace(tzinfo=UTC)


class Preview(Record, frozen=True, kw_only=True):
    """What a promotion would have given.

    looked_at: how many top-ups; untold: of how many nothing can be said, which count in none of
    the other figures. matched: with how many it would have given something; beaten: with how many
    it was outdone by another of its group. Then all that it would have given, money in
    micro-ringgit. more_micros: by how much the bonus of all promotions together would have been
    more than what they did give: less than bonus_micros where it takes the place of another.
    """

    looked_at: int = 0
    untold: int = 0
    matched: int = 0
    beaten: int = 0
    bonus_micros: int = 0
    more_micros: int = 0
    valid_days: int = 0
    seconds: int = 0
    messages: int = 0
    bytes: int = 0


def preview(rules: Rules, name: str, histories: Iterable[LineHistory]) -> Preview:
    """Count what the promotion of that name would have given with the top-ups asked about.

    Its own dates are left out of account, as if it had been in force ever since; the others of
    the rules are in force when they are. Each line is gone through by itself, from its first
    top-up on. Reversed top-ups change its dates, and are not counted. Raises KeyError for a name
    that none has.
    """
    wanted = replace({one.name: one for one in rules.promotions}[name], since=_EVER, until=None)
    others = (one for one in rules.promotions if one.name != name)
    in_force = with_rules(rules, promotions=(*others, wanted))
    seen = Preview()
    for history in histories:
        seen = _look_at(seen, history, in_force, wanted)
    return seen


def _look_at(seen: Preview, history: LineHistory, rules: Rules, wanted: Promotion) -> Preview:
    asked, told = sum(_is_counted(one) for one in history.past), 0
    for one in replay(history, rules):
        if _is_counted(one.past):
            told += 1
            seen = _count(seen, one, wanted)
    return replace(seen, looked_at=seen.looked_at + asked, untold=seen.untold + asked - told)


def _is_counted(past: PastTopUp) -> bool:
    return past.is_asked and past.topup.reversed_at is None


def _count(seen: Preview, one: Replayed, wanted: Promotion) -> Preview:
    topup = one.past.topup
    given_then = topup.bonus_micros - topup.own_bonus_micros
    seen = replace(seen, more_micros=seen.more_micros + one.given.bonus_micros - given_then)
    ours = Given(gifts=tuple(gift for gift in one.given.gifts if gift.promotion == wanted.name))
    if not ours.gifts:
        alone = apply((wanted,), one.offer, one.facts, one.at)
        return replace(seen, beaten=seen.beaten + (1 if alone.gifts else 0))
    return replace(
        seen,
        matched=seen.matched + 1,
        bonus_micros=seen.bonus_micros + ours.bonus_micros,
        valid_days=seen.valid_days + ours.valid_days,
        seconds=seen.seconds + ours.amount_of(GiftKind.SECONDS),
        messages=seen.messages + ours.amount_of(GiftKind.MESSAGES),
        bytes=seen.bytes + ours.amount_of(GiftKind.BYTES),
    )
