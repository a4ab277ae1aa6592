"""`/topup/result/{token}`: the lasting, unguessable address of a top-up or a payment."""

from dataclasses import replace
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from tambah.domain.money import ringgit
from tambah.domain.numbering import mask_msisdn, show_msisdn
from tambah.domain.payment import OPEN_STATES, show_reference
from tambah.domain.refusals import PageNotFound
from tambah.i18n import Texts
from tambah.payments.bank import BankInstructions, bank_instructions
from tambah.payments.names import read_payment_id
from tambah.portal.addresses import PAYMENT_NAME, TOKEN, own_path, page_digest, result_path
from tambah.portal.extras import given_extras
from tambah.portal.forms import OWN, TopUpForm, draw_form, offers_of
from tambah.portal.look_ups import LookUps
from tambah.portal.paying import check
from tambah.portal.payment_page import ENDED_UNPAID, PageState, Said, page_state
from tambah.store.views.payments import PaymentPage, payment_at, read_page
from tambah.store.views.receipts import Receipt, receipt_at
from tambah.web.forms import read_form
from tambah.web.pages import AnyRequest, Pages, keep_language
from tambah.web.visitors import Visitors

_HEADERS = {"cache-control": "no-store", "x-robots-tag": "noindex"}


def result_routes(pages: Pages, look_ups: LookUps) -> list[Any]:
    """Return the handlers of a result page, and of its way to another try."""
    visitors = Visitors(pages.site)

    @get("/topup/result/{token:str}", include_in_schema=False)
    async def show_result(request: AnyRequest, token: FromPath[str]) -> Response[bytes]:
        if TOKEN.fullmatch(token):
            receipt = await receipt_at(pages.site.database, page_digest(pages.site, token))
            if receipt is not None:
                return draw_receipt(pages, request, receipt)
        page = await look_at_payment(pages, token)
        return draw_payment(pages, request, page, token)

    @post("/topup/result/{token:str}", status_code=200, include_in_schema=False)
    async def try_again(request: AnyRequest, token: FromPath[str]) -> Response[Any]:
        """Go on with the number and the amount of a payment that came to nothing."""
        page = await find_page(pages, token)
        if _state(pages, page).said not in ENDED_UNPAID:
            return pages.redirect(request, result_path(token))
        form = _form_of(pages, page)
        if "other" in await read_form(request):
            return draw_form(pages, request, replace(form, focus="method"))
        return await check(pages, look_ups, request, form, visitors.source(request))

    return [show_result, try_again]


async def look_at_payment(pages: Pages, token: str) -> PaymentPage:
    """Return the payment at an address, its provider asked first while it is open.

    Raises PageNotFound.
    """
    page = await find_page(pages, token)
    if pages.site.payments is None or page.payment.state not in OPEN_STATES:
        return page
    await pages.site.payments.glance(page.payment)
    return await find_page(pages, token)


async def find_page(pages: Pages, token: str) -> PaymentPage:
    """Return the payment at an address of either kind. Raises PageNotFound."""
    site, page = pages.site, None
    if TOKEN.fullmatch(token):
        page = await payment_at(site.database, page_digest(site, token))
    elif PAYMENT_NAME.fullmatch(token):
        key = read_payment_id(site.keys, token)
        page = await read_page(site.database, *key) if key else None
    if page is None:
        raise PageNotFound
    return page


def said_of(pages: Pages, page: PaymentPage) -> Said:
    """Return what the page of a payment says now."""
    return _state(pages, page).said


def draw_receipt(pages: Pages, request: AnyRequest, receipt: Receipt) -> Response[bytes]:
    """Draw the page of a top-up with a recharge code."""
    site = pages.site
    last_day = site.rules.validity.last_day
    return pages.draw(
        request,
        "result.html",
        headers=_HEADERS,
        stored=receipt.language.tag if receipt.language else "",
        receipt=receipt,
        number=mask_msisdn(receipt.msisdn, site.rules.numbers),
        active_until=last_day(receipt.active_until),
        gained=given_extras(receipt, site.rules.validity),
    )


def draw_payment(
    pages: Pages, request: AnyRequest, page: PaymentPage, token: str
) -> Response[bytes]:
    """Draw the page of a payment, whatever became of it."""
    site, receipt = pages.site, page.receipt
    last_day = site.rules.validity.last_day
    stored = page.language.tag if page.language else ""
    state = _state(pages, page)
    return pages.draw(
        request,
        "payment.html",
        headers=_HEADERS,
        stored=stored,
        payment=page.payment,
        receipt=receipt,
        state=state,
        pay_path=own_path(site, state.pay_url),
        token=token,
        may_ask=state.said is not Said.DONE,
        again_path=keep_language(request, result_path(token)),
        reference=show_reference(page.payment.reference),
        number=mask_msisdn(page.msisdn, site.rules.numbers),
        active_until=last_day(receipt.active_until) if receipt else None,
        gained=given_extras(receipt, site.rules.validity) if receipt else [],
        bank=_instructions(pages, page, state, pages.speak(request, stored)),
        can_pay=bool(offers_of(site).methods),
    )


def _state(pages: Pages, page: PaymentPage) -> PageState:
    rules = pages.site.rules
    return page_state(page, rules.payments, rules.validity, pages.site.clock.now())


def _instructions(
    pages: Pages, page: PaymentPage, state: PageState, spoken: Texts
) -> BankInstructions | None:
    """Return what a bank transfer needs, None for a payment that is none or is over."""
    bank = pages.site.operator.bank
    if state.said is not Said.BANK or bank is None:
        return None
    return bank_instructions(
        bank,
        page.payment.reference,
        page.payment.total_micros,
        title=spoken.get("portal.pay.qr"),
    )


def _form_of(pages: Pages, page: PaymentPage) -> TopUpForm:
    """Return the home page's form as it was filled in for a payment."""
    offers = offers_of(pages.site)
    price_micros = page.payment.price_micros
    amount = ringgit(price_micros)
    is_tile = any(one.price_micros == price_micros for one in offers.tiles)
    return TopUpForm(
        number=show_msisdn(page.msisdn, pages.site.rules.numbers),
        amount=amount if is_tile else OWN,
        own="" if is_tile else amount,
        method=page.payment.method,
    )
