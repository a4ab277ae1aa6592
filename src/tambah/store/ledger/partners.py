"""Partners and their counters; the float itself is a bucket."""

from collections.abc import Collection
from operator import attrgetter

from tambah.store.database import Connection, Record


async def lock_partners(connection: Connection, partner_ids: Collection[int]) -> dict[int, Record]:
    """Hold the partners' rows, in key order, until the transaction ends, and return them.

    For a dealer, those up to whose float pays for it as well: that never changes, so it may be
    read in the same statement.
    """
    rows = await connection.fetch(
        """
        SELECT partner_id, name, suspended, credit_limit_micros, least_micros, most_micros,
               daily_cap_micros, sold_on, sold_micros, transfer_seq,
               EXISTS (SELECT FROM dealer WHERE dealer.partner_id = partner.partner_id)
                   AS is_dealer
          FROM partner
         WHERE partner_id = ANY($1::bigint[] || ARRAY(
                   SELECT unnest(charged) FROM dealer WHERE partner_id = ANY($1::bigint[])))
         ORDER BY partner_id
           FOR NO KEY UPDATE OF partner
        """,
        list(partner_ids),
    )
    return {row[0]: row for row in rows}


partner_after = attrgetter("partner_id", "sold_on", "sold_micros", "transfer_seq")
"""What a sale or a funding changes of a partner (`batch_rows`)."""
