"""Who works here: roles as sets of permissions, and the rules of signing in to the console.

A password alone is never enough: a passkey goes with it, or a code of an authenticator app, good
once. Wrong tries are counted for the account, whatever was wrong and wherever they come from.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from types import MappingProxyType

from tambah.domain.guessing import lock_minutes
from tambah.domain.records import Record, replace
from tambah.domain.refusals import FieldMalformed, PasswordTooWeak

INVITATION_HOURS = 72
RECOVERY_CODES = 8
LEAST_PASSWORD = 12
MOST_PASSWORD = 128
"""Characters; the most keeps a form from being used to make the server work."""
TOTP_SECONDS = 30
"""A step of the authenticator's clock (RFC 6238)."""

_NAME = re.compile(r"[a-z][a-z0-9._-]{1,30}")
_LEAST_DISTINCT = 5
_WORST = frozenset(
    {
        "123456789012",
        "1234567890123",
        "12345678901234",
        "1q2w3e4r5t6y",
        "1qaz2wsx3edc",
        "abcdefghijkl",
        "administrator",
        "adminadmin123",
        "changeme1234",
        "iloveyou1234",
        "letmein12345",
        "malaysia1234",
        "malaysia2026",
        "malaysiaboleh",
        "password1234",
        "password12345",
        "password123456",
        "passwordpassword",
        "qwerty123456",
        "qwertyuiop12",
        "qwertyuiop123",
        "qwertyuiopasdf",
        "rahsiarahsia",
        "selamatdatang",
        "superadmin123",
        "temporary123",
        "welcome12345",
        "zaq12wsxcde3",
    }
)
"""Of the lists of what people choose most, those that are long enough to be tried here."""


class Permission(StrEnum):
    """What somebody may do in the console."""

    LINES_READ = "lines:read"
    LINES_WRITE = "lines:write"
    CODES_FIND = "codes:find"
    CREDIT_WRITE = "credit:write"
    VOUCHERS_READ = "vouchers:read"
    BATCHES_WRITE = "batches:write"
    PAYMENTS_READ = "payments:read"
    PAYMENTS_WRITE = "payments:write"
    TICKETS_READ = "tickets:read"
    TICKETS_WRITE = "tickets:write"
    SIMS_READ = "sims:read"
    DEALERS_READ = "dealers:read"
    DEALERS_WRITE = "dealers:write"
    FLOAT_WRITE = "float:write"
    STOCK_WRITE = "stock:write"
    FINANCE_READ = "finance:read"
    FINANCE_WRITE = "finance:write"
    CONTENT_WRITE = "content:write"
    OPERATIONS_READ = "operations:read"
    OPERATIONS_WRITE = "operations:write"
    AUDIT_READ = "audit:read"
    STAFF_WRITE = "staff:write"


class Role(StrEnum):
    """What somebody is here. One may be several."""

    CARE = "care"
    FINANCE = "finance"
    WAREHOUSE = "warehouse"
    MARKETING = "marketing"
    NETWORK = "network"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


_P = Permission

_READING = frozenset(
    {
        _P.LINES_READ,
        _P.VOUCHERS_READ,
        _P.PAYMENTS_READ,
        _P.TICKETS_READ,
        _P.SIMS_READ,
        _P.DEALERS_READ,
    }
)

PERMISSIONS: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.CARE: _READING | {_P.LINES_WRITE, _P.CODES_FIND, _P.CREDIT_WRITE, _P.TICKETS_WRITE},
        Role.FINANCE: frozenset(
            {
                _P.LINES_READ,
                _P.CREDIT_WRITE,
                _P.VOUCHERS_READ,
                _P.BATCHES_WRITE,
                _P.PAYMENTS_READ,
                _P.PAYMENTS_WRITE,
                _P.DEALERS_READ,
                _P.DEALERS_WRITE,
                _P.FLOAT_WRITE,
                _P.FINANCE_READ,
                _P.FINANCE_WRITE,
            }
        ),
        Role.WAREHOUSE: frozenset(
            {
                _P.VOUCHERS_READ,
                _P.BATCHES_WRITE,
                _P.SIMS_READ,
                _P.DEALERS_READ,
                _P.STOCK_WRITE,
            }
        ),
        Role.MARKETING: frozenset({_P.CONTENT_WRITE}),
        Role.NETWORK: frozenset(
            {_P.LINES_READ, _P.SIMS_READ, _P.OPERATIONS_READ, _P.OPERATIONS_WRITE}
        ),
        # Who gives roles away sees no subscriber and moves no money by that alone.
        Role.ADMINISTRATOR: frozenset({_P.STAFF_WRITE, _P.AUDIT_READ, _P.OPERATIONS_READ}),
        Role.AUDITOR: _READING | {_P.FINANCE_READ, _P.OPERATIONS_READ, _P.AUDIT_READ},
    }
)
"""What each role may do. Nothing else may anything."""


