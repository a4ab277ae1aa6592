"""From a row's fields to what the engine is asked, or to what is wrong with the row.

A million rows pass through here, so the well-formed ones take short ways: dates and amounts come
up again and again and are remembered, numbers in plain digits are known by one expression.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import NamedTuple, TypeVar

from tambah.domain.commands import ImportLine
from tambah.domain.line import LANGUAGE_BY_TAG, Language
from tambah.domain.money import parse_ringgit
from tambah.domain.numbering import NumberPlan, fold_iccid, fold_msisdn
from tambah.domain.refusals import BalanceTooHigh, Refusal, SimNotUsable
from tambah.domain.rules import Rules
from tambah.engine.importing.bad_rows import BadRow, malformed, missing, refused
from tambah.engine.importing.days import BadDay, Instants, birth_day_reader, days_reader
from tambah.engine.importing.people import seal_person
from tambah.engine.importing.reading import COLUMNS
from tambah.engine.keys import Keys

_Value = TypeVar("_Value")

_LANGUAGES: dict[str, Language] = {
    **{tag.lower(): language for tag, language in LANGUAGE_BY_TAG.items()},
    "": Language.EN,
    "zh": Language.ZH_HANS,
    "zh-cn": Language.ZH_HANS,
}
_FLAGS = {
    **dict.fromkeys(("yes", "y", "true", "1"), True),
    **dict.fromkeys(("no", "n", "false", "0", ""), False),
}
_PERSON = ("name", "document", "birth_date", "contact")
# What the Luhn sum takes of a digit (the two digits of its double added up, or itself).
_DOUBLED = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))
_SINGLE = bytes.maketrans(b"0123456789", bytes(range(10)))
_ICCID_LENGTHS = (19, 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRules:
    """What rows are read by. plans: the first is taken where none is given. today: local day."""

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
    instants: Instants
    opening_micros: int
    barred: bool
    suspended: bool
    person: dict[str, str]

    def command(self, line_id: int, keys: Keys) -> ImportLine:
        """Return what the engine is asked; the person is sealed for this line alone."""
        activated_at, active_until, grace_until = self.instants
        return ImportLine(
            line_id=line_id,
            msisdn=self.msisdn,
            digest=self.digest,
            language=self.language,
            plan=self.plan,
            iccid=self.iccid,
            activated_at=activated_at,
            active_until=active_until,
            grace_until=grace_until,
            opening_micros=self.opening_micros,
            barred=self.barred,
            suspended=self.suspended,
            person=seal_person(keys, line_id, self.person) if self.person else None,
        )


class RowReader:
    """Reads rows of one file. columns, titles: as `reading.Table` has them."""

    def __init__(
        self, columns: tuple[str, ...], titles: tuple[str, ...], row_rules: RowRules
    ) -> None:
        rules = row_rules.rules
        self._keys = row_rules.keys
        self._numbers = rules.numbers
        self._most_micros = rules.most_credit_micros
        self._plans = {**{plan: plan for plan in row_rules.plans}, "": row_rules.plans[0]}
        self._titles = titles
        # A column that the file does not have is read from an empty field behind the last.
        self._place = {
            column: columns.index(column) if column in columns else len(columns)
            for column in COLUMNS
        }
        self._order = tuple(self._place.values())
        self._person = tuple((name, self._place[name]) for name in _PERSON if name in columns)
        self._plain_number = _plain_number(rules.numbers)
        self._days = days_reader(rules, row_rules.today)
        self._is_birth_day = birth_day_reader(row_rules.today)
        self._money = lru_cache(maxsize=65_536)(parse_ringgit)

    def read(self, fields: list[str]) -> ReadRow:
        """Read a row's fields (as many as there are columns). Raises BadRow."""
        fields = [field.strip() for field in fields]
        fields.append("")
        if not "".join(fields).isprintable():
            self._require_printable(fields)
        ordered = [fields[place] for place in self._order]
        number, sim, tag, plan_name, started, ends, grace_ends, balance, barred, suspended = (
            ordered[:10]
        )
        msisdn = self._read_msisdn(number)
        iccid = self._read_iccid(sim)
        language = self._pick(_LANGUAGES, tag.lower(), "language")
        plan = self._pick(self._plans, plan_name, "plan")
        instants = self._read_days(started, ends, grace_ends)
        micros = self._read_balance(balance)
        is_barred = self._pick(_FLAGS, barred.lower(), "barred")
        is_suspended = self._pick(_FLAGS, suspended.lower(), "suspended")
        # What the row says, however its columns stand and are spelt. No field has a control
        # character in it, so that the parts cannot run into each other.
        said = (
            f"{msisdn}\x1f{iccid or ''}\x1f{language:d}\x1f{plan}\x1f{started}\x1f"
            f"{ends}\x1f{grace_ends}\x1f{micros}\x1f{is_barred:d}{is_suspended:d}\x1f"
        )
        person = self._read_person(fields) if self._person else {}
        return ReadRow(
            msisdn,
            self._keys.digest("import", said + "\x1f".join(ordered[10:])),
            language,
            plan,
            iccid,
            instants,
            micros,
            is_barred,
            is_suspended,
            person,
        )

    def refuse(self, refusal: Refusal) -> BadRow:
        """Return what is wrong with a row that the engine refused: about the number or the SIM."""
        column = "iccid" if isinstance(refusal, SimNotUsable) else "msisdn"
        return refused(self._title(column), refusal)

    def _read_msisdn(self, text: str) -> int:
        plain = self._plain_number.fullmatch(text)
        if plain:
            return int(plain[1])
        if not text:
            raise missing(self._title("msisdn"), "Every row needs a number.")
        try:
            return fold_msisdn(text, self._numbers)
        except Refusal as refusal:
            raise refused(self._title("msisdn"), refusal) from None

    def _read_iccid(self, text: str) -> str | None:
        if not text:
            return None
        if _is_plain_iccid(text):
            return text
        try:
            return fold_iccid(text)
        except Refusal:
            raise malformed(self._title("iccid"), "iccid") from None

    def _read_balance(self, text: str) -> int:
        if not text:
            return 0
        try:
            micros = self._money(text)
        except Refusal as refusal:
            raise refused(self._title("balance"), refusal) from None
        if micros > self._most_micros:
            raise refused(self._title("balance"), BalanceTooHigh())
        return micros

    def _read_days(self, started: str, ends: str, grace_ends: str) -> Instants:
        try:
            return self._days(started, ends, grace_ends)
        except BadDay as bad:
            title = self._title(bad.column)
            if bad.is_missing:
                raise missing(title, "The dates beside it need it.") from None
            raise malformed(title, bad.column) from None

    def _read_person(self, fields: list[str]) -> dict[str, str]:
        person = {name: text for name, place in self._person if (text := fields[place])}
        born = person.get("birth_date")
        if born is not None and not self._is_birth_day(born):
            raise malformed(self._title("birth_date"), "birth_date")
        return person

    def _pick(self, known: Mapping[str, _Value], text: str, column: str) -> _Value:
        if text not in known:
            raise malformed(self._title(column), column)
        return known[text]

    def _require_printable(self, fields: list[str]) -> None:
        """Refuse control characters, NUL among them; invisible marks of a copy may pass."""
        for title, field in zip(self._titles, fields, strict=False):
            if any(unicodedata.category(character) == "Cc" for character in field):
                raise malformed(title, "")

    def _title(self, column: str) -> str:
        """Return what the file's header calls a column."""
        place = self._place[column]
        return self._titles[place] if place < len(self._titles) else column


def _plain_number(plan: NumberPlan) -> re.Pattern[str]:
    """Return the expression of a number written out in full, country first, nothing between.

    It matches nothing where such a number could also be read as a national one.
    """
    country = plan.country_code
    if any(country.startswith(p) or p.startswith(country) for p in plan.mobile_prefixes):
        return re.compile(r"(?!)()")
    wanted = (
        rf"{re.escape(prefix)}[0-9]{{{length - len(prefix)}}}"
        for prefix in plan.mobile_prefixes
        for length in plan.national_lengths
        if length >= len(prefix)
    )
    return re.compile(rf"\+?({re.escape(country)}(?:{'|'.join(wanted)}))", re.ASCII)


def _is_plain_iccid(text: str) -> bool:
    """Say whether a SIM's number stands there in plain digits with the right check digit."""
    if not (text.startswith("89") and len(text) in _ICCID_LENGTHS and text.isascii()):
        return False
    if not text.isdigit():
        return False
    digits = text.encode()
    doubled = sum(digits[-2::-2].translate(_DOUBLED))
    return (doubled + sum(digits[-1::-2].translate(_SINGLE))) % 10 == 0
