"""Which cards dealers sold: the one place that says how the books know it."""

from typing import LiteralString

DEALER_SALES: LiteralString = """
    SELECT split_part(reference, '-', 1)::bigint * 1000000000
               + split_part(reference, '-', 2)::bigint AS key,
           at, amount_micros, owner_id AS partner_id, reference
      FROM transfer
     WHERE kind = 22 AND debit = 3 AND credit = 10 AND reference ~ '^[0-9]{4,9}-[0-9]{8}$'
"""
"""Every sale of a card by a dealer: the card's key, when, at what price, by whom, its serial.

A relation to read from. A dealer's CARD_SALE names the card's serial number.
"""
