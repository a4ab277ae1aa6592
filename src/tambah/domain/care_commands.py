"""What subscribers and customer care ask of a line, beside what every door asks."""

from dataclasses import dataclass, field
from datetime import datetime

from tambah.domain.actor import Actor
from tambah.domain.line import Language
from tambah.domain.records import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class AskSignIn:
    """Send a one-time password to a number, for the browser that asked.

    challenge: keyed digest of what the browser was given. digest: of the password, keyed. sealed:
    the password, encrypted for the message.
    """

    msisdn: int
    challenge: bytes
    digest: bytes
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrySignIn:
    """Sign in with the password that was sent. session: keyed digest of the cookie to come."""

    msisdn: int
    challenge: bytes
    digest: bytes
    session: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TellLine:
    """Send a message to a line, once for each key; see `domain.state.Message`."""

    caller: str
    request_key: str
    line_id: int
    template: str
    params: tuple[tuple[str, int | str], ...] = ()
    sealed: bytes | None = field(default=None, repr=False)
    good_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskRecovery:
    """Send a code by which somebody who forgot a number may see it; else as `AskSignIn`.

    The sealed part says where to: the person's other number, or none for the line itself.
    """

    line_id: int
    challenge: bytes
    digest: bytes
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TryRecovery:
    """Prove to have got the code of `AskRecovery`."""

    line_id: int
    challenge: bytes
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SetOwnBar:
    """Bar a line at its owner's word (a lost phone), or lift the bar that the owner set.

    actor: `subscriber`, and how they were known. to: the person's other number, sealed, to tell.
    """

    caller: str
    request_key: str
    line_id: int
    barred: bool
    actor: Actor
    to: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveTopUp:
    """Move what is unspent of a top-up to the number that it was meant for."""

    caller: str
    request_key: str
    msisdn: int
    topup_no: int
    to_msisdn: int
    actor: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowReactivation:
    """Let an expired line be topped up again: whose it is was checked, by a person or a page.

    actor: who checked it; None when the owner proved it alone.
    """

    caller: str
    request_key: str
    line_id: int
    actor: Actor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPreferences:
    """Keep what a subscriber chose for a line: the language of its messages, and which it gets.

    reminds: whether it is reminded before its dates. low_credit_micros: below how much credit it
    is told, 0 for never.
    """

    caller: str
    request_key: str
    line_id: int
    language: Language
    reminds: bool
    low_credit_micros: int = 0


class Told(Record, frozen=True, kw_only=True):
    """A message was written; it is the line's `number`th."""

    line_id: int
    number: int


class SignedIn(Record, frozen=True, kw_only=True):
    """Somebody proved to have the phone in hand. expires_at: when the session ends at last."""

    line_id: int
    msisdn: int
    expires_at: datetime


class Proved(Record, frozen=True, kw_only=True):
    """The code that was sent was given back."""

    line_id: int


class PreferencesSet(Record, frozen=True, kw_only=True):
    """What a line's subscriber has chosen, as it stands now."""

    line_id: int
    language: Language
    reminds: bool
    low_credit_micros: int


CareCommand = (
    AskSignIn
    | TrySignIn
    | TellLine
    | AskRecovery
    | TryRecovery
    | SetOwnBar
    | MoveTopUp
    | AllowReactivation
    | SetPreferences
)
CareOutcome = Told | SignedIn | Proved | PreferencesSet
