"""Re-Auth-Requests: network elements are told that a line which ran short has credit again."""

from __future__ import annotations

import asyncio

import structlog

from tambah.charging.diameter.avps import Faulty, make
from tambah.charging.diameter.names import (
    AUTH_APPLICATION_ID,
    CREDIT_CONTROL_APPLICATION,
    DESTINATION_HOST,
    DESTINATION_REALM,
    RE_AUTH_REQUEST_TYPE,
    RESULT_CODE,
    SESSION_ID,
    Command,
)
from tambah.charging.diameter.node import Node
from tambah.store.database import CONNECTION_LOST, RETRYABLE, Database
from tambah.store.views.usage import OpenSession, sessions_to_renew

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
ANSWER_SECONDS = 10.0
AGAIN_SECONDS = 30.0
_AUTHORIZE_ONLY = 0
_AT_ONCE = 100

_Key = tuple[bytes, int]
"""A session and the number of the request that fell short."""


class Renewing:
    """Asks sessions that fell short to ask again, once their line got something.

    Each is told once for each answer that fell short. One that does not answer is told again after
    a while; one that answers no is left to itself: what its element does not know, the clock ends.
    """

    def __init__(self, database: Database, node: Node) -> None:
        self._database = database
        self._node = node
        self._told: dict[_Key, float] = {}

    async def run(self) -> None:
        """Look about each second, until cancelled."""
        while True:
            try:
                await self.look()
            except (*CONNECTION_LOST, *RETRYABLE) as lost:
                log.warning("re-authorisation put off", reason=type(lost).__name__)
            except Exception as bug:
                log.error("re-authorisation failed", exc_info=bug)
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> int:
        """Tell whom there is to tell; return how many were told."""
        hosts = self._node.hosts
        if not hosts:
            return 0
        sessions = await sessions_to_renew(self._database, hosts)
        due = {(one.session, one.request_no): one for one in sessions}
        self._told = {key: until for key, until in self._told.items() if key in due}
        now = asyncio.get_running_loop().time()
        new = [one for key, one in due.items() if self._told.get(key, 0.0) <= now]
        for start in range(0, len(new), _AT_ONCE):
            await asyncio.gather(*(self._tell(one) for one in new[start : start + _AT_ONCE]))
        return len(new)

    async def _tell(self, session: OpenSession) -> None:
        key = (session.session, session.request_no)
        loop = asyncio.get_running_loop()
        self._told[key] = loop.time() + AGAIN_SECONDS
        link = self._node.link_to(session.peer)
        if link is None:
            return
        realm = self._node.realm_of(session.peer)
        avps = [
            make(SESSION_ID, session.session_id),
            *self._node.origin(),
            make(DESTINATION_REALM, realm.encode()),
            make(DESTINATION_HOST, session.peer.encode()),
            make(AUTH_APPLICATION_ID, CREDIT_CONTROL_APPLICATION),
            make(RE_AUTH_REQUEST_TYPE, _AUTHORIZE_ONLY),
        ]
        try:
            answer = await link.ask(
                Command.RE_AUTH,
                CREDIT_CONTROL_APPLICATION,
                avps,
                timeout_seconds=ANSWER_SECONDS,
            )
            result = answer.number(RESULT_CODE)
        except (TimeoutError, ConnectionError, Faulty) as failed:
            log.warning("re-authorisation unanswered", peer=session.peer, why=str(failed))
            return
        self._told[key] = float("inf")
        log.info("re-authorisation asked for", peer=session.peer, result=result)
