"""The form that opens a ticket: what was typed, what is wrong with it, what it is about."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from litestar import Response

from tambah.domain.numbering import NumberPlan, fold_msisdn, mask_msisdn
from tambah.domain.payment import show_reference
from tambah.domain.refusals import (
    BodyTooLarge,
    CardDigitsMalformed,
    NumberMalformed,
    PhotoTooLarge,
    PhotoUnreadable,
    Refusal,
    SerialMalformed,
    VoucherUnknown,
)
from tambah.domain.ticket import MOST_UNREADABLE, Category, fold_readable
from tambah.domain.voucher import format_serial, parse_serial
from tambah.engine.keys import Keys
from tambah.engine.tickets import MOST_PHOTO_BYTES, Facts
from tambah.i18n import Texts
from tambah.portal.forms import without_lead
from tambah.web.errors import retry_header
from tambah.web.forms import mint_token
from tambah.web.pages import AnyRequest, Pages
from tambah.web.status import status_of

NEVER_KEPT = {"cache-control": "no-store"}
MOST_TEXT = 4000
_ABOUT = "ticket about"
_LENGTHS = {
    "number": 64,
    "category": 32,
    "text": MOST_TEXT,
    "serial": 64,
    "readable": 128,
    "token": 256,
    "about": 2048,
}
_PLACES: dict[type[Refusal], str] = {
    NumberMalformed: "number",
    SerialMalformed: "serial",
    CardDigitsMalformed: "readable",
    PhotoTooLarge: "photo",
    PhotoUnreadable: "photo",
}
_OWN_STATUS = (413, 429, 500, 503)


class About(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a page that led to the form knew: see `engine.tickets.Facts`.

    msisdn: whose it was, 0 for not known. Whoever has that page's address sees it masked, and the
    form says it masked as well.
    """

    msisdn: int = 0

    payment: str = ""
    said: str = ""
    amount_micros: int = 0
    happened_at: datetime | None = None
    refusal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketForm:
    """What was typed, as it was typed. about: an `About`, sealed. token: of this drawing."""

    number: str = ""
    category: str = ""
    text: str = field(default="", repr=False)
    serial: str = ""
    readable: str = field(default="", repr=False)
    token: str = ""
    about: str = field(default="", repr=False)

    @classmethod
    def read(cls, fields: Mapping[str, str]) -> TicketForm:
        """Take the form's fields, each cut to a length that people type."""
        return cls(**{name: fields.get(name, "")[:most] for name, most in _LENGTHS.items()})


Problems = dict[str, Refusal | None]
"""What is wrong, by field (empty for no field); None where nothing was typed that must be."""


def read_facts(pages: Pages, form: TicketForm) -> tuple[Facts, Category, Problems]:
    """Read what was typed; what cannot be read is left out of the facts and named."""
    problems: Problems = {}
    category = Category.OTHER
    msisdn, serial, readable = 0, "", ""
    about = open_about(pages.site.keys, form.about) or About()
    try:
        msisdn = _read_number(form.number, about, pages.site.rules.numbers)
    except Refusal as refusal:
        problems["number"] = refusal
    try:
        category = Category(form.category)
    except ValueError:
        problems["category"] = None
    if category is Category.DAMAGED_CARD:
        serial, readable = _read_card(form, problems)
    if not (form.text.strip() or serial or about.payment):
        problems["text"] = None
    facts = Facts(
        msisdn=msisdn,
        serial=serial,
        readable=readable,
        payment=about.payment,
        said=about.said,
        amount_micros=about.amount_micros,
        happened_at=about.happened_at,
        refusal=about.refusal,
    )
    return facts, category, problems


def _read_number(typed: str, about: About, plan: NumberPlan) -> int:
    """Return the number that was typed, or that was left masked as it was filled in."""
    if about.msisdn and typed == mask_msisdn(about.msisdn, plan):
        return about.msisdn
    return fold_msisdn(typed, plan)


