"""The form of the home page: what was typed, what is on offer, what is wrong and where."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo

from litestar import Response

from tambah.domain.catalog import Denomination
from tambah.domain.money import parse_ringgit, ringgit
from tambah.domain.numbering import NumberPlan, fold_msisdn
from tambah.domain.package import on_sale as on_sale_packages
from tambah.domain.refusals import (
    AmountMalformed,
    AmountOutOfRange,
    AmountTooPrecise,
    BalanceTooHigh,
    CodeAlreadyYours,
    CodeMistyped,
    CodeNotUsable,
    FormExpired,
    InternalError,
    LineBarred,
    LineExpired,
    LineNotActivated,
    LineSuspended,
    LineTerminated,
    NumberMalformed,
    NumberUnknown,
    PaymentMethodUnavailable,
    PaymentRefused,
    PaymentsOfDayReached,
    ProviderUnavailable,
    ReactivationTooLittle,
    Refusal,
    Unavailable,
)
from tambah.domain.state import TopUpSource
from tambah.domain.voucher import fold_code
from tambah.i18n import Texts
from tambah.portal.extras import tile_of
from tambah.store.articles import Shown
from tambah.web.errors import retry_header
from tambah.web.forms import mint_token, seal_notice
from tambah.web.pages import AnyRequest, Pages, asked_language
from tambah.web.site import Site
from tambah.web.status import status_of

CODE = "code"
OWN = "own"
"""What `amount` says besides an amount: a recharge code is typed, or an amount of one's own."""

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
AMOUNT_REFUSALS: tuple[type[Refusal], ...] = (
    AmountMalformed,
    AmountTooPrecise,
    AmountOutOfRange,
    BalanceTooHigh,
    ReactivationTooLittle,
    PaymentsOfDayReached,
)
METHOD_REFUSALS: tuple[type[Refusal], ...] = (
    PaymentMethodUnavailable,
    PaymentRefused,
    ProviderUnavailable,
)
MISTYPED: tuple[type[Refusal], ...] = (
    NumberMalformed,
    CodeMistyped,
    AmountMalformed,
    AmountTooPrecise,
    AmountOutOfRange,
    FormExpired,
)
"""What typing once more mends; about anything else one may have to ask customer care."""
_UNSURE = (Unavailable, InternalError)
"""Nobody knows what was done: the same token makes pressing again safe."""

