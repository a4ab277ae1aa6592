"""`/` and `/topup`: a number and a recharge code in, credit out."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from litestar import Response, get, post

from tambah.domain.commands import RedeemVoucher
from tambah.domain.guessing import Audience, lock_minutes, tries_left
from tambah.domain.line import LANGUAGE_BY_TAG
from tambah.domain.numbering import NumberPlan, fold_msisdn
from tambah.domain.refusals import (
    CodeAlreadyYours,
    CodeMistyped,
    CodeNotUsable,
    InternalError,
    LineBarred,
    LineExpired,
    LineNotActivated,
    LineSuspended,
    LineTerminated,
    NumberMalformed,
    NumberUnknown,
    Refusal,
    Unavailable,
)
from tambah.domain.voucher import fold_code
from tambah.i18n import Texts
from tambah.portal.results import page_digest
from tambah.store.views.lines import read_line
from tambah.web.address import client_address, parse_proxies
from tambah.web.errors import note_incident, retry_header
from tambah.web.forms import check_token, mint_token, open_notice, read_form, seal_notice
from tambah.web.pages import AnyRequest, Pages, asked_language
from tambah.web.status import status_of

CALLER = "web"

NUMBER_REFUSALS: tuple[type[Refusal], ...] = (
    NumberMalformed,
    NumberUnknown,
    LineNotActivated,
    LineExpired,
    LineTerminated,
    LineBarred,
    LineSuspended,
)
CODE_REFUSALS: tuple[type[Refusal], ...] = (CodeMistyped, CodeNotUsable, CodeAlreadyYours)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUpForm:
    """What was typed, as it was typed, and the token that the page carried."""

    number: str = ""
    code: str = field(default="", repr=False)
    token: str = ""
    notice: str = ""

    @classmethod
    def read(cls, fields: Mapping[str, str]) -> "TopUpForm":
        """Take the form's fields, each cut to a length that people type."""
        return cls(
            number=fields.get("number", "")[:64],
            code=fields.get("code", "")[:128],
            token=fields.get("token", "")[:256],
            notice=fields.get("notice", "")[:1024],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A refusal at its place on the page: at the number, at the code, or at neither.

    tries_left: wrong codes that the line's guests have left before they must wait; None where
    that is beside the point.
    """

    refusal: Refusal
    at: str
    tries_left: int | None = None


def topup_routes(pages: Pages) -> list[Any]:
    """Return the handlers of the home page and of what its form sends."""
    proxies = parse_proxies(pages.site.trusted_proxies)

    @get("/", include_in_schema=False)
    async def show_home(request: AnyRequest) -> Response[bytes]:
        return draw_form(pages, request, TopUpForm())

    @post("/", status_code=200, include_in_schema=False)
    async def switch_language(request: AnyRequest) -> Response[bytes]:
        """Draw the form again in another language, with what was typed and what was said."""
        form = TopUpForm.read(await read_form(request))
        refusal = open_notice(pages.site.keys, form.notice)
        problems = [place(refusal)] if refusal else []
        return draw_form(pages, request, form, problems, status=200)

    @get("/topup", include_in_schema=False)
    async def send_home(request: AnyRequest) -> Response[None]:
        return pages.redirect(request, "/")

    @post("/topup", status_code=200, include_in_schema=False)
    async def top_up(request: AnyRequest) -> Response[Any]:
        form = TopUpForm.read(await read_form(request))
        address = client_address(
            request.client.host if request.client else None,
            request.headers.getall("x-forwarded-for", []),
            proxies,
        )
        source = pages.site.keys.digest("source", "address", address)
        return await redeem(pages, request, form, source)

    return [show_home, switch_language, send_home, top_up]


async def redeem(
    pages: Pages, request: AnyRequest, form: TopUpForm, source: bytes
) -> Response[Any]:
    """Redeem what was typed; send to the result's page, or draw the form again with the reason.

    The key of the request is made of the form's token and what was typed: pressing twice, sending
    again or going back and pressing once more is one top-up with one address, and another card
    typed into a page gone back to is another.
    """
    site = pages.site
    problems, msisdn, digits = read_fields(form, site.rules.numbers)
    if problems:
        return refuse(pages, request, form, problems)
    parts = (form.token, str(msisdn), digits)
    result_token = spell(site.keys.digest("result", *parts))
    try:
        check_token(site.keys, form.token, site.clock.now())
        await site.engine.submit(
            RedeemVoucher(
                caller=CALLER,
                request_key=site.keys.digest("web key", *parts).hex(),
                msisdn=msisdn,
                digits=digits,
                audience=Audience.GUEST,
                source=source,
                page_token=page_digest(pages, result_token),
                language=LANGUAGE_BY_TAG[pages.speak(request).tag],
            )
        )
    except Refusal as refusal:
        left = await count_tries_left(pages, refusal, msisdn)
        return refuse(pages, request, form, [place(refusal, left)])
    except Exception as error:  # noqa: BLE001 - the form keeps what was typed, whatever broke
        incident = note_incident(error, request.url.path)
        return refuse(pages, request, form, [place(incident)])
    return pages.redirect(request, f"/topup/result/{result_token}")


def read_fields(form: TopUpForm, plan: NumberPlan) -> tuple[list[Problem], int, str]:
    """Fold both fields; return what is wrong with them, the number and the code's digits."""
    problems: list[Problem] = []
    msisdn, digits = 0, ""
    try:
        msisdn = fold_msisdn(form.number, plan)
    except Refusal as refusal:
        problems.append(place(refusal))
    try:
        digits = fold_code(form.code)
    except Refusal as refusal:
        problems.append(place(refusal))
    return problems, msisdn, digits


def place(refusal: Refusal, tries_left: int | None = None) -> Problem:
    """Put a refusal where it belongs on the page."""
    if isinstance(refusal, NUMBER_REFUSALS):
        return Problem(refusal=refusal, at="number")
    if isinstance(refusal, CODE_REFUSALS):
        return Problem(refusal=refusal, at="code", tries_left=tries_left)
    return Problem(refusal=refusal, at="")


async def count_tries_left(pages: Pages, refusal: Refusal, msisdn: int) -> int | None:
    """Return how many tries guests of the line have left; None unless the code was at fault.

    0 when this try was the one that locked the line.
    """
    if not isinstance(refusal, CodeNotUsable):
        return None
    rule = pages.site.rules.guessing
    account = await read_line(pages.site.database, msisdn)
    if account is None:
        return None
    if lock_minutes(account.line.guest_wrong, rule):
        return 0
    return tries_left(account.line, Audience.GUEST, rule)


def refuse(
    pages: Pages, request: AnyRequest, form: TopUpForm, problems: list[Problem]
) -> Response[bytes]:
    """Draw the form again with the reason. The token is a new one, but where nobody knows.

    When the world broke in the middle, the same token makes pressing again safe.
    """
    refusal = problems[0].refusal
    status = status_of(refusal) if status_of(refusal) in (429, 500, 503) else 422
    keep = isinstance(refusal, Unavailable | InternalError)
    kept = TopUpForm(number=form.number, code=form.code, token=form.token if keep else "")
    headers = retry_header(refusal, pages.site.clock.now())
    return draw_form(pages, request, kept, problems, status=status, headers=headers)


def draw_form(
    pages: Pages,
    request: AnyRequest,
    form: TopUpForm,
    problems: list[Problem] | None = None,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response[bytes]:
    """Draw the home page; after a POST it is never kept, for what was typed is on it."""
    site = pages.site
    now = site.clock.now()
    shown = problems or []
    on_sale = site.rules.catalog.on_sale(now)
    never_kept = {"cache-control": "no-store"} if request.method == "POST" else {}
    return pages.draw(
        request,
        "home.html",
        status=status,
        headers={**never_kept, **(headers or {})},
        form=form,
        token=form.token or mint_token(site.keys, now),
        notice=seal_notice(site.keys, shown[0].refusal) if shown else "",
        problems=shown,
        by_field={problem.at: problem for problem in shown},
        say=without_lead,
        unsure=any(isinstance(p.refusal, Unavailable) for p in shown),
        policy=site.rules.validity,
        denominations=on_sale,
        differs=any(one.credit_micros != one.price_micros for one in on_sale),
        pattern=number_pattern(site.rules.numbers),
        asked=asked_language(request),
    )


def without_lead(texts: Texts, refusal: Refusal, zone: tzinfo) -> str:
    """Return a refusal's sentences but for the first where the page's heading has said it."""
    said = texts.refusal(refusal, zone)
    return said.removeprefix(texts.get("portal.home.untouched")).strip()


def number_pattern(plan: NumberPlan) -> str:
    """Return a regular expression of well-formed numbers, for the check while typing."""
    prefixes = "|".join(plan.mobile_prefixes)
    lengths = "|".join(f".{{{length}}}" for length in plan.national_lengths)
    code, trunk = plan.country_code, plan.trunk_prefix
    return rf"^(?:(?:\+|00)?{code})?(?:{trunk})?(?=(?:{prefixes}))(?=(?:{lengths})$)[0-9]+$"


def spell(raw: bytes) -> str:
    """Write a digest so that it can stand in an address: lower-case letters and digits 2 to 7."""
    return base64.b32encode(raw).decode().rstrip("=").lower()
