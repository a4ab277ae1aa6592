"""The product's own server process, called by wrk."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import psutil

from .engine_runs import OPERATOR
from .ground import FIRST_NUMBER, PEPPER, Ground

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Load:
    """What wrk saw: requests a second, and latencies in milliseconds."""

    rate: float
    p50_ms: float
    p99_ms: float


class Server:
    """`tambah serve` on the ground's database; `pays`: the same with the sandbox provider."""

    def __init__(self, ground: Ground, *, pays: bool = False) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.ground = ground
        self.url = f"http://127.0.0.1:{port}"
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.pay_server", str(port)]
            if pays
            else [str(Path(sys.executable).with_name("tambah")), "serve", "--no-worker"],
            env={
                **os.environ,
                "TAMBAH_DATABASE_URL": ground.dsn,
                "TAMBAH_OWNER_DATABASE_URL": ground.server.owner_dsn,
                "TAMBAH_PEPPER": PEPPER,
                "TAMBAH_OPERATOR_FILE": str(OPERATOR),
                "TAMBAH_LISTEN": f"127.0.0.1:{port}",
                "TAMBAH_DATA_DIR": str(ground.folder / "serve"),
            },
            stdout=self._log,
            stderr=self._log,
        )
        self._wait()

    def _wait(self) -> None:
        for _ in range(900):
            if self._process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=2):
                    return
            except OSError:
                time.sleep(0.1)
        self._log.seek(0)
        raise RuntimeError(f"the server did not start: {self._log.read()[-2000:]!r}")

    @property
    def rss_mb(self) -> float:
        """Return the resident memory of the server process."""
        return psutil.Process(self._process.pid).memory_info().rss / 1e6

    def top_ups(self, connections: int, seconds: float, *, hot: bool = False) -> Load:
        """Load top-ups: on random lines, or all on one."""
        return self._wrk("top_up.lua", connections, seconds, 1 if hot else self.ground.lines)

    def purchases(self, connections: int, seconds: float) -> Load:
        """Load packages bought from the credit of random lines."""
        return self._wrk("buy.lua", connections, seconds, self.ground.lines)

    def redemptions(self, connections: int, seconds: float, codes: list[str]) -> Load:
        """Load redemptions of live codes, scattered over the stored ones, on random lines."""
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write("\n".join(codes) + "\n")
            file.flush()
            return self._wrk("redeem.lua", connections, seconds, self.ground.lines, file.name)

    def payments(self, connections: int, seconds: float, webhooks: list[str]) -> Load:
        """Load webhooks that each settle a payment of their own."""
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write("\n".join(webhooks) + "\n")
            file.flush()
            return self._wrk("webhook.lua", connections, seconds, self.ground.lines, file.name)

    def mistyped(self, connections: int, seconds: float) -> Load:
        """Load codes with a wrong check digit, each refused with 400."""
        return self._wrk("mistyped.lua", connections, seconds, self.ground.lines)

    def _wrk(self, script: str, connections: int, seconds: float, lines: int, *more: str) -> Load:
        ran = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--latency",
             "-s", str(HERE / script), self.url, "--", str(FIRST_NUMBER), str(lines),
             self.ground.api_key, str(time.time_ns() % 10**9), *more],
            capture_output=True,
            text=True,
            check=True,
        )  # fmt: skip
        if "first refusal" in ran.stderr or "Socket errors" in ran.stdout:
            raise RuntimeError(f"wrk saw refusals or errors:\n{ran.stdout}{ran.stderr}")
        return Load(
            rate=float(_find(r"Requests/sec:\s+([0-9.]+)", ran.stdout)),
            p50_ms=_milliseconds(_find(r"^\s+50%\s+(\S+)$", ran.stdout)),
            p99_ms=_milliseconds(_find(r"^\s+99%\s+(\S+)$", ran.stdout)),
        )

    def stop(self) -> None:
        """Stop the server, by its id, and wait for it."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout=30)
        self._log.close()


def _find(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    if match is None:
        raise RuntimeError(f"wrk said something new:\n{text}")
    return match[1]


def _milliseconds(text: str) -> float:
    match = re.fullmatch(r"([0-9.]+)(us|ms|s)", text)
    if match is None:
        raise RuntimeError(f"wrk said something new: {text}")
    return float(match[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[match[2]]
