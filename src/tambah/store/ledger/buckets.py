"""Buckets of credit and allowances, of lines and partners alike."""

from collections.abc import Collection, Sequence

from tambah.domain.balance import Bucket, BucketKind
from tambah.store.database import Connection


async def read_buckets(
    connection: Connection, owner_ids: Collection[int]
) -> dict[int, list[Bucket]]:
    """Return the owners' buckets that hold something, and each owner's first.

    Read after the owners' rows are locked: this statement sees what the last holder committed.
    Empty buckets but the main stay behind for the books and are not loaded again.
    """
    rows = await connection.fetch(
        """
        SELECT owner_id, bucket_id, kind, remaining_micros, expires_at, held, scope
          FROM bucket
         WHERE owner_id = ANY($1::bigint[]) AND (remaining_micros <> 0 OR bucket_id = 1)
         ORDER BY owner_id, bucket_id
        """,
        list(owner_ids),
    )
    found: dict[int, list[Bucket]] = {}
    for owner_id, bucket_id, kind, remaining_micros, expires_at, held, scope in rows:
        found.setdefault(owner_id, []).append(
            Bucket(
                owner_id=owner_id,
                bucket_id=bucket_id,
                kind=BucketKind(kind),
                remaining_micros=remaining_micros,
                expires_at=expires_at,
                held=held,
                scope=scope,
            )
        )
    return found


async def write_buckets(connection: Connection, buckets: Sequence[Bucket]) -> None:
    """Write buckets that are new or hold another amount."""
    await connection.execute(
        """
        INSERT INTO bucket (owner_id, bucket_id, kind, remaining_micros, expires_at, held, scope)
        SELECT owner_id, bucket_id, kind, remaining_micros, expires_at, held, scope
          FROM unnest($1::bigint[], $2::integer[], $3::smallint[], $4::bigint[],
                      $5::timestamptz[], $6::bigint[], $7::text[])
               AS new (owner_id, bucket_id, kind, remaining_micros, expires_at, held, scope)
            ON CONFLICT (owner_id, bucket_id)
            DO UPDATE SET remaining_micros = excluded.remaining_micros, held = excluded.held,
                          expires_at = excluded.expires_at
        """,
        [bucket.owner_id for bucket in buckets],
        [bucket.bucket_id for bucket in buckets],
        [bucket.kind for bucket in buckets],
        [bucket.remaining_micros for bucket in buckets],
        [bucket.expires_at for bucket in buckets],
        [bucket.held for bucket in buckets],
        [bucket.scope for bucket in buckets],
    )
