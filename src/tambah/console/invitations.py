"""`/console/invitation/{secret}`: who was invited chooses a password and a second factor."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from tambah.console.guard import Reach, reaches
from tambah.console.pages import ConsolePages
from tambah.console.passkeys import Passkeys
from tambah.console.qr import scanned
from tambah.domain.refusals import (
    AuthenticatorCodeWrong,
    PasskeyNotAccepted,
    PasswordTooWeak,
    Refusal,
)
from tambah.domain.staff import LEAST_PASSWORD, MOST_PASSWORD
from tambah.engine.staff import (
    INVITATION,
    Invited,
    accept_invitation,
    accept_with_passkey,
    find_invited,
)
from tambah.web.forms import read_form
from tambah.web.pages import AnyRequest
from tambah.web.status import status_of

_ACCEPTING = "invitation"
_MOST_TYPED = 256


def invitation_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of invitations."""
    site, path = pages.site, f"{INVITATION}/{{secret:str}}"
    passkeys = Passkeys(site)

    @get(path, opt=reaches(Reach.STRANGERS), include_in_schema=False)
    async def show_invitation(request: AnyRequest, secret: FromPath[str]) -> Response[Any]:
        invited = await find_invited(site.database, site.keys, secret, site.clock.now())
        return _draw(pages, request, invited)

    @get(f"{path}/passkey", opt=reaches(Reach.STRANGERS), include_in_schema=False)
    async def say_what_to_make(request: AnyRequest, secret: FromPath[str]) -> Response[Any]:
        invited = await find_invited(site.database, site.keys, secret, site.clock.now())
        return passkeys.ask_new(_ACCEPTING, invited.digest, invited.staff)

    @post(path, status_code=200, opt=reaches(Reach.STRANGERS), include_in_schema=False)
    async def accept(request: AnyRequest, secret: FromPath[str]) -> Response[Any]:
        """Take the password and what goes with it; show the recovery codes, for the only time."""
        now = site.clock.now()
        invited = await find_invited(site.database, site.keys, secret, now)
        fields = await read_form(request)
        typed = {name: value[:_MOST_TYPED] for name, value in fields.items()}
        shown = passkeys.shown(fields, _ACCEPTING, invited.digest)
        password, code = typed.get("password", ""), typed.get("code", "")
        accepting = (
            accept_with_passkey(
                site.database, site.keys, invited, password=password, shown=shown, now=now
            )
            if shown is not None
            else accept_invitation(
                site.database, site.keys, invited, password=password, code=code, now=now
            )
        )
        try:
            codes = await accepting
        except (PasswordTooWeak, AuthenticatorCodeWrong, PasskeyNotAccepted) as refusal:
            return _draw(pages, request, invited, refusal)
        return pages.draw(request, "accepted.html", name=invited.staff.name, codes=codes)

    return [show_invitation, say_what_to_make, accept]


def _draw(
    pages: ConsolePages, request: AnyRequest, invited: Invited, refusal: Refusal | None = None
) -> Response[Any]:
    name = invited.staff.name
    return pages.draw(
        request,
        "invitation.html",
        status=status_of(refusal) if refusal else 200,
        name=name,
        **scanned(pages, request, invited.totp, name),
        least=LEAST_PASSWORD,
        most=MOST_PASSWORD,
        refusal=refusal,
        is_weak=isinstance(refusal, PasswordTooWeak),
        is_wrong=isinstance(refusal, AuthenticatorCodeWrong),
        passkeys=Passkeys(pages.site).is_possible,
        options=f"{request.url.path}/passkey",
    )
