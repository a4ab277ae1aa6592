"""Telling network functions that a line has credit again, so that they ask once more."""

from __future__ import annotations

import asyncio

import httpx2
import msgspec
import structlog

from tambah.charging.nchf.consumers import Consumers
from tambah.charging.nchf.shapes import Reauthorization
from tambah.store.database import CONNECTION_LOST, RETRYABLE, Database
from tambah.store.views.usage import OpenSession, sessions_to_renew

log = structlog.get_logger(__name__)
_AT_ONCE = 50
_MOST_TRIES = 3
_MOST_SESSIONS = 10_000
_SECONDS = 5.0
_BODY = msgspec.json.encode(Reauthorization(notification_type="REAUTHORIZATION"))
_HEADERS = {"content-type": "application/json"}

Told = tuple[bytes, int]
"""A session and the answer that fell short: each is told once that it may ask again."""


class Notifier:
    """Tells consumers of sessions that fell short and whose line got something since."""

    def __init__(
        self, database: Database, consumers: Consumers, client: httpx2.AsyncClient | None = None
    ) -> None:
        self._database = database
        self._consumers = consumers
        self._client = client or make_client()
        self._tries: dict[Told, int] = {}

    async def close(self) -> None:
        """Hang up."""
        await self._client.aclose()

    async def renew(self) -> int:
        """Tell whoever is to be told; return how many were. A few that fail are tried again."""
        peers = list(self._consumers.by_peer)
        found = await sessions_to_renew(self._database, peers, _MOST_SESSIONS)
        due = {(one.session, one.request_no): one for one in found if one.notify_to}
        # What is not due any more was answered anew, or has ended.
        self._tries = {told: n for told, n in self._tries.items() if told in due}
        waiting = [told for told in due if self._tries.get(told, 0) < _MOST_TRIES]
        told = 0
        for start in range(0, len(waiting), _AT_ONCE):
            part = waiting[start : start + _AT_ONCE]
            answers = await asyncio.gather(*(self._tell(due[one]) for one in part))
            for one, is_told in zip(part, answers, strict=True):
                self._tries[one] = _MOST_TRIES if is_told else self._tries.get(one, 0) + 1
            told += sum(answers)
        return told

    async def _tell(self, session: OpenSession) -> bool:
        consumer = self._consumers.by_peer[session.peer]
        if not consumer.may_be_told_at(session.notify_to):
            # Named among its hosts when the session began, and not any more.
            return False
        try:
            async with asyncio.timeout(_SECONDS):
                answer = await self._client.post(
                    session.notify_to, content=_BODY, headers=_HEADERS
                )
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, TimeoutError) as error:
            log.warning("nchf_not_told", consumer=consumer.name, reason=type(error).__name__)
            return False
        if answer.is_success:
            return True
        log.warning("nchf_not_told", consumer=consumer.name, status=answer.status_code)
        return False


def make_client() -> httpx2.AsyncClient:
    """Return a client that speaks HTTP/2 and nothing else, follows nobody and asks no proxy."""
    return httpx2.AsyncClient(
        http1=False,
        http2=True,
        timeout=_SECONDS,
        follow_redirects=False,
        trust_env=False,
    )


async def renew_for_ever(notifier: Notifier, seconds: float) -> None:
    """Look for lines with new credit every so often, until cancelled."""
    try:
        while True:
            try:
                await notifier.renew()
            except (*CONNECTION_LOST, *RETRYABLE) as lost:
                log.warning("nchf_renewing_put_off", reason=type(lost).__name__)
            except Exception as bug:
                log.error("nchf_renewing_failed", exc_info=bug)
            await asyncio.sleep(seconds)
    finally:
        await notifier.close()
