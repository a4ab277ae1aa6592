"""`/console/account`: what opens somebody's own account, and their passkeys."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from tambah.console.acts import Act, draw_act, is_confirmed
from tambah.console.facts import Fact
from tambah.console.guard import Reach, quietly, reaches, signed_in
from tambah.console.own_authenticator import own_authenticator_routes
from tambah.console.pages import ConsolePages
from tambah.console.passkeys import Passkeys
from tambah.console.proving import require_factor
from tambah.console.single_sign_on import ACCOUNT, connect_mark
from tambah.domain.passkey import MOST_NAME, MOST_PASSKEYS, Passkey
from tambah.domain.refusals import PasskeyNotAccepted, PasskeyUnknown, Refusal
from tambah.engine.staff import add_passkey, remove_passkey
from tambah.store.staff import read_account
from tambah.store.staff_identities import read_identity
from tambah.store.staff_passkeys import list_passkeys
from tambah.web.forms import read_form
from tambah.web.pages import AnyRequest
from tambah.web.status import status_of

NEW = f"{ACCOUNT}/passkeys/new"
_ADDING = "add"


def own_access_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of somebody's own access."""
    return [
        _account_page(pages),
        *own_authenticator_routes(pages),
        *_adding_routes(pages),
        *_removing_routes(pages),
    ]


def _account_page(pages: ConsolePages) -> Any:
    site, passkeys = pages.site, Passkeys(pages.site)

    @get(ACCOUNT, opt=reaches(Reach.STAFF), include_in_schema=False)
    async def show_account(request: AnyRequest) -> Response[Any]:
        seated = signed_in(request).seated
        staff = seated.staff
        account = await read_account(site.database, staff.name)
        having = await list_passkeys(site.database, staff.staff_id)
        return pages.draw(
            request,
            "own_access.html",
            passkeys=having,
            has_authenticator=account is not None and account.totp is not None,
            is_possible=passkeys.is_possible,
            is_full=len(having) >= MOST_PASSKEYS,
            provider=site.operator.single_sign_on,
            identity=await read_identity(site.database, staff.staff_id),
            mark=connect_mark(site, seated),
        )

    return show_account


def _adding_routes(pages: ConsolePages) -> list[Any]:
    site, passkeys, opt = pages.site, Passkeys(pages.site), reaches(Reach.STAFF)

    @get(NEW, opt=opt, include_in_schema=False)
    async def ask_for_new(request: AnyRequest) -> Response[Any]:
        require_factor(request)
        return _draw_new(pages, request)

    @get(f"{NEW}/options", opt=quietly(opt), include_in_schema=False)
    async def say_what_to_make(request: AnyRequest) -> Response[Any]:
        require_factor(request, NEW)
        seated = signed_in(request).seated
        having = await list_passkeys(site.database, seated.staff.staff_id)
        return passkeys.ask_new(_ADDING, seated.session.digest, seated.staff, having)

    @post(NEW, status_code=200, opt=opt, include_in_schema=False)
    async def add(request: AnyRequest) -> Response[Any]:
        require_factor(request)
        fields, me = await read_form(request), signed_in(request)
        name = fields.get("passkey_name", "")
        shown = passkeys.shown(fields, _ADDING, me.seated.session.digest)
        try:
            if shown is None:
                raise PasskeyNotAccepted
            await add_passkey(site.database, site.keys, me.seated, shown, name=name, now=me.at)
        except Refusal as refusal:
            return _draw_new(pages, request, name, refusal)
        return pages.redirect(request, ACCOUNT)

    return [ask_for_new, say_what_to_make, add]


def _removing_routes(pages: ConsolePages) -> list[Any]:
    site, opt = pages.site, reaches(Reach.STAFF)
    path = f"{ACCOUNT}/passkeys/{{passkey_id:int}}/remove"

    @get(path, opt=opt, include_in_schema=False)
    async def ask_to_remove(request: AnyRequest, passkey_id: FromPath[int]) -> Response[Any]:
        require_factor(request)
        passkey = await _own(pages, request, passkey_id)
        return draw_act(pages, request, _removal(pages, request, passkey))

    @post(path, status_code=200, opt=opt, include_in_schema=False)
    async def remove(request: AnyRequest, passkey_id: FromPath[int]) -> Response[Any]:
        require_factor(request)
        fields = await read_form(request)
        passkey = await _own(pages, request, passkey_id)
        try:
            if is_confirmed(pages, fields):
                await remove_passkey(site.database, signed_in(request).seated, passkey_id)
                return pages.redirect(request, ACCOUNT)
        except Refusal as refusal:
            return draw_act(pages, request, _removal(pages, request, passkey), refusal)
        return draw_act(pages, request, _removal(pages, request, passkey))

    return [ask_to_remove, remove]


async def _own(pages: ConsolePages, request: AnyRequest, passkey_id: int) -> Passkey:
    """Return a passkey of whoever is signed in. Raises PasskeyUnknown."""
    having = await list_passkeys(pages.site.database, signed_in(request).staff.staff_id)
    for one in having:
        if one.passkey_id == passkey_id:
            return one
    raise PasskeyUnknown


def _removal(pages: ConsolePages, request: AnyRequest, passkey: Passkey) -> Act:
    when = pages.speak(request).when(passkey.created_at, pages.site.rules.validity.zone)
    return Act(
        word="remove_passkey",
        name="",
        path=ACCOUNT,
        facts=[Fact("name", passkey.name), Fact("created", when)],
        is_sure=True,
    )


def _draw_new(
    pages: ConsolePages, request: AnyRequest, name: str = "", refusal: Refusal | None = None
) -> Response[Any]:
    return pages.draw(
        request,
        "passkey_new.html",
        status=status_of(refusal) if refusal else 200,
        name=name[:MOST_NAME],
        most=MOST_NAME,
        options=f"{NEW}/options",
        is_possible=Passkeys(pages.site).is_possible,
        refusal=refusal,
    )
