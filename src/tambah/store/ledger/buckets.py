"""Buckets of credit and allowances, of lines and partners alike."""

from collections.abc import Collection
from operator import attrgetter

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


bucket_after = attrgetter(
    "owner_id", "bucket_id", "kind", "remaining_micros", "expires_at", "held", "scope"
)
"""A bucket that is new or holds another amount (`batch_rows`)."""
