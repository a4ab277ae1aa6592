"""What the network asks while credit is used, and what it is answered.

None of these carries a request key: a session knows its last request and what it was told.
`request_no` counts a session's requests upwards (RFC 8506, CC-Request-Number; TS 32.291,
invocationSequenceNumber).
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from tambah.domain.records import Record
from tambah.domain.tariff import Usage


def session_key(peer: str, session_id: str) -> bytes:
    """Return the key under which a peer's session is kept; names of any length and script fit."""
    return blake2b(f"{peer}\x00{session_id}".encode(), digest_size=16).digest()


class Grant(Record, frozen=True, kw_only=True):
    """What a session may use from now on under one rating group.

    units: seconds, messages or bytes. seconds: how long the grant lasts. threshold: units left at
    which the network should ask again. final: when it is used up there is no more. refused: the
    code of the refusal, where there is nothing, empty else. micros: of an event, its price.
    """

    rating_group: int
    units: int = 0
    seconds: int = 0
    threshold: int = 0
    final: bool = False
    refused: str = ""
    micros: int = 0


class Answered(Record, frozen=True, kw_only=True):
    """What a session's request was answered.

    Micro-ringgit: free is main and bonus credit that nothing holds; charged, what the session has
    cost so far.
    """

    request_no: int
    grants: tuple[Grant, ...]
    free_micros: int
    at: datetime
    msisdn: int
    charged_micros: int = 0


class Ask(Record, frozen=True, kw_only=True):
    """One rating group of a request. used: units since the last report.

    wanted: units, None for as many as we see fit. more: whether anything more is wanted at all.
    """

    rating_group: int
    usage: Usage
    wanted: int | None = None
    used: int = 0
    more: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfASession:
    """What every request of a session says. msisdn: whose it is."""

    peer: str
    session_id: str
    request_no: int
    msisdn: int
    asks: tuple[Ask, ...] = ()

    @property
    def session(self) -> bytes:
        """Return the key of the session."""
        return session_key(self.peer, self.session_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveUnits(_OfASession):
    """Begin a session: promise units before they are used."""

    notify_to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateUnits(_OfASession):
    """Go on with a session: count what was used, promise more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseUnits(_OfASession):
    """End a session: count what was used, let go of the rest, book."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeEvent(_OfASession):
    """Charge something that happens at once (a message), all of it or nothing.

    at: when it happened, of a record that is brought later (aware UTC); it has that time's rate.
    """

    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundEvent(_OfASession):
    """Give back what an event was charged. of_session_id: the event's, if not this one's."""

    of_session_id: str = ""

    @property
    def of_session(self) -> bytes:
        """Return the key of the event's session."""
        return session_key(self.peer, self.of_session_id or self.session_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseSession:
    """Close a session that was not heard of again, with what it reported; the clock sends it."""

    line_id: int
    session: bytes


class UnitsGranted(Record, frozen=True, kw_only=True):
    """A session's request as it was answered, the first time or again; see `Answered`."""

    msisdn: int
    request_no: int
    grants: tuple[Grant, ...]
    free_micros: int
    charged_micros: int = 0
    again: bool = False


class SessionClosed(Record, frozen=True, kw_only=True):
    """A session was closed by the clock, or was closed before, or had more time."""

    line_id: int
    closed: bool


OF_A_SESSION = (ReserveUnits, UpdateUnits, ReleaseUnits, ChargeEvent, RefundEvent)
ChargingCommand = (
    ReserveUnits | UpdateUnits | ReleaseUnits | ChargeEvent | RefundEvent | CloseSession
)
ChargingOutcome = UnitsGranted | SessionClosed


def granted(answer: Answered, *, again: bool = False) -> UnitsGranted:
    """Return a session's answer as an outcome."""
    return UnitsGranted(
        msisdn=answer.msisdn,
        request_no=answer.request_no,
        grants=answer.grants,
        free_micros=answer.free_micros,
        charged_micros=answer.charged_micros,
        again=again,
    )
