"""Cards as a sale needs them: by serial number, and in whose stock they are."""

from collections.abc import Collection

from tambah.domain.state import CardStock
from tambah.store.database import Connection


async def share_batches(connection: Connection, batch_ids: Collection[int]) -> None:
    """Keep batches, and who holds their cards, from changing until the transaction ends.

    In key order, like every lock; taken before the cards'.
    """
    await connection.execute(
        """
        SELECT batch_id
          FROM voucher_batch
         WHERE batch_id = ANY($1::integer[])
         ORDER BY batch_id
           FOR SHARE
        """,
        list(batch_ids),
    )


async def find_digests(
    connection: Connection, wanted: Collection[tuple[int, int]]
) -> dict[tuple[int, int], bytes]:
    """Return the digests of cards by (batch, number)."""
    asked = list(wanted)
    rows = await connection.fetch(
        """
        SELECT asked.batch_id, asked.number, found.digest
          FROM unnest($1::integer[], $2::integer[]) AS asked (batch_id, number),
               LATERAL (SELECT digest
                          FROM voucher_serial AS serial
                         WHERE serial.batch_id = asked.batch_id
                           AND serial.number = asked.number
                        OFFSET 0) AS found
        """,
        [batch_id for batch_id, _ in asked],
        [number for _, number in asked],
    )
    return {(row[0], row[1]): row[2] for row in rows}


async def find_stock(
    connection: Connection, wanted: Collection[tuple[int, int]]
) -> dict[tuple[int, int], CardStock]:
    """Return in whose stock cards (batch, number) are; those of batches not followed are absent.

    Read after `share_batches`: a move of stock takes the batch for itself.
    """
    asked = list(wanted)
    rows = await connection.fetch(
        """
        SELECT asked.batch_id, asked.number, holding.holder_id,
               (SELECT max(move_no) FROM stock_move
                 WHERE stock_move.batch_id = asked.batch_id) AS move_no
          FROM unnest($1::integer[], $2::integer[]) AS asked (batch_id, number),
               LATERAL (SELECT holder_id, last
                          FROM stock_holding AS held
                         WHERE held.batch_id = asked.batch_id AND held.first <= asked.number
                         ORDER BY held.first DESC
                         LIMIT 1) AS holding
         WHERE holding.last >= asked.number
        """,
        [batch_id for batch_id, _ in asked],
        [number for _, number in asked],
    )
    return {(row[0], row[1]): CardStock(holder_id=row[2], move_no=row[3]) for row in rows}
