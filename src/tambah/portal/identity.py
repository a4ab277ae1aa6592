"""Proving who one is without the phone: the form's fields, and how it is drawn again.

For a forgotten number, a lost phone, a bar lifted, a line reactivated. Where whoever asks is not
signed in, nothing here may show in an answer: it is written before anything is looked up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from litestar import Response

from tambah.domain.refusals import Refusal
from tambah.engine.identity import SECOND_FACTS
from tambah.web.pages import AnyRequest, Pages
from tambah.web.status import status_of

KINDS = tuple(kind.name.lower() for kind in SECOND_FACTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityForm:
    """What was typed. It is drawn again only to who typed it, and kept nowhere."""

    document: str = ""
    kind: str = KINDS[0]
    fact: str = ""
    number: str = ""

    @classmethod
    def read(cls, fields: dict[str, str]) -> IdentityForm:
        """Read the posted fields."""
        return cls(
            document=fields.get("document", "")[:64],
            kind=fields.get("kind", KINDS[0])[:16],
            fact=fields.get("fact", "")[:120],
            number=fields.get("number", "")[:64],
        )


def draw_identity_form(
    pages: Pages,
    request: AnyRequest,
    template: str,
    form: IdentityForm | None = None,
    refusal: Refusal | None = None,
    **context: Any,
) -> Response[Any]:
    """Draw a form that asks who somebody is, with what was typed and why not, if it was sent."""
    return pages.draw(
        request,
        template,
        status=status_of(refusal) if refusal else 200,
        headers={"cache-control": "no-store"},
        form=form or IdentityForm(),
        kinds=KINDS,
        refusal=refusal,
        **context,
    )
