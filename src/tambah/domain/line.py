"""A prepaid line's life: one number with one owner, from import to quarantine.

pre_active → active → grace → expired → quarantined → terminated. What stands in the store may be
behind the clock; `stage_at` says what is true at an instant, from the dates alone. Barring and
suspension stand beside the life: both stop a top-up, neither stops the clock.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from tambah.domain.money import ringgit
from tambah.domain.records import Record, replace
from tambah.domain.refusals import (
    LineBarred,
    LineExpired,
    LineNotActivated,
    LineSuspended,
    LineTerminated,
    ReactivationTooLittle,
)
from tambah.domain.validity import ValidityRule


class LineState(IntEnum):
    """Where a line is in its life."""

    PRE_ACTIVE = 1
    ACTIVE = 2
    GRACE = 3
    EXPIRED = 4
    QUARANTINED = 5
    TERMINATED = 6


class Language(IntEnum):
    """Languages that the product speaks; `tag` is BCP 47."""

    EN = 1
    MS = 2
    ZH_HANS = 3
    TA = 4

    @property
    def tag(self) -> str:
        """Return the BCP 47 tag: en, ms, zh-Hans, ta."""
        return _TAGS[self]


_TAGS = {Language.EN: "en", Language.MS: "ms", Language.ZH_HANS: "zh-Hans", Language.TA: "ta"}
LANGUAGE_BY_TAG = {language.tag: language for language in Language}


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeRule:
    """How long each stage lasts, in local days.

    grace_days: credit is frozen, the line receives only. reactivation_days: expired, credit
    forfeited, the number still the owner's to ask back. quarantine_days: nobody's, before the
    number may be offered again (Malaysia: six months at least). stale_hours: a message about a
    change older than this is not sent. reactivation_hours: how long after an identity check a
    top-up reactivates an expired line; reactivation_fee_micros: what that takes of the top-up's
    credit (micro-ringgit).
    """

    grace_days: int = 50
    reactivation_days: int = 30
    quarantine_days: int = 183
    stale_hours: int = 24
    reactivation_hours: int = 48
    reactivation_fee_micros: int = 0


class Line(Record, frozen=True, kw_only=True):
    """A line's row.

    The dates are the first instants (UTC) at which a stage no longer holds. last_at: the latest
    instant at which anything was decided for the line; its clock never goes back. The `_seq`
    fields number its transfers, buckets, top-ups and messages. Wrong codes are counted apart for
    the owner on a trusted door and for guests. due_at: when the clock next does something to it.
    reactivation_until: expired, but whoever it is has been checked, so that a top-up reactivates
    it till then. hold_until: the SIM was replaced, so sensitive changes wait. reminds: whether the
    subscriber wants reminders; low_credit_micros: below how much credit to be told, 0 for never.
    own_bar: barred by the owner, who may lift it again. package_due_at: when the clock next does
    something to a package that runs.
    """

    line_id: int
    msisdn: int
    language: Language
    plan: str
    state: LineState
    last_at: datetime
    barred: bool = False
    suspended: bool = False
    activated_at: datetime | None = None
    active_until: datetime | None = None
    grace_until: datetime | None = None
    transfer_seq: int = 0
    bucket_seq: int = 0
    topup_seq: int = 0
    message_seq: int = 0
    payment_seq: int = 0
    own_wrong: int = 0
    own_locked_until: datetime | None = None
    guest_wrong: int = 0
    guest_locked_until: datetime | None = None
    due_at: datetime | None = None
    reactivation_until: datetime | None = None
    hold_until: datetime | None = None
    reminds: bool = True
    low_credit_micros: int = 0
    own_bar: bool = False
    package_due_at: datetime | None = None


def stage_ends(line: Line, life: LifeRule, validity: ValidityRule) -> dict[LineState, datetime]:
    """Return when each of the line's stages ends; empty before activation."""
    if line.active_until is None or line.grace_until is None:
        return {}
    expired_until = validity.end_after(line.grace_until, life.reactivation_days)
    return {
        LineState.ACTIVE: line.active_until,
        LineState.GRACE: line.grace_until,
        LineState.EXPIRED: expired_until,
        LineState.QUARANTINED: validity.end_after(expired_until, life.quarantine_days),
    }


def stage_end(line: Line, life: LifeRule, validity: ValidityRule) -> datetime | None:
    """Return when the stage that the line is written in ends; None for one without an end."""
    if line.state is LineState.ACTIVE:
        return line.active_until
    if line.state is LineState.GRACE:
        return line.grace_until
    return stage_ends(line, life, validity).get(line.state)


def stage_at(line: Line, life: LifeRule, validity: ValidityRule, now: datetime) -> LineState:
    """Return the stage that holds at `now`: the first that has not ended."""
    if line.state in (LineState.PRE_ACTIVE, LineState.TERMINATED):
        return line.state
    if line.active_until is not None and now < line.active_until:
        return LineState.ACTIVE
    for state, ends_at in stage_ends(line, life, validity).items():
        if now < ends_at:
            return state
    return LineState.TERMINATED


def may_reactivate(line: Line, now: datetime) -> bool:
    """Say whether the line has expired and whose it is was checked, so that a top-up is taken."""
    until = line.reactivation_until
    return line.state is LineState.EXPIRED and until is not None and now < until


def reactivation_fee(line: Line, life: LifeRule) -> int:
    """Return what a top-up of the line costs it for coming back: nothing unless it has expired."""
    return life.reactivation_fee_micros if line.state is LineState.EXPIRED else 0


def require_covers_return(line: Line, credit_micros: int, life: LifeRule) -> None:
    """Refuse a top-up whose credit does not cover the fee of an expired line's return.

    The fee is charged in credit, so that is what has to cover it, not the price with its tax.
    """
    fee_micros = reactivation_fee(line, life)
    if credit_micros < fee_micros:
        raise ReactivationTooLittle(least=ringgit(fee_micros))


def require_can_top_up(line: Line, now: datetime) -> None:
    """Refuse a line (already aged to now) that cannot be topped up, saying why."""
    if line.state is LineState.PRE_ACTIVE:
        raise LineNotActivated
    if line.state is LineState.EXPIRED and not may_reactivate(line, now):
        raise LineExpired
    if line.state in (LineState.QUARANTINED, LineState.TERMINATED):
        raise LineTerminated
    if line.barred:
        raise LineBarred
    if line.suspended:
        raise LineSuspended


def extend_line(
    line: Line, valid_days: int, life: LifeRule, validity: ValidityRule, now: datetime
) -> Line:
    """Return the line active again, with the dates that `valid_days` more days give it.

    Whatever the policy, the line is active at `now`: days bought end with a day, today at least.
    """
    active_until = validity.extend(line.active_until, valid_days, now)
    return replace(
        line,
        state=LineState.ACTIVE,
        reactivation_until=None,
        active_until=active_until,
        grace_until=grace_after(active_until, life, validity),
    )


def grace_after(active_until: datetime, life: LifeRule, validity: ValidityRule) -> datetime:
    """Return the end of the grace period that follows `active_until`."""
    return validity.end_after(active_until, life.grace_days)
