"""The books of one owner, newest first, page by page."""

from tambah.domain.ledger import Account, Transfer, TransferKind
from tambah.store.database import Database, Record


async def read_transfers(
    database: Database, owner_id: int, *, before_seq: int | None, limit: int
) -> list[Transfer]:
    """Return up to `limit` of an owner's transfers, newest first.

    before_seq: only those before this place in the owner's sequence; None for the newest. Rows
    are never changed, so a walk from page to page meets each of them once, whatever is added.
    """
    rows = await database.fetch(
        """
        SELECT owner_id, seq, at, kind, debit, credit, amount_micros, bucket_id, balance_micros,
               topup_no, reference, peer_owner_id, peer_seq, mends_topup_no, request
          FROM transfer
         WHERE owner_id = $1 AND seq < $2
         ORDER BY seq DESC
         LIMIT $3
        """,
        owner_id,
        before_seq if before_seq is not None else _AFTER_ALL,
        limit,
    )
    return [_transfer(row) for row in rows]


_AFTER_ALL = 2**31 - 1


def _transfer(row: Record) -> Transfer:
    return Transfer(
        owner_id=row[0],
        seq=row[1],
        at=row[2],
        kind=TransferKind(row[3]),
        debit=Account(row[4]),
        credit=Account(row[5]),
        amount_micros=row[6],
        bucket_id=row[7],
        balance_micros=row[8],
        topup_no=row[9],
        reference=row[10],
        peer_owner_id=row[11],
        peer_seq=row[12],
        mends_topup_no=row[13],
        request=row[14],
    )
