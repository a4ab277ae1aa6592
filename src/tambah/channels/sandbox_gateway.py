"""A gateway that leads nowhere: messages of a demo are read on a page."""

import asyncio

from tambah.channels.gateway import GatewayUnavailable, Sms
from tambah.store.database import CONNECTION_LOST, Database
from tambah.store.sandbox_sms import insert_sandbox_sms

# Two of the readers' connections at most: pages go first.
_AT_ONCE = 2


class SandboxGateway:
    """Puts every message into the sandbox's inbox. For databases stamped *demo* only."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def hand_over(self, sms: Sms) -> str:
        """Return the message's place in the inbox as its reference."""
        async with self._places:
            try:
                sms_id = await insert_sandbox_sms(
                    self._database,
                    key=(sms.line_id, sms.number),
                    at=sms.at,
                    msisdn=sms.msisdn,
                    language=sms.language,
                    body=sms.body,
                )
            except CONNECTION_LOST as lost:
                raise GatewayUnavailable("the sandbox's inbox is away") from lost
        return f"sandbox-{sms_id}"
