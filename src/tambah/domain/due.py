"""When the clock next does something to a line, and what its subscriber is told by the way.

Pure: all of it follows from the line's dates, its buckets and the operator's rules. `due_at` is
the first instant that was not seen to yet, so whoever ages a line finds there since when to look;
what is written next looks on from `now`. That is why a sweep that is killed, comes late or runs
twice tells nothing twice.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from tambah.domain.balance import Bucket
from tambah.domain.line import Line, LineState, may_reactivate, stage_end
from tambah.domain.rules import Rules


class Notice(NamedTuple):
    """A message to come: its template and its params."""

    template: str
    params: dict[str, int | str]


def next_due(
    line: Line, buckets: Iterable[Bucket], rules: Rules, now: datetime
) -> datetime | None:
    """Return when the clock next does anything to the line; None when it never will.

    line: aged to `now`. It is the soonest of a reminder, the stage's end, and the lapse of what
    is unspent in a bucket, and what is next of a package.
    """
    ends_at = stage_end(line, rules.life, rules.validity)
    soonest = ends_at
    if ends_at is not None:
        # Ascending, and all before the end: the first that is still to come.
        for instant in _reminders(line.state, ends_at, rules):
            if instant > now:
                soonest = instant
                break
    for bucket in buckets:
        lapses_at = bucket.expires_at
        if lapses_at is not None and bucket.free > 0 and lapses_at > now:
            soonest = lapses_at if soonest is None else min(soonest, lapses_at)
    package_at = line.package_due_at
    if package_at is not None:
        soonest = package_at if soonest is None else min(soonest, package_at)
    return soonest


def reminder_due(before: Line, line: Line, rules: Rules, now: datetime) -> Notice | None:
    """Return the reminder that is due, None for none.

    before: the line as it stood, not aged; line: as it stands after the command. None when the
    dates have just been moved, which has a message of its own; when the subscriber wants none,
    could not do what it says, or has done it; and when it is late: another day, past the hours,
    stale.
    """
    ends_at = stage_end(line, rules.life, rules.validity)
    since = before.due_at
    if ends_at is None or since is None or not since <= now:
        return None
    moved = (before.active_until, before.grace_until) != (line.active_until, line.grace_until)
    if moved or not line.reminds or line.barred or line.suspended or may_reactivate(line, now):
        return None
    local_now = now.astimezone(rules.validity.zone)
    for instant in _reminders(line.state, ends_at, rules):
        is_fresh = now - instant < timedelta(hours=rules.life.stale_hours)
        is_today = rules.validity.local_day(instant) == local_now.date()
        in_hours = local_now.hour < rules.reminders.until_hour
        if since <= instant <= now and is_fresh and is_today and in_hours:
            return _reminder_of(line.state, ends_at.isoformat())
    return None


def _reminder_of(state: LineState, ends_at: str) -> Notice:
    if state is LineState.ACTIVE:
        return Notice("remind_grace", {"active_until": ends_at})
    if state is LineState.GRACE:
        return Notice("remind_expiry", {"grace_until": ends_at})
    return Notice("remind_quarantine", {"expired_until": ends_at})


def low_credit(before_micros: int, after_micros: int, line: Line) -> Notice | None:
    """Return what tells that main credit has just fallen below the subscriber's own limit."""
    limit_micros = line.low_credit_micros
    if not after_micros < limit_micros <= before_micros:
        return None
    if line.state is not LineState.ACTIVE or line.barred or line.suspended:
        return None
    return Notice("low_credit", {"balance_micros": after_micros})


def _reminders(state: LineState, ends_at: datetime, rules: Rules) -> tuple[datetime, ...]:
    """Return the instants at which a stage that ends then is reminded of, ascending."""
    rule = rules.reminders
    if state is LineState.ACTIVE:
        days = rule.before_grace
    elif state is LineState.GRACE:
        days = rule.before_expiry
    elif state is LineState.EXPIRED:
        days = rule.before_quarantine
    else:
        return ()
    return rules.validity.hours_before(ends_at, days, rule.from_hour)
