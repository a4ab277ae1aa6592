"""MT940, read by the kept parser `mt-940`, with its known ways to lose or mix entries shut.

The parser overwrites an entry without a type code with the next one, adds a statement's closing
`:86:` to the last entry, joins a run of `:86:` in square time, and logs the line it cannot read.
So it is given one small portion of entries at a time, and the count is compared.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from mt940.models import Transactions
from mt940.options import Options

from tambah.domain.refusals import StatementMalformed
from tambah.payments.bank.entry import (
    LONGEST_TEXT,
    MOST_ENTRIES,
    Entry,
    Statement,
    amount_micros,
    bank_reference,
    fold_account,
    join_texts,
)

_TAG = re.compile(r"^:(\d{2}[A-Z]?|NS):", re.MULTILINE | re.ASCII)
_END = re.compile(r"^-\}?\s*$", re.MULTILINE)
_HEADER = ("20", "25", "60")
_DETAILS = ("86", "NS")
_MOST_DETAILS = 10
_PORTION = 200
_MOST_FIELDS = 4 * MOST_ENTRIES
# It would write payers' names to the log.
logging.getLogger("mt940").setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Movement:
    """One `:61:` with its `:86:`, and the header of the statement that it is in."""

    line: int
    header: str
    text: str


def is_mt940(text: str) -> bool:
    """Say whether a text has the two tags that every MT940 statement begins with."""
    tags = {match[1][:2] for match in _TAG.finditer(text[:20_000])}
    return {"20", "25"} <= tags


def read_mt940(text: str) -> Statement:
    """Read an MT940 file, one statement or several. Raises StatementMalformed."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    entries: list[Entry] = []
    portion: list[_Movement] = []
    for movement in _movements(text):
        if portion and (movement.header != portion[0].header or len(portion) == _PORTION):
            entries += _read(portion)
            portion = []
        portion.append(movement)
    if portion:
        entries += _read(portion)
    return Statement(form="mt940", entries=tuple(entries))


def _movements(text: str) -> Iterator[_Movement]:
    """Go through a file's entries: what belongs to none of them is left out."""
    header: dict[str, str] = {}
    movement: list[str] = []
    began = 0
    for line, tag, value in _fields(text):
        if tag in _DETAILS:
            if movement and len(movement) < _MOST_DETAILS:
                movement.append(value)
            continue
        if movement:
            yield _made(began, header, movement)
            movement = []
        if tag == "61":
            movement, began = [value], line
        else:
            header = _heading(header, tag, value)
    if movement:
        yield _made(began, header, movement)


def _heading(header: dict[str, str], tag: str, value: str) -> dict[str, str]:
    """Return a statement's header with a field more; `:20:` begins another statement."""
    if tag[:2] not in _HEADER:
        return header
    return {**({} if tag == "20" else header), tag[:2]: f":{tag}:{value}"}


def _fields(text: str) -> Iterator[tuple[int, str, str]]:
    """Go through the tags: line, tag, and what follows up to the next or the message's end."""
    matches = _TAG.finditer(text)
    match = next(matches, None)
    line, counted_to, count = 1, 0, 0
    while match is not None:
        count += 1
        if count > _MOST_FIELDS:
            raise StatementMalformed(where=f"line {line}")
        line += text.count("\n", counted_to, match.start())
        counted_to = match.start()
        following = next(matches, None)
        value = text[match.end() : following.start() if following else len(text)]
        value = _END.split(value[:LONGEST_TEXT], maxsplit=1)[0].strip("\n")
        yield line, match[1], value
        match = following


def _made(line: int, header: dict[str, str], movement: list[str]) -> _Movement:
    details = "\n".join(movement[1:])
    text = f":61:{movement[0]}" + (f"\n:86:{details}" if details else "")
    return _Movement(line=line, header="\n".join(header.values()), text=text)


def _read(portion: list[_Movement]) -> list[Entry]:
    """Read entries of one statement: together, or one by one to say which cannot be read."""
    try:
        return _parse(portion)
    except _UNREADABLE as error:
        if len(portion) == 1:
            raise StatementMalformed(where=f"line {portion[0].line}") from error
        return [entry for movement in portion for entry in _read([movement])]


def _parse(portion: list[_Movement]) -> list[Entry]:
    reader: Any = Transactions(processors={"post_transaction_details": []}, options=Options.all())
    reader.parse("\n".join([portion[0].header, *(movement.text for movement in portion)]))
    if len(reader) != len(portion):
        raise ValueError("an entry was lost")
    account = fold_account(str(reader.data.get("account_identification", "")).split("/")[-1])
    return [_entry(account, transaction.data) for transaction in reader]


def _entry(account: str, found: dict[str, Any]) -> Entry:
    mark = str(found["status"]).upper()
    amount: Decimal = abs(found["amount"].amount)
    booked: date = found.get("entry_date") or found["date"]
    currency = str(found.get("currency") or "").upper()
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise ValueError("no currency: the opening balance is missing")
    return Entry(
        account=account.removesuffix(currency),
        booked_on=date(booked.year, booked.month, booked.day),
        amount_micros=amount_micros(amount, ":61:"),
        currency=currency,
        # A reversal of a debit brings money in, one of a credit takes it out.
        is_credit=mark in ("C", "RD"),
        is_reversal=mark.startswith("R"),
        bank_ref=bank_reference(found.get("bank_reference")),
        texts=join_texts(
            [
                str(found.get(name) or "")
                for name in ("transaction_details", "customer_reference", "extra_details")
            ]
        ),
    )


_UNREADABLE = (RuntimeError, ValueError, KeyError, TypeError, InvalidOperation, StatementMalformed)
