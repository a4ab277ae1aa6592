"""How a line stands, in one word for every door's texts."""

from tambah.domain.line import may_reactivate, require_can_top_up
from tambah.domain.refusals import Refusal
from tambah.store.views.lines import LineView


def can_top_up(view: LineView) -> bool:
    """Say whether a top-up would be taken, as far as the line itself goes."""
    try:
        require_can_top_up(view.line, view.at)
    except Refusal:
        return False
    return True


def standing(view: LineView) -> str:
    """Return how the line stands, as the texts `account.is.<standing>` have it."""
    if view.line.barred:
        return "barred"
    if view.line.suspended:
        return "suspended"
    if may_reactivate(view.line, view.at):
        return "returning"
    return view.state.name.lower()