class StaffState(IntEnum):
    """Whether somebody may sign in: not before the invitation is accepted. Stored."""

    INVITED = 1
    ACTIVE = 2
    DISABLED = 3


class Staff(Record, frozen=True, kw_only=True):
    """Somebody who works here, but for their secrets.

    name: what they sign in with. totp_step: the last step of the authenticator's clock whose code
    was used. wrong: tries in a row. passkeys: how many they have.
    """

    staff_id: int
    name: str
    roles: tuple[Role, ...]
    state: StaffState
    created_at: datetime
    totp_step: int = 0
    wrong: int = 0
    locked_until: datetime | None = None
    passkeys: int = 0

    @property
    def permissions(self) -> frozenset[Permission]:
        """Return what they may do."""
        return permissions_of(self.roles)

    def is_locked(self, now: datetime) -> bool:
        """Say whether wrong tries keep everybody out of the account for now."""
        return self.locked_until is not None and now < self.locked_until


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffRule:
    """How the console is guarded.

    ladder: as in `GuessingRule`, for wrong tries at one account. session_hours: after which one
    signs in anew, whatever one did; idle_minutes: the same after doing nothing.
    """

    ladder: tuple[tuple[int, int], ...] = ((5, 15), (10, 30), (15, 60), (20, 1440))
    session_hours: int = 10
    idle_minutes: int = 30
    passwords_for_administrators_alone: bool = False

    def takes_password(self, staff: Staff) -> bool:
        """Say whether a password of theirs counts: where it does not, single sign-on does."""
        return not self.passwords_for_administrators_alone or Role.ADMINISTRATOR in staff.roles


class StaffSession(Record, frozen=True, kw_only=True):
    """Somebody who signed in. proved_at: when who they are was last proved; seen_at: last asked.

    factor_at: when that was last done with a second factor; None for before it was noted. digest:
    of the cookie's secret.
    """

    staff_id: int
    digest: bytes
    proved_at: datetime
    seen_at: datetime
    expires_at: datetime
    factor_at: datetime | None = None

    def holds(self, rule: StaffRule, now: datetime) -> bool:
        """Say whether it has not ended, by the clock or by doing nothing."""
        idle = timedelta(minutes=rule.idle_minutes)
        return now < self.expires_at and now - self.seen_at < idle


def permissions_of(roles: Iterable[Role]) -> frozenset[Permission]:
    """Return what somebody of those roles may do."""
    return frozenset(one for role in roles for one in PERMISSIONS[role])


def fold_name(text: str) -> str:
    """Return a sign-in name as it is stored. Raises FieldMalformed."""
    name = unicodedata.normalize("NFKC", text[:64]).strip().lower()
    if not _NAME.fullmatch(name):
        raise FieldMalformed(field="name")
    return name


def require_password(password: str, name: str) -> None:
    """Refuse a password that is short, among the worst, or made of the name.

    Raises PasswordTooWeak.
    """
    bare = "".join(one for one in fold_password(password).casefold() if one.isalnum())
    is_poor = (
        not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD
        or bare in _WORST
        or name in bare
        or len(set(bare)) < _LEAST_DISTINCT
    )
    if is_poor:
        raise PasswordTooWeak(least=LEAST_PASSWORD)


def fold_password(text: str) -> str:
    """Return a password in one form, however the keyboard put its letters together."""
    return unicodedata.normalize("NFKC", text)


def usable_steps(staff: Staff, now: datetime) -> tuple[int, ...]:
    """Return the steps of the authenticator's clock whose codes are good now.

    This one and its neighbours, for clocks go wrong; never one whose code was used, nor an older.
    """
    step = int(now.timestamp()) // TOTP_SECONDS
    return tuple(one for one in (step - 1, step, step + 1) if one > staff.totp_step)


def count_wrong_try(staff: Staff, rule: StaffRule, now: datetime) -> Staff:
    """Return the account with one more wrong try, locked where the ladder says so."""
    wrong = staff.wrong + 1
    minutes = lock_minutes(wrong, rule.ladder)
    locked_until = now + timedelta(minutes=minutes) if minutes else None
    return replace(staff, wrong=wrong, locked_until=locked_until)


def forget_wrong_tries(staff: Staff) -> Staff:
    """Return the account after a right try: the ladder counts in a row."""
    return replace(staff, wrong=0, locked_until=None)
