"""All numbers, each with the line that it is or was last, in the order of the numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tambah.domain.balance import BucketKind
from tambah.domain.line import Language, LineState
from tambah.store.database import Record
from tambah.store.views.listed import Listed

_HIGHEST = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesWanted:
    """Which lines to list. starts: digits that the number begins with, country code first.

    ends_before: whose validity is over by an instant (UTC).
    """

    state: LineState | None = None
    plan: str | None = None
    language: Language | None = None
    starts: str = ""
    ends_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRow:
    """A line in a list, as the store has it. main_micros: its main credit, micro-ringgit."""

    msisdn: int
    state: LineState
    plan: str
    language: Language
    barred: bool
    suspended: bool
    active_until: datetime | None
    main_micros: int


def lines_listed(wanted: LinesWanted, after: int | None) -> Listed[LineRow]:
    """Ask for lines by number. after: the last number seen.

    The bounds of `starts` are those of all numbers with those first digits, and more: what lies
    between and begins otherwise is left out one by one.
    """
    least, most = _bounds(wanted.starts)
    return Listed(
        sql="""
            SELECT number.msisdn, line.state, line.plan, line.language, line.barred,
                   line.suspended, line.active_until, held.micros
              FROM number
              JOIN line ON line.line_id = number.line_id
             CROSS JOIN LATERAL (
                   SELECT coalesce(sum(remaining_micros), 0)::bigint AS micros
                     FROM bucket
                    WHERE bucket.owner_id = number.line_id AND bucket.kind = $9) AS held
             WHERE number.msisdn > $1 AND number.msisdn BETWEEN $2 AND $3
               AND ($4 = '' OR number.msisdn::text LIKE $4 || '%')
               AND ($5::smallint IS NULL OR line.state = $5)
               AND ($6::text IS NULL OR line.plan = $6)
               AND ($7::smallint IS NULL OR line.language = $7)
               AND ($8::timestamptz IS NULL OR line.active_until <= $8)
             ORDER BY number.msisdn
             LIMIT $10::bigint
            """,
        values=(
            after or 0,
            least,
            most,
            wanted.starts,
            wanted.state,
            wanted.plan,
            wanted.language,
            wanted.ends_before,
            BucketKind.MAIN,
        ),
        read=_row,
    )


def _bounds(starts: str) -> tuple[int, int]:
    """Return the least and the greatest number (15 digits, E.164) that begins with digits."""
    if not starts:
        return 0, _HIGHEST
    return int(starts), int(starts.ljust(15, "9"))


def _row(row: Record) -> LineRow:
    return LineRow(
        msisdn=row[0],
        state=LineState(row[1]),
        plan=row[2],
        language=Language(row[3]),
        barred=row[4],
        suspended=row[5],
        active_until=row[6],
        main_micros=row[7],
    )
