"""What the operator publishes: offers and news, in every language, for a time and an audience."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import IntEnum

from tambah.domain.line import Language, LineState


class ArticleKind(IntEnum):
    """What an article is. An offer is something to take up, news something to know."""

    OFFER = 1
    NEWS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """An article in one language: title and summary are plain text, body a little Markdown."""

    title: str
    summary: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """What of a signed-in subscriber decides which articles are for them."""

    state: LineState
    plan: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """An offer or a piece of news, as it is written.

    starts_on, ends_on: first and last local day on which it is shown; None: until it is withdrawn.
    states, plans: lines it is for, everybody's when both are empty. promotion: the name of the
    rule that it speaks of, empty for none.
    """

    slug: str
    kind: ArticleKind
    starts_on: date
    ends_on: date | None
    states: tuple[LineState, ...]
    plans: tuple[str, ...]
    promotion: str
    wordings: Mapping[Language, Wording]


def is_for_everyone(states: tuple[LineState, ...], plans: tuple[str, ...]) -> bool:
    """Say whether an article with that audience is public."""
    return not states and not plans


def is_for(states: tuple[LineState, ...], plans: tuple[str, ...], reader: Reader | None) -> bool:
    """Say whether an article with that audience is shown to a reader; None for nobody known."""
    if is_for_everyone(states, plans):
        return True
    if reader is None:
        return False
    return (not states or reader.state in states) and (not plans or reader.plan in plans)
