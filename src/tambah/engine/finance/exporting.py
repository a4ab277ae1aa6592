"""The ledger's journal as CSV, for an accounting system: streamed, and told in the trail."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from tambah.domain.actor import Actor
from tambah.domain.finance.journal import (
    HEADER,
    TRANSFER_HEADER,
    booking_cells,
    journal_line,
)
from tambah.domain.finance.statement import Movement
from tambah.domain.ledger import Account
from tambah.domain.matching import Span
from tambah.domain.validity import ValidityRule
from tambah.engine.administer import acting, note
from tambah.store.database import Database
from tambah.store.views.finance import Posting, stream_movements, stream_postings

_A_DAY = timedelta(days=1)
_BOM = "\ufeff"
_ROWS_AT_ONCE = 500
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalRequest:
    """Which days, and whether every transfer is wanted or one line for day and booking."""

    span: Span
    each_transfer: bool = False


async def write_journal(
    database: Database,
    wanted: JournalRequest,
    actor: Actor,
    *,
    codes: Mapping[Account, str],
    validity: ValidityRule,
) -> AsyncGenerator[str]:
    """Yield the journal of some local days as CSV, a piece at a time, from one snapshot.

    It begins with the mark by which spreadsheets know UTF-8. That it was taken stands in the trail
    before its first row is read. Raises ReasonMissing.
    """
    async with acting(database) as connection:
        subject = f"books:{wanted.span.first}..{wanted.span.last}"
        after = {"each_transfer": wanted.each_transfer}
        await note(connection, actor, "ExportJournal", subject, after=after)
    connection = await database.connect()
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            header = TRANSFER_HEADER if wanted.each_transfer else HEADER
            since = validity.start_of(wanted.span.first)
            before = validity.start_of(wanted.span.last + _A_DAY)
            yield _BOM + _csv([header])
            rows: list[tuple[str, ...]] = []
            source = stream_postings if wanted.each_transfer else stream_movements
            async for one in source(connection, since, before, validity.zone):
                row = _row(one, codes)
                if row is not None:
                    rows.append(row)
                if len(rows) == _ROWS_AT_ONCE:
                    yield _csv(rows)
                    rows = []
            yield _csv(rows)
    finally:
        await connection.close()


def _row(one: Posting | Movement, codes: Mapping[Account, str]) -> tuple[str, ...] | None:
    if isinstance(one, Movement):
        return journal_line(one, codes)
    booked = booking_cells(one.day, one.kind, one.debit, one.credit, one.amount_micros, codes)
    if booked is None:
        return None
    return (*booked, one.at.isoformat(), f"{one.owner_id}/{one.seq}", _harmless(one.reference))


def _harmless(text: str) -> str:
    """Keep a spreadsheet from taking what somebody sent us for a formula."""
    return f"'{text}" if text.startswith(_FORMULAS) else text


def _csv(rows: Iterable[tuple[str, ...]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()
