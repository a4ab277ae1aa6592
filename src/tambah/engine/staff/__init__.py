"""Staff accounts: invited, accepted, signed in and out, disabled. Each act leaves an audit row.

No password, code or secret stands in any of them, nor in the clear anywhere in the database.
"""

from tambah.engine.staff.acting import actor_of
from tambah.engine.staff.inviting import (
    INVITATION,
    Invited,
    accept_invitation,
    find_invited,
    invite,
    invite_again,
)
from tambah.engine.staff.keeping import change_roles, disable
from tambah.engine.staff.proofs import totp_address, totp_code
from tambah.engine.staff.signing_in import (
    Try,
    prove_again,
    session_digest,
    sign_in,
    sign_out,
    sign_out_everywhere,
)

__all__ = [
    "INVITATION",
    "Invited",
    "Try",
    "accept_invitation",
    "actor_of",
    "change_roles",
    "disable",
    "find_invited",
    "invite",
    "invite_again",
    "prove_again",
    "session_digest",
    "sign_in",
    "sign_out",
    "sign_out_everywhere",
    "totp_address",
    "totp_code",
]
