"""`/console/invitation/{secret}`: whoever was invited chooses a password and an authenticator."""

from __future__ import annotations

from typing import Any

import segno
from litestar import Response, get, post
from litestar.params import FromPath

from tambah.console.guard import Reach, reaches
from tambah.console.pages import ConsolePages
from tambah.domain.refusals import AuthenticatorCodeWrong, PasswordTooWeak, Refusal
from tambah.domain.staff import LEAST_PASSWORD, MOST_PASSWORD
from tambah.engine.staff import (
    INVITATION,
    Invited,
    accept_invitation,
    find_invited,
    totp_address,
)
from tambah.web.forms import read_form
from tambah.web.pages import AnyRequest
from tambah.web.status import status_of

_MOST_TYPED = 256
_QUIET_MODULES = 4


def invitation_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of invitations."""
    site, path = pages.site, f"{INVITATION}/{{secret:str}}"

    @get(path, opt=reaches(Reach.STRANGERS), include_in_schema=False)
    async def show_invitation(request: AnyRequest, secret: FromPath[str]) -> Response[Any]:
        invited = await find_invited(site.database, site.keys, secret, site.clock.now())
        return _draw(pages, request, invited)

    @post(path, status_code=200, opt=reaches(Reach.STRANGERS), include_in_schema=False)
    async def accept(request: AnyRequest, secret: FromPath[str]) -> Response[Any]:
        """Take the password and the code; show the recovery codes, for the only time."""
        now = site.clock.now()
        invited = await find_invited(site.database, site.keys, secret, now)
        fields = await read_form(request)
        try:
            codes = await accept_invitation(
                site.database,
                site.keys,
                invited,
                password=fields.get("password", "")[:_MOST_TYPED],
                code=fields.get("code", "")[:_MOST_TYPED],
                now=now,
            )
        except (PasswordTooWeak, AuthenticatorCodeWrong) as refusal:
            return _draw(pages, request, invited, refusal)
        return pages.draw(request, "accepted.html", name=invited.staff.name, codes=codes)

    return [show_invitation, accept]


def _draw(
    pages: ConsolePages, request: AnyRequest, invited: Invited, refusal: Refusal | None = None
) -> Response[Any]:
    name = invited.staff.name
    address = totp_address(invited.totp, name=name, issuer=pages.site.operator.brand.name)
    title = pages.speak(request).get("console.invitation.qr")
    return pages.draw(
        request,
        "invitation.html",
        status=status_of(refusal) if refusal else 200,
        name=name,
        qr=_draw_qr(address, title),
        secret=[invited.totp[at : at + 4] for at in range(0, len(invited.totp), 4)],
        least=LEAST_PASSWORD,
        most=MOST_PASSWORD,
        refusal=refusal,
        is_weak=isinstance(refusal, PasswordTooWeak),
    )


def _draw_qr(text: str, title: str) -> str:
    """Return a QR code as SVG; the title is what is read out instead."""
    writer: Any = segno  # it has no types of its own
    svg: str = writer.make(text, error="m", micro=False).svg_inline(
        omitsize=True, border=_QUIET_MODULES, dark="#000", light="#fff", title=title
    )
    return svg.replace("<svg ", '<svg role="img" ', 1)
