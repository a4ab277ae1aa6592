"""Ranges of serial numbers as people write them."""

from __future__ import annotations

import re

from tambah.domain.refusals import RangeMalformed
from tambah.domain.voucher import SERIAL_DIGITS, parse_serial
from tambah.engine.vouchers import SerialRange


def read_range(text: str) -> SerialRange:
    """Read `0012-00000001..0012-00000500`, `0012-00000001..500`, or one serial number.

    Raises VoucherUnknown (no serial number), RangeMalformed.
    """
    first, _, last = text.partition("..")
    batch_id, first_number = parse_serial(first)
    if not last:
        return SerialRange(batch_id=batch_id, first=first_number, last=first_number)
    if re.fullmatch(rf"[0-9]{{1,{SERIAL_DIGITS}}}", last):
        return SerialRange(batch_id=batch_id, first=first_number, last=int(last))
    last_batch, last_number = parse_serial(last)
    if last_batch != batch_id:
        raise RangeMalformed
    return SerialRange(batch_id=batch_id, first=first_number, last=last_number)
