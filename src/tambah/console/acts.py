"""How an act is asked of somebody: what it is, what it would do, what they type, one button.

First the form; then, where it changes something that cannot be taken back by a click, the same
page with what would happen and a button that does it. Nothing is remembered in between: the form
carries everything along, and a token that makes a second press the same act.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from litestar import Response

from tambah.console.facts import REQUESTS, Fact
from tambah.console.pages import ConsolePages
from tambah.domain.actor import Actor
from tambah.domain.refusals import ReasonMissing, Refusal
from tambah.domain.staff import Staff
from tambah.engine.approving import Wanted, file
from tambah.engine.staff import actor_of
from tambah.web.forms import check_token, mint_token
from tambah.web.pages import AnyRequest
from tambah.web.status import status_of

MOST_TYPED = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """Something to type or choose: a text `acts.field.<word>`.

    kind: an input's type, `textarea`, `radio` or `checkboxes` for choices, which are (value, what
    it is called). hint: a text of its own is there, `acts.hint.<word>`.
    """

    word: str
    kind: str = "text"
    value: str = ""
    choices: Sequence[tuple[str, str]] = ()
    chosen: Sequence[str] = ()
    hint: bool = False
    mode: str = ""
    is_optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """A page with an act on it.

    word: its title, a text `acts.<word>`. name: what it is done to, path: where that is. facts:
    what would happen; inputs: what is asked. carried: what the form brings along unseen.
    takes_two: it becomes a request. is_sure: the button does it, for this page says what happens.
    """

    word: str
    name: str
    path: str
    facts: Sequence[Fact] = ()
    inputs: Sequence[Input] = ()
    carried: Mapping[str, str] = field(default_factory=dict[str, str])
    takes_two: bool = False
    is_sure: bool = False


def draw_act(
    pages: ConsolePages, request: AnyRequest, act: Act, refusal: Refusal | None = None
) -> Response[Any]:
    """Draw an act's page, with what was refused."""
    site = pages.site
    return pages.draw(
        request,
        "act.html",
        status=status_of(refusal) if refusal else 200,
        act=act,
        token=mint_token(site.keys, site.clock.now()) if act.is_sure else "",
        refusal=refusal,
    )


def is_confirmed(pages: ConsolePages, fields: Mapping[str, str]) -> bool:
    """Say whether the page that says what happens was seen. Raises FormExpired."""
    token = fields.get("token", "")
    if not token:
        return False
    check_token(pages.site.keys, token, pages.site.clock.now())
    return True


async def ask_once(
    pages: ConsolePages,
    request: AnyRequest,
    wanted: Wanted,
    actor: Actor,
    fields: Mapping[str, str],
) -> Response[Any]:
    """File a request and lead to it; a second press of the same button leads to the first.

    Raises ReasonMissing, IdempotencyKeyReused.
    """
    site = pages.site
    asked = await file(
        site.database, wanted, actor, site.clock.now(), request_key=fields.get("token", "")
    )
    return pages.redirect(request, f"{REQUESTS}/{asked.approval_id}")


def reason_input(fields: Mapping[str, str]) -> Input:
    """Return the field for why somebody acts, with what they typed already."""
    return Input(word="reason", kind="textarea", hint=True, value=typed(fields, "reason"))


def actor_for(staff: Staff, fields: Mapping[str, str]) -> Actor:
    """Return who acts, with the reason that they typed. Raises ReasonMissing."""
    reason = typed(fields, "reason")
    if not reason:
        raise ReasonMissing
    return actor_of(staff, reason)


def typed(fields: Mapping[str, str], name: str) -> str:
    """Return what was typed into a field, without what cannot be seen."""
    kept = fields.get(name, "")[:MOST_TYPED]
    return " ".join("".join(c if c.isprintable() else " " for c in kept).split())
