"""Numbers of the whole world as people write them, to the digits that a tariff is looked up by."""

from __future__ import annotations

import re
import unicodedata

from tambah.domain.numbering import NumberPlan
from tambah.domain.refusals import NumberMalformed

_SEPARATORS = re.compile(r"[\s\-‐-―−().·/\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+")
_MOST_TYPED = 64
_MOST_DIGITS = 15
"""Of E.164."""


def fold_destination(text: str, plan: NumberPlan) -> str:
    """Return the E.164 digits of a number anywhere, or of its beginning; a short code as it is.

    `+86 755 …` and `0086 755 …` are international, `012-345 6789` and `12-345 6789` are of our own
    country; whatever else is written without a plus is taken as if it had one, or is a short code.
    Raises NumberMalformed.
    """
    digits = _SEPARATORS.sub("", unicodedata.normalize("NFKC", text[:_MOST_TYPED]))
    trunk, country = plan.trunk_prefix, plan.country_code
    if digits.startswith("+"):
        digits = digits[1:]
    elif digits.startswith("00"):
        digits = digits[2:]
    elif trunk and digits.startswith(trunk):
        digits = country + digits[len(trunk) :]
    elif len(digits) in plan.national_lengths and digits.startswith(plan.mobile_prefixes):
        digits = country + digits
    if trunk and digits.startswith(country + trunk):
        digits = country + digits[len(country + trunk) :]  # +60 012-345 6789, as some write
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS):
        raise NumberMalformed
    return digits
