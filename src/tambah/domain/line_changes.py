"""What is answered of a line that was changed."""

from tambah.domain.commands import LineChanged
from tambah.domain.draft import Draft


def line_changed(draft: Draft) -> LineChanged:
    """Return the draft's line as it stands."""
    line = draft.require_line()
    return LineChanged(
        msisdn=line.msisdn,
        state=line.state,
        barred=line.barred,
        suspended=line.suspended,
        balance_micros=draft.main.remaining_micros,
        active_until=line.active_until,
        grace_until=line.grace_until,
        reactivation_until=line.reactivation_until,
    )
