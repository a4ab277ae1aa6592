"""What will happen to a line by the clock, and when: what its owner is told to expect."""

from dataclasses import dataclass
from datetime import date, datetime

from tambah.domain.line import LineState, stage_ends
from tambah.domain.rules import Rules
from tambah.store.views.lines import LineView

_STAGES_AHEAD = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """Something that will happen on a local day, unless the line is topped up.

    what: `grace`, `expired` or `given_up` for a stage of the line; `bonus` (micro-ringgit),
    `seconds`, `messages` or `bytes` for so much of it that ends.
    """

    what: str
    day: date
    amount: int = 0


_ENTERED = {
    LineState.ACTIVE: "grace",
    LineState.GRACE: "expired",
    LineState.EXPIRED: "given_up",
}
"""What the end of a stage brings."""


def outlook(view: LineView, rules: Rules) -> list[Ahead]:
    """Return what is ahead of a line, the soonest first: the next two stages, and what ends.

    The day of a stage is its first: the one after the last that people were told. What expires
    with the line is not told apart.
    """
    validity = rules.validity
    ends = {
        state: ends_at
        for state, ends_at in stage_ends(view.line, rules.life, validity).items()
        if state in _ENTERED and ends_at > view.at
    }
    stages = sorted(ends.items(), key=lambda one: one[1])[:_STAGES_AHEAD]
    found: list[tuple[datetime, Ahead]] = [
        (ends_at, Ahead(what=_ENTERED[state], day=validity.local_day(ends_at)))
        for state, ends_at in stages
    ]
    expired_at = ends.get(LineState.GRACE)
    for bucket in (*view.bonuses, *view.allowances):
        ends_at = bucket.expires_at
        if ends_at is not None and (expired_at is None or ends_at < expired_at):
            day, what = validity.local_day(ends_at), bucket.kind.name.lower()
            found.append((ends_at, Ahead(what=what, day=day, amount=bucket.remaining_micros)))
    return [ahead for _, ahead in sorted(found, key=lambda one: one[0])]


def kept_until(view: LineView, rules: Rules) -> date | None:
    """Return the last day on which an expired line's number is still kept for its owner."""
    ends_at = stage_ends(view.line, rules.life, rules.validity).get(LineState.EXPIRED)
    return rules.validity.last_day(ends_at) if ends_at else None
