"""From a row's fields to a top-up point, or to what is wrong with the row."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

from tambah.domain.opening_hours import HoursMalformed, parse_hours
from tambah.domain.point import MICRODEGREES_PER_DEGREE, Point, PointKind
from tambah.engine.importing.bad_rows import BadRow
from tambah.engine.importing.reading import Header

HEADER = Header(
    columns=(
        "code",
        "name",
        "kind",
        "address",
        "town",
        "state",
        "postcode",
        "latitude",
        "longitude",
        "hours",
        "sells_cards",
        "sells_reloads",
        "withdrawn",
    ),
    needed=(
        "code",
        "name",
        "kind",
        "address",
        "town",
        "state",
        "postcode",
        "latitude",
        "longitude",
    ),
)
_KINDS = {kind.name.lower(): kind for kind in PointKind}
_FLAGS = {
    **dict.fromkeys(("yes", "y", "true", "1"), True),
    **dict.fromkeys(("no", "n", "false", "0", ""), False),
}
_CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z._/-]{0,39}", re.ASCII)
_POSTCODE = re.compile(r"[0-9]{5}", re.ASCII)
_DEGREES = re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,12})?", re.ASCII)
_MOST_CHARACTERS = {"name": 80, "address": 200, "town": 60, "state": 60}
_MOST_DEGREES = {"latitude": 90, "longitude": 180}
_HINTS = {
    "code": "Write up to 40 letters, digits, dots, dashes and slashes.",
    "name": "Write up to 80 characters that can be printed.",
    "kind": f"Write one of {', '.join(_KINDS)}.",
    "address": "Write up to 200 characters that can be printed.",
    "town": "Write up to 60 characters that can be printed.",
    "state": "Write up to 60 characters that can be printed.",
    "postcode": "Write its five digits.",
    "latitude": "Write degrees north like 3.139003, from -90 to 90.",
    "longitude": "Write degrees east like 101.686855, from -180 to 180.",
    "hours": "Write them like Mo-Fr 08:00-22:00; Sa,Su 10:00-02:00, or 24/7.",
    "sells_cards": "Write yes or no.",
    "sells_reloads": "Write yes or no.",
    "withdrawn": "Write yes or no.",
}


class PointReader:
    """Reads rows of one file. columns, titles: as `reading.Table` has them."""

    def __init__(self, columns: tuple[str, ...], titles: tuple[str, ...]) -> None:
        self._columns = columns
        self._titles = dict(zip(columns, titles, strict=True))

    def read(self, fields: list[str]) -> Point:
        """Read a row's fields (as many as there are columns). Raises BadRow."""
        row = {name: _tidy(field) for name, field in zip(self._columns, fields, strict=True)}
        point = Point(
            code=self._match(row, "code", _CODE),
            name=self._text(row, "name"),
            kind=self._kind(row),
            address=self._text(row, "address"),
            town=self._text(row, "town"),
            state=self._text(row, "state"),
            postcode=self._match(row, "postcode", _POSTCODE),
            latitude_microdegrees=self._microdegrees(row, "latitude"),
            longitude_microdegrees=self._microdegrees(row, "longitude"),
            hours=self._hours(row),
            sells_cards=self._flag(row, "sells_cards"),
            sells_reloads=self._flag(row, "sells_reloads"),
            withdrawn=self._flag(row, "withdrawn"),
        )
        if not point.sells_cards and not point.sells_reloads:
            reason = "The point sells neither cards nor reloads. Write yes for one of them."
            raise BadRow("", "row_malformed", reason)
        return point

    def code_of(self, fields: list[str]) -> str | None:
        """Return the code of a row whatever else is wrong with it, None where it has none."""
        code = _tidy(fields[self._columns.index("code")])
        return code if _CODE.fullmatch(code) else None

    def repeated(self) -> BadRow:
        """Return what is wrong with a row whose code is an earlier one's."""
        title = self._titles["code"]
        return BadRow(title, "point_repeated", f"An earlier row has this {title} and differs.")

    def _text(self, row: dict[str, str], column: str) -> str:
        text = self._needed(row, column)
        if len(text) > _MOST_CHARACTERS[column]:
            raise self._malformed(column)
        if any(unicodedata.category(character) in ("Cc", "Cs", "Co", "Cn") for character in text):
            raise self._malformed(column)
        return text

    def _match(self, row: dict[str, str], column: str, wanted: re.Pattern[str]) -> str:
        text = self._needed(row, column)
        if not wanted.fullmatch(text):
            raise self._malformed(column)
        return text

    def _kind(self, row: dict[str, str]) -> PointKind:
        kind = _KINDS.get(self._needed(row, "kind").lower().replace(" ", "_"))
        if kind is None:
            raise self._malformed("kind")
        return kind

    def _microdegrees(self, row: dict[str, str], column: str) -> int:
        text = self._match(row, column, _DEGREES)
        micros = int((Decimal(text) * MICRODEGREES_PER_DEGREE).to_integral_value())
        if abs(micros) > _MOST_DEGREES[column] * MICRODEGREES_PER_DEGREE:
            raise self._malformed(column)
        return micros

    def _hours(self, row: dict[str, str]) -> str:
        text = row.get("hours", "")
        if text:
            try:
                parse_hours(text)
            except HoursMalformed:
                raise self._malformed("hours") from None
        return text

    def _flag(self, row: dict[str, str], column: str) -> bool:
        flag = _FLAGS.get(row.get(column, "").lower())
        if flag is None:
            raise self._malformed(column)
        return flag

    def _needed(self, row: dict[str, str], column: str) -> str:
        if not row[column]:
            title = self._titles[column]
            raise BadRow(title, "field_missing", f"{title} is empty. {_HINTS[column]}")
        return row[column]

    def _malformed(self, column: str) -> BadRow:
        title = self._titles[column]
        return BadRow(title, "field_malformed", f"{title} cannot be read. {_HINTS[column]}")


def _tidy(text: str) -> str:
    """Return a field composed (NFC), without spaces at its ends, with single ones within."""
    return re.sub(r" {2,}", " ", unicodedata.normalize("NFC", text).strip())
