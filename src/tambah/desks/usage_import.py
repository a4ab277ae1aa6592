"""Call records of a switch that charges nothing itself: a CSV file in, charges and a report."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tambah.desks.charging import ChargingDesk, Wish
from tambah.domain.charging_commands import ChargeEvent, UnitsGranted
from tambah.domain.charging_rule import SESSIONS_KEPT
from tambah.domain.numbering import NumberPlan, fold_msisdn
from tambah.domain.rating import Service
from tambah.domain.refusals import ReasonMissing, Refusal, Unavailable
from tambah.domain.rules import Rules
from tambah.engine.administer import acting, note
from tambah.engine.importing import ImportRequest, ImportResult
from tambah.engine.importing.bad_rows import BadRow
from tambah.engine.importing.job import Tally
from tambah.engine.importing.reading import Header, Row, Table
from tambah.store.database import Database

PEER = "cdr"
"""By whose name the sessions of imported records are kept."""

COLUMNS = ("id", "msisdn", "service", "to", "began_at", "units", "network")
HEADER = Header(columns=COLUMNS, needed=("id", "msisdn", "service", "began_at", "units"))
MOST_UNITS = 2**50
_PAGE = 500
_NOT_YET = timedelta(minutes=5)
"""How far ahead of ours a switch's clock may be."""
_ID = re.compile(r"[!-~]{1,128}")
_TO = re.compile(r"\+?([0-9]{1,15})|(received)|")
_NETWORK = re.compile(r"([0-9]{3}|[0-9]{5,6})?")
_UNITS = re.compile(r"[1-9][0-9]{0,15}")
_HINTS: Mapping[str, str] = {
    "id": "Write up to 128 letters, digits or signs, without a blank.",
    "msisdn": "This is no mobile number of this country. Write it like 0123456789.",
    "service": "Write voice, sms, mms or data.",
    "to": "Write a number in international digits, a short code, or received.",
    "began_at": "Write an instant like 2027-03-01T14:30:00+08:00, not in the future.",
    "units": "Write whole seconds, messages or bytes, one or more.",
    "network": "Write the visited network like 52501, nothing at home.",
}
_TOO_OLD = (
    f"It is more than {SESSIONS_KEPT.days} days old: whether it was charged before cannot be told."
)


class UsageRow(NamedTuple):
    """A record as the file has it, well-formed."""

    record_id: str
    msisdn: int
    service: Service
    to: str
    began_at: datetime
    units: int
    network: str

    @property
    def wish(self) -> Wish:
        """Return what it asks for."""
        return Wish(
            rating_group=0,
            service=self.service,
            to=self.to,
            network=self.network,
            wanted=self.units,
        )


@dataclass(frozen=True, slots=True)
class UsageReader:
    """Reads the fields of rows. columns: of the file, in its order. now: an aware UTC instant.

    zone: of instants that do not say theirs.
    """

    columns: Sequence[str]
    plan: NumberPlan
    zone: ZoneInfo
    now: datetime

    def read(self, fields: list[str]) -> UsageRow:
        """Return the record of a row. Raises BadRow."""
        told = dict(zip(self.columns, (field.strip() for field in fields), strict=True))
        record_id, units = told["id"], told["units"]
        _require(_ID.fullmatch(record_id), "id")
        _require(_UNITS.fullmatch(units) and int(units) <= MOST_UNITS, "units")
        to = _TO.fullmatch(told.get("to", ""))
        network = told.get("network", "")
        _require(_NETWORK.fullmatch(network), "network")
        service = Service.__members__.get(told["service"].upper())
        if to is None or service is None:
            raise _bad("to" if to is None else "service")
        return UsageRow(
            record_id=record_id,
            msisdn=self._msisdn(told["msisdn"]),
            service=service,
            to=to[1] or to[2] or "",
            began_at=self._instant(told["began_at"]),
            units=int(units),
            network=network,
        )

    def _msisdn(self, text: str) -> int:
        try:
            return fold_msisdn(text, self.plan)
        except Refusal:
            raise _bad("msisdn") from None

    def _instant(self, text: str) -> datetime:
        try:
            at = datetime.fromisoformat(text)
            at = at.replace(tzinfo=self.zone) if at.tzinfo is None else at
            age = self.now - at
        except (ValueError, OverflowError):
            raise _bad("began_at") from None
        _require(age >= -_NOT_YET, "began_at")
        if age > SESSIONS_KEPT:
            raise BadRow("began_at", "field_malformed", _TOO_OLD)
        return at


