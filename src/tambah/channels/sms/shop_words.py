"""What a seller's SMS asks for: keywords in four languages, and what follows them."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tambah.domain.seller import PIN_DIGITS
from tambah.domain.voucher import CODE_DIGITS


class Ask(StrEnum):
    """What a seller wants done."""

    SELL = "sell"
    LOAD = "load"
    YES = "yes"
    LAST = "last"
    PIN = "pin"
    HELP = "help"


KEYWORDS: Mapping[Ask, tuple[str, ...]] = {
    Ask.SELL: ("SELL", "JUAL", "卖卡", "விற்க"),
    Ask.LOAD: ("LOAD", "TAMBAH", "RELOAD", "加额", "டாப்-அப்"),
    Ask.YES: ("YES", "YA", "是", "ஆம்"),
    Ask.LAST: ("LAST", "AKHIR", "最近", "கடைசி"),
    Ask.PIN: ("PIN",),
    Ask.HELP: ("SHOP", "KEDAI", "店铺", "கடை"),
}
"""English, Malay, Chinese and Tamil; each understood whatever the seller's language."""

_MOST_CHARACTERS = 200
_ASK_OF = {word.casefold(): ask for ask, words in KEYWORDS.items() for word in words}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopRequest:
    """What a message asks for. what: a serial number, a number to load, a code to confirm.

    amount: as it was written. pin, new_pin: as they were written.
    """

    ask: Ask
    what: str = ""
    amount: str = ""
    pin: str = field(default="", repr=False)
    new_pin: str = field(default="", repr=False)


_HELP = ShopRequest(ask=Ask.HELP)


def read_shop_request(text: str) -> ShopRequest | None:
    """Read a message; None where it is none of a shop's, help where one was meant.

    `TAMBAH` and `RELOAD` with a recharge code are what any subscriber sends.
    """
    words = unicodedata.normalize("NFKC", text[:_MOST_CHARACTERS]).split()
    ask = _ASK_OF.get(words[0].casefold()) if words else None
    if ask is None:
        return None
    return _read(ask, words[1:])


def _read(ask: Ask, rest: Sequence[str]) -> ShopRequest | None:
    match ask, rest:
        case Ask.LOAD, [*number, amount, pin] if number and _is_pin(pin):
            return ShopRequest(ask=ask, what=" ".join(number), amount=amount, pin=pin)
        case Ask.LOAD, [*words] if sum(map(_digits, words)) >= CODE_DIGITS - 2 or not words:
            return None
        case Ask.SELL, [*serial, pin] if serial and _is_pin(pin):
            return ShopRequest(ask=ask, what="-".join(serial), pin=pin)
        case Ask.PIN, [old, new]:
            return ShopRequest(ask=ask, pin=old, new_pin=new)
        case (Ask.YES, [code]):
            return ShopRequest(ask=ask, what=code)
        case (Ask.LAST, []):
            return ShopRequest(ask=ask)
        case _:
            return _HELP


def _is_pin(text: str) -> bool:
    return len(text) == PIN_DIGITS and text.isdecimal()


def _digits(text: str) -> int:
    return sum(character.isdecimal() for character in text)
