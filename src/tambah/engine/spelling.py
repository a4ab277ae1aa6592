"""Digests and names as addresses and cookies have them: lower-case letters and digits 2 to 7."""

import base64
import binascii


def spell(raw: bytes) -> str:
    """Write bytes so that they can stand in an address."""
    return base64.b32encode(raw).decode().rstrip("=").lower()


def unspell(text: str) -> bytes:
    """Read what `spell` wrote; nothing at all for any other text."""
    upper = text.upper()
    try:
        return base64.b32decode(upper + "=" * (-len(upper) % 8))
    except (binascii.Error, ValueError):
        return b""
