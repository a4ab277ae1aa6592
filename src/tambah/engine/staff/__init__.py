"""Staff accounts: invited, accepted, signed in and out, disabled. Each act leaves an audit row.

No password, code or secret stands in any of them, nor in the clear anywhere in the database.
"""

from tambah.engine.staff.acting import actor_of
from tambah.engine.staff.authenticators import (
    Offer,
    change_authenticator,
    offer_authenticator,
    remove_authenticator,
)
from tambah.engine.staff.inviting import (
    INVITATION,
    Invited,
    accept_invitation,
    accept_with_passkey,
    find_invited,
    invite,
    invite_again,
)
from tambah.engine.staff.keeping import change_roles, disable
from tambah.engine.staff.passkey_proofs import (
    Asked,
    RelyingParty,
    Shown,
    creation_options,
    relying_party,
    request_options,
)
from tambah.engine.staff.passkeys import add_passkey, remove_passkey
from tambah.engine.staff.proofs import totp_address, totp_code
from tambah.engine.staff.signing_in import (
    Proof,
    Try,
    prove_again,
    session_digest,
    sign_in,
    sign_out,
    sign_out_everywhere,
)

__all__ = [
    "INVITATION",
    "Asked",
    "Invited",
    "Offer",
    "Proof",
    "RelyingParty",
    "Shown",
    "Try",
    "accept_invitation",
    "accept_with_passkey",
    "actor_of",
    "add_passkey",
    "change_authenticator",
    "change_roles",
    "creation_options",
    "disable",
    "find_invited",
    "invite",
    "invite_again",
    "offer_authenticator",
    "prove_again",
    "relying_party",
    "remove_authenticator",
    "remove_passkey",
    "request_options",
    "session_digest",
    "sign_in",
    "sign_out",
    "sign_out_everywhere",
    "totp_address",
    "totp_code",
]
