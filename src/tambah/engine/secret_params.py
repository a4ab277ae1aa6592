"""What a message holds that nobody may read in the database: sealed until it is handed over."""

import msgspec

from tambah.engine.keys import Keys

_PURPOSE = "message"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, str]).decode


def seal_params(keys: Keys, params: dict[str, str]) -> bytes:
    """Return a message's secret params as the outbox holds them.

    `to` is no param of the text but another number to send it to (E.164 digits).
    """
    return keys.seal(_PURPOSE, _encode(params), b"")


def open_params(keys: Keys, sealed: bytes) -> dict[str, str]:
    """Return what `seal_params` sealed. Raises cryptography's InvalidTag."""
    return _decode(keys.unseal(_PURPOSE, sealed, b""))
