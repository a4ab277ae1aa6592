"""A socket, and a server on it that leaves in order."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
from contextlib import nullcontext
from ipaddress import ip_address
from typing import Any

import uvicorn

from tambah.config import (
    ConfigError,
    Settings,
)


def listen(settings: Settings, *, demo: bool, anywhere: bool = False) -> socket.socket:
    """Return a bound socket. A demo listens on loopback unless told twice. Raises ConfigError."""
    host, _, port = settings.listen.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    if demo and not _is_loopback(host) and not (anywhere and settings.listen_anywhere):
        raise ConfigError(
            "the demo lays codes and a key open, so it listens on loopback only; if you mean it,"
            " give --anywhere and set TAMBAH_LISTEN_ANYWHERE=yes as well"
        )
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, int(port)))
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot listen on {settings.listen}: {error}") from error
    return bound


async def serve(application: Any, bound: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM; requests under way are answered first."""
    config = uvicorn.Config(
        application,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        # uvicorn would believe X-Forwarded-For from this machine; whom to believe is our setting.
        proxy_headers=False,
        date_header=True,
        http="httptools",
        ws="none",
        timeout_graceful_shutdown=20,
        backlog=2048,
    )
    spare_collector()
    server = _Server(config)
    loop = asyncio.get_running_loop()

    def leave() -> None:
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, leave)
    await server.serve(sockets=[bound])


class _Server(uvicorn.Server):
    """uvicorn, but for signals: it would end the process before the engine is drained."""

    def install_signal_handlers(self) -> None:
        """Leave signals to `serve`."""

    def capture_signals(self) -> Any:
        """Leave signals to `serve`."""
        return nullcontext()


def url_of(bound: socket.socket) -> str:
    """Return the address that a socket is reached at."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def spare_collector() -> None:
    """Keep what lives as long as the process out of the garbage collector's rounds.

    Records live for a batch and hold no cycles; scanning every module again and again for them
    is work for nothing, and a pause each time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
