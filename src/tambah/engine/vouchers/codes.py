"""Drawing recharge codes by the hundred thousand: uniform digits, check digits, keyed digests.

The clear codes exist as values in memory only. Nothing here logs, and no exception of this
module's carries a code.
"""

import hashlib
import os
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tambah.domain.voucher import CODE_DIGITS, DAMM_TABLE, RANDOM_DIGITS
from tambah.engine.keys import DIGEST_BYTES, Keys

CODE_SPACE = 10**RANDOM_DIGITS
_WORD_BITS = 64
_SHA256_BLOCK_BYTES = 64
_GROUP = 10 ** (RANDOM_DIGITS // 3)  # the random digits are three groups of five


class CodeSpaceFull(Exception):
    """Fresh codes could not be found: nearly every code there is is in use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSource:
    """Where randomness comes from, and how many codes are drawn at a time.

    random_bytes: the system's source; only tests give another. space: numbers are drawn from 0 up
    to it. chunk: codes in memory at once.
    """

    random_bytes: Callable[[int], bytes] = os.urandom
    space: int = CODE_SPACE
    chunk: int = 200_000


@dataclass(frozen=True, slots=True)
class Draw:
    """Some fresh codes as digits, with their digests under every live key, in one order."""

    codes: list[bytes] = field(repr=False)
    digests: dict[int, list[bytes]] = field(repr=False)


def draw_codes(count: int, keys: Keys, source: CodeSource) -> Draw:
    """Draw `count` codes, no two alike, and digest them under every live key."""
    return digest_codes(seal_numbers(draw_numbers(count, source)), keys)


def digest_codes(codes: list[bytes], keys: Keys) -> Draw:
    """Return the codes with their digests under every live key, as `Keys.code_digest` has them."""
    return Draw(
        codes, {key_id: _digests(codes, pepper) for key_id, pepper in keys.peppers.items()}
    )


def draw_numbers(count: int, source: CodeSource, taken: Iterable[int] = ()) -> list[int]:
    """Draw `count` numbers from 0 to the space's end, all equally likely, none of them `taken`.

    Raises CodeSpaceFull when a hundred rounds do not find enough.
    """
    seen = dict.fromkeys(taken)
    kept = len(seen)
    for _ in range(100):
        missing = kept + count - len(seen)
        if missing <= 0:
            # A dict keeps the order of drawing; cutting a sorted list would favour small numbers.
            return list(seen)[kept : kept + count]
        seen.update(dict.fromkeys(_uniform(missing + missing // 4 + 16, source)))
    raise CodeSpaceFull


def seal_numbers(numbers: Iterable[int]) -> list[bytes]:
    """Return 16-digit codes: fifteen digits of each number and the check digit."""
    codes: list[bytes] = []
    for number in numbers:
        rest, low = divmod(number, _GROUP)
        high, middle = divmod(rest, _GROUP)
        check = _CHECKS[_CHECKS[_CHECKS[0][high]][middle]][low]
        codes.append(b"%0*d" % (CODE_DIGITS, number * 10 + check))
    return codes


def replace_codes(draw: Draw, places: Sequence[int], keys: Keys, source: CodeSource) -> Draw:
    """Return the draw with other codes at some places."""
    taken = [int(code[:RANDOM_DIGITS]) for code in draw.codes]
    fresh = digest_codes(seal_numbers(draw_numbers(len(places), source, taken)), keys)
    codes = _with(draw.codes, places, fresh.codes)
    digests = {
        key_id: _with(column, places, fresh.digests[key_id])
        for key_id, column in draw.digests.items()
    }
    return Draw(codes, digests)


def places_of(stored: set[bytes], digests: Mapping[int, Sequence[bytes]]) -> list[int]:
    """Return where in the draw a digest, under any key, is among those stored."""
    if not stored:
        return []
    found = {
        place
        for column in digests.values()
        for place, digest in enumerate(column)
        if digest in stored
    }
    return sorted(found)


def _uniform(count: int, source: CodeSource) -> list[int]:
    """Draw at most `count` numbers; what falls beyond the space is thrown away, never folded.

    Folding (a remainder) would make some numbers likelier than others.
    """
    shift = _WORD_BITS - (source.space - 1).bit_length()
    space = source.space
    words = array("Q", source.random_bytes(count * 8))
    return [number for word in words if (number := word >> shift) < space]


def _digests(codes: Iterable[bytes], pepper: bytes) -> list[bytes]:
    """HMAC-SHA-256 with the key's two blocks hashed once: a third of the time of hmac.digest."""
    if len(pepper) > _SHA256_BLOCK_BYTES:
        pepper = hashlib.sha256(pepper).digest()
    block = pepper.ljust(_SHA256_BLOCK_BYTES, b"\0")
    copy_inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block)).copy
    copy_outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block)).copy
    digests: list[bytes] = []
    for code in codes:
        inner = copy_inner()
        inner.update(code)
        outer = copy_outer()
        outer.update(inner.digest())
        digests.append(outer.digest()[:DIGEST_BYTES])
    return digests


def _with(column: Sequence[bytes], places: Sequence[int], fresh: Sequence[bytes]) -> list[bytes]:
    changed = list(column)
    for place, value in zip(places, fresh, strict=True):
        changed[place] = value
    return changed


def _check_tables() -> list[bytes]:
    """Return, for each interim digit, the one after each group of five digits (Damm)."""
    single = [bytes(row) for row in DAMM_TABLE]
    tables = single
    size = 10
    while size < _GROUP:
        tables = [b"".join(single[interim] for interim in table) for table in tables]
        size *= 10
    return tables


_CHECKS = _check_tables()
