"""Bring a line to the present: what lapsed, ended or froze since it was last looked at."""

from datetime import datetime, timedelta

from tambah.domain.balance import ALLOWANCES, Bucket, is_live
from tambah.domain.draft import Draft
from tambah.domain.ledger import LAPSED_TO, TransferKind
from tambah.domain.line import LineState, stage_at, stage_ends
from tambah.domain.records import replace
from tambah.domain.renewing import see_to_packages


def age(draft: Draft, *, tell: bool = True) -> None:
    """Apply everything that the clock did to the draft's line up to `draft.now`.

    Packages that are over are renewed or end; bonus and allowances that lapsed are forfeited; the
    grace period freezes main credit, its end forfeits all. Each change is told by SMS, unless it
    is staler than the operator's limit or `tell` is off. Raises NumberUnknown when there is no
    line.
    """
    draft.aged = True
    see_to_packages(draft, tell=tell)
    line = draft.require_line()
    _forfeit_lapsed(draft)
    stage = stage_at(line, draft.rules.life, draft.rules.validity, draft.now)
    if stage is line.state:
        return
    ends = stage_ends(line, draft.rules.life, draft.rules.validity)
    while (state := draft.require_line().state) < stage:
        entered = LineState(state + 1)
        draft.line = replace(draft.require_line(), state=entered)
        if entered is LineState.EXPIRED:
            forfeit_all(draft)
        if tell:
            _tell_change(draft, entered, ends[state])


def forfeit_all(draft: Draft) -> None:
    """Move every remainder of the line to forfeited; what a session holds, once it lets go."""
    for bucket in list(draft.buckets.values()):
        _forfeit(draft, bucket)


def let_lapse(draft: Draft) -> None:
    """Forfeit what should have gone before now, had a session not held it."""
    _forfeit_lapsed(draft)
    if draft.require_line().state >= LineState.EXPIRED:
        forfeit_all(draft)


def _forfeit_lapsed(draft: Draft) -> None:
    for bucket in list(draft.buckets.values()):
        if not is_live(bucket, draft.now):
            _forfeit(draft, bucket)


def _forfeit(draft: Draft, bucket: Bucket) -> None:
    kind = TransferKind.LAPSE if bucket.kind in ALLOWANCES else TransferKind.FORFEIT
    if bucket.free > 0:
        draft.move(bucket, -bucket.free, kind, LAPSED_TO[bucket.kind])


def _tell_change(draft: Draft, entered: LineState, changed_at: datetime) -> None:
    if draft.now - changed_at >= timedelta(hours=draft.rules.life.stale_hours):
        return
    line = draft.require_line()
    if entered is LineState.GRACE and line.grace_until is not None:
        draft.tell("grace_started", grace_until=line.grace_until.isoformat())
    elif entered is LineState.EXPIRED:
        # Where there is no time to ask the number back, nobody is told to ask.
        if draft.rules.life.reactivation_days > 0:
            draft.tell("line_expired")
        else:
            draft.tell("line_ended")
