"""What was used, as people read it: whom it went to, how long or how much."""

from __future__ import annotations

from tambah.domain.numbering import NumberPlan, mask_msisdn, show_msisdn

SHORT_CODE_DIGITS = 6


def masked_called(called: str, plan: NumberPlan) -> str:
    """Return whom something went to for others than the line's owner: a number masked.

    Short codes are services, and stay as they are; so do words such as `received`.
    """
    if not called.isdecimal() or len(called) <= SHORT_CODE_DIGITS:
        return called
    return mask_msisdn(int(called), plan)


def shown_called(called: str, plan: NumberPlan) -> str:
    """Return whom something went to for the line's owner."""
    if not called.isdecimal() or len(called) <= SHORT_CODE_DIGITS:
        return called
    return show_msisdn(int(called), plan)
