"""`/console/search`: whatever somebody types that names a record leads straight to it.

Each role finds only what it may see; a recharge code finds its card for care alone. What is typed
is posted, so that no number stands in an address or a log for having been looked for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from litestar import Response, post

from tambah.console.facts import DEALERS, LINES, PAYMENTS, SIMS, TICKETS, VOUCHERS
from tambah.console.guard import Reach, reaches, signed_in
from tambah.console.lists import address_of
from tambah.console.pages import ConsolePages
from tambah.console.sessions import HOME, SignedIn
from tambah.domain.numbering import fold_iccid, fold_msisdn
from tambah.domain.payment import fold_reference
from tambah.domain.refusals import CodeMistyped, Refusal
from tambah.domain.staff import Permission
from tambah.domain.ticket import fold_ticket
from tambah.domain.voucher import fold_code, format_serial, parse_serial
from tambah.engine.administer import acting, note
from tambah.engine.staff import actor_of
from tambah.store.tickets import read_ticket
from tambah.store.views.console import line_of_receipt, number_of_line, payment_of_ref
from tambah.store.views.dealer_lists import dealers_called
from tambah.store.views.dealers import read_dealer
from tambah.store.views.lines import find_line_id
from tambah.store.views.payments import read_payment
from tambah.store.views.sims import read_sim
from tambah.store.views.stock import read_card
from tambah.store.views.vouchers import card_of_code
from tambah.web.budgets import Budget
from tambah.web.forms import read_form
from tambah.web.pages import AnyRequest
from tambah.web.site import Site

SEARCH = f"{HOME}/search"
_MOST_TYPED = 64
_RECEIPT_LENGTH = 8
_MOST_ID = 2**62
_CODES_HOURLY = 30


class Kind(NamedTuple):
    """A kind of record: a text `console.find.<word>`, who may see it, and how it is found."""

    word: str
    permission: Permission
    find: Callable[[Site, str], Awaitable[str | None]]


def finding_routes(pages: ConsolePages) -> list[Any]:
    """Return the handler of the search box."""

    codes = CodeSearch(pages.site)

    @post(SEARCH, status_code=200, opt=reaches(Reach.STAFF), include_in_schema=False)
    async def search(request: AnyRequest) -> Response[Any]:
        found, me = (await read_form(request)).get("q", ""), signed_in(request)
        # What cannot be seen comes along when people copy, and the database takes no NUL.
        typed = "".join(c for c in found[:_MOST_TYPED] if c.isprintable()).strip()
        path = await find(pages.site, typed, me) if typed else None
        digits = _code_of(typed)
        if path is None and digits and me.may(Permission.CODES_FIND):
            path = await codes.find(digits, me)
        if path is not None:
            return pages.redirect(request, path)
        return pages.draw(
            request,
            "not_found.html",
            status=404 if typed else 422,
            # A code is money: it is not written anywhere, not even back.
            typed="" if digits else typed,
            is_code=bool(digits),
            may_find_codes=me.may(Permission.CODES_FIND),
            kinds=[kind.word for kind in KINDS if me.may(kind.permission)],
        )

    return [search]


async def find(site: Site, typed: str, me: SignedIn) -> str | None:
    """Return where the record is that was typed, None for nothing that they may see."""
    for kind in KINDS:
        if me.may(kind.permission) and (path := await kind.find(site, typed)):
            return path
    return None


async def _line(site: Site, typed: str) -> str | None:
    try:
        msisdn = fold_msisdn(typed, site.rules.numbers)
    except Refusal:
        return None
    return f"{LINES}/{msisdn}" if await find_line_id(site.database, msisdn) else None


async def _voucher(site: Site, typed: str) -> str | None:
    try:
        serial = parse_serial(typed)
    except Refusal:
        return None
    card = await read_card(site.database, serial, site.rules.numbers, site.clock.now())
    return f"{VOUCHERS}/{format_serial(*serial)}" if card else None


async def _sim(site: Site, typed: str) -> str | None:
    try:
        iccid = fold_iccid(typed)
    except Refusal:
        return None
    return f"{SIMS}/{iccid}" if await read_sim(site.database, iccid) else None


async def _payment(site: Site, typed: str) -> str | None:
    """Find a payment by our reference, however it is written, or by a provider's name for it."""
    named = await payment_of_ref(site.database, fold_reference(typed) or typed)
    view = await read_payment(site.database, *named) if named else None
    return f"{PAYMENTS}/{view.reference}" if view else None


async def _ticket(site: Site, typed: str) -> str | None:
    reference = fold_ticket(typed)
    ticket = await read_ticket(site.database, reference) if reference else None
    return f"{TICKETS}/{ticket.reference}" if ticket else None


async def _receipt(site: Site, typed: str) -> str | None:
    """Find the line whose top-up has that receipt, while the number is still that line's."""
    receipt = "".join(typed.split()).upper()
    if len(receipt) != _RECEIPT_LENGTH or not receipt.isascii():
        return None
    line_id = await line_of_receipt(site.database, receipt)
    msisdn = await number_of_line(site.database, line_id) if line_id else None
    return f"{LINES}/{msisdn}" if msisdn else None


async def _dealer(site: Site, typed: str) -> str | None:
    """Find a dealer by its number, or by its whole name; several of one name are a list."""
    if typed.isascii() and typed.isdecimal():
        partner_id = int(typed)
        is_one = partner_id < _MOST_ID and await read_dealer(site.database, partner_id)
        return f"{DEALERS}/{partner_id}" if is_one else None
    found = await dealers_called(site.database, typed)
    if len(found) > 1:
        return address_of(DEALERS, {"called": typed})
    return f"{DEALERS}/{found[0]}" if found else None


KINDS = (
    Kind("line", Permission.LINES_READ, _line),
    Kind("voucher", Permission.VOUCHERS_READ, _voucher),
    Kind("payment", Permission.PAYMENTS_READ, _payment),
    Kind("ticket", Permission.TICKETS_READ, _ticket),
    Kind("receipt", Permission.LINES_READ, _receipt),
    Kind("sim", Permission.SIMS_READ, _sim),
    Kind("dealer", Permission.DEALERS_READ, _dealer),
)


def _code_of(typed: str) -> str:
    """Return the digits of a recharge code that was typed; empty where it is none."""
    try:
        return fold_code(typed)
    except CodeMistyped:
        return ""


class CodeSearch:
    """Finds cards by their codes: by digest, so often an hour, each look in the audit trail."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._budget = Budget(site, "staff look for codes", of_source=_CODES_HOURLY)

    async def find(self, digits: str, me: SignedIn) -> str | None:
        """Return where a code's card is, None for none. Raises TooManyTries, Busy.

        Whether it was there is in the audit trail; the code is not.
        """
        site = self._site
        await self._budget.spend(site.keys.digest("staff", me.staff.name))
        place = await card_of_code(site.database, site.keys.code_digests(digits))
        serial = format_serial(*place) if place else ""
        subject = f"voucher:{serial}" if serial else "voucher"
        async with acting(site.database) as connection:
            await note(
                connection,
                actor_of(me.staff),
                "FindByCode",
                subject,
                after={"found": bool(serial)},
            )
        return f"{VOUCHERS}/{serial}" if serial else None
