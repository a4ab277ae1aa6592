"""Ringgit as integers of micro-ringgit, and the one rounding rule."""

import re

from tambah.domain.refusals import AmountMalformed, AmountTooPrecise, CurrencyNotAccepted

MICROS_PER_RINGGIT = 1_000_000
MICROS_PER_SEN = 10_000
CURRENCY = "MYR"

_DECIMAL = re.compile(r"[0-9]{1,12}(\.[0-9]{1,18})?", re.ASCII)


def parse_ringgit(text: object) -> int:
    """Read an amount as people and programs write it, `"10.00"`, into micro-ringgit.

    Only plain decimal strings are read: no sign, no exponent, no separators; a JSON number is
    not, for it would have passed through a float. Payments and vouchers are whole sen.

    Raises AmountMalformed and AmountTooPrecise.
    """
    if not isinstance(text, str) or not _DECIMAL.fullmatch(text):
        raise AmountMalformed
    whole, _, fraction = text.partition(".")
    if fraction[2:].strip("0"):
        raise AmountTooPrecise
    return int(whole) * MICROS_PER_RINGGIT + int(fraction[:2].ljust(2, "0")) * MICROS_PER_SEN


def require_ringgit(currency: object) -> None:
    """Refuse every currency but the ringgit (mission M24). Raises CurrencyNotAccepted."""
    if currency != CURRENCY:
        raise CurrencyNotAccepted


def ringgit(amount_micros: int) -> str:
    """Write micro-ringgit as a decimal string, two places or as many as the amount needs."""
    sign = "-" if amount_micros < 0 else ""
    whole, micros = divmod(abs(amount_micros), MICROS_PER_RINGGIT)
    fraction = f"{micros:06d}".rstrip("0").ljust(2, "0")
    return f"{sign}{whole}.{fraction}"


def divide_half_up(numerator: int, denominator: int) -> int:
    """Divide amounts that are 0 or more; halves go up. The only division of money there is."""
    if numerator < 0 or denominator <= 0:
        raise ValueError(f"cannot divide {numerator} by {denominator}")
    return (2 * numerator + denominator) // (2 * denominator)


def permille_of(amount_micros: int, permille: int) -> int:
    """Return so many thousandths of an amount, in whole sen; half a sen goes up."""
    return divide_half_up(amount_micros * permille, 1000 * MICROS_PER_SEN) * MICROS_PER_SEN


def basis_points_of(amount_micros: int, basis_points: int) -> int:
    """Return so many hundredths of a percent of an amount, in whole micro-ringgit; halves up."""
    return divide_half_up(amount_micros * basis_points, 10_000)
