"""A command that waits for its answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from tambah.domain.commands import BY_LINE, BY_PARTNER, Command, Outcome
from tambah.domain.refusals import Refusal


@dataclass(slots=True, eq=False)
class Pending:
    """A command that waits for its answer.

    digest, content: of the caller's key and of what is asked; empty for commands that are
    idempotent by nature. expires: loop time after which the caller is told to try again.
    """

    command: Command
    digest: bytes
    content: bytes
    future: asyncio.Future[Outcome]
    expires: float

    def answer(self, answer: Outcome | Refusal) -> None:
        """Hand the caller its answer, unless it is gone."""
        if self.future.done():
            return
        if isinstance(answer, Refusal):
            self.future.set_exception(answer)
        else:
            self.future.set_result(answer)


def owner_of(command: Command, line_of: dict[int, int]) -> int | None:
    """Return whose command it is: a line's or a partner's id, None for an unknown number."""
    if isinstance(command, BY_PARTNER):
        return command.partner_id
    if isinstance(command, BY_LINE):
        return command.line_id
    return line_of.get(command.msisdn)
