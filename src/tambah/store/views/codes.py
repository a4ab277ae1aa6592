"""Which codes can still be used: by digest, for the demo's page of codes."""

from collections.abc import Sequence

from tambah.store.database import Database


async def live_digests(database: Database, digests: Sequence[bytes]) -> set[bytes]:
    """Return those digests whose card is active in a released batch."""
    rows = await database.fetch(
        """
        SELECT voucher.digest
          FROM voucher JOIN voucher_batch USING (batch_id)
         WHERE voucher.digest = ANY($1::bytea[]) AND voucher.state = 2 AND voucher_batch.state = 3
        """,
        list(digests),
    )
    return {row[0] for row in rows}
