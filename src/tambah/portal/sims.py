"""`/account/sim`: on which SIM a line is, and the code with which a phone fetches its eSIM.

The code is in the answer to a form alone: in no address of ours, in no cache, and never twice
without a fresh one-time password.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import segno
from litestar import Response, get, post

from tambah.domain.actor import Actor
from tambah.domain.esim import ActivationCode
from tambah.domain.numbering import show_msisdn
from tambah.domain.refusals import Refusal, SignInNeeded
from tambah.domain.sim_commands import ShowEsimCode
from tambah.engine.sims import open_code
from tambah.portal.sessions import SIGN_IN, Sessions, SignedIn
from tambah.store.views.sims import read_sim_of
from tambah.web.forms import require_own_origin
from tambah.web.pages import AnyRequest, Pages
from tambah.web.status import status_of

SIM = "/account/sim"
CODE = f"{SIM}/code"
FAMILIES = ("iphone", "samsung", "pixel", "huawei")
"""Families of phones whose steps there are texts for, three each."""

_OWNER = Actor(who="subscriber", why="signed in on the web")
_NO_STORE = {"cache-control": "no-store"}
_QUIET_MODULES = 4  # what ISO/IEC 18004 asks for around a QR code
_LAST_DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnCode:
    """An activation code as the page has it: its parts, its picture, and links for phones."""

    code: ActivationCode
    svg: str
    iphone_url: str
    android_url: str


def sim_routes(pages: Pages, sessions: Sessions) -> list[Any]:
    """Return the handlers of /account/sim."""

    @get(SIM, include_in_schema=False)
    async def show_sim(request: AnyRequest) -> Response[Any]:
        return await _draw_sim(pages, request, await sessions.require(request))

    @get(CODE, include_in_schema=False, sync_to_thread=False)
    def go_back(request: AnyRequest) -> Response[Any]:
        """Send whoever comes by address to the page with the button."""
        return pages.redirect(request, SIM)

    @post(CODE, status_code=200, include_in_schema=False)
    async def show_code(request: AnyRequest) -> Response[Any]:
        """Show the code of the line's eSIM: once freely, then after a fresh password."""
        require_own_origin(request)
        signed_in = await sessions.require(request)
        command = ShowEsimCode(
            line_id=signed_in.line_id, is_fresh=sessions.is_fresh(signed_in), actor=_OWNER
        )
        site = pages.site
        try:
            shown = await site.engine.submit(command)
        except SignInNeeded:
            return pages.redirect(request, f"{SIGN_IN}/again?to={SIM}")
        except Refusal as refusal:
            return await _draw_sim(pages, request, signed_in, refusal)
        stored = signed_in.view.line.language.tag
        title = pages.speak(request, stored).get("sims.qr")
        return pages.draw(
            request,
            "sim_code.html",
            headers=_NO_STORE,
            stored=stored,
            drawn=draw_code(open_code(site.keys, shown.iccid, shown.sealed), title),
            families=FAMILIES,
        )

    @get(f"{SIM}/help", include_in_schema=False, sync_to_thread=False)
    def show_help(request: AnyRequest) -> Response[Any]:
        return pages.draw(request, "sim_help.html", families=FAMILIES)

    return [show_sim, go_back, show_code, show_help]


def draw_code(code: ActivationCode, title: str) -> DrawnCode:
    """Draw a code: black on white in any colour scheme, with its quiet zone.

    The links are Apple's and Google's own; a phone that knows them opens its installer and asks
    nobody. They hold the code, which is why the page that has them sends no referrer.
    """
    writer: Any = segno  # it has no types of its own
    qr = writer.make(code.text, error="m", micro=False)
    svg: str = qr.svg_inline(
        omitsize=True, border=_QUIET_MODULES, dark="#000", light="#fff", title=title
    )
    data = quote(code.text, safe=":$")
    return DrawnCode(
        code=code,
        svg=svg.replace("<svg ", '<svg role="img" ', 1),
        iphone_url=f"https://esimsetup.apple.com/esim_qrcode_provisioning?carddata={data}",
        android_url=f"https://esimsetup.android.com/esim_qrcode_provisioning?carddata={data}",
    )


async def _draw_sim(
    pages: Pages, request: AnyRequest, signed_in: SignedIn, refusal: Refusal | None = None
) -> Response[Any]:
    site, view = pages.site, signed_in.view
    sim = await read_sim_of(site.database, signed_in.line_id)
    hold_until = view.line.hold_until
    validity = site.rules.validity
    return pages.draw(
        request,
        "sim.html",
        status=status_of(refusal) if refusal else 200,
        headers=_NO_STORE,
        stored=view.line.language.tag,
        number=show_msisdn(view.line.msisdn, site.rules.numbers),
        sim=sim,
        last_digits=sim.iccid[-_LAST_DIGITS:] if sim else "",
        since=validity.local_day(sim.assigned_at) if sim and sim.assigned_at else None,
        installed=validity.local_day(sim.installed_at) if sim and sim.installed_at else None,
        hold_until=hold_until if hold_until and view.at < hold_until else None,
        refusal=refusal,
    )
