"""Closing the books: writing down how far they have been proved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tambah.engine.verifying.verdict import Verdict
from tambah.engine.verifying.verify import Progress, prove
from tambah.store.database import Database
from tambah.store.proofs.closings import write_closing
from tambah.store.proofs.scope import snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """What a closing did: the verdict on the books, and when they were closed, None if not."""

    verdict: Verdict
    closed_at: datetime | None


async def close_books(
    database: Database, *, full: bool = False, progress: Progress | None = None
) -> Closed:
    """Prove the books and, only if all is well, close them as the same snapshot shows them.

    The next verification goes on from there. A closing stands on the one before it: what it says
    of rows closed earlier was proved then, so a row altered since cannot get into it.
    """
    connection = await database.connect()
    try:
        async with snapshot(connection, readonly=False):
            proof = await prove(connection, full=full, progress=progress)
            if not proof.verdict.is_clean:
                return Closed(verdict=proof.verdict, closed_at=None)
            before = proof.scope.closing
            instants = (proof.scope.at, proof.sums.latest_at, before and before.latest_at)
            await write_closing(
                connection,
                closed_at=proof.scope.at,
                latest_at=max(instant for instant in instants if instant is not None),
                accounts=proof.balances,
            )
    finally:
        await connection.close()
    return Closed(verdict=proof.verdict, closed_at=proof.scope.at)
