"""ISO 20022 camt.053 (statement) and camt.054 (notification), any version.

Read as a stream with the standard library's expat, by local names. The kept parsers were looked
at and left: `bankstatementparser` needs pandas and may drop what it cannot read without a word,
`pyiso20022` is 31 MB of classes for one version each. A document type declaration is refused at
its first character, so there are no entities to expand and nothing outside is ever fetched.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import NoReturn
from xml.parsers import expat

from tambah.domain.refusals import StatementMalformed
from tambah.payments.bank.entry import (
    LONGEST_TEXT,
    MOST_ENTRIES,
    Booking,
    Entry,
    Statement,
    amount_micros,
    bank_reference,
    fold_account,
    join_texts,
)

_DEEPEST = 40
_MOST_NODES = 10_000
"""Of one entry or one of its parts. Real ones have some fifty."""
_MESSAGES = {"BkToCstmrStmt": "camt.053", "BkToCstmrDbtCdtNtfctn": "camt.054"}
_STATEMENTS = frozenset({"Stmt", "Ntfctn"})
_KEPT = frozenset({"Acct", "Ntry"})
_VERSION = re.compile(r"camt\.05[34]\.001\.[0-9]{2}")
_AMOUNT = re.compile(r"[0-9]{1,13}(\.[0-9]{1,6})?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_BOOKINGS = {
    "": Booking.BOOKED,
    "BOOK": Booking.BOOKED,
    "PDNG": Booking.PENDING,
    "FUTR": Booking.PENDING,
    "INFO": Booking.INFORMATION,
}


@dataclass(slots=True)
class _Node:
    name: str
    currency: str = ""
    text: str = ""
    children: list[_Node] = field(default_factory=list["_Node"])

    def all(self, *path: str) -> list[_Node]:
        """Return every node at a path below."""
        found: list[_Node] = [self]
        for name in path:
            found = [child for node in found for child in node.children if child.name == name]
        return found

    def first(self, *path: str) -> _Node | None:
        """Return the first node at a path below."""
        return next(iter(self.all(*path)), None)

    def text_at(self, *path: str) -> str:
        """Return the first text at a path below, empty when there is none."""
        node = self.first(*path)
        return node.text.strip() if node else ""


@dataclass(slots=True, kw_only=True)
class _Part:
    """One transaction of an entry (TxDtls)."""

    amount: Decimal | None
    currency: str
    is_credit: bool | None
    bank_ref: str
    texts: list[str]
    is_return: bool


def read_camt(data: bytes, zone: tzinfo) -> Statement:
    """Read a camt.053 or camt.054 file. Raises StatementMalformed, naming the line.

    zone: in which an instant of booking becomes a day.
    """
    reader = _Reader(zone)
    try:
        reader.parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError, TypeError) as error:
        raise StatementMalformed(where=reader.where) from error
    if not reader.form:
        raise StatementMalformed(where="camt")
    return Statement(form=reader.form, entries=tuple(reader.entries))


class _Reader:
    """Takes expat's events, keeps only the entry at hand, and makes entries of it."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._path: list[str] = []
        self._open: list[_Node] = []
        self._nodes = 0
        self._parts: list[_Part] = []
        self._account = ""
        self.form = ""
        self.entries: list[Entry] = []
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters

    @property
    def where(self) -> str:
        """Return the line that is being read."""
        return f"line {self.parser.CurrentLineNumber}"

    def _refuse(self) -> NoReturn:
        raise StatementMalformed(where=self.where)

    def _doctype(self, *_: object) -> None:
        self._refuse()

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        space, _, local = name.rpartition(" ")
        parents = self._path[-2:]
        self._path.append(local)
        if len(self._path) > _DEEPEST:
            self._refuse()
        if local in _MESSAGES and not self._open:
            version = _VERSION.search(space)
            self.form = version[0] if version else _MESSAGES[local]
        in_statement = len(parents) == 2 and parents[0] in _MESSAGES and parents[1] in _STATEMENTS
        if local in _STATEMENTS and not self._open:
            self._account = ""
        if self._open or (in_statement and local in _KEPT):
            self._nodes += 1
            if self._nodes > _MOST_NODES:
                self._refuse()
            node = _Node(local, attributes.get("Ccy", ""))
            if self._open:
                self._open[-1].children.append(node)
            self._open.append(node)

    def _characters(self, text: str) -> None:
        if self._open and len(self._open[-1].text) < LONGEST_TEXT:
            self._open[-1].text += text

    def _end(self, _name: str) -> None:
        self._path.pop()
        if not self._open:
            return
        node = self._open.pop()
        if node.name == "TxDtls":
            # Only what is needed of a part is kept: a batch may have thousands.
            self._parts.append(_part(node))
            self._open[-1].children.pop()
            self._nodes -= _count(node)
        if len(self._parts) + len(self.entries) > MOST_ENTRIES:
            self._refuse()
        if not self._open:
            self._close(node)

    def _close(self, node: _Node) -> None:
        if node.name == "Acct":
            self._account = fold_account(
                node.text_at("Id", "IBAN") or node.text_at("Id", "Othr", "Id")
            )
        else:
            self.entries.extend(self._entries(node))
        self._parts = []
        self._nodes = 0

    def _entries(self, node: _Node) -> list[Entry]:
        """Return an entry for each part of a batch, or one for the whole."""
        whole = _whole(node, self.where)
        day = self._day(node)
        booking = _BOOKINGS.get(node.text_at("Sts", "Cd") or node.text_at("Sts"), Booking.UNCLEAR)
        adds_up = _adds_up(whole, self._parts, _charges(node))
        parts = self._parts if len(self._parts) > 1 and adds_up else [_one(whole, self._parts)]
        reverses = node.text_at("RvslInd").lower() in ("true", "1")
        return [
            Entry(
                account=self._account,
                booked_on=day,
                amount_micros=amount_micros(part.amount or Decimal(), self.where),
                currency=part.currency,
                is_credit=bool(whole.is_credit if part.is_credit is None else part.is_credit),
                is_reversal=reverses or part.is_return,
                booking=booking,
                bank_ref=bank_reference(part.bank_ref, whole.bank_ref),
                texts=join_texts(part.texts + whole.texts),
                is_unclear=len(self._parts) > 1 and not adds_up,
            )
            for part in parts
        ]

    def _day(self, node: _Node) -> date:
        for name in ("BookgDt", "ValDt"):
            if text := node.text_at(name, "Dt"):
                return date.fromisoformat(text[:10])
            if text := node.text_at(name, "DtTm"):
                at = datetime.fromisoformat(text)
                return (at.astimezone(self._zone) if at.tzinfo else at).date()
        raise StatementMalformed(where=self.where)


