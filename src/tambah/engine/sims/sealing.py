"""An eSIM's activation code as the database holds it: encrypted, for its own SIM alone."""

from tambah.domain.esim import ActivationCode, parse_activation_code
from tambah.engine.keys import Keys

_PURPOSE = "esim"


def seal_code(keys: Keys, iccid: str, code: ActivationCode) -> bytes:
    """Encrypt a code; it opens only with the number of its SIM."""
    return keys.seal(_PURPOSE, code.text.encode(), iccid.encode())


def open_code(keys: Keys, iccid: str, sealed: bytes) -> ActivationCode:
    """Return what `seal_code` sealed. Raises cryptography's InvalidTag."""
    return parse_activation_code(keys.unseal(_PURPOSE, sealed, iccid.encode()).decode())