def _read_card(form: TicketForm, problems: Problems) -> tuple[str, str]:
    """Return a card's serial number and readable digits, each empty where nothing was typed."""
    serial = readable = ""
    if form.serial.strip():
        try:
            serial = format_serial(*parse_serial(form.serial))
        except VoucherUnknown:
            problems["serial"] = SerialMalformed()
    if form.readable.strip():
        try:
            readable = fold_readable(form.readable)
        except Refusal as refusal:
            problems["readable"] = refusal
    return serial, readable


def place(refusal: Refusal) -> Problems:
    """Put a refusal where it belongs on the page."""
    return {_PLACES.get(type(refusal), ""): refusal}


def photo_too_large(refusal: Refusal) -> Refusal:
    """Return what to say of a body over the limit: it is the photo that is too large."""
    if isinstance(refusal, BodyTooLarge):
        return PhotoTooLarge(most_mb=MOST_PHOTO_BYTES // 1024 // 1024)
    return refusal


def seal_about(keys: Keys, about: About) -> str:
    """Write what a page knew, for the form to carry."""
    sealed = keys.seal(_ABOUT, msgspec.json.encode(about), b"")
    return base64.urlsafe_b64encode(sealed).decode()


def open_about(keys: Keys, text: str) -> About | None:
    """Read what `seal_about` wrote; None for nothing, or what is not ours."""
    try:
        raw = base64.urlsafe_b64decode(text.encode())
        return msgspec.json.decode(keys.unseal(_ABOUT, raw, b""), type=About)
    except (ValueError, InvalidTag):
        return None


def draw_form(
    pages: Pages,
    request: AnyRequest,
    form: TicketForm,
    problems: Problems | None = None,
    *,
    had_photo: bool = False,
    is_signed_in: bool = False,
) -> Response[Any]:
    """Draw the form. had_photo: one was chosen, and has to be chosen again."""
    site = pages.site
    worded = word_problems(pages, request, problems or {})
    refusal = next((one for one in (problems or {}).values() if one), None)
    about = open_about(site.keys, form.about)
    return pages.draw(
        request,
        "ticket_form.html",
        status=status_of_form(problems or {}),
        headers=NEVER_KEPT | (retry_header(refusal, site.clock.now()) if refusal else {}),
        form=replace(form, token=form.token or mint_token(site.keys, site.clock.now())),
        problems=worded,
        categories=[one.value for one in Category],
        about=about,
        payment=show_reference(about.payment) if about and about.payment else "",
        refused=word_refusal(pages.speak(request), about.refusal) if about else "",
        most_unreadable=MOST_UNREADABLE,
        most_text=MOST_TEXT,
        most_photo=MOST_PHOTO_BYTES,
        photo_again=had_photo,
        is_signed_in=is_signed_in,
    )


def word_problems(pages: Pages, request: AnyRequest, problems: Problems) -> dict[str, str]:
    """Return the problems in the reader's language, by field."""
    spoken = pages.speak(request)
    return {at: _word(pages, spoken, at, refusal) for at, refusal in problems.items()}


def word_refusal(spoken: Texts, code: str) -> str:
    """Return what a top-up's page calls a refusal, empty where it has no name for it."""
    try:
        return spoken.get(f"portal.refused.{code}") if code else ""
    except KeyError:
        return ""


def status_of_form(problems: Problems) -> int:
    """Return the status of a form drawn with problems: 422 unless one has a say of its own."""
    if not problems:
        return 200
    whole = problems.get("")
    if whole is not None:
        return status_of(whole)
    statuses = [status_of(one) for one in problems.values() if one]
    return next((status for status in statuses if status in _OWN_STATUS), 422)


def _word(pages: Pages, spoken: Texts, at: str, refusal: Refusal | None) -> str:
    if refusal is None:
        return spoken.get(f"tickets.missing.{at}")
    said = without_lead(spoken, refusal, pages.site.rules.validity.zone)
    return said.removeprefix(spoken.get("tickets.unchanged")).strip()
