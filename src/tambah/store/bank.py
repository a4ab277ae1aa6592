"""Bank statements: the files that were read, and what became of each entry.

No table of the books: an entry is only ever told to the engine, which decides about money.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum

from tambah.domain.actor import Actor
from tambah.domain.payment import ProviderId, RefundState
from tambah.domain.state import AuditEntry
from tambah.store.database import Connection, Database, Record
from tambah.store.ledger import audit

NEW = "new"
"""Reason of an entry that nobody has looked at yet."""
TELLING = "telling"
"""Reason of one that is matched, while the engine is being told; `line_id` says to whom."""
BY_HAND = "by_hand"
_LOCK = 0x62616E6B
"""`bank`, the advisory lock of whoever settles entries."""


class EntryState(IntEnum):
    """Where an entry of a statement is. The numbers are stored."""

    QUEUED = 1
    MATCHED = 2
    IGNORED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """A file to be kept. form: its format, `camt.053.001.08` or `mt940`."""

    digest: bytes
    name: str
    form: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of an entry, and why; which payment (and refund) it is of, where known.

    partner_id: the dealer whose float it pays for.
    """

    state: EntryState
    reason: str
    line_id: int | None = None
    payment_no: int | None = None
    refund_no: int | None = None
    partner_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BankRow:
    """An entry as it is kept. amount_micros: of `currency`; texts: a line each."""

    fingerprint: bytes
    place: int
    booked_on: date
    amount_micros: int
    currency: str
    is_credit: bool
    bank_ref: str | None
    texts: str
    verdict: Verdict

    @property
    def name(self) -> str:
        """Return what staff call it: the beginning of its fingerprint."""
        return self.fingerprint.hex()[:NAME_LENGTH]


