"""The port to whoever carries our messages: an SMSC, an aggregator, the sandbox."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from tambah.domain.line import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Sms:
    """A message ready to go. (line_id, number) is its own for ever: a gateway may go by it.

    at: when it is handed over, by Tambah's clock.
    """

    line_id: int
    number: int
    at: datetime
    msisdn: int
    language: Language
    body: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a gateway that has a message calls it.

    gateway: its name. parts: by what receipts for the message's parts will name them, one each;
    empty when none will come.
    """

    gateway: str
    ref: str
    parts: tuple[str, ...] = ()


class GatewayUnavailable(Exception):
    """The gateway did not take a message.

    reason: a short code, for the log and for staff, so without a telephone number or the message's
    text. is_permanent: it never will, whatever the time (a barred destination, a refused text).
    is_away: it takes nobody's at the moment, so this was no attempt of the message's.
    """

    def __init__(self, reason: str, *, is_permanent: bool = False, is_away: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_permanent = is_permanent
        self.is_away = is_away


class Unanswered(TimeoutError):
    """The gateway may have the message or not: the connection was lost before its answer."""


class Gateway(Protocol):
    """Takes messages, many at once. name: as operator.toml has it."""

    @property
    def name(self) -> str:
        """Return the name that receipts and staff know it by."""
        ...

    async def hand_over(self, sms: Sms) -> Taken:
        """Return what the gateway calls the message once it has it for good.

        Raises GatewayUnavailable when it surely has not, Unanswered when nobody knows. Any other
        failure, or no answer within the notifier's patience, leaves that open as well, and the
        message is handed over again.
        """
        ...
