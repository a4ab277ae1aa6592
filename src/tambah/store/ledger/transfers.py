"""The books: rows are added, nothing else."""

from collections.abc import Sequence

from tambah.domain.ledger import Transfer
from tambah.store.database import Connection


async def insert_transfers(connection: Connection, transfers: Sequence[Transfer]) -> None:
    """Add transfers."""
    await connection.execute(
        """
        INSERT INTO transfer
               (owner_id, seq, at, kind, debit, credit, amount_micros, bucket_id, balance_micros,
                topup_no, reference, peer_owner_id, peer_seq, mends_topup_no, request)
        SELECT *
          FROM unnest($1::bigint[], $2::integer[], $3::timestamptz[], $4::smallint[],
                      $5::smallint[], $6::smallint[], $7::bigint[], $8::integer[], $9::bigint[],
                      $10::integer[], $11::text[], $12::bigint[], $13::integer[], $14::integer[],
                      $15::bytea[])
        """,
        [t.owner_id for t in transfers],
        [t.seq for t in transfers],
        [t.at for t in transfers],
        [t.kind for t in transfers],
        [t.debit for t in transfers],
        [t.credit for t in transfers],
        [t.amount_micros for t in transfers],
        [t.bucket_id for t in transfers],
        [t.balance_micros for t in transfers],
        [t.topup_no for t in transfers],
        [t.reference for t in transfers],
        [t.peer_owner_id for t in transfers],
        [t.peer_seq for t in transfers],
        [t.mends_topup_no for t in transfers],
        [t.request for t in transfers],
    )
