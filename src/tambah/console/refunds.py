"""`/console/payments/{reference}/refund`: what a refund would do, then the refund.

The consequences come first, always: the form that does it is drawn with them, and does nothing
when they have changed since.
"""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from tambah.console.acts import ask_once
from tambah.console.facts import PAYMENTS, Fact, Wording
from tambah.console.guard import reaches, signed_in
from tambah.console.pages import ConsolePages
from tambah.console.payment_desk import require_payment
from tambah.console.proving import require_fresh
from tambah.desks.refunding import Ahead, Asking, foresee, takes_two
from tambah.domain.actor import Actor
from tambah.domain.commands import RefundPayment
from tambah.domain.money import parse_ringgit
from tambah.domain.payment import PaymentAccount, show_reference
from tambah.domain.payment_changes import left_micros
from tambah.domain.refusals import ReasonMissing, Refusal
from tambah.domain.staff import Permission
from tambah.engine.approving.asks import ask_refund
from tambah.engine.operator import alone_up_to
from tambah.engine.staff import actor_of
from tambah.store.views.payments import PaymentView
from tambah.web.forms import check_token, mint_token, read_form
from tambah.web.pages import AnyRequest
from tambah.web.site import Site
from tambah.web.status import status_of

_CALLER = "console"
_MOST_TYPED = 200
_OPT = reaches(Permission.PAYMENTS_WRITE)
_ONE = f"{PAYMENTS}/{{reference:str}}/refund"
_LOOKING = Actor(who="console", why="looking ahead")


def refund_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of a refund."""
    site = pages.site

    @get(_ONE, opt=_OPT, include_in_schema=False)
    async def look_ahead(request: AnyRequest, reference: FromPath[str]) -> Response[Any]:
        """Say what a refund would do: of the amount that is asked for, or of all."""
        require_fresh(request)
        view = await require_payment(site, reference)
        return await _draw(pages, request, view, dict(request.query_params.items()))

    @post(_ONE, status_code=200, opt=_OPT, include_in_schema=False)
    async def refund(request: AnyRequest, reference: FromPath[str]) -> Response[Any]:
        """Refund what was shown; its provider is asked at once, and by the poller after that."""
        require_fresh(request)
        view, fields = await require_payment(site, reference), await read_form(request)
        now, token = site.clock.now(), fields.get("token", "")
        why = fields.get("why", "")[:_MOST_TYPED].strip()
        try:
            check_token(site.keys, token, now)
            if not why:
                raise ReasonMissing
            actor = actor_of(signed_in(request).staff, why)
            command = _command(view, fields, actor, f"refund:{token}")
            ahead = await foresee(site.database, site.rules, command, now)
            # A refusal is left to the engine: what was done before under this token is not again.
            if isinstance(ahead, Ahead) and str(ahead.refund_micros) != fields.get("shown", ""):
                return await _draw(pages, request, view, fields, has_changed=True)
            if isinstance(ahead, Ahead) and await _takes_two(site, command, ahead):
                wanted = ask_refund(command, view, ahead.refund_micros, ahead.at_cost_micros)
                return await ask_once(pages, request, wanted, actor, fields)
            stands = await site.engine.submit(command)
        except Refusal as refusal:
            return await _draw(pages, request, view, fields, refusal)
        if site.payments is not None:
            refund_no = stands.refund_no or 0
            await site.payments.send_refund(view.line_id, view.payment_no, refund_no)
        return pages.redirect(request, f"{PAYMENTS}/{view.reference}#refunds")

    return [look_ahead, refund]


def _command(
    view: PaymentView, fields: dict[str, str], actor: Actor, request_key: str
) -> RefundPayment:
    """Return the refund that is asked for; no amount is all. Raises AmountMalformed."""
    typed, forgives = fields.get("amount", "").strip()[:_MOST_TYPED], "forgive" in fields
    amount = parse_ringgit(typed.removeprefix("RM").strip()) if typed else None
    if amount is None and forgives:
        amount = _left(view) or None
    return RefundPayment(
        caller=_CALLER,
        request_key=request_key,
        line_id=view.line_id,
        payment_no=view.payment_no,
        amount_micros=amount,
        forgive_spent=forgives,
        actor=actor,
    )


async def _takes_two(site: Site, command: RefundPayment, ahead: Ahead) -> bool:
    desk = Asking(database=site.database, rules=site.rules, keys=site.keys, now=site.clock.now())
    return await takes_two(desk, command, ahead, alone_micros=alone_up_to(site.operator.console))


def _left(view: PaymentView) -> int:
    return left_micros(PaymentAccount(payment=view.payment, refunds=view.refunds))


async def _draw(
    pages: ConsolePages,
    request: AnyRequest,
    view: PaymentView,
    fields: dict[str, str],
    refusal: Refusal | None = None,
    *,
    has_changed: bool = False,
) -> Response[Any]:
    site = pages.site
    now, say = site.clock.now(), Wording(site, pages.speak(request))
    ahead: Ahead | Refusal
    is_for_two = False
    try:
        command = _command(view, fields, _LOOKING, "ahead")
        ahead = await foresee(site.database, site.rules, command, now)
        if isinstance(ahead, Ahead):
            is_for_two = await _takes_two(site, command, ahead)
    except Refusal as malformed:
        ahead = malformed
    told = refusal or (ahead if isinstance(ahead, Refusal) else None)
    foreseen = ahead if isinstance(ahead, Ahead) else None
    return pages.draw(
        request,
        "refund.html",
        status=status_of(told) if told else 409 if has_changed else 200,
        view=view,
        name=show_reference(view.reference),
        number=say.number(view.msisdn),
        left=say.money(_left(view)),
        ahead=_told(foreseen, say) if foreseen else [],
        shown=foreseen.refund_micros if foreseen else None,
        goes_back=say.money(foreseen.refund_micros) if foreseen else "",
        takes_two=is_for_two,
        refusal=told,
        has_changed=has_changed,
        token=mint_token(site.keys, now),
        amount=fields.get("amount", "")[:_MOST_TYPED],
        forgives="forgive" in fields,
        why=fields.get("why", "")[:_MOST_TYPED],
    )


def _told(ahead: Ahead, say: Wording) -> list[Fact]:
    """Return the consequences, each with its amount."""
    facts = [
        Fact("goes_back", say.money(ahead.refund_micros)),
        Fact("from_credit", say.money(ahead.from_credit_micros)),
    ]
    if ahead.bonus_micros:
        facts.append(Fact("bonus_back", say.money(ahead.bonus_micros)))
    if ahead.at_cost_micros:
        facts.append(Fact("at_cost", say.money(ahead.at_cost_micros)))
    if ahead.stays_micros:
        facts.append(Fact("stays", say.money(ahead.stays_micros)))
    return [
        *facts,
        Fact("credit_now", say.money(ahead.balance_before_micros)),
        Fact("credit_then", say.money(ahead.balance_after_micros)),
        Fact("active_then", say.last_day(ahead.active_until)),
    ]
