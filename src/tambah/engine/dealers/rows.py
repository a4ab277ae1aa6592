"""From a row's fields to a dealer that is to be added, or to what is wrong with the row."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from tambah.domain.dealer import DealerKind
from tambah.domain.money import parse_ringgit
from tambah.domain.refusals import Refusal
from tambah.engine.dealers.setting_up import Limits, NewDealer
from tambah.engine.importing.bad_rows import BadRow
from tambah.engine.importing.reading import Header

HEADER = Header(
    columns=("name", "kind", "parent", "draws_on_parent", "least", "most", "daily_cap"),
    needed=("name", "kind"),
)
_KINDS = {kind.name.lower(): kind for kind in DealerKind}
_FLAGS = {
    **dict.fromkeys(("yes", "y", "true", "1"), True),
    **dict.fromkeys(("no", "n", "false", "0", ""), False),
}
_MOST_CHARACTERS = 80
_HINTS = {
    "name": "Write up to 80 characters that can be printed.",
    "kind": f"Write one of {', '.join(_KINDS)}.",
    "parent": "Write the number or the name of a dealer, of this file or of the tree.",
    "draws_on_parent": "Write yes or no; a dealer without a parent draws on none.",
    "least": "Write ringgit like 1.00.",
    "most": "Write ringgit like 500.00, no less than the least.",
    "daily_cap": "Write ringgit like 5000.00, or leave it out.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DealerRow:
    """A dealer as a file has it. line: of the file. parent: as it was written, empty for the root.

    new: without its parent, which may come later in the file.
    """

    line: int
    parent: str
    new: NewDealer


class DealerReader:
    """Reads rows of one file. columns, titles: as `reading.Table` has them."""

    def __init__(self, columns: tuple[str, ...], titles: tuple[str, ...]) -> None:
        self._columns = columns
        self._titles = dict(zip(columns, titles, strict=True))

    def read(self, line: int, fields: list[str]) -> DealerRow:
        """Read a row's fields (as many as there are columns). Raises BadRow."""
        row = {name: _tidy(field) for name, field in zip(self._columns, fields, strict=True)}
        usual = Limits()
        least = self._money(row, "least", usual.least_micros)
        most = self._money(row, "most", usual.most_micros)
        if most < least:
            raise self.malformed("most")
        parent, draws = row.get("parent", ""), self._flag(row)
        if draws and not parent:
            raise self.malformed("draws_on_parent")
        cap = self._money(row, "daily_cap", 0)
        return DealerRow(
            line=line,
            parent=parent,
            new=NewDealer(
                name=self._name(row),
                kind=self._kind(row),
                draws_on_parent=draws,
                limits=Limits(least_micros=least, most_micros=most, daily_cap_micros=cap or None),
            ),
        )

    def malformed(self, column: str) -> BadRow:
        """Return what is wrong with a row of which a field cannot be used."""
        title = self._titles.get(column, column)
        return BadRow(title, "field_malformed", f"{title} cannot be used. {_HINTS[column]}")

    def _name(self, row: dict[str, str]) -> str:
        name = row["name"]
        if not name:
            raise BadRow(
                self._titles["name"], "field_missing", f"{self._titles['name']} is empty."
            )
        odd = any(unicodedata.category(letter) in ("Cc", "Cs", "Co", "Cn") for letter in name)
        # A name of digits alone would be taken for a number where it is a parent's.
        if odd or len(name) > _MOST_CHARACTERS or name.isdecimal():
            raise self.malformed("name")
        return name

    def _kind(self, row: dict[str, str]) -> DealerKind:
        kind = _KINDS.get(row["kind"].lower())
        if kind is None:
            raise self.malformed("kind")
        return kind

    def _flag(self, row: dict[str, str]) -> bool:
        flag = _FLAGS.get(row.get("draws_on_parent", "").lower())
        if flag is None:
            raise self.malformed("draws_on_parent")
        return flag

    def _money(self, row: dict[str, str], column: str, usual_micros: int) -> int:
        text = row.get(column, "")
        if not text:
            return usual_micros
        try:
            return parse_ringgit(text)
        except Refusal:
            raise self.malformed(column) from None


def _tidy(text: str) -> str:
    """Return a field composed (NFC), without spaces at its ends, with single ones within."""
    return re.sub(r" {2,}", " ", unicodedata.normalize("NFC", text).strip())
