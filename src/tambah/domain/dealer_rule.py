"""What the operator says of dealers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DealerRule:
    """undo_minutes: how long a sale may be undone by who made it; 0 for never."""

    undo_minutes: int = 10
