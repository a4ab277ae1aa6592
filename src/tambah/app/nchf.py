"""The process that a 5G core charges at: HTTP/2 on a socket of its own."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from contextlib import suppress
from typing import Any, cast

from hypercorn import asyncio as hypercorn_asyncio
from hypercorn.config import Config

from tambah.app.serving import spare_collector
from tambah.charging.nchf import Consumers, Nchf, Notifier, renew_for_ever
from tambah.config import NchfEntry
from tambah.web.health import HEALTH_PATHS, Health
from tambah.web.site import Site

_DRAIN_SECONDS = 20.0
_IDLE_SECONDS = 3600.0
_STREAMS = 1000


def build_nchf(site: Site) -> Any:
    """Return the ASGI application: charging, and how the process is for machines."""
    nchf, health = Nchf(site), Health(site)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] in HEALTH_PATHS:
            await health(scope, receive, send)
        else:
            await nchf(scope, receive, send)

    return application


async def serve_nchf(site: Site, bound: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM; requests under way are answered first."""
    notifier = Notifier(site.database, Consumers(site.operator.nchf, site.keys))
    renewing = asyncio.create_task(renew_for_ever(notifier, site.operator.nchf.watch_seconds))
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    spare_collector()
    try:
        await cast("Any", hypercorn_asyncio).serve(
            build_nchf(site),
            _settings(site.operator.nchf, bound),
            shutdown_trigger=told.wait,
            mode="asgi",
        )
    finally:
        renewing.cancel()
        with suppress(asyncio.CancelledError):
            await renewing


def _settings(entry: NchfEntry, bound: socket.socket) -> Config:
    """Return how hypercorn is to serve: consumers keep few connections, and keep them long."""
    config = Config()
    # hypercorn closes the socket that it is given: it gets one of its own.
    config.bind = [f"fd://{bound.dup().detach()}"]
    config.accesslog = None
    config.errorlog = None
    config.include_server_header = False
    config.graceful_timeout = _DRAIN_SECONDS
    config.keep_alive_timeout = _IDLE_SECONDS
    config.keep_alive_max_requests = sys.maxsize
    config.h2_max_concurrent_streams = _STREAMS
    config.backlog = 1024
    if entry.certificate:
        config.certfile = entry.certificate
        config.keyfile = entry.private_key
    return config
