"""From a file's bytes to the fields of its rows, at constant memory.

Each line is a row of its own: a quotation mark left open spoils one row, not the rest of the file.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from tambah.engine.importing.bad_rows import BadRow, FileRefused, broken

LONGEST_ROW_BYTES = 16_384
_CHUNK_BYTES = 1 << 20
_BOM = b"\xef\xbb\xbf"

COLUMNS = (
    "msisdn",
    "iccid",
    "language",
    "plan",
    "activated_on",
    "active_until",
    "grace_until",
    "balance",
    "barred",
    "suspended",
    "name",
    "document",
    "birth_date",
    "contact",
)

Row = tuple[int, "list[str] | BadRow"]
"""A line's number in the file, and its fields or what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a file's header may say. needed: columns that no file does without."""

    columns: tuple[str, ...]
    needed: tuple[str, ...]
    also_called: Mapping[str, str] = field(default_factory=dict[str, str])


LINES = Header(columns=COLUMNS, needed=("msisdn",), also_called={"number": "msisdn"})


class Table:
    """A CSV file being read: its header at once, its rows one after another.

    header_rules: the columns that it may have, those of lines unless told.
    columns: what each field of a row is, in the file's order. titles: the same as the header
    writes it. bytes_done, sha256: of what was read so far. Raises FileRefused.
    """

    def __init__(self, file: BinaryIO, header_rules: Header = LINES) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.bytes_done = 0
        self._lines = self._number_lines()
        _, header = next(self._lines, (0, b""))
        if not header or len(header) > LONGEST_ROW_BYTES:
            raise FileRefused("The file's first line must name its columns.")
        text = _decode(header.removeprefix(_BOM))
        if text is None:
            raise FileRefused("The file is not in UTF-8. Save it as CSV UTF-8 and try again.")
        self.separator = ";" if text.count(";") > text.count(",") else ","
        self.titles = _titles(text, self.separator)
        self.columns = _columns(self.titles, header_rules)

    @property
    def sha256(self) -> str:
        """Return the digest (hexadecimal) of all bytes read so far."""
        return self._hash.hexdigest()

    def rows(self) -> Iterator[Row]:
        """Return the rows; empty lines, and those of separators alone, are passed over."""
        separator, width = self.separator, len(self.titles)
        nothing = f'{separator} \t"'.encode()
        for number, line in self._lines:
            if not line.strip(nothing):
                continue
            if b'"' not in line and len(line) <= LONGEST_ROW_BYTES:
                try:
                    fields = line.decode().split(separator)
                except UnicodeDecodeError:
                    yield number, broken("The row is not in UTF-8.")
                    continue
                if len(fields) == width:
                    yield number, fields
                    continue
            yield number, _read_slowly(line, separator, width)

    def _number_lines(self) -> Iterator[tuple[int, bytes]]:
        """Number the lines that have something in them, without their ends."""
        for number, line in enumerate(self._split_chunks(), 1):
            stripped = line.rstrip(b"\r")
            if stripped and not stripped.isspace():
                yield number, stripped

    def _split_chunks(self) -> Iterator[bytes]:
        """Return every line; of one that is too long, as much as shows that it is."""
        rest = b""
        while chunk := self._file.read(_CHUNK_BYTES):
            self._hash.update(chunk)
            self.bytes_done += len(chunk)
            lines = chunk.split(b"\n")
            lines[0] = rest + lines[0]
            rest = lines.pop()[: LONGEST_ROW_BYTES + 1]
            yield from lines
        if rest:
            yield rest


def _titles(text: str, separator: str) -> tuple[str, ...]:
    try:
        return tuple(title.strip() for title in _split(text, separator))
    except csv.Error as error:
        raise FileRefused("The header has a quotation mark out of place.") from error


def _columns(titles: tuple[str, ...], header: Header) -> tuple[str, ...]:
    columns: list[str] = []
    for title in titles:
        folded = title.lower()
        column = header.also_called.get(folded, folded)
        if column not in header.columns:
            listed = ", ".join(header.columns)
            shown = title if title.isprintable() and title else "(empty)"
            raise FileRefused(f"There is no column {shown[:40]}. Columns are: {listed}.")
        if column in columns:
            raise FileRefused(f"The column {column} is there twice.")
        columns.append(column)
    for column in header.needed:
        if column not in columns:
            raise FileRefused(f"The column {column} is missing.")
    return tuple(columns)


def _read_slowly(line: bytes, separator: str, width: int) -> list[str] | BadRow:
    """Read a row that has quotation marks in it, or is not as it should be."""
    if len(line) > LONGEST_ROW_BYTES:
        return broken(f"The row is longer than {LONGEST_ROW_BYTES} bytes.")
    text = _decode(line)
    if text is None:
        return broken("The row is not in UTF-8.")
    try:
        fields = _split(text, separator)
    except csv.Error:
        return broken("A quotation mark is out of place, or a field holds a line break.")
    if len(fields) == width:
        return fields
    return broken(f"The row has {len(fields)} fields, the header has {width}.")


def _decode(line: bytes) -> str | None:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return None


def _split(text: str, separator: str) -> list[str]:
    for fields in csv.reader((text,), delimiter=separator, strict=True):
        return fields
    return []
