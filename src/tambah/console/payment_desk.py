"""`/console/payments/{reference}`: a payment, what its provider said, asking again, refunding."""

from __future__ import annotations

import re
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from tambah.console.actions import name_action
from tambah.console.facts import LINES, PAYMENTS, Fact, Wording
from tambah.console.guard import reaches, signed_in
from tambah.console.pages import ConsolePages
from tambah.domain.payment import (
    PaymentAccount,
    PaymentState,
    ProviderId,
    fold_reference,
    show_reference,
)
from tambah.domain.payment_changes import left_micros
from tambah.domain.refusals import PaymentUnknown, ProviderUnavailable
from tambah.domain.staff import Permission
from tambah.engine.staff import actor_of
from tambah.payments.asking import ask_again
from tambah.store.payment_inbox import events_of
from tambah.store.views.console import acts_on_payment, number_of_line
from tambah.store.views.payments import PaymentView, find_payment
from tambah.web.pages import AnyRequest
from tambah.web.site import Site

_ACTS = _EVENTS = 30
_WORD = re.compile(r"[a-z][a-z_]{0,40}")
_ONE = f"{PAYMENTS}/{{reference:str}}"


def payment_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of a payment's page."""
    site = pages.site

    @get(_ONE, opt=reaches(Permission.PAYMENTS_READ), include_in_schema=False)
    async def show_payment(request: AnyRequest, reference: FromPath[str]) -> Response[Any]:
        view = await require_payment(site, reference)
        say, me = Wording(site, pages.speak(request)), signed_in(request)
        asked = request.query_params.get("asked", "")
        may_write = me.may(Permission.PAYMENTS_WRITE)
        return pages.draw(
            request,
            "payment.html",
            view=view,
            name=show_reference(view.reference),
            state=view.state.name.lower(),
            facts=await payment_facts(site, view, say),
            events=await events_of(site.database, view.line_id, view.payment_no, _EVENTS),
            acts=await acts_on_payment(site.database, view.line_id, view.reference, _ACTS),
            name_action=name_action,
            # The bank cannot be asked: its statements tell.
            may_ask=may_write and site.payments is not None and view.provider != ProviderId.BANK,
            may_refund=may_write and is_refundable(view),
            asked_word=asked if _WORD.fullmatch(asked) else "",
        )

    @post(
        f"{_ONE}/ask",
        status_code=200,
        opt=reaches(Permission.PAYMENTS_WRITE),
        include_in_schema=False,
    )
    async def ask(request: AnyRequest, reference: FromPath[str]) -> Response[Any]:
        """Ask the provider how the payment stands. Raises ProviderUnavailable."""
        view = await require_payment(site, reference)
        if site.payments is None or view.provider is ProviderId.BANK:
            raise ProviderUnavailable
        actor = actor_of(signed_in(request).staff)
        word = await ask_again(site.database, site.payments, view, actor)
        return pages.redirect(request, f"{PAYMENTS}/{view.reference}?asked={word}")

    return [show_payment, ask]


async def require_payment(site: Site, typed: str) -> PaymentView:
    """Return a payment by its reference. Raises PaymentUnknown."""
    view = await find_payment(site.database, fold_reference(typed) or "")
    if view is None:
        raise PaymentUnknown
    return view


def is_refundable(view: PaymentView) -> bool:
    """Say whether there is anything of a payment to send back."""
    account = PaymentAccount(payment=view.payment, refunds=view.refunds)
    return view.state is not PaymentState.DISPUTED and left_micros(account) > 0


async def payment_facts(site: Site, view: PaymentView, say: Wording) -> list[Fact]:
    """Return what is true of a payment."""
    payment = view.payment
    facts = [
        await _owner(site, payment.line_id, view.msisdn, say),
        Fact("pays", say.money(payment.total_micros)),
        Fact("method", say.texts.get(f"portal.method.{payment.method}")),
        Fact("provider", say.texts.get(f"console.provider.{view.provider.name.lower()}")),
        Fact("opened", say.when(payment.created_at)),
        Fact("paid", say.when(payment.paid_at)),
        Fact("received", say.money(payment.received_micros)),
    ]
    if payment.held_micros:
        facts.append(Fact("held", say.money(payment.held_micros)))
    if payment.refunded_micros:
        facts.append(Fact("refunded", say.money(payment.refunded_micros)))
    if payment.topup_no is not None:
        facts.append(Fact("became", say.texts.get("console.topup", n=payment.topup_no)))
    if payment.provider_ref:
        facts.append(Fact("provider_ref", payment.provider_ref))
    if payment.reason:
        facts.append(Fact("reason", payment.reason))
    return facts


async def _owner(site: Site, line_id: int, msisdn: int, say: Wording) -> Fact:
    """Return the number of a record's line; it leads there while it is still that line's."""
    current = await number_of_line(site.database, line_id)
    return Fact("number", say.number(msisdn), f"{LINES}/{current}" if current else "")
