"""A list as a file: CSV for any program, XLSX for a spreadsheet; all that the filter leaves.

Written to a file of the system's own first, piece by piece, so that memory stays the same however
long the list, no connection waits for a slow reader, and the audit trail has how many rows there
are before the first of them leaves the house. The file has no name and is gone with the answer.
"""

from __future__ import annotations

import asyncio
import csv
import io
import re
import tempfile
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Any, BinaryIO, Protocol, TypeVar, cast

from litestar import Response
from litestar.response import Stream
from xlsxwriter.workbook import Workbook

from tambah.console.facts import Wording
from tambah.console.lists import Asked, Link, ListShape, Marked, Money, Value
from tambah.console.pages import ConsolePages, zone_name
from tambah.domain.money import ringgit
from tambah.domain.refusals import FieldMalformed, ListTooLong
from tambah.domain.staff import Staff
from tambah.engine.exports import note_export
from tambah.engine.staff import actor_of
from tambah.store.views.listed import stream_listed
from tambah.web.pages import AnyRequest

_PIECE_BYTES = 64 * 1024
_BOM = "\ufeff"
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
_Row = TypeVar("_Row")


class Sheet(Protocol):
    """A file that rows are written to. most_rows: so many that it is written within a minute."""

    media_type: str
    most_rows: int

    def write(self, rows: Sequence[Sequence[Value]]) -> None:
        """Write some rows."""
        ...

    def finish(self) -> BinaryIO:
        """Return the whole file, at its beginning."""
        ...


async def export_list(
    pages: ConsolePages,
    request: AnyRequest,
    shape: ListShape[_Row],
    asked: Asked,
    staff: Staff,
    form: str,
) -> Response[Any]:
    """Return what a filter leaves of a list as a file, once it stands in the audit trail.

    form: `csv` or `xlsx`. Raises FieldMalformed, ListTooLong.
    """
    site = pages.site
    say = Wording(site, pages.speak(request))
    kind = _SHEETS.get(form)
    if kind is None:
        raise FieldMalformed(field="as")
    heads = [say.texts.get(f"console.col.{word}") for word in shape.columns]
    zone = site.rules.validity.zone
    async with pages.exporting:
        sheet = kind(heads, zone, zone_name(site))
        rows = 0
        async for piece in stream_listed(site.database, shape.find(asked, None)):
            rows += len(piece)
            if rows > kind.most_rows:
                sheet.finish().close()
                raise ListTooLong(most=kind.most_rows)
            await asyncio.to_thread(sheet.write, [shape.cells(row, say) for row in piece])
        file = await asyncio.to_thread(sheet.finish)
    await note_export(
        site.database,
        actor_of(staff),
        name=shape.word,
        form=form,
        rows=rows,
        filters=dict(asked.filters),
    )
    day = site.clock.now().astimezone(zone).date().isoformat()
    return Stream(
        _read(file),
        media_type=sheet.media_type,
        headers={
            "content-disposition": f'attachment; filename="{shape.word}-{day}.{form}"',
            "cache-control": "no-store",
        },
    )


async def _read(file: BinaryIO) -> AsyncIterator[bytes]:
    """Yield a file piece by piece, and be rid of it."""
    try:
        while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
            yield piece
    finally:
        file.close()


class CsvSheet:
    """CSV with a byte order mark, without which spreadsheets take UTF-8 for something else."""

    media_type = "text/csv"
    most_rows = 1_000_000

    def __init__(self, heads: Sequence[str], zone: tzinfo, zone_word: str) -> None:
        # It outlives this function: `finish` hands it on.
        self._file = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115
        self._text = io.TextIOWrapper(self._file, encoding="utf-8", newline="")
        self._text.write(_BOM)
        self._csv = csv.writer(self._text)
        self._csv.writerow([harmless(head) for head in heads])
        self._zone = zone
        self._zone_word = zone_word

    def write(self, rows: Sequence[Sequence[Value]]) -> None:
        """Write some rows."""
        self._csv.writerows([self._cell(value) for value in row] for row in rows)

    def _cell(self, value: Value) -> str:
        match value:
            case Money(micros):
                return ringgit(micros)
            case datetime():
                return f"{value.astimezone(self._zone):%Y-%m-%d %H:%M:%S} {self._zone_word}"
            case date():
                return value.isoformat()
            case int():
                return str(value)
            case _:
                return harmless(_plain(value))

    def finish(self) -> BinaryIO:
        """Return the whole file, at its beginning."""
        self._text.detach()
        self._file.seek(0)
        return self._file


class XlsxSheet:
    """XLSX, written row by row; texts are texts there, whatever they begin with."""

    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    most_rows = 200_000

    def __init__(self, heads: Sequence[str], zone: tzinfo, zone_word: str) -> None:
        # It outlives this function: `finish` hands it on.
        self._file = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115
        self._book: Any = Workbook(self._file, {"constant_memory": True, "in_memory": False})
        # An instant there has no zone: the sheet's name says it.
        self._sheet: Any = self._book.add_worksheet(zone_word.replace("/", " ")[:31])
        bold = self._book.add_format({"bold": True})
        self._money = self._book.add_format({"num_format": "#,##0.00"})
        self._instant = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._day = self._book.add_format({"num_format": "yyyy-mm-dd"})
        for column, head in enumerate(heads):
            self._sheet.write_string(0, column, head, bold)
        self._row = 0
        self._zone = zone

    def write(self, rows: Sequence[Sequence[Value]]) -> None:
        """Write some rows."""
        for row in rows:
            self._row += 1
            for column, value in enumerate(row):
                self._cell(column, value)

    def _cell(self, column: int, value: Value) -> None:
        sheet, row = self._sheet, self._row
        match value:
            case Money(micros):
                sheet.write_number(row, column, Decimal(ringgit(micros)), self._money)
            case datetime():
                local = value.astimezone(self._zone).replace(tzinfo=None)
                sheet.write_datetime(row, column, local, self._instant)
            case date():
                sheet.write_datetime(row, column, value, self._day)
            case int():
                sheet.write_number(row, column, value)
            case _:
                sheet.write_string(row, column, _plain(value))

    def finish(self) -> BinaryIO:
        """Return the whole file, at its beginning."""
        self._book.close()
        self._file.seek(0)
        return self._file


_SHEETS: dict[str, type[CsvSheet] | type[XlsxSheet]] = {"csv": CsvSheet, "xlsx": XlsxSheet}


def harmless(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula; numbers stay as they are."""
    if text.startswith(_STARTS_A_FORMULA) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def _plain(value: str | Link | Marked | None) -> str:
    return value.text if isinstance(value, Link | Marked) else value or ""
