"""A demo that kills itself at one step of a payment: `python -m tests.faults.dying POINT`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from tambah.channels.sandbox_gateway import SandboxGateway
from tambah.cli import main
from tambah.domain.commands import NewsKind, OpenPayment, PaymentNews
from tambah.engine.engine import Engine
from tambah.payments.desk import PaymentDesk
from tambah.payments.sandbox import SandboxProvider

Matches = Callable[[Any], bool]


def die(*_: object) -> None:
    """End at once, as if by kill -9."""
    os.kill(os.getpid(), signal.SIGKILL)


def dies(owner: type, name: str, *, after: bool, matches: Matches = lambda _: True) -> None:
    """Have a method's first call that matches be the process's last, before it or after it."""
    whole: Any = getattr(owner, name)

    async def dying(self: Any, *args: Any, **kwargs: Any) -> Any:
        hit = matches(args[0])
        if hit and not after:
            die()
        answer = await whole(self, *args, **kwargs)
        if hit:
            die()
        return answer

    setattr(owner, name, dying)


def news(kind: NewsKind) -> Matches:
    """Match news of a kind."""
    return lambda command: isinstance(command, PaymentNews) and command.kind is kind


POINTS: dict[str, Callable[[], None]] = {
    "before it is opened": lambda: dies(
        Engine, "submit", after=False, matches=lambda c: isinstance(c, OpenPayment)
    ),
    "opened, provider not asked": lambda: dies(SandboxProvider, "begin", after=False),
    "begun there, not recorded here": lambda: dies(SandboxProvider, "begin", after=True),
    "begun, payer not sent there": lambda: dies(
        Engine, "submit", after=True, matches=news(NewsKind.BEGUN)
    ),
    "paid there, nobody told": lambda: dies(PaymentDesk, "hear", after=False),
    "told, not credited": lambda: dies(Engine, "submit", after=False, matches=news(NewsKind.PAID)),
    "credited, provider not answered": lambda: dies(
        Engine, "submit", after=True, matches=news(NewsKind.PAID)
    ),
    "credited, subscriber not told": lambda: dies(SandboxGateway, "hand_over", after=False),
    "told, not marked": lambda: dies(SandboxGateway, "hand_over", after=True),
    "refund opened, not sent": lambda: dies(SandboxProvider, "refund", after=False),
    "sent back there, not recorded here": lambda: dies(SandboxProvider, "refund", after=True),
    "refund recorded": lambda: dies(Engine, "submit", after=True, matches=news(NewsKind.REFUNDED)),
}


if __name__ == "__main__":
    POINTS[sys.argv[1]]()
    sys.argv = ["tambah", "demo"]
    main()
