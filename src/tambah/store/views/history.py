"""A line's history as its subscriber reads it: money in and out, and the line's own stages."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any, NamedTuple

from tambah.domain.ledger import OWN_ACCOUNTS, Account, TransferKind
from tambah.domain.line import LineState
from tambah.domain.state import TopUpSource
from tambah.store.database import Database, Record


class Source(IntEnum):
    """Where an entry was read from. At one instant, later ones come after earlier ones."""

    STAGE = 0
    TRANSFER = 1


class Place(NamedTuple):
    """An entry's place in the history, for the page after it; `at` in UTC."""

    at: datetime
    source: int
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the history.

    kind, debit, credit: of a transfer; stage: that began. amount_micros, balance_micros: 0 and
    None for a stage. seq: place in the line's sequence; topup_no: the top-up that it belongs to,
    or undoes; receipt, payment: references that people quote.
    """

    at: datetime
    source: Source
    seq: int
    kind: TransferKind | None = None
    stage: LineState | None = None
    debit: Account | None = None
    credit: Account | None = None
    amount_micros: int = 0
    balance_micros: int | None = None
    topup_no: int | None = None
    receipt: str | None = None
    payment: str | None = None

    @property
    def place(self) -> Place:
        """Return where it stands."""
        return Place(self.at, self.source, self.seq)

    @property
    def sign(self) -> int:
        """Return 1 for what came to the line's credit, -1 for what left it, 0 for neither."""
        return (self.credit in OWN_ACCOUNTS) - (self.debit in OWN_ACCOUNTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which part of a history: from an instant, before another, after a place, so many.

    shown: (kind, debit, credit) of transfers; stages: whether the line's stages as well.
    """

    shown: Collection[tuple[TransferKind, Account, Account]]
    stages: bool
    since: datetime
    before: datetime
    after: Place | None
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnReceipt:
    """A top-up as its line's subscriber sees it. Micro-ringgit.

    bonus_until, active_until: first instants (UTC) at which it is over. reactivation_micros: the
    fee of bringing an expired line back. method, fee_micros: of the payment that it came from,
    None and 0 for none.
    """

    topup_no: int
    at: datetime
    source: TopUpSource
    price_micros: int
    tax_micros: int
    main_micros: int
    bonus_micros: int
    bonus_until: datetime | None
    active_until: datetime
    receipt: str
    reversed_at: datetime | None
    reactivation_micros: int
    method: str | None
    fee_micros: int


async def read_history(database: Database, line_id: int, asked: Asked) -> list[Entry]:
    """Return a part of a line's history, newest first, in one statement.

    A stage is read off the dates that each top-up found and that the line has now: what began in
    between and was over by a top-up is told by that top-up's `active_until_before`.
    """
    after = asked.after or Place(asked.before, 0, 0)
    rows = await database.fetch(
        """
        WITH told AS (
            SELECT transfer.at, 1 AS source, seq, kind, debit, credit, amount_micros,
                   balance_micros, coalesce(transfer.topup_no, mends_topup_no) AS topup_no,
                   payment_no
              FROM transfer
             WHERE owner_id = $1 AND transfer.at >= $2
               AND (transfer.at, 1, seq) < ($3::timestamptz, $4::integer, $5::integer)
               AND kind * 10000 + debit * 100 + credit = ANY ($6::integer[])
             UNION ALL
            SELECT began.at, 0, stage, NULL, NULL, NULL, 0, NULL, NULL, NULL
              FROM (SELECT activated_at AS at, 2 AS stage FROM line WHERE line_id = $1
                    UNION
                    SELECT active_until_before, 3 FROM topup
                     WHERE line_id = $1 AND active_until_before <= topup.at
                    UNION
                    SELECT active_until, 3 FROM line WHERE line_id = $1
                    UNION
                    SELECT grace_until, 4 FROM line WHERE line_id = $1) AS began
             WHERE $7::boolean AND began.at >= $2
               AND (began.at, 0, stage) < ($3::timestamptz, $4::integer, $5::integer))
        SELECT told.at, told.source, told.seq, told.kind, told.debit, told.credit,
               told.amount_micros, told.balance_micros, told.topup_no, topup.receipt,
               payment.reference
          FROM told
          LEFT JOIN topup ON topup.line_id = $1 AND topup.topup_no = told.topup_no
          LEFT JOIN payment ON payment.line_id = $1
                           AND payment.payment_no = coalesce(told.payment_no, topup.payment_no)
         ORDER BY told.at DESC, told.source DESC, told.seq DESC
         LIMIT $8
        """,
        line_id,
        asked.since,
        after.at,
        after.source,
        after.seq,
        [kind * 10_000 + debit * 100 + credit for kind, debit, credit in asked.shown],
        asked.stages,
        asked.limit,
    )
    return [_entry(row) for row in rows]


async def read_own_receipt(database: Database, line_id: int, topup_no: int) -> OwnReceipt | None:
    """Return one of a line's top-ups, in one statement; None where the line has no such."""
    row = await database.fetch_row(
        """
        SELECT topup.topup_no, topup.at, source AS origin, topup.price_micros, topup.tax_micros,
               topup.main_micros, topup.bonus_micros, bucket.expires_at AS bonus_until,
               topup.active_until, topup.receipt, topup.reversed_at,
               topup.reactivation_micros, payment.method,
               coalesce(payment.fee_micros, 0) AS fee_micros
          FROM topup
          LEFT JOIN bucket ON bucket.owner_id = topup.line_id
                          AND bucket.bucket_id = topup.bonus_bucket_id
          LEFT JOIN payment ON payment.line_id = topup.line_id
                           AND payment.payment_no = topup.payment_no
         WHERE topup.line_id = $1 AND topup.topup_no = $2
        """,
        line_id,
        topup_no,
    )
    if row is None:
        return None
    return OwnReceipt(source=TopUpSource(row["origin"]), **_without(row, "origin"))


def _without(row: Record, name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}


def _entry(row: Record) -> Entry:
    if row["source"] == Source.STAGE:
        stage = LineState(row["seq"])
        return Entry(at=row["at"], source=Source.STAGE, seq=row["seq"], stage=stage)
    return Entry(
        at=row["at"],
        source=Source.TRANSFER,
        seq=row["seq"],
        kind=TransferKind(row["kind"]),
        debit=Account(row["debit"]),
        credit=Account(row["credit"]),
        amount_micros=row["amount_micros"],
        balance_micros=row["balance_micros"],
        topup_no=row["topup_no"],
        receipt=row["receipt"],
        payment=row["reference"],
    )
