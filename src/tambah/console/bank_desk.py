"""`/console/bank`: entries of bank statements that wait for a person: matched, or put aside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from tambah.console.facts import DEALERS, PAYMENTS, Fact, Wording
from tambah.console.guard import reaches, signed_in
from tambah.console.list_pages import More
from tambah.console.lists import Asked
from tambah.console.pages import ConsolePages
from tambah.console.proving import require_fresh
from tambah.console.request_facts import wanted_facts
from tambah.console.requests import REQUESTS
from tambah.domain.actor import Actor
from tambah.domain.floats import partner_of
from tambah.domain.payment import fold_reference, show_reference
from tambah.domain.refusals import DealerUnknown, PageNotFound, Refusal
from tambah.domain.staff import Permission
from tambah.engine.approving import file
from tambah.engine.approving.of_dealers import ask_bank_float
from tambah.engine.operator import alone_up_to
from tambah.engine.staff import actor_of
from tambah.i18n import Texts
from tambah.payments.bank import BankDesk, QueuedEntry
from tambah.store.bank import BankRow, queued_entries
from tambah.store.views.payments import find_payment
from tambah.web.forms import fold_digits, read_form
from tambah.web.pages import AnyRequest
from tambah.web.site import Site
from tambah.web.status import status_of

BANK = "/console/bank"
REASONS_SHOWN = frozenset(
    {
        "batch_unclear",
        "duplicate",
        "no_reference",
        "other_account",
        "other_currency",
        "other_provider",
        "overpaid",
        "paid_before",
        "refund_differs",
        "refund_returned",
        "refund_told_before",
        "refund_unexpected",
        "reversal",
        "several_references",
        "several_refunds",
        "status_unclear",
        "underpaid",
        "unknown_reference",
    }
)
"""Why an entry waits, as far as there are words for it: a text `console.bank.reason.<word>`."""

_SHOWN = 50
_MOST_TYPED = 200
_MOST_DIGITS = 18
_TYPED = ("reference", "dealer", "why")
_READ, _WRITE = reaches(Permission.PAYMENTS_READ), reaches(Permission.PAYMENTS_WRITE)
_ONE = f"{BANK}/{{entry:str}}"


def beside_payments(pages: ConsolePages) -> More:
    """Return what stands above the list of payments: how many bank entries wait."""

    async def beside(_request: AnyRequest, _asked: Asked) -> Mapping[str, object]:
        if pages.site.operator.bank is None:
            return {"waiting": None}
        return {"waiting": (await queued_entries(pages.site.database, limit=1))[1]}

    return beside


def bank_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of bank entries."""
    site = pages.site

    @get(BANK, opt=_READ, include_in_schema=False)
    async def show_queue(request: AnyRequest) -> Response[Any]:
        waiting, count = await require_bank(site).queue(limit=_SHOWN)
        say = Wording(site, pages.speak(request))
        return pages.draw(
            request,
            "bank.html",
            entries=[_shown(one, say) for one in waiting],
            count=count,
            may_write=signed_in(request).may(Permission.PAYMENTS_WRITE),
        )

    @get(_ONE, opt=_WRITE, include_in_schema=False)
    async def show_entry(request: AnyRequest, entry: FromPath[str]) -> Response[Any]:
        """Say what matching the entry with a reference would do; nothing is done yet."""
        require_fresh(request)
        reference = request.query_params.get("reference", "")[:_MOST_TYPED].strip()
        dealer = request.query_params.get("dealer", "")[:_MOST_TYPED].strip()
        row = await require_bank(site).entry(entry)
        return await _draw(pages, request, row, reference, dealer=dealer)

    @post(f"{_ONE}/match", status_code=200, opt=_WRITE, include_in_schema=False)
    async def match(request: AnyRequest, entry: FromPath[str]) -> Response[Any]:
        row, fields = await _begin(site, request, entry)
        try:
            stands = await require_bank(site).match(
                row.name, fields["reference"], _actor(request, fields)
            )
        except Refusal as refusal:
            return await _draw(pages, request, row, fields["reference"], refusal)
        return pages.redirect(request, f"{PAYMENTS}/{stands.reference}")

    @post(f"{_ONE}/ignore", status_code=200, opt=_WRITE, include_in_schema=False)
    async def ignore(request: AnyRequest, entry: FromPath[str]) -> Response[Any]:
        row, fields = await _begin(site, request, entry)
        try:
            await require_bank(site).ignore(row.name, _actor(request, fields))
        except Refusal as refusal:
            return await _draw(pages, request, row, "", refusal)
        return pages.redirect(request, BANK)

    return [show_queue, show_entry, match, ignore, _assigning(pages)]


def _assigning(pages: ConsolePages) -> Any:
    site = pages.site

    @post(
        f"{_ONE}/assign",
        status_code=200,
        opt=reaches(Permission.FLOAT_WRITE),
        include_in_schema=False,
    )
    async def assign(request: AnyRequest, entry: FromPath[str]) -> Response[Any]:
        """Take the entry for a dealer's float; much of it is asked for."""
        row, fields = await _begin(site, request, entry)
        try:
            dealer_id, actor = _dealer(fields["dealer"]), _actor(request, fields)
            if row.amount_micros > alone_up_to(site.operator.console):
                wanted = await ask_bank_float(site.database, row.name, dealer_id)
                asked = await file(site.database, wanted, actor, site.clock.now())
                return pages.redirect(request, f"{REQUESTS}/{asked.approval_id}")
            funded = await require_bank(site).assign(row.name, dealer_id, actor)
        except Refusal as refusal:
            return await _draw(pages, request, row, "", refusal, dealer=fields["dealer"])
        return pages.redirect(request, f"{DEALERS}/{funded.partner_id}")

    return assign


