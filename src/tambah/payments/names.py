"""Payments' and refunds' names for the world outside: opaque, unforgeable, always the same."""

import struct

from tambah.engine.keys import Keys
from tambah.engine.spelling import spell, unspell

_PAYMENT = struct.Struct(">QI")
_REFUND = struct.Struct(">QII")


def payment_id(keys: Keys, line_id: int, payment_no: int) -> str:
    """Return the name by which providers know a payment: 45 lower-case letters and digits.

    It carries the line, so that a webhook finds its shard without a search.
    """
    return spell(keys.name("payment", _PAYMENT.pack(line_id, payment_no)))


def read_payment_id(keys: Keys, text: str) -> tuple[int, int] | None:
    """Return (line, payment) of a name that `payment_id` made, None for any other text."""
    clear = keys.read_name("payment", unspell(text))
    return None if clear is None else _PAYMENT.unpack(clear)


def refund_id(keys: Keys, line_id: int, payment_no: int, refund_no: int) -> str:
    """Return the name by which providers know a refund."""
    return spell(keys.name("refund", _REFUND.pack(line_id, payment_no, refund_no)))


def read_refund_id(keys: Keys, text: str) -> tuple[int, int, int] | None:
    """Return (line, payment, refund) of a name that `refund_id` made, None for any other."""
    clear = keys.read_name("refund", unspell(text))
    return None if clear is None else _REFUND.unpack(clear)