_LENGTHS = {
    "number": 64,
    "code": 128,
    "amount": 16,
    "own": 32,
    "method": 16,
    "token": 256,
    "checked": 64,
    "notice": 1024,
    "focus": 16,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUpForm:
    """What was typed, as it was typed, and what the page carried.

    amount: of a tile, or `own`, or `code`; empty for a form that knows of codes only. token: of
    this drawing of the form. checked: proof that the check page showed this number. focus: the
    field that was to be changed.
    """

    number: str = ""
    code: str = field(default="", repr=False)
    amount: str = ""
    own: str = ""
    method: str = ""
    token: str = ""
    checked: str = ""
    notice: str = ""
    focus: str = ""

    @classmethod
    def read(cls, fields: Mapping[str, str]) -> "TopUpForm":
        """Take the form's fields, each cut to a length that people type."""
        return cls(**{name: fields.get(name, "")[:most] for name, most in _LENGTHS.items()})

    @property
    def has_code(self) -> bool:
        """Say whether it is a recharge code that is to be topped up with."""
        return self.amount in ("", CODE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A refusal at its place on the page: at number, code, amount or method, or at none.

    tries_left: wrong codes that whoever asks has left before they must wait; None where
    that is beside the point.
    """

    refusal: Refusal
    at: str
    tries_left: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """What can be paid for now. Micro-ringgit.

    tiles: denominations within the limits of a payment. least, most: of an amount of one's own.
    methods: (method, its fee), none where only recharge codes are taken.
    """

    tiles: list[Denomination]
    least_micros: int
    most_micros: int
    methods: list[tuple[str, int]]

    @property
    def usual_micros(self) -> int:
        """Return the amount that is chosen before anything was: the one in the middle."""
        return self.tiles[len(self.tiles) // 2].price_micros if self.tiles else 0


def offers_of(site: Site) -> Offers:
    """Return what can be paid for now, and how."""
    rule, own = site.rules.payments, site.rules.catalog.own_amount
    methods = site.payments.methods() if site.payments else []
    return Offers(
        tiles=[
            one
            for one in site.rules.catalog.on_sale(site.clock.now())
            if rule.least_micros <= one.price_micros <= rule.most_micros
        ],
        least_micros=max(own.least_micros, rule.least_micros),
        most_micros=min(own.most_micros, rule.most_micros),
        methods=[(method, rule.fee_micros(method)) for method in methods],
    )


def read_number_and_code(form: TopUpForm, plan: NumberPlan) -> tuple[list[Problem], int, str]:
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


def read_payment(
    form: TopUpForm, offers: Offers, plan: NumberPlan
) -> tuple[list[Problem], int, int]:
    """Read number, amount and method; return what is wrong with them, number and amount."""
    problems: list[Problem] = []
    msisdn, amount_micros = 0, 0
    try:
        msisdn = fold_msisdn(form.number, plan)
    except Refusal as refusal:
        problems.append(place(refusal))
    try:
        amount_micros = read_amount(form, offers)
    except Refusal as refusal:
        problems.append(place(refusal))
    if form.method not in [method for method, _ in offers.methods]:
        problems.append(place(PaymentMethodUnavailable()))
    return problems, msisdn, amount_micros


def read_amount(form: TopUpForm, offers: Offers) -> int:
    """Return the amount that was chosen or typed (micro-ringgit).

    Raises AmountMalformed, AmountTooPrecise, AmountOutOfRange.
    """
    if form.amount == OWN:
        amount_micros = parse_ringgit(fold_amount(form.own))
    else:
        amount_micros = parse_ringgit(form.amount)
        if any(one.price_micros == amount_micros for one in offers.tiles):
            return amount_micros
    if not offers.least_micros <= amount_micros <= offers.most_micros:
        raise AmountOutOfRange(
            least=ringgit(offers.least_micros), most=ringgit(offers.most_micros)
        )
    return amount_micros


def fold_amount(text: str) -> str:
    """Read what people write for an amount: `RM 25`, `25.5`, `1,000.00`, full-width digits."""
    folded = "".join(unicodedata.normalize("NFKC", text).split()).upper().removeprefix("RM")
    if re.fullmatch(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?", folded):
        folded = folded.replace(",", "")
    return folded.removesuffix(".")


def place(refusal: Refusal, tries_left: int | None = None) -> Problem:
    """Put a refusal where it belongs on the page."""
    if isinstance(refusal, NUMBER_REFUSALS):
        return Problem(refusal=refusal, at="number")
    if isinstance(refusal, CODE_REFUSALS):
        return Problem(refusal=refusal, at="code", tries_left=tries_left)
    if isinstance(refusal, AMOUNT_REFUSALS):
        return Problem(refusal=refusal, at="amount")
    if isinstance(refusal, METHOD_REFUSALS):
        return Problem(refusal=refusal, at="method")
    return Problem(refusal=refusal, at="")


def refuse(
    pages: Pages, request: AnyRequest, form: TopUpForm, problems: list[Problem]
) -> Response[bytes]:
    """Draw the form again with the reason. The token is a new one, but where nobody knows.

    When the world broke in the middle, the same token makes pressing again safe.
    """
    refusal = problems[0].refusal
    status = status_of(refusal) if status_of(refusal) in (429, 500, 503) else 422
    # A provider that did not answer may have heard: the next try is the same payment.
    keep = isinstance(refusal, (*_UNSURE, ProviderUnavailable))
    kept = replace(
        form,
        amount=form.amount or CODE,
        token=form.token if keep else "",
        checked="",
        notice="",
        focus="",
    )
    headers = retry_header(refusal, pages.site.clock.now())
    return draw_form(pages, request, kept, problems, status=status, headers=headers)


def draw_form(  # noqa: PLR0913 - what was typed, what was said, what stands beside
    pages: Pages,
    request: AnyRequest,
    form: TopUpForm,
    problems: list[Problem] | None = None,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    newest: Sequence[Shown] = (),
) -> Response[bytes]:
    """Draw the home page; after a POST it is never kept, for what was typed is on it.

    newest: offers and news to name beside the form.
    """
    site = pages.site
    now = site.clock.now()
    offers = offers_of(site)
    shown = [_fit(problem, offers) for problem in problems or []]
    on_sale = site.rules.catalog.on_sale(now)
    never_kept = {"cache-control": "no-store"} if request.method == "POST" else {}
    return pages.draw(
        request,
        "home.html",
        status=status,
        headers={**never_kept, **(headers or {})},
        form=_choose(form, offers),
        token=form.token or mint_token(site.keys, now),
        notice=seal_notice(site.keys, shown[0].refusal) if shown else "",
        problems=shown,
        by_field={problem.at: problem for problem in shown},
        say=without_lead,
        may_ask=any(not isinstance(p.refusal, MISTYPED) for p in shown),
        unsure=any(isinstance(p.refusal, Unavailable) for p in shown),
        policy=site.rules.validity,
        offers=offers,
        tiles=[tile_of(site, one, TopUpSource.PAYMENT) for one in offers.tiles],
        plain=ringgit,
        cards=[tile_of(site, one, TopUpSource.VOUCHER) for one in on_sale],
        differs=any(one.credit_micros != one.price_micros for one in on_sale),
        pattern=number_pattern(site.rules.numbers),
        asked=asked_language(request),
        newest=newest,
        sells_packages=bool(on_sale_packages(site.packages, now)),
    )


def _choose(form: TopUpForm, offers: Offers) -> TopUpForm:
    """Return the form with its choices made: an amount, a code where one was typed, a method."""
    if not offers.methods:
        return form
    usual = CODE if form.code else ringgit(offers.usual_micros) if offers.tiles else OWN
    return replace(form, amount=form.amount or usual, method=form.method or offers.methods[0][0])


def _fit(problem: Problem, offers: Offers) -> Problem:
    """Return a problem at no field where the page has not got the field."""
    if problem.at in ("amount", "method") and not offers.methods:
        return replace(problem, at="")
    return problem


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
