"""From the form to the provider: the check page, and the button that pays."""

import hmac
from dataclasses import dataclass, replace
from typing import Any

from litestar import Response, post

from tambah.domain.catalog import Denomination
from tambah.domain.line import extend_line, reactivation_fee, require_covers_return
from tambah.domain.numbering import show_msisdn
from tambah.domain.promotion import apply, facts_of
from tambah.domain.refusals import PaymentMethodUnavailable, Refusal
from tambah.domain.state import TopUpSource
from tambah.payments.desk import OpenRequest, PaymentDesk
from tambah.payments.names import payment_id
from tambah.portal.addresses import own_path, result_path, result_token
from tambah.portal.extras import promised_extras
from tambah.portal.forms import TopUpForm, offers_of, place, read_payment, refuse
from tambah.portal.look_ups import Found, LookUps
from tambah.web.errors import note_incident
from tambah.web.forms import check_token, mint_token, read_form
from tambah.web.pages import AnyRequest, Pages, asked_language
from tambah.web.site import Site
from tambah.web.visitors import Visitors


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is about to be paid for: a number, an amount (micro-ringgit), by which method."""

    msisdn: int
    amount_micros: int
    method: str


def paying_routes(pages: Pages, look_ups: LookUps, desk: PaymentDesk) -> list[Any]:
    """Return the handler of the check page's button."""
    visitors = Visitors(pages.site)

    @post("/topup/pay", status_code=200, include_in_schema=False)
    async def pay(request: AnyRequest) -> Response[Any]:
        """Open the payment and send the payer to where it is paid."""
        form = TopUpForm.read(await read_form(request))
        problems, wish = read_wish(pages.site, form)
        if wish is None:
            return refuse(pages, request, form, problems)
        mark = checked_mark(pages.site, form, wish)
        if not hmac.compare_digest(form.checked.encode(), mark.encode()):
            # Nobody gets round the look that the check page costs.
            return await check(pages, look_ups, request, form, visitors.source(request))
        return await open_payment(pages, desk, request, form, wish)

    return [pay]


def read_wish(site: Site, form: TopUpForm) -> tuple[list[Any], Wish | None]:
    """Read the form; return what is wrong with it, or what is wished for."""
    problems, msisdn, amount_micros = read_payment(form, offers_of(site), site.rules.numbers)
    if problems:
        return problems, None
    return [], Wish(msisdn=msisdn, amount_micros=amount_micros, method=form.method)


async def check(
    pages: Pages, look_ups: LookUps, request: AnyRequest, form: TopUpForm, source: bytes
) -> Response[Any]:
    """Draw the check page for what was typed, or the form again with the reason."""
    site = pages.site
    problems, wish = read_wish(site, form)
    if wish is None:
        return refuse(pages, request, form, problems)
    try:
        offer = site.rules.catalog.offer(wish.amount_micros, site.clock.now())
        found = await look_ups.ask(wish.msisdn, source)
        require_covers_return(found.view.line, offer.credit_micros, site.rules.life)
    except Refusal as refusal:
        return refuse(pages, request, form, [place(refusal)])
    except Exception as error:  # noqa: BLE001 - the form keeps what was typed, whatever broke
        return refuse(pages, request, form, [place(note_incident(error, request.url.path))])
    return draw_check(pages, request, form, wish, offer, found)


def draw_check(
    pages: Pages,
    request: AnyRequest,
    form: TopUpForm,
    wish: Wish,
    offer: Denomination,
    found: Found,
) -> Response[bytes]:
    """Draw the check page. It may be gone back to, so it is kept, but by this browser alone.

    It does not vary with the cookie: the provider's way back asks for a language, which sets it,
    and a browser would then not find the page that it has (it cannot ask again for a POST).
    """
    site = pages.site
    rules, view = site.rules, found.view
    drawn = form if form.token else replace(form, token=mint_token(site.keys, site.clock.now()))
    given = apply(site.promotions, offer, facts_of(view.line, TopUpSource.PAYMENT), view.at)
    valid_days = offer.valid_days + given.valid_days
    after = extend_line(view.line, valid_days, rules.life, rules.validity, view.at)
    fee_micros = rules.payments.fee_micros(wish.method)
    return pages.draw(
        request,
        "check.html",
        headers={"vary": "accept-language"},
        form=drawn,
        checked=checked_mark(site, drawn, wish),
        number=show_msisdn(wish.msisdn, rules.numbers),
        name=found.name,
        offer=offer,
        gained=promised_extras(offer, given),
        fee_micros=fee_micros,
        reactivation_micros=reactivation_fee(view.line, rules.life),
        total_micros=offer.price_micros + fee_micros,
        active_until=rules.validity.last_day(after.active_until or view.at),
        asked=asked_language(request),
    )


def checked_mark(site: Site, form: TopUpForm, wish: Wish) -> str:
    """Return the proof that the check page showed this wish under this form's token."""
    parts = (form.token, str(wish.msisdn), str(wish.amount_micros), wish.method)
    return site.keys.digest("checked", *parts).hex()


async def open_payment(
    pages: Pages, desk: PaymentDesk, request: AnyRequest, form: TopUpForm, wish: Wish
) -> Response[Any]:
    """Open the payment that the form's token and content name; pressing again is the same one."""
    site = pages.site
    parts = (form.token, str(wish.msisdn), str(wish.amount_micros), wish.method)
    token = result_token(site, *parts)
    try:
        check_token(site.keys, form.token, site.clock.now())
        if wish.method not in desk.methods():
            raise PaymentMethodUnavailable
        opened = await desk.open(
            OpenRequest(
                token=form.token,
                msisdn=wish.msisdn,
                amount_micros=wish.amount_micros,
                method=wish.method,
                tag=pages.speak(request).tag,
                result_token=token,
            )
        )
    except Refusal as refusal:
        return refuse(pages, request, form, [place(refusal)])
    except Exception as error:  # noqa: BLE001 - the form keeps what was typed, whatever broke
        return refuse(pages, request, form, [place(note_incident(error, request.url.path))])
    if opened.pay_url is None:
        stands = opened.stands
        named = payment_id(site.keys, stands.line_id, stands.payment_no)
        return pages.redirect(request, result_path(named))
    return Response(
        None,
        status_code=303,
        headers={"location": own_path(site, opened.pay_url), "cache-control": "no-store"},
    )
