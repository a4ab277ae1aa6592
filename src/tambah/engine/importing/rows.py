"""From a row's fields to what the engine is asked, or to what is wrong with the row.

A million rows pass through here, so the well-formed ones take short ways: dates and amounts come
up again and again and are remembered, numbers in plain digits are known by one expression.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from tambah.domain.commands import ImportLine
from tambah.domain.line import LANGUAGE_BY_TAG, Language, grace_after
from tambah.domain.money import parse_ringgit
from tambah.domain.numbering import NumberPlan, fold_iccid, fold_msisdn
from tambah.domain.refusals import BalanceTooHigh, Refusal
from tambah.domain.rules import Rules
from tambah.engine.importing.bad_rows import malformed, missing, refused
from tambah.engine.importing.people import seal_person
from tambah.engine.importing.reading import COLUMNS
from tambah.engine.keys import Keys

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_FIRST_BIRTH_YEAR = 1890
_YES = {"yes": True, "true": True, "1": True, "y": True}
_NO = {"": False, "no": False, "false": False, "0": False, "n": False}
_FLAGS = {**_YES, **_NO}
_LANGUAGES: dict[str, Language] = {
    **{tag.lower(): language for tag, language in LANGUAGE_BY_TAG.items()},
    "": Language.EN,
    "zh": Language.ZH_HANS,
    "zh-cn": Language.ZH_HANS,
}
_PERSON = ("name", "document", "birth_date", "contact")
# Twice each digit, its own two digits added up: what the Luhn sum takes of every second place.
_DOUBLED = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))
_SINGLE = bytes.maketrans(b"0123456789", bytes(range(10)))
_ICCID_LENGTHS = (19, 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRules:
    """What a row is read by. today: the local day of the import."""

    rules: Rules
    plans: tuple[str, ...]
    keys: Keys
    today: date


class ReadRow(NamedTuple):
    """A row that is well-formed, not yet sealed or given an id."""

    msisdn: int
    digest: bytes
    language: Language
    plan: str
    iccid: str | None
    activated_at: datetime | None
    active_until: datetime | None
    grace_until: datetime | None
    opening_micros: int
    barred: bool
    suspended: bool
    person: dict[str, str] | None

    def command(self, line_id: int, keys: Keys) -> ImportLine:
        """Return what the engine is asked; the person is sealed for this line alone."""
        return ImportLine(
            line_id=line_id,
            msisdn=self.msisdn,
            digest=self.digest,
            language=self.language,
            plan=self.plan,
            iccid=self.iccid,
            activated_at=self.activated_at,
            active_until=self.active_until,
            grace_until=self.grace_until,
            opening_micros=self.opening_micros,
            barred=self.barred,
            suspended=self.suspended,
            person=None if self.person is None else seal_person(keys, line_id, self.person),
        )


class RowReader:
    """Reads rows of one file. columns, titles: as `reading.Table` has them."""

    def __init__(
        self, columns: tuple[str, ...], titles: tuple[str, ...], row_rules: RowRules
    ) -> None:
        self._rules = row_rules.rules
        self._keys = row_rules.keys
        self._plans = {plan: plan for plan in row_rules.plans} | {"": row_rules.plans[0]}
        self._titles = titles
        # A column that the file does not have is read from an empty field behind the last.
        self._at = tuple(
            columns.index(column) if column in columns else len(columns) for column in COLUMNS
        )
        self._person_at = tuple(
            (column, columns.index(column)) for column in _PERSON if column in columns
        )
        self._plain_number = _plain_number(row_rules.rules.numbers)
        self._days = _days_reader(row_rules)
        self._birth_day = _birth_day_reader(row_rules.today)
        self._money = lru_cache(maxsize=65_536)(parse_ringgit)
        self._balance_most = row_rules.rules.most_credit_micros

    def read(self, fields: list[str]) -> ReadRow:
        """Read a row's fields (as many as there are columns). Raises BadRow."""
        fields = [field.strip() for field in fields]
        fields.append("")
        if not "".join(fields).isprintable():
            self._require_printable(fields)
        at = self._at
        activated_at, active_until, grace_until = self._read_dates(fields)
        row = (
            self._read_msisdn(fields),
            self._read_iccid(fields),
            self._pick(_LANGUAGES, fields[at[2]].lower(), 2),
            self._pick(self._plans, fields[at[3]], 3),
            self._read_balance(fields[at[7]]),
            self._pick(_FLAGS, fields[at[8]].lower(), 8),
            self._pick(_FLAGS, fields[at[9]].lower(), 9),
        )
        person = self._read_person(fields)
        msisdn, iccid, language, plan, opening_micros, barred, suspended = row
        return ReadRow(
            msisdn,
            self._digest(row, fields, person),
            language,
            plan,
            iccid,
            activated_at,
            active_until,
            grace_until,
            opening_micros,
            barred,
            suspended,
            person,
        )

    def title(self, column: str) -> str:
        """Return what the file's header calls a column."""
        place = self._at[COLUMNS.index(column)]
        return self._titles[place] if place < len(self._titles) else column

    def _digest(
        self, row: tuple[object, ...], fields: list[str], person: dict[str, str] | None
    ) -> bytes:
        """Return the digest of what the row says, however its columns stand and are spelt.

        No field has a control character in it, so that the parts cannot run into each other.
        """
        at = self._at
        days = (fields[at[4]], fields[at[5]], fields[at[6]])
        who = () if person is None else (person.get(field, "") for field in _PERSON)
        return self._keys.digest("import", "\x1f".join(map(str, (*row, *days, *who))))

    def _read_msisdn(self, fields: list[str]) -> int:
        text = fields[self._at[0]]
        if self._plain_number is not None and (plain := self._plain_number(text)):
            return int(plain[1])
        if not text:
            raise missing(self.title("msisdn"), "Every row needs a number.")
        try:
            return fold_msisdn(text, self._rules.numbers)
        except Refusal as refusal:
            raise refused(self.title("msisdn"), refusal) from None

    def _read_iccid(self, fields: list[str]) -> str | None:
        text = fields[self._at[1]]
        if not text:
            return None
        if _is_plain_iccid(text):
            return text
        try:
            return fold_iccid(text)
        except Refusal:
            raise malformed(self.title("iccid"), "iccid") from None

    def _read_balance(self, text: str) -> int:
        if not text:
            return 0
        try:
            micros = self._money(text)
        except Refusal as refusal:
            raise refused(self.title("balance"), refusal) from None
        if micros > self._balance_most:
            raise refused(self.title("balance"), BalanceTooHigh())
        return micros

    def _read_dates(
        self, fields: list[str]
    ) -> tuple[datetime | None, datetime | None, datetime | None]:
        """Return the instants that the three days of a row stand for."""
        at = self._at
        found = self._days(fields[at[4]], fields[at[5]], fields[at[6]])
        if isinstance(found, str):
            if found.startswith("-"):
                column = found[1:]
                raise missing(self.title(column), "The dates beside it need it.")
            raise malformed(self.title(found), found)
        return found

    def _read_person(self, fields: list[str]) -> dict[str, str] | None:
        person = {column: fields[place] for column, place in self._person_at if fields[place]}
        if not person:
            return None
        if "birth_date" in person and not self._birth_day(person["birth_date"]):
            raise malformed(self.title("birth_date"), "birth_date")
        return person

    def _pick(self, known: dict[str, object] | dict[str, Language] | dict[str, str] | dict[str, bool], text: str, place: int) -> object:
        try:
            return known[text]
        except KeyError:
            column = COLUMNS[place]
            raise malformed(self.title(column), column) from None

    def _require_printable(self, fields: list[str]) -> None:
        """Refuse control characters, NUL among them; invisible marks of a copy are let pass."""
        for title, field in zip(self._titles, fields, strict=False):
            if any(unicodedata.category(character) == "Cc" for character in field):
                raise malformed(title, "")
