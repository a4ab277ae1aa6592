"""A lost phone: its owner bars the line at once, and may lift that bar, but nobody else's."""

from tambah.domain.ageing import age
from tambah.domain.care_commands import SetOwnBar
from tambah.domain.commands import LineChanged
from tambah.domain.draft import Draft
from tambah.domain.holding import require_not_on_hold
from tambah.domain.line import Line, LineState
from tambah.domain.line_changes import line_changed
from tambah.domain.records import replace
from tambah.domain.refusals import BarNotYours, NumberUnknown


def set_own_bar(command: SetOwnBar, draft: Draft) -> LineChanged:
    """Bar the line, or lift the bar that its owner set; what is so already stays so.

    Raises NumberUnknown, BarNotYours (the operator barred it) and ChangeOnHold (lifting a bar
    while the SIM is new: whoever replaced it may be who took the phone).
    """
    age(draft)
    line = draft.require_line()
    if line.state >= LineState.QUARANTINED:
        raise NumberUnknown
    if command.barred:
        _bar(command, line, draft)
    elif line.barred:
        if not line.own_bar:
            raise BarNotYours
        require_not_on_hold(line, draft.now)
        draft.line = replace(line, barred=False, own_bar=False)
        draft.tell("line_unbarred")
    return line_changed(draft)


def _bar(command: SetOwnBar, line: Line, draft: Draft) -> None:
    if line.barred:
        return
    draft.line = replace(line, barred=True, own_bar=True)
    draft.tell("line_barred")
    if command.to is not None:
        draft.tell_sealed("line_barred", {}, command.to)
