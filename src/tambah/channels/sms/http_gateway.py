"""An aggregator by HTTP: a message is a POST, its fields named as the aggregator wants them."""

from __future__ import annotations

import asyncio
import base64
from typing import Any, cast

import httpx2
import structlog

from tambah.channels.gateway import GatewayUnavailable, Sms, Taken, Unanswered
from tambah.channels.sms.pace import Pace
from tambah.config import GatewayEntry

log = structlog.get_logger(__name__)

_SECONDS = 18.0
_CONNECT_SECONDS = 5.0
_AWAY_SECONDS = 5.0
# Nothing to do with the message: our account, our pace, their house.
_AWAY = frozenset({401, 402, 403, 407, 429, 503})
# Or: perhaps not this message's fault, perhaps not for ever.
_TRY_AGAIN = _AWAY | {404, 408, 409, 425}
_NEVER_ARRIVED = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


class HttpGateway:
    """Posts messages to one aggregator. `transport` is another than the network's, for tests."""

    def __init__(
        self,
        entry: GatewayEntry,
        secret: str,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._entry = entry
        self._secret = secret
        self._pace = Pace(entry.per_second)
        self._window = asyncio.Semaphore(entry.window)
        self._client = httpx2.AsyncClient(
            timeout=httpx2.Timeout(_SECONDS, connect=_CONNECT_SECONDS),
            follow_redirects=False,  # they would take the secret along
            transport=transport,
        )

    @property
    def name(self) -> str:
        """Return its name in operator.toml."""
        return self._entry.name

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def hand_over(self, sms: Sms) -> Taken:
        """Return the id that the aggregator answered; see `Gateway`.

        Its receipts go by that id or by our reference, LINE-NUMBER, which is the same at each
        try: an aggregator that heeds it sends nothing twice.
        """
        ref = f"{sms.line_id}-{sms.number}"
        async with self._window:
            await self._pace.turn()
            answer = await self._post(sms, ref)
        if answer.status_code in _AWAY or answer.status_code >= 500:
            self._pace.slow_down(_AWAY_SECONDS if answer.status_code == 503 else 1.0)
        if not answer.is_success:
            raise GatewayUnavailable(
                f"http_{answer.status_code}",
                is_away=answer.status_code in _AWAY,
                is_permanent=answer.is_client_error and answer.status_code not in _TRY_AGAIN,
            )
        self._pace.speed_up()
        known_as = _find(answer, self._entry.answer_id) or ref
        return Taken(gateway=self.name, ref=known_as, parts=(known_as,))

    async def _post(self, sms: Sms, ref: str) -> httpx2.Response:
        entry = self._entry
        told = {"to": str(sms.msisdn), "from": entry.source, "text": sms.body, "ref": ref}
        headers = _authorization(entry, self._secret)
        if not headers:
            told["secret"] = self._secret
        fields = {entry.fields.get(name, name): value for name, value in told.items() if value}
        content = {**entry.more, **fields}
        try:
            if entry.send_as == "json":
                return await self._client.post(entry.url, json=content, headers=headers)
            return await self._client.post(entry.url, data=content, headers=headers)
        except _NEVER_ARRIVED as lost:
            raise GatewayUnavailable("not_connected", is_away=True) from lost
        except httpx2.HTTPError as lost:
            raise Unanswered from lost


def _authorization(entry: GatewayEntry, secret: str) -> dict[str, str]:
    """Return the header that proves us, nothing when the secret goes in a field."""
    match entry.secret_as:
        case "bearer":
            return {"authorization": f"Bearer {secret}"}
        case "basic":
            pair = base64.b64encode(f"{entry.user}:{secret}".encode()).decode()
            return {"authorization": f"Basic {pair}"}
        case _:
            return {}


def _find(answer: httpx2.Response, path: str) -> str:
    """Return what stands at a path of a JSON answer ("messages.0.id"), empty when nothing does."""
    try:
        found: Any = answer.json()
    except ValueError:
        return ""
    for step in path.split("."):
        if isinstance(found, list) and step.isdecimal():
            items = cast("list[Any]", found)
            found = items[int(step)] if int(step) < len(items) else None
        elif isinstance(found, dict):
            found = cast("dict[str, Any]", found).get(step)
        else:
            return ""
    return str(found) if isinstance(found, str | int) else ""
