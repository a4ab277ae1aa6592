"""Which cards dealers sold: the one place that says how the books know it."""

from typing import LiteralString

DEALER_SALES: LiteralString = """
    SELECT split_part(sold.reference, '-', 1)::bigint * 1000000000
               + split_part(sold.reference, '-', 2)::bigint AS key,
           sold.at, sold.amount_micros, sold.owner_id AS partner_id, sold.reference AS serial,
           (SELECT min(undone.at)
              FROM transfer AS undone
             WHERE undone.owner_id = sold.owner_id AND undone.kind = 8
               AND undone.debit = 10 AND undone.credit = 3
               AND undone.reference = sold.reference AND undone.seq > sold.seq) AS undone_at
      FROM transfer AS sold
     WHERE sold.kind = 22 AND sold.debit = 3 AND sold.credit = 10
       AND sold.reference ~ '^[0-9]{4,9}-[0-9]{8}$'
"""
"""Every sale of a card by a dealer: the card's key, when, its price, by whom, the serial; and when
it was undone, NULL for one that stands.

A relation to read from. A dealer's CARD_SALE names the card's serial number, and so does the
reversal that undoes it.
"""