def _whole(node: _Node, where: str) -> _Part:
    amount, currency = _amount(node.first("Amt"))
    direction = node.text_at("CdtDbtInd")
    if amount is None or direction not in ("CRDT", "DBIT"):
        raise StatementMalformed(where=where)
    charges = [f"Charges {amount} {currency}" for amount, currency in _charge_amounts(node)]
    return _Part(
        amount=amount,
        currency=currency,
        is_credit=direction == "CRDT",
        bank_ref=node.text_at("AcctSvcrRef"),
        texts=[*_texts(node, ("NtryRef",), ("AddtlNtryInf",)), *charges],
        is_return=False,
    )


def _part(node: _Node) -> _Part:
    amount, currency = _amount(node.first("Amt") or node.first("AmtDtls", "TxAmt", "Amt"))
    direction = node.text_at("CdtDbtInd")
    return _Part(
        amount=amount,
        currency=currency,
        is_credit=direction == "CRDT" if direction else None,
        bank_ref=node.text_at("Refs", "AcctSvcrRef"),
        texts=_texts(
            node,
            ("RmtInf", "Strd", "CdtrRefInf", "Ref"),
            ("RmtInf", "Ustrd"),
            ("RmtInf", "Strd", "AddtlRmtInf"),
            ("Refs", "EndToEndId"),
            ("Refs", "InstrId"),
            ("Refs", "PmtInfId"),
            ("AddtlTxInf",),
        ),
        is_return=bool(node.children) and node.first("RtrInf") is not None,
    )


def _texts(node: _Node, *paths: tuple[str, ...]) -> list[str]:
    return [found.text for path in paths for found in node.all(*path) if found.text.strip()]


def _one(whole: _Part, parts: list[_Part]) -> _Part:
    """Return an entry with the amount that was booked and the texts of all its parts."""
    single = parts[0] if len(parts) == 1 else None
    return _Part(
        amount=whole.amount,
        currency=whole.currency,
        is_credit=whole.is_credit,
        bank_ref=single.bank_ref if single else whole.bank_ref,
        texts=[text for part in parts for text in part.texts],
        is_return=any(part.is_return for part in parts),
    )


def _adds_up(whole: _Part, parts: list[_Part], charges: Decimal) -> bool:
    """Say whether a batch's parts make its amount, with or without what the bank kept."""
    total = Decimal()
    for part in parts:
        if part.amount is None or part.currency != whole.currency:
            return False
        same_way = part.is_credit is None or part.is_credit == whole.is_credit
        total += part.amount if same_way else -part.amount
    return whole.amount in (total, total - charges)


def _charges(node: _Node) -> Decimal:
    return sum((amount for amount, _ in _charge_amounts(node)), Decimal())


def _charge_amounts(node: _Node) -> list[tuple[Decimal, str]]:
    """Return charges as either generation of versions has them."""
    found = [
        _amount(given)
        for path in (("Rcrd", "Amt"), ("Amt",))
        for given in node.all("Chrgs", *path)
    ]
    return [(amount, currency) for amount, currency in found if amount is not None]


def _amount(node: _Node | None) -> tuple[Decimal | None, str]:
    """Return amount and currency, None when either is missing or cannot be read."""
    if node is None:
        return None, ""
    text = node.text.strip()
    if not _AMOUNT.fullmatch(text) or not _CURRENCY.fullmatch(node.currency):
        return None, ""
    try:
        return Decimal(text), node.currency
    except InvalidOperation:
        return None, ""


def _count(node: _Node) -> int:
    """Return how many nodes there are, this one included; not by recursion."""
    count, waiting = 0, [node]
    while waiting:
        node = waiting.pop()
        count += 1
        waiting.extend(node.children)
    return count
