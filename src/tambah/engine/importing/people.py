"""A person of a row: sealed for storage, and digested to be found again."""

from __future__ import annotations

import re
import unicodedata
from enum import IntEnum

import msgspec

from tambah.domain.commands import PersonRecord
from tambah.engine.keys import Keys

_encode = msgspec.json.Encoder().encode
_NOT_WORD = re.compile(r"[\W_]+")
_NOT_DIGIT = re.compile(r"[^0-9+]+")
_LOOKS_LIKE_A_NUMBER = re.compile(r"\+?[0-9 ().\-]{6,20}")


class FactKind(IntEnum):
    """What a person can be looked up by."""

    DOCUMENT = 1
    BIRTH_DATE = 2
    CONTACT = 3
    NAME = 4


def bound_to(line_id: int) -> bytes:
    """Return what a line's sealed person is bound to: it opens for no other line."""
    return line_id.to_bytes(8, "big")


def fact_digest(keys: Keys, kind: FactKind, text: str) -> bytes:
    """Return the digest that a person is found by, whichever way the text was written."""
    return _digest(keys, kind.name, _NORMALISE[kind](text))


def seal_person(keys: Keys, line_id: int, person: dict[str, str]) -> PersonRecord:
    """Return a person as it is stored. person: name, document, birth_date, contact; none empty."""
    facts = tuple(
        (kind, _digest(keys, name, normalise(person[field])))
        for field, kind, name, normalise in _FACTS
        if field in person
    )
    return PersonRecord(
        sealed=keys.seal("person", _encode(person), bound_to(line_id)),
        key_id=min(keys.peppers),  # every key but a code's is derived from the lowest pepper
        facts=facts,
    )


def open_person(keys: Keys, line_id: int, sealed: bytes) -> dict[str, str]:
    """Return what `seal_person` sealed. Raises cryptography's InvalidTag."""
    clear = keys.unseal("person", sealed, bound_to(line_id))
    return msgspec.json.decode(clear, type=dict[str, str])


def _digest(keys: Keys, kind_name: str, normalised: str) -> bytes:
    return keys.digest("person_fact", f"{kind_name}\x1f{normalised}")


def _fold(text: str) -> str:
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", text).casefold()


def _fold_name(text: str) -> str:
    return " ".join(_fold(text).split())


def _fold_document(text: str) -> str:
    """Read 901231-14-5678 and 901231145678 as the same."""
    return _NOT_WORD.sub("", _fold(text))


def _fold_contact(text: str) -> str:
    """Read a telephone number by its digits, anything else without case."""
    folded = _fold(text).strip()
    if _LOOKS_LIKE_A_NUMBER.fullmatch(folded):
        return _NOT_DIGIT.sub("", folded)
    return folded


_NORMALISE = {
    FactKind.DOCUMENT: _fold_document,
    FactKind.BIRTH_DATE: str.strip,
    FactKind.CONTACT: _fold_contact,
    FactKind.NAME: _fold_name,
}
# By the person's fields; looked up once, for asking an enumeration costs as much as a digest.
_FACTS = tuple((kind.name.lower(), kind.value, kind.name, _NORMALISE[kind]) for kind in FactKind)
