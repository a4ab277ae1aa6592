"""`/sandbox/phone`: a call is held in steps, as a cloud's or a USSD gateway's is.

What is keyed is posted, and the page is sent anew by its plain address: no code stands in one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from litestar import Response, get, post

from tambah.channels.attendant import Attendant
from tambah.channels.ivr.drafts import DraftsUnavailable
from tambah.channels.ivr.sound import read_wav, silence, wav
from tambah.channels.ivr.speech import Speech
from tambah.channels.sandbox_phone.held import (
    COOKIE,
    PATH,
    SERVICE_CODE,
    Held,
    new_call,
    read_held,
)
from tambah.channels.sandbox_phone.shown import Keyed, Showing, complete, read_keyed
from tambah.channels.sessions import Kept, Opened, Sessions
from tambah.channels.talk import Event, HungUp, Prompt
from tambah.channels.ussd.steps import UssdRequest, open_with
from tambah.domain.refusals import PageNotFound
from tambah.web.forms import read_form, require_own_origin
from tambah.web.pages import AnyRequest, Pages
from tambah.web.site import Site

TEMPLATES = Path(__file__).parent / "templates"
_LONGEST_DIALLED = 60
_SCREEN = f"{PATH}#screen"


def phone_routes(site: Site, attendant: Attendant, speech: Speech | None) -> list[Any]:
    """Return the handlers of /sandbox/phone; not to be plugged in but for a demo database.

    speech: what the hotline's prompts sound like; None where there is nothing to make them with.
    """
    phone = _Phone(site, attendant, speech)

    @get(PATH, include_in_schema=False)
    async def show_phone(request: AnyRequest) -> Response[bytes]:
        return await phone.show(request)

    @post(f"{PATH}/call", include_in_schema=False)
    async def begin_call(request: AnyRequest) -> Response[Any]:
        require_own_origin(request)
        return await phone.begin(request, await read_form(request))

    @post(f"{PATH}/keys", include_in_schema=False)
    async def take_keys(request: AnyRequest) -> Response[Any]:
        require_own_origin(request)
        return await phone.take(request, read_keyed(await read_form(request)))

    @get(f"{PATH}/said.wav", include_in_schema=False)
    async def say(request: AnyRequest) -> Response[bytes]:
        headers = {"cache-control": "no-store"}
        return Response(await phone.sound(request), media_type="audio/wav", headers=headers)

    return [show_phone, begin_call, take_keys, say]


class _Phone:
    """The steps of calls. A step is numbered; the same one again changes nothing."""

    def __init__(self, site: Site, attendant: Attendant, speech: Speech | None) -> None:
        self._pages = Pages(site, TEMPLATES)
        self._showing = Showing(self._pages, has_sound=speech is not None)
        self._sessions = Sessions(site, attendant)
        self._speech = speech

    async def show(self, request: AnyRequest) -> Response[bytes]:
        """Draw the page as the browser's call stands."""
        held, kept = await self._standing(request)
        return await self._showing.draw(request, held, kept)

    async def begin(self, request: AnyRequest, form: Mapping[str, str]) -> Response[None]:
        """Begin a call; who dials a USSD code may dial more than the service's own."""
        held = new_call(form.get("door", ""), form.get("line", ""))
        if held is None:
            return self._pages.redirect(request, PATH)
        opened = Opened()
        if not held.is_voice:
            dialled = form.get("dialled", "")[:_LONGEST_DIALLED]
            opened = open_with(UssdRequest(session=held.session, service=dialled), SERVICE_CODE)
        await self._sessions.take(held.call, "0", opened, lambda _: None)
        return self._pages.redirect(request, _SCREEN, cookies=[held.cookie()])

    async def take(self, request: AnyRequest, keyed: Keyed) -> Response[Any]:
        """Take keys as the call's next step, or draw them where more may follow."""
        held, kept = await self._standing(request)
        if held is None or kept is None or not _is_next(kept, keyed):
            return self._pages.redirect(request, _SCREEN)
        assert isinstance(kept.turn, Prompt), "only a prompt has a next step"
        if not complete(keyed, kept.turn.ask, is_voice=held.is_voice):
            return await self._showing.draw(request, held, kept, keyed.text)

        def follow(before: str) -> Sequence[Event] | None:
            return keyed.events(is_voice=held.is_voice) if before == kept.heard else None

        # Hanging up has a number of its own, so that it is never mistaken for keys.
        heard = f"{keyed.step} over" if keyed.event == HungUp() else str(keyed.step)
        await self._sessions.take(held.call, heard, Opened(), follow)
        return self._pages.redirect(request, _SCREEN)

    async def sound(self, request: AnyRequest) -> bytes:
        """Return what the hotline says now. Raises PageNotFound."""
        held, kept = await self._standing(request)
        if self._speech is None or held is None or kept is None or not held.is_voice:
            raise PageNotFound
        try:
            files = await self._speech.files(kept.talk.tag, kept.turn.say)
        except DraftsUnavailable as none:
            raise PageNotFound from none
        return await asyncio.to_thread(_join, files)

    async def _standing(self, request: AnyRequest) -> tuple[Held | None, Kept | None]:
        """Return the browser's call and where it stands, None for one that is long over."""
        held = read_held(request.cookies.get(COOKIE))
        return held, None if held is None else await self._sessions.standing(held.call)


def _is_next(kept: Kept, keyed: Keyed) -> bool:
    """Say whether keys answer what the call waits for, not something older."""
    return isinstance(kept.turn, Prompt) and kept.heard == str(keyed.step - 1)


def _join(files: Sequence[Path]) -> bytes:
    """Return clips as one sound; of no clips, a moment of silence."""
    samples = [sample for file in files for sample in read_wav(file)[1]]
    return wav(samples or silence(0.1))
