"""`/account/settings`: the line's language, what it is told unasked, and who is signed in."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from litestar import Response, get, post

from tambah.domain.care_commands import SetPreferences
from tambah.domain.line import LANGUAGE_BY_TAG, Language, Line
from tambah.domain.money import parse_ringgit, ringgit
from tambah.domain.refusals import FieldMalformed, Refusal
from tambah.portal.account import NO_STORE
from tambah.portal.forms import AMOUNT_REFUSALS, fold_amount
from tambah.portal.sessions import Sessions, SignedIn
from tambah.store.sessions import list_sessions
from tambah.web.forms import read_form, require_own_origin
from tambah.web.pages import AnyRequest, Pages
from tambah.web.status import status_of

SETTINGS = "/account/settings"
CALLER = "account"
_USUAL_LOW = "5.00"
"""What stands in the field of low credit before anybody chose an amount."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsForm:
    """What was chosen, as it was typed. low: whether to tell of low credit, below: what amount."""

    language: str
    reminds: bool
    low: bool
    below: str

    @classmethod
    def of_line(cls, line: Line) -> SettingsForm:
        """Return the form as the line has it."""
        low = line.low_credit_micros
        return cls(
            language=line.language.tag,
            reminds=line.reminds,
            low=low > 0,
            below=ringgit(low) if low else _USUAL_LOW,
        )

    @classmethod
    def read(cls, fields: dict[str, str]) -> SettingsForm:
        """Take the form's fields."""
        return cls(
            language=fields.get("language", "")[:16],
            reminds=fields.get("reminds") == "yes",
            low=fields.get("low") == "below",
            below=fields.get("below", "")[:32],
        )

    def command(self, line_id: int) -> SetPreferences:
        """Return what asks for it. Raises FieldMalformed, AmountMalformed, AmountTooPrecise."""
        if self.language not in LANGUAGE_BY_TAG:
            raise FieldMalformed(field="language")
        return SetPreferences(
            caller=CALLER,
            # Choosing the same again changes nothing, so each time it is pressed counts.
            request_key=secrets.token_hex(16),
            line_id=line_id,
            language=LANGUAGE_BY_TAG[self.language],
            reminds=self.reminds,
            low_credit_micros=parse_ringgit(fold_amount(self.below)) if self.low else 0,
        )


def settings_routes(pages: Pages, sessions: Sessions) -> list[Any]:
    """Return the handlers of the settings."""

    @get(SETTINGS, include_in_schema=False)
    async def show_settings(request: AnyRequest) -> Response[Any]:
        signed_in = await sessions.require(request)
        return await _draw(pages, request, signed_in, SettingsForm.of_line(signed_in.view.line))

    @post(SETTINGS, status_code=200, include_in_schema=False)
    async def save(request: AnyRequest) -> Response[Any]:
        """Keep what was chosen; the page is in the chosen language from then on."""
        require_own_origin(request)
        signed_in = await sessions.require(request)
        form = SettingsForm.read(await read_form(request))
        try:
            chosen = await pages.site.engine.submit(form.command(signed_in.line_id))
        except AMOUNT_REFUSALS as refusal:
            return await _draw(pages, request, signed_in, form, refusal)
        return _saved(pages, chosen.language, signed_in.view.line.language)

    return [show_settings, save]


def _saved(pages: Pages, chosen: Language, before: Language) -> Response[None]:
    """Send back to the settings, in the chosen language if that is another than before."""
    changed = chosen is not before
    return Response(
        None,
        status_code=303,
        headers={"location": f"{SETTINGS}?saved=yes", "cache-control": "no-store"},
        cookies=[pages.language_cookie(chosen.tag)] if changed else [],
    )


async def _draw(
    pages: Pages,
    request: AnyRequest,
    signed_in: SignedIn,
    form: SettingsForm,
    refusal: Refusal | None = None,
) -> Response[bytes]:
    site, now = pages.site, pages.site.clock.now()
    idle = timedelta(minutes=site.rules.signing_in.idle_minutes)
    return pages.draw(
        request,
        "account_settings.html",
        status=status_of(refusal) if refusal else 200,
        headers=NO_STORE,
        stored=signed_in.view.line.language.tag,
        form=form,
        refusal=refusal,
        saved=request.query_params.get("saved") == "yes" and refusal is None,
        own=signed_in.session,
        held=await list_sessions(site.database, signed_in.line_id, now=now, seen_since=now - idle),
    )
