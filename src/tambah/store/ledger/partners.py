"""Partners and their counters; the float itself is a bucket."""

from collections.abc import Collection, Sequence

from tambah.domain.state import PartnerAccount
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


async def update_partners(connection: Connection, partners: Sequence[PartnerAccount]) -> None:
    """Write what a sale or a funding changes of a partner."""
    await connection.execute(
        """
        UPDATE partner
           SET sold_on = new.sold_on, sold_micros = new.sold_micros,
               transfer_seq = new.transfer_seq
          FROM unnest($1::bigint[], $2::date[], $3::bigint[], $4::integer[])
               AS new (partner_id, sold_on, sold_micros, transfer_seq)
         WHERE partner.partner_id = new.partner_id
        """,
        [partner.partner_id for partner in partners],
        [partner.sold_on for partner in partners],
        [partner.sold_micros for partner in partners],
        [partner.transfer_seq for partner in partners],
    )
