"""Finding our references in what payers and banks make of them.

Case, spaces, dashes, words around it, full-width letters, line breaks and the sub-field marks of
some banks (`?21`) do not count. Every candidate passes the check character; by chance one in 31
stretches of the right letters does too, so only a stretch that stands by itself counts as a
reference before the books have been asked whether it is one.
"""

from __future__ import annotations

import re
import unicodedata

from tambah.domain.payment import REFERENCE_ALPHABET, fold_reference

LENGTH = 10
_LETTERS = frozenset(REFERENCE_ALPHABET)
_CLEAR = re.compile(
    r"(?<![A-Z0-9])(?:RF[0-9]{2} ?)?([2-9A-HJ-NP-Y]{5}[- ]?[2-9A-HJ-NP-Y]{5})(?![A-Z0-9])"
)
_REFUND_NUMBER = r"-([1-9][0-9]{0,3})(?![A-Z0-9]|-[0-9])"
_SUBFIELD = re.compile(r"\?[0-9]{2}")
_DASHES = re.compile(r"[\u2010-\u2015\u2212\u00ad_./]")


def clear_references(text: str) -> set[str]:
    """Return the references that stand by themselves, as we or an RF number write them.

    What might as well be a word or a number is left out.
    """
    found: set[str] = set()
    for variant in _variants(text):
        for match in _CLEAR.finditer(variant):
            reference = fold_reference(match[1])
            if reference and _says_more_than_a_word(match[1]):
                found.add(reference)
    return found


def possible_references(text: str) -> set[str]:
    """Return every stretch of ten letters that passes the check, whatever stands in between."""
    found: set[str] = set()
    for variant in _variants(text):
        squeezed = squeeze(variant)
        for start in range(len(squeezed) - LENGTH + 1):
            stretch = squeezed[start : start + LENGTH]
            if _LETTERS.issuperset(stretch) and fold_reference(stretch):
                found.add(stretch)
    return found


def named_refunds(text: str, reference: str) -> set[int]:
    """Return the numbers of the refunds of a payment that a text names: `7K4M2-XH9PH-1`.

    A dash has to stand before the number, and no more digits after it: a date names no refund.
    """
    name = re.compile("[- ]?".join(reference) + _REFUND_NUMBER)
    return {int(match[1]) for variant in _variants(text) for match in name.finditer(variant)}


def names_a_refund(text: str) -> bool:
    """Say whether a text looks as if it named a refund, whatever the books say."""
    return any(named_refunds(text, reference) for reference in clear_references(text))


def squeeze(text: str) -> str:
    """Return a text's letters and digits, upper case, nothing in between."""
    return "".join(letter for letter in _fold(text) if letter.isascii() and letter.isalnum())


def _says_more_than_a_word(text: str) -> bool:
    has_letters = any(letter.isalpha() for letter in text)
    return has_letters and not text.replace(" ", "").isalpha()


def _variants(text: str) -> tuple[str, ...]:
    """Return a text with its lines run together, and again without the marks of sub-fields.

    Banks break lines and fields anywhere, also within a reference.
    """
    folded = _fold(text)
    joined = folded.replace("\n", "")
    return tuple(dict.fromkeys((folded, joined, _SUBFIELD.sub("", joined))))


def _fold(text: str) -> str:
    return _DASHES.sub("-", unicodedata.normalize("NFKC", text)).upper()
