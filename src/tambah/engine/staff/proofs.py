"""What proves who somebody is: a password, a code of their authenticator, a recovery code."""

from __future__ import annotations

import asyncio
import hmac
import re
import secrets
import unicodedata
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cache

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from pyotp.totp import TOTP

from tambah.domain.staff import RECOVERY_CODES, TOTP_SECONDS, fold_password
from tambah.engine.keys import Keys
from tambah.engine.spelling import spell

_PURPOSE = "staff totp"
_RECOVERY_BYTES = 10
_CODE = re.compile(r"[0-9]{6}")
_hasher = PasswordHasher()
# Hashing takes 64 MiB and a good part of a second of one core, on purpose: two at a time, beside
# the loop, so that trying passwords neither fills the memory nor holds up anybody's top-up.
_AT_ONCE = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")


async def hash_password(password: str) -> str:
    """Return a password as it is stored: argon2id, with its salt and its cost."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_AT_ONCE, _hasher.hash, fold_password(password))


async def is_password(stored: str | None, password: str) -> bool:
    """Say whether it is the password; after as much work where there is none to compare with."""
    loop = asyncio.get_running_loop()
    is_same = await loop.run_in_executor(_AT_ONCE, _verify, stored, password)
    return is_same and stored is not None


def new_totp() -> str:
    """Return a fresh secret for an authenticator (base32, 160 bits)."""
    return pyotp.random_base32()


def seal_totp(keys: Keys, staff_id: int, secret: str) -> bytes:
    """Return an authenticator's secret as it is stored, bound to whose it is."""
    return keys.seal(_PURPOSE, secret.encode(), str(staff_id).encode())


def open_totp(keys: Keys, staff_id: int, sealed: bytes) -> str:
    """Return what `seal_totp` sealed. Raises cryptography's InvalidTag."""
    return keys.unseal(_PURPOSE, sealed, str(staff_id).encode()).decode()


def totp_address(secret: str, *, name: str, issuer: str) -> str:
    """Return what an authenticator reads as a QR code (otpauth://)."""
    return TOTP(secret, interval=TOTP_SECONDS).provisioning_uri(name=name, issuer_name=issuer)


def totp_code(secret: str, now: datetime) -> str:
    """Return what an authenticator shows at an instant: for demos, which have no telephone."""
    return TOTP(secret, interval=TOTP_SECONDS).generate_otp(int(now.timestamp()) // TOTP_SECONDS)


def matching_step(secret: str, code: str, steps: Iterable[int]) -> int | None:
    """Return the step of the clock whose code it is, None for none. Compares with them all."""
    totp = TOTP(secret, interval=TOTP_SECONDS)
    typed = code.encode()
    found = [s for s in steps if hmac.compare_digest(totp.generate_otp(s).encode(), typed)]
    return found[0] if found else None


def looks_like_totp(typed: str) -> bool:
    """Say whether what was typed is six digits: of an authenticator, and no recovery code."""
    return _CODE.fullmatch(fold_code(typed)) is not None


def new_recovery_codes() -> list[str]:
    """Return recovery codes, 80 bits each, in groups of four."""
    return [_grouped(spell(secrets.token_bytes(_RECOVERY_BYTES))) for _ in range(RECOVERY_CODES)]


def recovery_digest(keys: Keys, staff_id: int, typed: str) -> bytes:
    """Return a recovery code as it is stored."""
    return keys.digest("staff recovery", str(staff_id), fold_code(typed))


def fold_code(typed: str) -> str:
    """Return a code without what people put between its groups; capitals do not count.

    Digits are those of any keyboard.
    """
    bare = re.sub(r"[\s\-]+", "", fold_password(typed[:64])).lower()
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in bare)


def _grouped(text: str) -> str:
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


@cache
def _nobodys() -> str:
    """Return what a password is compared with where there is no account: never a match."""
    return _hasher.hash(secrets.token_hex(16))


def _verify(stored: str | None, password: str) -> bool:
    try:
        return _hasher.verify(stored or _nobodys(), fold_password(password))
    except VerificationError:
        return False
