"""What a demo's page of codes shows: which codes still work, and numbers in every state."""

from collections.abc import Collection
from dataclasses import dataclass

from tambah.domain.line import Language, LineState
from tambah.domain.voucher import BatchState, VoucherState, format_serial
from tambah.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class TryableLine:
    """A made-up number, the state its row is in, and the language it is written to in.

    sealed: who it is registered to, if anybody.
    """

    line_id: int
    msisdn: int
    state: LineState
    language: Language
    sealed: bytes | None


async def live_prices(database: Database, digests: Collection[bytes]) -> dict[bytes, int]:
    """Return the price (micro-ringgit) of each voucher, by digest, that could be redeemed now."""
    rows = await database.fetch(
        """
        SELECT voucher.digest, voucher_batch.price_micros
          FROM voucher JOIN voucher_batch ON voucher_batch.batch_id = voucher.batch_id
         WHERE voucher.digest = ANY($1) AND voucher.state = $2 AND voucher_batch.state = $3
        """,
        list(digests),
        VoucherState.ACTIVE,
        BatchState.RELEASED,
    )
    return {row["digest"]: row["price_micros"] for row in rows}


async def tryable_lines(database: Database) -> list[TryableLine]:
    """Return one number for each state and, where it can be topped up, for each language.

    Those that can be topped up come first.
    """
    rows = await database.fetch(
        """
        SELECT DISTINCT ON (line.state, topped_up_in) line.line_id, line.msisdn, line.state,
               line.language, person.sealed,
               CASE WHEN line.state = $1 THEN line.language ELSE 0 END AS topped_up_in
          FROM line JOIN number ON number.line_id = line.line_id
          LEFT JOIN person ON person.line_id = line.line_id
         WHERE NOT line.barred AND NOT line.suspended
         ORDER BY line.state, topped_up_in, line.msisdn
        """,
        LineState.ACTIVE,
    )
    lines = [
        TryableLine(
            line_id=row["line_id"],
            sealed=row["sealed"],
            msisdn=row["msisdn"],
            state=LineState(row["state"]),
            language=Language(row["language"]),
        )
        for row in rows
    ]
    return sorted(lines, key=lambda line: line.state is not LineState.ACTIVE)


async def unsold_cards(database: Database, limit: int) -> list[tuple[str, int]]:
    """Return serial numbers of released cards that were not sold, with prices. For demos."""
    rows = await database.fetch(
        """
        SELECT voucher.batch_id, voucher.number, price_micros
          FROM voucher
          JOIN voucher_batch AS batch ON batch.batch_id = voucher.batch_id
         WHERE voucher.state = 1 AND batch.state = 3
         ORDER BY voucher.number, price_micros
         LIMIT $1
        """,
        limit,
    )
    return [(format_serial(row[0], row[1]), row[2]) for row in rows]
