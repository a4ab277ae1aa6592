"""`/packages` for everybody, and buying one from credit at `/account/packages/CODE`."""

from __future__ import annotations

import secrets
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from tambah.desks.packages import FILTERS, length_words, listed, part_words
from tambah.domain.money import parse_ringgit, ringgit
from tambah.domain.numbering import show_msisdn
from tambah.domain.package import Package, find_package
from tambah.domain.package_commands import BuyPackage, SetRenewal
from tambah.domain.refusals import (
    CreditTooLow,
    FieldMalformed,
    PackageNotForYou,
    Refusal,
)
from tambah.portal.account import NO_STORE
from tambah.portal.sessions import Sessions, SignedIn
from tambah.web.forms import check_token, mint_token, read_form, require_own_origin
from tambah.web.pages import AnyRequest, Pages
from tambah.web.status import status_of

PACKAGES = "/packages"
BUY = "/account/packages"
CALLER = "account"
_MOST_NUMBER = 9


def package_routes(pages: Pages, sessions: Sessions) -> list[Any]:
    """Return the handlers of packages: the list, buying, and switching renewals."""

    @get(PACKAGES, include_in_schema=False)
    async def show_packages(request: AnyRequest) -> Response[Any]:
        kind = request.query_params.get("kind", "")
        kind = kind if kind in FILTERS else ""
        site, signed_in = pages.site, await sessions.find(request)
        return pages.draw(
            request,
            "packages.html",
            stored=signed_in.view.line.language.tag if signed_in else "",
            packages=listed(site.packages, site.clock.now(), kind),
            kind=kind,
            kinds=list(FILTERS),
            part_words=part_words,
            length_words=length_words,
        )

    @get(f"{BUY}/{{code:str}}", include_in_schema=False)
    async def show_check(request: AnyRequest, code: FromPath[str]) -> Response[Any]:
        package = find_package(pages.site.packages, code, pages.site.clock.now())
        signed_in = await sessions.require(request, back=f"{BUY}/{package.code}")
        return _draw_check(pages, request, signed_in, package)

    @post(f"{BUY}/{{code:str}}", status_code=200, include_in_schema=False)
    async def buy(request: AnyRequest, code: FromPath[str]) -> Response[Any]:
        """Buy; pressing twice or sending again is one purchase, by the form's token."""
        require_own_origin(request)
        site = pages.site
        package = find_package(site.packages, code, site.clock.now())
        signed_in = await sessions.require(request)
        fields = await read_form(request)
        token, renews = fields.get("token", "")[:256], fields.get("renews") == "yes"
        told = fields.get("price", "")
        try:
            check_token(site.keys, token, site.clock.now())
            await site.engine.submit(
                BuyPackage(
                    caller=CALLER,
                    request_key=site.keys.digest("package", token, package.code).hex(),
                    msisdn=signed_in.view.line.msisdn,
                    package=package.code,
                    auto_renew=renews,
                    price_micros=parse_ringgit(told) if told else None,
                )
            )
        except Refusal as refusal:
            return _draw_check(pages, request, signed_in, package, refusal, renews=renews)
        return pages.redirect(request, "/account?bought=yes#packages")

    @post("/account/renewals", status_code=200, include_in_schema=False)
    async def switch_renewal(request: AnyRequest) -> Response[Any]:
        """Have what runs renewed when it ends, or not."""
        require_own_origin(request)
        signed_in = await sessions.require(request)
        fields = await read_form(request)
        typed = fields.get("number", "")
        if not (typed.isascii() and typed.isdigit() and len(typed) <= _MOST_NUMBER):
            raise FieldMalformed(field="number")
        await pages.site.engine.submit(
            SetRenewal(
                caller=CALLER,
                # Switching to the same again changes nothing, so each time it is pressed counts.
                request_key=secrets.token_hex(16),
                msisdn=signed_in.view.line.msisdn,
                number=int(typed),
                renews=fields.get("renews") == "yes",
            )
        )
        return pages.redirect(request, "/account#packages")

    return [show_packages, show_check, buy, switch_renewal]


def _draw_check(
    pages: Pages,
    request: AnyRequest,
    signed_in: SignedIn,
    package: Package,
    refusal: Refusal | None = None,
    *,
    renews: bool | None = None,
) -> Response[Any]:
    site, view = pages.site, signed_in.view
    rules, now = site.rules, view.at
    short = isinstance(refusal, CreditTooLow)
    return pages.draw(
        request,
        "package_check.html",
        status=status_of(refusal) if refusal else 200,
        headers=NO_STORE,
        stored=view.line.language.tag,
        package=package,
        number=show_msisdn(view.line.msisdn, rules.numbers),
        view=view,
        until=rules.validity.last_day(package.end_from(now, rules.validity)),
        renews=package.auto_renew if renews is None else renews,
        refusal=refusal,
        reason=refusal.params["reason"] if isinstance(refusal, PackageNotForYou) else "",
        missing_micros=parse_ringgit(str(refusal.params["missing"])) if refusal and short else 0,
        token=mint_token(site.keys, site.clock.now()),
        part_words=part_words,
        length_words=length_words,
        ringgit=ringgit,
    )
