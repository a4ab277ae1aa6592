"""Sellers of dealers: added, let in by number and PIN, told by SMS. Each act leaves an audit row.

No PIN and no secret stands in any of them, nor in the clear anywhere in the database.
"""

from tambah.engine.sellers.keeping import NewSeller, add_seller, disable_seller, new_pin
from tambah.engine.sellers.signing_in import (
    PinTry,
    change_pin,
    check_pin,
    prove_seller,
    session_digest,
    sign_in_seller,
    sign_out_seller,
)
from tambah.engine.sellers.telling import tell_seller

__all__ = [
    "NewSeller",
    "PinTry",
    "add_seller",
    "change_pin",
    "check_pin",
    "disable_seller",
    "new_pin",
    "prove_seller",
    "session_digest",
    "sign_in_seller",
    "sign_out_seller",
    "tell_seller",
]
