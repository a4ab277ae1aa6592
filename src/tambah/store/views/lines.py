"""A line as it stands now, for whoever only looks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tambah.domain.balance import ALLOWANCES, MAIN_BUCKET_ID, Bucket, BucketKind, is_live
from tambah.domain.line import Line, LineState, stage_at
from tambah.domain.records import replace
from tambah.domain.rules import Rules
from tambah.domain.state import LineAccount
from tambah.store.database import Database, Record
from tambah.store.ledger.lines import line_from_row

_BUCKET_AT = 29  # where a row's bucket starts, behind the columns of the line


@dataclass(frozen=True, slots=True, kw_only=True)
class LineView:
    """What is true of a line at an instant, which the store may not have caught up with.

    Micro-ringgit: main credit (frozen but there in grace), and all live bonus. bonuses: the live
    bonus buckets, the soonest to expire first; allowances: the same of seconds, messages and
    bytes, which are no money. Once the line has expired it holds nothing.
    """

    line: Line
    state: LineState
    at: datetime
    main_micros: int
    bonus_micros: int
    bonuses: tuple[Bucket, ...]
    allowances: tuple[Bucket, ...] = ()

    @property
    def is_somebodys(self) -> bool:
        """Say whether the number is still the line's: not in quarantine, nor after it."""
        return self.state < LineState.QUARANTINED


async def find_line_id(database: Database, msisdn: int) -> int | None:
    """Return whose line a number is at present, None for nobody's."""
    return await database.fetch_value("SELECT line_id FROM number WHERE msisdn = $1", msisdn)


async def read_line(database: Database, msisdn: int) -> LineAccount | None:
    """Return the line that a number is at present with its buckets, None for nobody's.

    Whose the number is is asked first: it lies on another shard.
    """
    line_id = await find_line_id(database, msisdn)
    return None if line_id is None else await read_line_of(database, line_id)


async def read_line_of(database: Database, line_id: int) -> LineAccount | None:
    """Return a line by its id with its buckets, from one statement: a top-up shows in both."""
    rows = await database.fetch(
        """
        SELECT line.line_id, msisdn, language, plan, state, last_at, barred, suspended,
               activated_at, active_until, grace_until, transfer_seq, bucket_seq, topup_seq,
               message_seq, payment_seq, own_wrong, own_locked_until, guest_wrong,
               guest_locked_until, due_at, reactivation_until, hold_until, reminds,
               low_credit_micros, own_bar, package_due_at, iccid, import_digest, bucket_id,
               kind, remaining_micros, expires_at, held, scope
          FROM line
          JOIN bucket ON owner_id = line.line_id AND (remaining_micros <> 0 OR bucket_id = $2)
         WHERE line.line_id = $1
         ORDER BY bucket_id
        """,
        line_id,
        MAIN_BUCKET_ID,
    )
    return _account(rows) if rows else None


def line_now(account: LineAccount, rules: Rules, now: datetime) -> LineView:
    """Say what is true of a line now, by the rules alone: nothing is written.

    now: an aware UTC instant; a line's own clock, when it is ahead, counts instead.
    """
    line = account.line
    at = max(now, line.last_at)
    state = stage_at(line, rules.life, rules.validity, at)
    live: list[Bucket] = []
    main_micros = 0
    if state < LineState.EXPIRED:
        main_micros = account.main.remaining_micros
        live = [b for b in account.buckets if b.remaining_micros > 0 and is_live(b, at)]
    live.sort(key=lambda b: (b.expires_at or at, b.bucket_id))
    bonuses = [b for b in live if b.kind is BucketKind.BONUS]
    return LineView(
        line=replace(line, state=state),
        state=state,
        at=at,
        main_micros=main_micros,
        bonus_micros=sum(b.remaining_micros for b in bonuses),
        bonuses=tuple(bonuses),
        allowances=tuple(b for b in live if b.kind in ALLOWANCES),
    )


def _account(rows: Sequence[Record]) -> LineAccount:
    first = rows[0]
    return LineAccount(
        line=line_from_row(first),
        buckets=tuple(_bucket(row) for row in rows),
        iccid=first[_BUCKET_AT - 2],
        import_digest=first[_BUCKET_AT - 1],
    )


def _bucket(row: Record) -> Bucket:
    return Bucket(
        owner_id=row[0],
        bucket_id=row[_BUCKET_AT],
        kind=BucketKind(row[_BUCKET_AT + 1]),
        remaining_micros=row[_BUCKET_AT + 2],
        expires_at=row[_BUCKET_AT + 3],
        held=row[_BUCKET_AT + 4],
        scope=row[_BUCKET_AT + 5],
    )
