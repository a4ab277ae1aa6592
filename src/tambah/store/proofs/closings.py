"""Writing down how far the books have been proved."""

from collections.abc import Mapping
from datetime import UTC, datetime

from tambah.store.database import Connection


async def write_closing(
    connection: Connection,
    *,
    closed_at: datetime,
    latest_at: datetime,
    accounts: Mapping[int, int],
) -> None:
    """Close the books as the caller's snapshot, which it has proved, shows them.

    closed_at: the snapshot's instant, whose UTC day the accounts are kept under. latest_at: of
    the transfers that are covered now. accounts: micro-ringgit.
    """
    # The tables grow while these statements read them: planned as empty, a nested loop never ends.
    await connection.execute("SET LOCAL enable_nestloop = off")
    await connection.execute(
        """
        INSERT INTO owner_closing (owner_id, transfer_seq, topup_seq)
        SELECT owner_id, transfer_seq, topup_seq
          FROM (SELECT line_id AS owner_id, transfer_seq, topup_seq FROM line
                UNION ALL
                SELECT partner_id, transfer_seq, 0 FROM partner) AS counted
         WHERE NOT EXISTS (SELECT FROM owner_closing AS same
                            WHERE same.owner_id = counted.owner_id
                              AND same.transfer_seq = counted.transfer_seq
                              AND same.topup_seq = counted.topup_seq)
            ON CONFLICT (owner_id) DO UPDATE
           SET transfer_seq = excluded.transfer_seq, topup_seq = excluded.topup_seq
        """
    )
    await connection.execute(
        """
        INSERT INTO bucket_closing (owner_id, bucket_id, balance_micros)
        SELECT owner_id, bucket_id, remaining_micros
          FROM bucket
         WHERE NOT EXISTS (SELECT FROM bucket_closing AS same
                            WHERE same.owner_id = bucket.owner_id
                              AND same.bucket_id = bucket.bucket_id
                              AND same.balance_micros = bucket.remaining_micros)
            ON CONFLICT (owner_id, bucket_id) DO UPDATE
           SET balance_micros = excluded.balance_micros
        """
    )
    await connection.execute(
        """
        INSERT INTO account_closing (day, account, balance_micros)
        SELECT $1::date, account, balance_micros
          FROM unnest($2::smallint[], $3::bigint[]) AS summed (account, balance_micros)
            ON CONFLICT (day, account) DO UPDATE SET balance_micros = excluded.balance_micros
        """,
        closed_at.astimezone(UTC).date(),
        list(accounts),
        list(accounts.values()),
    )
    await connection.execute(
        """
        INSERT INTO closing (closed_at, latest_at, owners, buckets)
        SELECT $1, $2, (SELECT count(*) FROM owner_closing), (SELECT count(*) FROM bucket_closing)
        """,
        closed_at,
        latest_at,
    )
