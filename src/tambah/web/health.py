"""/healthz, /readyz and /metrics: how the service is, for machines."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from tambah.store.database import CONNECTION_LOST
from tambah.store.views.health import outbox_lag_seconds
from tambah.web.site import Site

HEALTH_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
_Send = Callable[[Any], Awaitable[None]]


class Health:
    """An ASGI application for HEALTH_PATHS.

    healthz: the process answers. readyz: it can move money now (200) or not (503). metrics: in
    the form that Prometheus reads.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._registry = CollectorRegistry()
        self._waiting = Gauge(
            "tambah_engine_waiting", "Commands that wait for a batch", registry=self._registry
        )
        self._ready = Gauge("tambah_ready", "1 when the engine can write", registry=self._registry)
        self._lag = Gauge(
            "tambah_outbox_lag_seconds", "Age of the oldest due message", registry=self._registry
        )

    async def __call__(self, scope: Any, receive: Any, send: _Send) -> None:
        """Answer one request."""
        path = scope["path"]
        if path == "/healthz":
            await _reply(send, 200, b'{"status":"up"}')
        elif path == "/readyz":
            await self._reply_ready(send)
        else:
            await self._reply_metrics(send)

    async def _reply_ready(self, send: _Send) -> None:
        lag = await self._lag_seconds()
        ready = lag is not None and self._site.engine.is_writing
        body = {
            "status": "ready" if ready else "not ready",
            "engine": self._site.engine.is_writing,
            "database": lag is not None,
            "outbox_lag_seconds": lag,
        }
        await _reply(send, 200 if ready else 503, msgspec.json.encode(body))

    async def _reply_metrics(self, send: _Send) -> None:
        self._waiting.set(self._site.engine.waiting)
        self._ready.set(self._site.engine.is_writing)
        lag = await self._lag_seconds()
        self._lag.set(-1 if lag is None else lag)
        await _reply(send, 200, generate_latest(self._registry), b"text/plain; version=0.0.4")

    async def _lag_seconds(self) -> float | None:
        try:
            return await outbox_lag_seconds(self._site.database, self._site.clock.now())
        except CONNECTION_LOST:
            return None


async def _reply(send: _Send, status: int, body: bytes, kind: bytes = b"application/json") -> None:
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
