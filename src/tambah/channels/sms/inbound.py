"""What a subscriber wrote to us, whichever gateway brought it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundSms:
    """A whole message. It may come twice: gateways deliver again what was not answered in time.

    gateway: its name in operator.toml, which says whether the sender is believed. sender: as the
    gateway has it, digits with or without plus, or letters. message_id: the gateway's, if it gives
    one. at: when it came, by Tambah's clock.
    """

    gateway: str
    sender: str = field(repr=False)
    text: str = field(repr=False)
    message_id: str | None
    at: datetime


OnInbound = Callable[[InboundSms], Awaitable[None]]
"""Returns once the message has been dealt with for good. When it raises, it is delivered again."""
