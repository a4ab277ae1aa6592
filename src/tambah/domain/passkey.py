"""Passkeys of those who work here: a second factor beside an authenticator, or in its place."""

import unicodedata
from datetime import datetime

from tambah.domain.records import Record
from tambah.domain.refusals import FieldMissing, LastSecondFactor

MOST_PASSKEYS = 10
"""That somebody may have: a lost one should be noticed in the list."""
CHALLENGE_MINUTES = 5
"""For how long a passkey may be shown after it was asked for."""
MOST_NAME = 40


class Passkey(Record, frozen=True, kw_only=True):
    """A passkey of somebody who works here.

    credential: what its authenticator calls it. public_key: in COSE's form. sign_count: how often
    it has signed, as it says itself; 0 for ever where it does not count. used_at: None for never.
    """

    passkey_id: int
    staff_id: int
    name: str
    credential: bytes
    public_key: bytes
    sign_count: int
    created_at: datetime
    used_at: datetime | None = None


def fold_passkey_name(typed: str) -> str:
    """Return what somebody calls a passkey, as it is stored. Raises FieldMissing."""
    text = unicodedata.normalize("NFKC", typed[: 4 * MOST_NAME])
    seen = "".join(one if one.isprintable() else " " for one in text)
    name = " ".join(seen.split())[:MOST_NAME].strip()
    if not name:
        raise FieldMissing(field="name")
    return name


def has_fallen(before: int, shown: int) -> bool:
    """Say whether a counter did not rise, so that two may have the key (WebAuthn, 6.1.1).

    One that never counts says 0 each time.
    """
    return max(before, shown) > 0 and shown <= before


def require_passkey(passkeys: int) -> None:
    """Refuse to take an authenticator away that is the only second factor.

    Raises LastSecondFactor.
    """
    if passkeys < 1:
        raise LastSecondFactor


def require_another(*, has_authenticator: bool, passkeys: int) -> None:
    """Refuse to take a passkey away that is the only second factor. Raises LastSecondFactor."""
    if not has_authenticator and passkeys <= 1:
        raise LastSecondFactor
