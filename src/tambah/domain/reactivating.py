"""Bringing an expired line back: an identity check opens a window, a top-up does the rest.

Whoever checks the identity (a person, a page) is outside; here it is only written down that it
was done. Within the window any top-up is taken whose credit covers the operator's fee.
"""

from datetime import timedelta

from tambah.domain.ageing import age
from tambah.domain.care_commands import AllowReactivation
from tambah.domain.commands import LineChanged
from tambah.domain.draft import Draft
from tambah.domain.line import LineState, stage_ends
from tambah.domain.line_changes import line_changed
from tambah.domain.records import replace
from tambah.domain.refusals import LineAlreadyActive, LineNotActivated, LineTerminated


def allow_reactivation(command: AllowReactivation, draft: Draft) -> LineChanged:
    """Let the next top-up reactivate an expired line: some hours, to the end of that local day.

    Never longer than the line is expired; then it is quarantined. Allowing it again starts the
    hours again. Raises NumberUnknown, LineNotActivated, LineAlreadyActive (also in grace, where
    any top-up does it), LineTerminated.
    """
    age(draft)
    line = draft.require_line()
    if line.state is LineState.PRE_ACTIVE:
        raise LineNotActivated
    if line.state < LineState.EXPIRED:
        raise LineAlreadyActive
    if line.state > LineState.EXPIRED:
        raise LineTerminated
    rules = draft.rules
    ends_at = stage_ends(line, rules.life, rules.validity)[LineState.EXPIRED]
    hours = timedelta(hours=rules.life.reactivation_hours)
    until = min(rules.validity.end_of_day(draft.now + hours), ends_at)
    draft.line = replace(line, reactivation_until=until)
    fee_micros = rules.life.reactivation_fee_micros
    if fee_micros > 0:
        draft.tell("reactivation_allowed", fee_micros=fee_micros, allowed_until=until.isoformat())
    else:
        draft.tell("reactivation_allowed_free", allowed_until=until.isoformat())
    return line_changed(draft)