def require_bank(site: Site) -> BankDesk:
    """Return the desk for statements. Raises PageNotFound where no account is set up."""
    account = site.operator.bank
    if account is None:
        raise PageNotFound
    return BankDesk(
        site.database,
        site.engine.submit,
        zone=site.rules.validity.zone,
        account_number=account.account_number,
    )


async def _begin(site: Site, request: AnyRequest, entry: str) -> tuple[BankRow, dict[str, str]]:
    """Return the entry that a form is of, and what was typed. Raises Elsewhere and refusals."""
    require_fresh(request, f"{BANK}/{entry}")
    row = await require_bank(site).entry(entry)
    found = await read_form(request)
    fields = {name: found.get(name, "")[:_MOST_TYPED].strip() for name in _TYPED}
    return row, fields


def _actor(request: AnyRequest, fields: dict[str, str]) -> Actor:
    return actor_of(signed_in(request).staff, fields["why"])


async def _draw(
    pages: ConsolePages,
    request: AnyRequest,
    row: BankRow,
    reference: str,
    refusal: Refusal | None = None,
    *,
    dealer: str = "",
) -> Response[Any]:
    """Draw an entry; with what a match would do, where a reference or a dealer is named."""
    site = pages.site
    say = Wording(site, pages.speak(request))
    ahead: list[Fact] = []
    if reference:
        try:
            ahead = await _ahead(site, row, reference, say)
        except Refusal as unfit:
            refusal = refusal or unfit
    buys: list[Fact] = []
    if dealer:
        try:
            buys = await _buys(site, row, _dealer(dealer), say)
        except Refusal as unfit:
            refusal = refusal or unfit
    return pages.draw(
        request,
        "bank_entry.html",
        buys=buys,
        dealer=dealer,
        may_assign=row.is_credit and signed_in(request).may(Permission.FLOAT_WRITE),
        takes_two=row.amount_micros > alone_up_to(site.operator.console),
        status=status_of(refusal) if refusal else 200,
        row=row,
        facts=_facts(row, say),
        ahead=ahead,
        reference=reference,
        refusal=refusal,
    )


async def _ahead(site: Site, row: BankRow, reference: str, say: Wording) -> list[Fact]:
    """Return what matching would do. Raises what keeps it from being done."""
    payment, _ = await require_bank(site).foresee(row.name, reference)
    view = await find_payment(site.database, payment.reference)
    path = f"{PAYMENTS}/{payment.reference}"
    facts = [Fact("payment", show_reference(payment.reference), path)]
    if view is None:
        return facts
    facts.append(Fact("number", say.number(view.msisdn)))
    if not row.is_credit:
        return [*facts, Fact("refunded", say.money(row.amount_micros))]
    facts += [Fact("received", say.money(row.amount_micros))]
    given = view.payment.credit_micros
    facts.append(Fact("credit", say.money(given)))
    if view.payment.bonus_micros:
        facts.append(Fact("bonus", say.money(view.payment.bonus_micros)))
    return facts


async def _buys(site: Site, row: BankRow, dealer_id: int, say: Wording) -> list[Fact]:
    """Return what assigning an entry to a dealer would do. Raises what keeps it from that."""
    wanted = await ask_bank_float(site.database, row.name, dealer_id)
    return wanted_facts(wanted.deed, wanted.params, wanted.before, say)


def _dealer(typed: str) -> int:
    """Return whose number, or reference, was typed. Raises DealerUnknown."""
    reference = fold_reference(typed)
    if reference is not None and (partner_id := partner_of(reference)) is not None:
        return partner_id
    digits = fold_digits(typed)
    if not 0 < len(digits) <= _MOST_DIGITS:
        raise DealerUnknown
    return int(digits)


def _facts(row: BankRow, say: Wording) -> list[Fact]:
    facts = [
        Fact("booked", say.day(row.booked_on)),
        Fact("amount", _amount(row, say)),
        Fact("reason", name_reason(say.texts, row.verdict.reason)),
    ]
    if row.bank_ref:
        facts.append(Fact("bank_ref", row.bank_ref))
    return facts


def _amount(row: BankRow, say: Wording) -> str:
    """Write an amount with its direction; of another currency with its name."""
    sign = "+" if row.is_credit else "−"
    money = say.money(row.amount_micros)
    if row.currency != "MYR":
        money = f"{row.currency} {money.removeprefix('RM')}"
    return f"{sign}{money}"


def name_reason(texts: Texts, reason: str) -> str:
    """Return why an entry waits, in words; the program's own where there are none."""
    return texts.get(f"console.bank.reason.{reason}") if reason in REASONS_SHOWN else reason


def _shown(entry: QueuedEntry, say: Wording) -> dict[str, object]:
    row = entry.row
    return {
        "name": row.name,
        "day": say.day(row.booked_on),
        "amount": _amount(row, say),
        "reason": name_reason(say.texts, row.verdict.reason),
        "texts": row.texts.split("\n"),
        "named": [(one.reference, show_reference(one.reference)) for one in entry.named],
        "suggested": [
            (
                one.reference,
                show_reference(one.reference),
                say.texts.get(f"console.bank.why.{one.why}"),
            )
            for one in entry.suggestions
        ],
        "returned": [
            (one.reference, show_reference(one.reference), one.refund_no) for one in entry.returned
        ],
    }
