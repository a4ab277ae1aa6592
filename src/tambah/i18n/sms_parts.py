"""How an SMS is counted (3GPP 23.038): its alphabet, its length, the parts that are paid for."""

from dataclasses import dataclass
from enum import StrEnum

_GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENSION = frozenset("\f^{}\\[~]|€")


class Alphabet(StrEnum):
    """How a message's characters are sent: one for all of them, the smallest that has each."""

    GSM7 = "GSM-7"
    UCS2 = "UCS-2"


# Units in a message alone, and in each part of a longer one (the rest is its heading).
_SINGLE_UNITS = {Alphabet.GSM7: 160, Alphabet.UCS2: 70}
_PART_UNITS = {Alphabet.GSM7: 153, Alphabet.UCS2: 67}


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsSize:
    """What a text costs. units: septets or 16-bit units; foreign: what is not in GSM-7."""

    alphabet: Alphabet
    units: int
    parts: int
    foreign: str


def measure_sms(text: str) -> SmsSize:
    """Count a text as an SMS. The empty text is one part, of nothing."""
    foreign = "".join(c for c in text if c not in _GSM_BASIC and c not in _GSM_EXTENSION)
    alphabet = Alphabet.UCS2 if foreign else Alphabet.GSM7
    widths = [_width(character, alphabet) for character in text]
    units = sum(widths)
    parts = 1 if units <= _SINGLE_UNITS[alphabet] else _split(widths, _PART_UNITS[alphabet])
    return SmsSize(alphabet=alphabet, units=units, parts=parts, foreign=foreign)


def _width(character: str, alphabet: Alphabet) -> int:
    """Return how many units a character takes; an escape or a surrogate pair makes it two."""
    if alphabet is Alphabet.GSM7:
        return 2 if character in _GSM_EXTENSION else 1
    return 2 if ord(character) > 0xFFFF else 1


def _split(widths: list[int], room: int) -> int:
    """Return how many parts are filled; a character of two units is never torn apart."""
    parts, used = 1, 0
    for width in widths:
        if used + width > room:
            parts, used = parts + 1, 0
        used += width
    return parts
