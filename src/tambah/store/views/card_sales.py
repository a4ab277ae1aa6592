"""Which cards dealers sold: the one place that says how the books know it."""

from typing import LiteralString

DEALER_SALES: LiteralString = """
    SELECT batch_id::bigint * 1000000000 + number AS key, at, price_micros AS amount_micros,
           partner_id,
           lpad(batch_id::text, greatest(4, length(batch_id::text)), '0')
               || '-' || lpad(number::text, 8, '0') AS serial,
           undone_at
      FROM dealer_sale
     WHERE kind = 1
"""
"""Every sale of a card by a dealer: the card's key, when, its price, by whom, the serial; and when
it was undone, NULL for one that stands.

A relation to read from; `verify` proves each row of it against the CARD_SALE that paid for it.
"""
