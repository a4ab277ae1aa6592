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


class GatewayUnavailable(Exception):
    """The gateway did not take a message.

    reason: for the log, so without a telephone number or the message's text. is_permanent: it
    never will, whatever the time (a barred destination, a refused text).
    """

    def __init__(self, reason: str, *, is_permanent: bool = False) -> None:
        super().__init__(reason)
        self.is_permanent = is_permanent


class Gateway(Protocol):
    """Takes messages, many at once."""

    async def hand_over(self, sms: Sms) -> str:
        """Return the gateway's reference once it has the message for good.

        Raises GatewayUnavailable when it surely has not. Any other failure, or none within the
        notifier's patience, leaves that open, and the message is handed over again.
        """
        ...
