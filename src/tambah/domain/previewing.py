"""What a promotion would have given with top-ups that were made."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from tambah.domain.catalog import Denomination
from tambah.domain.gift import GiftKind
from tambah.domain.line import LineState
from tambah.domain.promotion import Facts, Given, Promotion, apply, matches
from tambah.domain.records import Record, replace
from tambah.domain.state import TopUpRecord


class PastTopUp(Record, frozen=True, kw_only=True):
    """A top-up that was made, as promotions see it: what was bought, by whom, and when."""

    offer: Denomination
    facts: Facts
    at: datetime


class Preview(Record, frozen=True, kw_only=True):
    """What a promotion would have given.

    looked_at: how many top-ups; matched: with how many it would have given something; beaten:
    with how many it was outdone by another of its group. Then all that it would have given, money
    in micro-ringgit. more_micros: by how much the bonus of all promotions together would have
    grown: less than bonus_micros where it takes the place of another.
    """

    looked_at: int = 0
    matched: int = 0
    beaten: int = 0
    bonus_micros: int = 0
    more_micros: int = 0
    valid_days: int = 0
    seconds: int = 0
    messages: int = 0
    bytes: int = 0


def preview(promotions: Sequence[Promotion], name: str, past: Iterable[PastTopUp]) -> Preview:
    """Count what the promotion of that name would have given with each top-up.

    Its own dates are left out of account, as if it had always been in force; the others are in
    force when they are. Raises KeyError for a name that none has.
    """
    wanted = {one.name: one for one in promotions}[name]
    others = [one for one in promotions if one.name != name]
    always = [*others, replace(wanted, since=datetime.min.replace(tzinfo=wanted.since.tzinfo),
                               until=None)]  # fmt: skip
    seen = Preview()
    for one in past:
        whole = apply(always, one.offer, one.facts, one.at)
        ours = Given(gifts=tuple(gift for gift in whole.gifts if gift.promotion == name))
        if ours.gifts:
            before = apply(others, one.offer, one.facts, one.at)
            seen = _count(seen, ours, whole.bonus_micros - before.bonus_micros)
        elif matches(wanted, one.offer, one.facts, one.at):
            seen = replace(seen, beaten=seen.beaten + 1)
        seen = replace(seen, looked_at=seen.looked_at + 1)
    return seen


def past_of(
    topup: TopUpRecord,
    *,
    plan: str,
    activated_at: datetime | None,
    promised_at: datetime | None = None,
) -> PastTopUp:
    """Return a top-up without what promotions gave with it.

    plan, activated_at: the line's. promised_at: when its payment was opened, None for one that
    was credited at once.
    """
    gifts = [gift for gift in topup.gifts if gift.kind is GiftKind.BONUS]
    days = [gift for gift in topup.gifts if gift.kind is GiftKind.DAYS]
    offer = Denomination(
        price_micros=topup.price_micros,
        tax_micros=topup.tax_micros,
        credit_micros=topup.main_micros,
        bonus_micros=topup.bonus_micros - sum(gift.amount for gift in gifts),
        valid_days=topup.valid_days - sum(gift.amount for gift in days),
        bonus_days=0,
        on_sale_from=topup.at,
    )
    facts = Facts(
        source=topup.source,
        state=topup.line_state or _state_then(topup),
        plan=plan,
        is_first=topup.topup_no == 1,
        activated_at=activated_at,
    )
    return PastTopUp(offer=offer, facts=facts, at=promised_at or topup.at)


def _state_then(topup: TopUpRecord) -> LineState:
    """Return the state in which a line topped up, of rows that do not say it."""
    until = topup.active_until_before
    return LineState.ACTIVE if until is not None and topup.at < until else LineState.GRACE


def _count(seen: Preview, ours: Given, more_micros: int) -> Preview:
    return replace(
        seen,
        matched=seen.matched + 1,
        bonus_micros=seen.bonus_micros + ours.bonus_micros,
        more_micros=seen.more_micros + more_micros,
        valid_days=seen.valid_days + ours.valid_days,
        seconds=seen.seconds + ours.amount_of(GiftKind.SECONDS),
        messages=seen.messages + ours.amount_of(GiftKind.MESSAGES),
        bytes=seen.bytes + ours.amount_of(GiftKind.BYTES),
    )