NAME_LENGTH = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRefund:
    """A refund that somebody has to transfer, or has transferred. Micro-ringgit.

    settled_on: the day (UTC) on which the books took it for done, None while they do not.
    told_on: booking days of the debits in statements that were matched to it.
    """

    refund_no: int
    amount_micros: int
    state: RefundState
    settled_on: date | None = None
    told_on: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPayment:
    """A payment by its reference, as far as matching asks. Micro-ringgit."""

    line_id: int
    payment_no: int
    reference: str
    provider: ProviderId
    total_micros: int
    received_micros: int
    refunds: tuple[KnownRefund, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDealer:
    """A dealer as far as matching asks. payer_id: whose float pays for what it sells."""

    partner_id: int
    payer_id: int
    name: str


@asynccontextmanager
async def one_at_a_time(database: Database) -> AsyncGenerator[None]:
    """Hold the right to settle entries; wait for it. It ends with the process that has it."""
    connection = await database.connect()
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        yield
    finally:
        await connection.close()


async def file_form(database: Database, digest: bytes) -> str | None:
    """Return the format of a file that was read before, None for a new one."""
    form: str | None = await database.fetch_value(
        "SELECT form FROM bank_file WHERE digest = $1", digest
    )
    return form


async def insert_file(database: Database, file: NewFile, rows: Sequence[BankRow]) -> int:
    """Keep a file with its entries, all or nothing; return how many entries are new.

    Entries that another file brought stay as they are. 0 for a file that is there already.
    """
    connection = await database.connect()
    try:
        async with connection.transaction():
            tag = await connection.execute(
                """
                INSERT INTO bank_file (digest, name, at, form, entries)
                VALUES ($1, $2, now(), $3, $4)
                ON CONFLICT (digest) DO NOTHING
                """,
                file.digest,
                file.name,
                file.form,
                len(rows),
            )
            if tag.endswith(" 0"):
                return 0
            return await _insert_entries(connection, file.digest, rows)
    finally:
        await connection.close()


async def _insert_entries(connection: Connection, digest: bytes, rows: Sequence[BankRow]) -> int:
    tag = await connection.execute(
        """
        INSERT INTO bank_entry (fingerprint, file_digest, place, booked_on, at, amount_micros,
                                currency, is_credit, bank_ref, texts, state, reason)
        SELECT fingerprint, $1, place, booked_on, now(), amount_micros, currency, is_credit,
               bank_ref, texts, state, reason
          FROM unnest($2::bytea[], $3::integer[], $4::date[], $5::bigint[], $6::text[],
                      $7::boolean[], $8::text[], $9::text[], $10::smallint[], $11::text[])
               AS new (fingerprint, place, booked_on, amount_micros, currency, is_credit,
                       bank_ref, texts, state, reason)
         ORDER BY fingerprint
        ON CONFLICT (fingerprint) DO NOTHING
        """,
        digest,
        [row.fingerprint for row in rows],
        [row.place for row in rows],
        [row.booked_on for row in rows],
        [row.amount_micros for row in rows],
        [row.currency for row in rows],
        [row.is_credit for row in rows],
        [row.bank_ref for row in rows],
        [row.texts for row in rows],
        [row.verdict.state for row in rows],
        [row.verdict.reason for row in rows],
    )
    return int(tag.rpartition(" ")[2])


async def entries_with(database: Database, reason: str, *, limit: int) -> list[BankRow]:
    """Return queued entries with a reason, the oldest first."""
    rows = await database.fetch(
        """
        SELECT *
          FROM bank_entry
         WHERE state = 1 AND reason = $1
         ORDER BY booked_on, at, file_digest, place
         LIMIT $2
        """,
        reason,
        limit,
    )
    return [_row(row) for row in rows]


async def queued_entries(database: Database, *, limit: int) -> tuple[list[BankRow], int]:
    """Return entries that wait for a person, the oldest first, and how many there are."""
    rows = await database.fetch(
        """
        SELECT *, count(*) OVER () AS of
          FROM bank_entry
         WHERE state = 1 AND reason NOT IN ('new', 'telling')
         ORDER BY booked_on, at, file_digest, place
         LIMIT $1
        """,
        limit,
    )
    return [_row(row) for row in rows], rows[0]["of"] if rows else 0


async def entries_of_days(database: Database, first: date, last: date) -> AsyncIterator[BankRow]:
    """Go through the ringgit entries of some days whose money moved, a day at a time."""
    days = await database.fetch(
        """
        SELECT DISTINCT booked_on FROM bank_entry WHERE booked_on BETWEEN $1 AND $2
         ORDER BY booked_on
        """,
        first,
        last,
    )
    for day in days:
        rows = await database.fetch(
            """
            SELECT *
              FROM bank_entry
             WHERE booked_on = $1 AND currency = 'MYR'
               AND NOT (state = 3 AND reason IN ('pending', 'information', 'zero'))
             ORDER BY at, file_digest, place
            """,
            day["booked_on"],
        )
        for row in rows:
            yield _row(row)


async def find_entry(database: Database, name: str) -> BankRow | None:
    """Return the entry whose fingerprint begins so, None when there is none or several."""
    rows = await database.fetch(
        """
        SELECT *
          FROM bank_entry
         WHERE fingerprint BETWEEN decode(rpad($1, 32, '0'), 'hex')
                               AND decode(rpad($1, 32, 'f'), 'hex')
         LIMIT 2
        """,
        name,
    )
    return _row(rows[0]) if len(rows) == 1 else None


async def count_file(database: Database, digest: bytes) -> dict[tuple[EntryState, str], int]:
    """Return how many of the entries that a file brought ended how."""
    rows = await database.fetch(
        """
        SELECT state, reason, count(*) AS count
          FROM bank_entry
         WHERE file_digest = $1
         GROUP BY state, reason
         ORDER BY state, reason
        """,
        digest,
    )
    return {(EntryState(row["state"]), row["reason"]): row["count"] for row in rows}


async def write_verdicts(database: Database, verdicts: Sequence[tuple[bytes, Verdict]]) -> None:
    """Say what became of entries that are not done yet."""
    if not verdicts:
        return
    ordered = sorted(verdicts, key=lambda pair: pair[0])
    await database.execute(_WRITE, *_columns(ordered))


async def write_by_hand(
    database: Database, row: BankRow, verdict: Verdict, actor: Actor, action: str
) -> bool:
    """Say what somebody decided of an entry, with an audit row; False when it was done before."""
    connection = await database.connect()
    try:
        async with connection.transaction():
            tag = await connection.execute(_WRITE, *_columns([(row.fingerprint, verdict)]))
            if tag.endswith(" 0"):
                return False
            now: datetime = await connection.fetchval("SELECT now()")
            entry = AuditEntry(
                at=now,
                who=actor.who,
                action=action,
                subject=f"bank entry {row.name}",
                why=actor.why,
                before={"reason": row.verdict.reason},
                after={
                    "reason": verdict.reason,
                    "line_id": verdict.line_id,
                    "payment_no": verdict.payment_no,
                    **({"dealer": verdict.partner_id} if verdict.partner_id else {}),
                },
            )
            await audit.append(connection, [entry])
            return True
    finally:
        await connection.close()


_WRITE = """
    UPDATE bank_entry
       SET state = new.state, reason = new.reason, line_id = new.line_id,
           payment_no = new.payment_no, refund_no = new.refund_no,
           partner_id = new.partner_id
      FROM unnest($1::bytea[], $2::smallint[], $3::text[], $4::bigint[], $5::integer[],
                  $6::integer[], $7::bigint[])
           AS new (fingerprint, state, reason, line_id, payment_no, refund_no, partner_id)
     WHERE bank_entry.fingerprint = new.fingerprint AND bank_entry.state = 1
    """


def _columns(verdicts: Sequence[tuple[bytes, Verdict]]) -> tuple[list[object], ...]:
    return (
        [fingerprint for fingerprint, _ in verdicts],
        [verdict.state for _, verdict in verdicts],
        [verdict.reason for _, verdict in verdicts],
        [verdict.line_id for _, verdict in verdicts],
        [verdict.payment_no for _, verdict in verdicts],
        [verdict.refund_no for _, verdict in verdicts],
        [verdict.partner_id for _, verdict in verdicts],
    )


async def dealers_meant(
    database: Database, partner_ids: Collection[int]
) -> dict[int, KnownDealer]:
    """Return the dealers that some numbers stand for, by number."""
    if not partner_ids:
        return {}
    rows = await database.fetch(
        """
        SELECT partner_id, charged[cardinality(charged)] AS payer_id, partner.name
          FROM dealer
          JOIN partner USING (partner_id)
         WHERE partner_id = ANY($1::bigint[])
        """,
        sorted(partner_ids),
    )
    return {
        row["partner_id"]: KnownDealer(
            partner_id=row["partner_id"], payer_id=row["payer_id"], name=row["name"]
        )
        for row in rows
    }


async def payments_named(
    database: Database, references: Collection[str]
) -> dict[str, KnownPayment]:
    """Return the payments that some references stand for, by reference."""
    if not references:
        return {}
    names = await database.fetch(
        """
        SELECT line_id, payment_no FROM payment_ref WHERE provider = 0 AND ref = ANY($1::text[])
        """,
        sorted(references),
    )
    if not names:
        return {}
    keys = ([row["line_id"] for row in names], [row["payment_no"] for row in names])
    payments = await database.fetch(
        """
        SELECT line_id, payment_no, reference, provider,
               price_micros + fee_micros AS total_micros, received_micros
          FROM payment
          JOIN unnest($1::bigint[], $2::integer[]) AS wanted (line_id, payment_no)
               USING (line_id, payment_no)
        """,
        *keys,
    )
    refunds = await database.fetch(
        """
        SELECT line_id, payment_no, refund_no, amount_micros, state,
               (settled_at AT TIME ZONE 'UTC')::date AS settled_on
          FROM refund
          JOIN unnest($1::bigint[], $2::integer[]) AS wanted (line_id, payment_no)
               USING (line_id, payment_no)
         ORDER BY refund_no
        """,
        *keys,
    )
    told = await _told_refunds(database, refunds)
    return {row["reference"]: _payment(row, refunds, told) for row in payments}


async def _told_refunds(
    database: Database, refunds: Sequence[Record]
) -> dict[tuple[int, int, int], tuple[date, ...]]:
    """Return the booking days of the debits that some refunds were settled by."""
    if not refunds:
        return {}
    rows = await database.fetch(
        """
        SELECT line_id, payment_no, refund_no, array_agg(booked_on ORDER BY booked_on) AS days
          FROM bank_entry
          JOIN unnest($1::bigint[], $2::integer[], $3::integer[])
               AS wanted (line_id, payment_no, refund_no)
               USING (line_id, payment_no, refund_no)
         WHERE state = 2 AND NOT is_credit
         GROUP BY line_id, payment_no, refund_no
        """,
        [refund["line_id"] for refund in refunds],
        [refund["payment_no"] for refund in refunds],
        [refund["refund_no"] for refund in refunds],
    )
    return {
        (row["line_id"], row["payment_no"], row["refund_no"]): tuple(row["days"]) for row in rows
    }


def _payment(
    row: Record,
    refunds: Sequence[Record],
    told: Mapping[tuple[int, int, int], tuple[date, ...]],
) -> KnownPayment:
    own = (row["line_id"], row["payment_no"])
    return KnownPayment(
        line_id=row["line_id"],
        payment_no=row["payment_no"],
        reference=row["reference"],
        provider=ProviderId(row["provider"]),
        total_micros=row["total_micros"],
        received_micros=row["received_micros"],
        refunds=tuple(
            KnownRefund(
                refund_no=refund["refund_no"],
                amount_micros=refund["amount_micros"],
                state=RefundState(refund["state"]),
                settled_on=refund["settled_on"],
                told_on=told.get((*own, refund["refund_no"]), ()),
            )
            for refund in refunds
            if (refund["line_id"], refund["payment_no"]) == own
        ),
    )


async def references_of(
    database: Database, payments: Collection[tuple[int, int]]
) -> dict[tuple[int, int], str]:
    """Return the references of payments by line and number."""
    rows = await database.fetch(
        """
        SELECT line_id, payment_no, reference
          FROM payment
          JOIN unnest($1::bigint[], $2::integer[]) AS wanted (line_id, payment_no)
               USING (line_id, payment_no)
        """,
        [line_id for line_id, _ in payments],
        [payment_no for _, payment_no in payments],
    )
    return {(row["line_id"], row["payment_no"]): row["reference"] for row in rows}


def _row(row: Record) -> BankRow:
    return BankRow(
        fingerprint=row["fingerprint"],
        place=row["place"],
        booked_on=row["booked_on"],
        amount_micros=row["amount_micros"],
        currency=row["currency"],
        is_credit=row["is_credit"],
        bank_ref=row["bank_ref"],
        texts=row["texts"],
        verdict=Verdict(
            state=EntryState(row["state"]),
            reason=row["reason"],
            line_id=row["line_id"],
            payment_no=row["payment_no"],
            refund_no=row["refund_no"],
            partner_id=row["partner_id"],
        ),
    )