async def import_usage(
    database: Database, desk: ChargingDesk, rules: Rules, request: ImportRequest, now: datetime
) -> ImportResult:
    """Charge a file's records, each once however often it is imported; report the bad ones.

    A record whose line has too little credit is not charged at all. A dry run looks at each record
    for itself, as if it were the only one.

    Raises ReasonMissing, FileRefused, Unavailable, OSError.
    """
    if not request.dry_run and not request.actor.why.strip():
        raise ReasonMissing
    if request.all_or_nothing and not request.dry_run:
        tried = await import_usage(database, desk, rules, replace(request, dry_run=True), now)
        if tried.refused:
            return tried
        request = replace(request, all_or_nothing=False)
    tally = Tally(request)
    with request.path.open("rb") as file:
        size = request.path.stat().st_size
        table = Table(file, HEADER)
        reader = UsageReader(table.columns, rules.numbers, rules.validity.zone, now)
        rows = table.rows()
        while page := list(islice(rows, _PAGE)):
            await _charge(desk, tally, list(_readable(reader, tally, page)))
            request.progress(table.bytes_done, size)
        tally.sha256, tally.is_complete = table.sha256, True
    if not request.dry_run:
        await _audit(database, tally)
    return tally.result(is_written=not request.dry_run)


def _readable(
    reader: UsageReader, tally: Tally, page: list[Row]
) -> Iterator[tuple[int, UsageRow]]:
    for line, fields in page:
        try:
            if isinstance(fields, BadRow):
                raise fields
            yield line, reader.read(fields)
        except BadRow as bad:
            tally.refuse(line, bad)


async def _charge(desk: ChargingDesk, tally: Tally, rows: list[tuple[int, UsageRow]]) -> None:
    """Have a page of records charged, in their order, and count what became of each."""
    asks = await desk.asks([row.wish for _, row in rows])
    steps = [
        ChargeEvent(
            peer=PEER,
            session_id=row.record_id,
            request_no=0,
            msisdn=row.msisdn,
            asks=(ask,),
            at=row.began_at,
        )
        for (_, row), ask in zip(rows, asks, strict=True)
    ]
    send = _try if tally.request.dry_run else _submit
    answers = await asyncio.gather(*(send(desk, step) for step in steps))
    for (line, _), answer in zip(rows, answers, strict=True):
        if isinstance(answer, Refusal):
            reason = (type(answer).__doc__ or "").partition("\n")[0]
            tally.refuse(line, BadRow("", answer.code, reason))
        elif answer is None or answer.again:
            tally.unchanged += 1
        else:
            tally.created += 1


async def _submit(desk: ChargingDesk, step: ChargeEvent) -> UnitsGranted | Refusal:
    try:
        return await desk.submit(step)
    except Unavailable:
        raise  # of all of them, not of this record
    except Refusal as refusal:
        return refusal


async def _try(desk: ChargingDesk, step: ChargeEvent) -> UnitsGranted | Refusal | None:
    """Return what charging would be answered, None for a record that was charged before."""
    if await desk.find(PEER, step.session_id) is not None:
        return None
    try:
        return await desk.price(step)
    except Refusal as refusal:
        return refusal


async def _audit(database: Database, tally: Tally) -> None:
    async with acting(database) as connection:
        await note(
            connection,
            tally.request.actor,
            "ImportUsage",
            f"file:{tally.request.path.name}",
            after={
                "sha256": tally.sha256,
                "created": tally.created,
                "unchanged": tally.unchanged,
                "refused": tally.refused,
                "complete": tally.is_complete,
            },
        )


def _require(fits: object, column: str) -> None:
    if not fits:
        raise _bad(column)


def _bad(column: str) -> BadRow:
    return BadRow(column, "field_malformed", f"{column} cannot be read. {_HINTS[column]}")
