"""The DuitNow QR code: an EMVCo merchant-presented payload with the amount and our reference.

Field numbers and lengths are those of PayNet's published specification (V1.5).
"""

from __future__ import annotations

import unicodedata
from binascii import crc_hqx
from dataclasses import dataclass
from typing import Any

import segno

from tambah.config import BankEntry
from tambah.domain.money import MICROS_PER_SEN, ringgit
from tambah.domain.payment import show_reference

_APPLICATION = "A0000006150001"
_RINGGIT = "458"
_DYNAMIC = "12"
_NAME_LENGTH = 25
_CITY_LENGTH = 15
_LONGEST_VALUE = 99


@dataclass(frozen=True, slots=True, kw_only=True)
class BankInstructions:
    """What somebody needs to pay by bank transfer.

    reference: as people read it, with a dash. payload: of the DuitNow QR code, svg: the code as
    an inline SVG; both None where the operator has no merchant id.
    """

    account_name: str
    account_number: str
    bank_name: str
    reference: str
    total_micros: int
    payload: str | None
    svg: str | None


def bank_instructions(
    bank: BankEntry, reference: str, total_micros: int, *, title: str = "", desc: str = ""
) -> BankInstructions:
    """Return what to show to a payer. title, desc: of the code, in the payer's language."""
    payload = duitnow_payload(bank, reference, total_micros)
    svg = None
    if payload is not None:
        shown = f"RM{ringgit(total_micros)}, {show_reference(reference)}"
        svg = duitnow_svg(payload, title=title or "DuitNow QR", desc=desc or shown)
    return BankInstructions(
        account_name=bank.account_name,
        account_number=bank.account_number,
        bank_name=bank.bank_name,
        reference=show_reference(reference),
        total_micros=total_micros,
        payload=payload,
        svg=svg,
    )


def duitnow_payload(bank: BankEntry, reference: str, total_micros: int) -> str | None:
    """Return the text of a code for one payment, None without the bank's ids for it.

    total_micros: whole sen. Names are cut to what the fields hold, in plain ASCII.
    """
    if not (bank.acquirer_id and bank.merchant_id):
        return None
    if total_micros <= 0 or total_micros % MICROS_PER_SEN:
        raise ValueError(f"not an amount in whole sen: {total_micros}")
    account = (
        _field("00", _APPLICATION)
        + _field("01", bank.acquirer_id)
        + _field("02", bank.merchant_id)
    )
    body = (
        _field("00", "02")
        + _field("01", _DYNAMIC)
        + _field("26", account)
        + _field("52", bank.category)
        + _field("53", _RINGGIT)
        + _field("54", ringgit(total_micros))
        + _field("58", "MY")
        + _field("59", _plain(bank.account_name, _NAME_LENGTH))
        + _field("60", _plain(bank.city, _CITY_LENGTH))
        + (_field("61", bank.postcode) if bank.postcode else "")
        # Banks differ in which of the two they send along with the transfer.
        + _field("62", _field("01", reference) + _field("05", reference))
        + "6304"
    )
    return body + crc(body)


def crc(text: str) -> str:
    """Return the four hexadecimal digits that end a payload (CRC-16/CCITT-FALSE)."""
    return f"{crc_hqx(text.encode('ascii'), 0xFFFF):04X}"


def duitnow_svg(payload: str, *, title: str, desc: str) -> str:
    """Return a code as an SVG element for a page, without any style or script in it.

    Black on white in any colour scheme, with the quiet zone that readers need.
    """
    writer: Any = segno  # it has no types of its own
    code = writer.make(payload, error="m", micro=False, boost_error=False)
    drawn: str = code.svg_inline(
        omitsize=True, border=4, dark="#000", light="#fff", title=title, desc=desc
    )
    return drawn.replace("<svg ", '<svg role="img" ', 1)


def _field(number: str, value: str) -> str:
    if not 1 <= len(value) <= _LONGEST_VALUE:
        raise ValueError(f"field {number} of a DuitNow code cannot hold {len(value)} characters")
    return f"{number}{len(value):02d}{value}"


def _plain(text: str, length: int) -> str:
    """Return a text in printable ASCII, cut to a length; a dash when nothing is left."""
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    printable = "".join(letter for letter in folded if letter.isprintable())
    return " ".join(printable.split())[:length].strip() or "-"
