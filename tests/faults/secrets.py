"""Looking for recharge codes and keys where none may be: dumps, logs, messages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from tambah.domain.voucher import CODE_DIGITS
from tambah.engine.administer import PREFIX_LENGTH

from .house import House

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_KEYS = "22233344455566677778889999"
# Letters are folded to the digits of their telephone keys, so that a lettered code is found too.
_FOLD = str.maketrans(_LETTERS + _LETTERS.lower(), _KEYS + _KEYS)
_GROUPING = re.compile(r"[ \-]|%20|\+")
_RUN = re.compile(r"[0-9]{16,}")


def find_codes(text: str, codes: Iterable[str]) -> set[str]:
    """Return which codes stand in the text: plain, in groups, or with letters for digits."""
    wanted = set(codes)
    found: set[str] = set()
    for form in (text, _GROUPING.sub("", text)):
        for run in _RUN.findall(form.translate(_FOLD)):
            windows = {run[at : at + CODE_DIGITS] for at in range(len(run) - CODE_DIGITS + 1)}
            found |= windows & wanted
    return found


def find_secrets(
    texts: Mapping[str, str], codes: Iterable[str], api_keys: Iterable[str]
) -> list[str]:
    """Return a sentence for each secret found, without the secret. texts: by where they are."""
    wanted = list(codes)
    findings: list[str] = []
    for place, text in texts.items():
        if found := find_codes(text, wanted):
            findings.append(f"{place} holds {len(found)} codes in the clear")
        findings += [
            f"{place} holds the API key {key[:PREFIX_LENGTH]}… in the clear"
            for key in api_keys
            if key[PREFIX_LENGTH:] in text  # what comes before it is known to staff
        ]
    return findings


def readable(house: House, *logs: Path) -> dict[str, str]:
    """Return the database and every log as text, by name. The demo's own demo.json is left out:
    it lays codes and a key open on purpose, for its owner alone."""
    texts = {"pg_dump": house.dump(), "postgres.log": house.places.log.read_text(errors="replace")}
    return texts | {log.name: log.read_text(errors="replace") for log in (house.log, *logs)}
