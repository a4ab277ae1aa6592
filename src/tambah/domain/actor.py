"""Who acts by hand."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts by hand, and why: every such command leaves an audit row."""

    who: str
    why: str
