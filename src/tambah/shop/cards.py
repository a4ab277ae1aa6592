"""`/shop/card`: a card's serial number is keyed or scanned, read back, and the card sold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Response, get, post

from tambah.domain.refusals import Refusal
from tambah.domain.voucher import CODE_DIGITS, format_serial, parse_serial
from tambah.shop.selling import Counter, Wish
from tambah.shop.sessions import HOME
from tambah.web.forms import fold_digits, read_form
from tambah.web.pages import AnyRequest

CARD = f"{HOME}/card"
_MOST_SERIAL = 64
_MAY_SCAN = {
    "permissions-policy": (
        "camera=(self), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"
    )
}
"""The camera reads a card's bar code here, after a tap, and no other page may ask for it."""


def card_routes(counter: Counter) -> list[Any]:
    """Return the handlers of selling a card."""
    pages = counter.pages

    @get(CARD, include_in_schema=False)
    async def show_form(request: AnyRequest) -> Response[Any]:
        return pages.draw(request, "card.html", headers=_MAY_SCAN, refusal=None, serial="")

    @post(CARD, status_code=200, include_in_schema=False)
    async def read_back(request: AnyRequest) -> Response[Any]:
        fields = await read_form(request)
        try:
            wish = _wish(counter, fields)
        except Refusal as refusal:
            return pages.refuse(request, "card.html", refusal, serial=_shown(fields))
        return await counter.read_back(request, wish)

    @post(f"{CARD}/sell", status_code=200, include_in_schema=False)
    async def sell(request: AnyRequest) -> Response[Any]:
        fields = await read_form(request)
        try:
            wish = _wish(counter, fields)
        except Refusal as refusal:
            return pages.refuse(request, "card.html", refusal, serial=_shown(fields))
        return await counter.carry_out(request, wish, fields)

    @get(f"{CARD}/sell", include_in_schema=False)
    async def begin_again(request: AnyRequest) -> Response[Any]:
        return pages.redirect(request, CARD)

    return [show_form, read_back, sell, begin_again]


def _typed(fields: Mapping[str, str]) -> str:
    return fields.get("serial", "")[:_MOST_SERIAL]


def _shown(fields: Mapping[str, str]) -> str:
    """Return what was typed, to be mended; nothing where it may be a recharge code."""
    typed = _typed(fields)
    return typed if len(fold_digits(typed)) < CODE_DIGITS - 2 else ""


def _wish(counter: Counter, fields: Mapping[str, str]) -> Wish:
    """Read what card is meant. Raises VoucherUnknown."""
    serial, desk = format_serial(*parse_serial(_typed(fields))), counter.desk
    return Wish(
        form="card.html",
        check="card_check.html",
        typed={"serial": serial},
        quote=lambda seller: desk.quote_card(seller, serial),
        reference=lambda seller, token: desk.card_reference(seller, serial, token),
        sell=lambda seller, token: desk.sell_card(seller, serial, token),
    )
