"""The hold after a SIM was replaced: whoever has the new SIM may not change what matters yet.

A thief who talks a shop into a new SIM has the number, and with it the one-time passwords. For the
hours of the hold the owner, whose phone went dead, has time to say so.
"""

from datetime import datetime

from tambah.domain.line import Line
from tambah.domain.refusals import ChangeOnHold


def require_not_on_hold(line: Line, now: datetime) -> None:
    """Refuse a sensitive change of a subscriber's own while the hold lasts. Raises ChangeOnHold.

    now: the draft's instant (UTC). What customer care does for them is not held up.
    """
    if line.hold_until is not None and now < line.hold_until:
        raise ChangeOnHold(until=line.hold_until)
