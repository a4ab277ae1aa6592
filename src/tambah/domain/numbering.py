"""MSISDN, ICCID and IMSI: what people write, folded to what the books hold."""

import re
import unicodedata
from dataclasses import dataclass

from tambah.domain.refusals import FieldMalformed, NumberMalformed

# People's dashes, and the invisible marks that come along when a number is copied.
_SEPARATORS = re.compile(r"[\s\-‐-―−().·/\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberPlan:
    """The operator's country, as much of it as folding a number needs (E.164).

    country_code: "60".
    trunk_prefix: what stands before a national number, "0".
    mobile_prefixes: how a national significant number of a mobile begins, ("1",).
    national_lengths: lengths of such a number, (9, 10): 12-345 6789 and 11-2345 6789.
    """

    country_code: str = "60"
    trunk_prefix: str = "0"
    mobile_prefixes: tuple[str, ...] = ("1",)
    national_lengths: tuple[int, ...] = (9, 10)


def fold_msisdn(text: str, plan: NumberPlan) -> int:
    """Read `012-345 6789`, `+60123456789`, `60 12…` or full-width digits as E.164 digits.

    Whether the number is ours only the database knows: numbers are ported, so prefixes say
    nothing of the operator. Raises NumberMalformed.
    """
    digits = _SEPARATORS.sub("", unicodedata.normalize("NFKC", text[:64]))
    if digits.startswith("+"):
        national = _after(digits[1:], plan.country_code)
    elif digits.startswith("00"):
        national = _after(digits[2:], plan.country_code)
    elif _is_national(digits, plan):
        national = digits
    elif digits.startswith(plan.country_code):
        national = digits[len(plan.country_code) :]
    else:
        national = _after(digits, plan.trunk_prefix)
    if not _is_national(national, plan):
        national = _after(national, plan.trunk_prefix)  # +60 012-345 6789, as some write
    if not _is_national(national, plan):
        raise NumberMalformed
    return int(plan.country_code + national)


def fold_prefix(text: str, plan: NumberPlan) -> str:
    """Read the first digits of numbers, `012`, `6012` or `+60 12`, as E.164 begins them: `6012`.

    Empty where there is no digit.
    """
    bare = _SEPARATORS.sub("", unicodedata.normalize("NFKC", text[:64]))
    digits = "".join(c for c in bare if c.isascii() and c.isdigit())
    if bare.startswith("+") or digits.startswith(plan.country_code):
        return digits
    if digits.startswith("00"):
        return digits[2:]
    national = digits.removeprefix(plan.trunk_prefix)
    return plan.country_code + national if digits else ""


def show_msisdn(msisdn: int, plan: NumberPlan) -> str:
    """Write a number as its owner would, in groups: `012-345 6789`, `011-2345 6789`."""
    digits = str(msisdn)
    if not digits.startswith(plan.country_code):
        return f"+{digits}"
    national = plan.trunk_prefix + digits[len(plan.country_code) :]
    return f"{national[:3]}-{national[3:-4]} {national[-4:]}"


def mask_msisdn(msisdn: int, plan: NumberPlan) -> str:
    """Write a number so that its owner knows it and a stranger does not: `012-••• 6789`."""
    shown = show_msisdn(msisdn, plan)
    head, tail = shown[:4], shown[-5:]
    return head + "•" * (len(shown) - len(head) - len(tail)) + tail


def fold_iccid(text: str) -> str:
    """Read a SIM's number (ITU-T E.118: 89…, 19 or 20 digits, Luhn). Raises FieldMalformed."""
    digits = _SEPARATORS.sub("", unicodedata.normalize("NFKC", text[:64]))
    if not re.fullmatch(r"89[0-9]{17,18}", digits) or luhn_remainder(digits) != 0:
        raise FieldMalformed(field="iccid")
    return digits


def fold_imsi(text: str) -> str:
    """Read a subscriber identity (ITU-T E.212: 14 or 15 digits). Raises FieldMalformed."""
    digits = _SEPARATORS.sub("", unicodedata.normalize("NFKC", text[:64]))
    if not re.fullmatch(r"[0-9]{14,15}", digits):
        raise FieldMalformed(field="imsi")
    return digits


def luhn_remainder(digits: str) -> int:
    """Return the Luhn sum modulo 10 (ISO/IEC 7812-1): 0 when the last digit is right."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10


def _after(digits: str, prefix: str) -> str:
    return digits[len(prefix) :] if digits.startswith(prefix) else ""


def _is_national(digits: str, plan: NumberPlan) -> bool:
    return (
        digits.isascii()
        and digits.isdigit()
        and len(digits) in plan.national_lengths
        and digits.startswith(plan.mobile_prefixes)
    )
