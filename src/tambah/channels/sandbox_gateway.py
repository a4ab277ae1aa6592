"""A gateway that leads nowhere: messages of a demo are read on a page."""

import asyncio
from contextlib import suppress

from tambah.channels.gateway import GatewayUnavailable, Sms, Taken
from tambah.store.database import CONNECTION_LOST, Database
from tambah.store.sandbox_sms import ArrivedSms, insert_sandbox_sms

Waiting = tuple[Sms, asyncio.Future[Taken]]


class SandboxGateway:
    """Puts every message into the sandbox's inbox. For databases stamped *demo* only.

    Messages that come during one write form the next: a write for each would take its share of
    the machine from what a demo shows.
    """

    name = "sandbox"

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[Waiting] = []
        self._writing = asyncio.Lock()

    async def hand_over(self, sms: Sms) -> Taken:
        """Return the message's place in the inbox as its reference."""
        answer: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
        self._waiting.append((sms, answer))
        async with self._writing:
            if not answer.done():
                await self._write()
        return await answer

    async def _write(self) -> None:
        """Write all that wait and answer them, whatever happens."""
        batch, self._waiting = self._waiting, []
        ids: dict[tuple[int, int], int] = {}
        try:
            with suppress(*CONNECTION_LOST):
                ids = await insert_sandbox_sms(self._database, [_arrived(sms) for sms, _ in batch])
        finally:
            for sms, answer in batch:
                _answer(answer, ids.get((sms.line_id, sms.number)))


def _answer(answer: asyncio.Future[Taken], sms_id: int | None) -> None:
    if answer.done():  # its notifier stopped waiting
        return
    if sms_id is None:
        answer.set_exception(GatewayUnavailable("inbox_away"))
    else:
        answer.set_result(Taken(gateway=SandboxGateway.name, ref=f"sandbox-{sms_id}"))


def _arrived(sms: Sms) -> ArrivedSms:
    return ArrivedSms(
        line_id=sms.line_id,
        number=sms.number,
        at=sms.at,
        msisdn=sms.msisdn,
        language=sms.language,
        body=sms.body,
    )
