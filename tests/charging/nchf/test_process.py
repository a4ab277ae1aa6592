"""The process: HTTP/2 in the clear and over TLS by another's client, notices, being killed."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypercorn.asyncio import serve as serve_http2
from hypercorn.config import Config

from tambah.app import DEMO_OPERATOR
from tambah.charging.nchf import Consumers, Notifier
from tambah.config import ConfigError, ConsumerEntry, NchfEntry, check_nchf
from tambah.engine.verifying import verify
from tambah.jobs.charging import close_overdue
from tambah.web.site import Site
from tests.conftest import Fresh
from tests.engine.books import RM

from . import spec
from .conftest import (
    ALICE,
    BASE,
    INTERNET,
    MB,
    TOKEN,
    Core,
    asked,
    credit,
    free_micros,
    held_micros,
    spent,
)

ROOT = Path(__file__).parents[3]
PEPPER = f"1: {'11' * 32}\n2: {'22' * 32}\n"
"""As in the fixture `keys`."""


class Door:
    """A running `tambah charging nchf`."""

    def __init__(self, dsn: str, operator: Path) -> None:
        variables = {
            "TAMBAH_DATABASE_URL": dsn,
            "TAMBAH_PEPPER": PEPPER,
            "TAMBAH_OPERATOR_FILE": str(operator),
            "TAMBAH_PUBLIC_URL": "https://topup.example",
        }
        environ = {k: v for k, v in os.environ.items() if not k.startswith("TAMBAH_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.charging.nchf.door", "charging", "nchf", "--json"],
            cwd=ROOT,
            env={**environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        text = ""
        for line in self.process.stdout:
            text += line
            if line.startswith("}"):
                break
        else:
            raise AssertionError(self.process.communicate()[1])
        self.url: str = json.loads(text)["url"]

    def end(self, number: int) -> tuple[int, str]:
        """End it by a signal; return its status and what it logged."""
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=60)
        return self.process.returncode, err


def operator_file(folder: Path, site: Site, **changes: str) -> Path:
    """Write the demo's operator.toml with the tests' consumers and a port that is free."""
    lines = ["listen = '127.0.0.1:0'"]
    lines += [f"{name} = {value!r}" for name, value in changes.items()]
    for one in site.operator.nchf.consumers:
        lines += ["[[nchf.consumers]]", f"name = {one.name!r}", f"token = {one.token!r}"]
        lines += [f"notify_hosts = {list(one.notify_hosts)!r}"]
    text = DEMO_OPERATOR.read_text(encoding="utf-8")
    before, _, after = text.partition("\n[nchf]\n")
    rest = after[after.index("\n[") :] if "\n[" in after else ""
    path = folder / "operator.toml"
    path.write_text(f"{before}\n[nchf]\n" + "\n".join(lines) + f"\n{rest}")
    return path


@pytest.fixture
def start(fresh: Fresh, site: Site, tmp_path: Path) -> Iterator[Any]:
    """Return what starts the door; whatever still runs at the end is stopped."""
    doors: list[Door] = []

    def start(**changes: str) -> Door:
        doors.append(Door(fresh.dsn, operator_file(tmp_path, site, **changes)))
        return doors[-1]

    yield start
    for door in doors:
        if door.process.poll() is None:
            door.end(signal.SIGTERM)


def curl(url: str, body: Any, *options: str) -> tuple[int, str, dict[str, str], Any]:
    """Post with curl: status, HTTP version, headers, document."""
    found = subprocess.run(
        ["curl", "--silent", "--show-error", "--include", "-X", "POST", url, "-d", "@-",
         "-H", "content-type: application/json", "-H", f"authorization: Bearer {TOKEN}",
         *options],
        input=json.dumps(body).encode(),
        capture_output=True,
        check=True,
        timeout=60,
    )  # fmt: skip
    head, _, content = found.stdout.decode().partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    version, status = first.split()[:2]
    headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
    return int(status), version, headers, json.loads(content) if content else None


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
async def test_curl_charges_over_http_2_in_the_clear(site: Site, start: Any) -> None:
    await credit(site, 10 * RM)
    door, core = start(), Core(None)  # type: ignore[arg-type]
    h2c = "--http2-prior-knowledge"

    status, version, headers, made = curl(door.url + BASE, core.request(asked(INTERNET, MB)), h2c)
    assert (status, version) == (201, "HTTP/2")
    spec.require("ChargingDataResponse", made)
    there = headers["location"]
    assert there.startswith(door.url + BASE)
    went_on = curl(f"{there}/update", core.request(asked(INTERNET, MB, MB)), h2c)
    ended = curl(f"{there}/release", core.request(spent(INTERNET, MB)), h2c)
    gone = curl(f"{there}/release", core.request(spent(INTERNET, MB)), h2c)

    assert (went_on[0], ended[0], gone[0], gone[3]["cause"]) == (
        200,
        204,
        404,
        "CONTEXT_NOT_FOUND",
    )
    assert await free_micros(site) == 10 * RM - 200_000
    code, err = door.end(signal.SIGTERM)
    assert (code, TOKEN in err) == (0, False)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl")
async def test_over_tls(site: Site, start: Any, tmp_path: Path) -> None:
    key, certificate = certify(tmp_path)
    door = start(certificate=str(certificate), private_key=str(key))
    body = Core(None).request(asked(INTERNET, MB))  # type: ignore[arg-type]
    status, version, _, document = curl(door.url + BASE, body, "--cacert", str(certificate))
    assert (status, version) == (403, "HTTP/2")
    assert document["cause"] == "QUOTA_LIMIT_REACHED"


def certify(folder: Path) -> tuple[Path, Path]:
    """Make a key and a certificate of this machine for it."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return key, certificate


async def test_told_to_stop_it_answers_what_it_has_accepted(site: Site, start: Any) -> None:
    await credit(site, 10 * RM)
    door = start()
    async with over_h2c(door.url) as core:
        await core.create(asked(INTERNET, MB))
        # Its line is held by another, so that the update is under way for a while.
        holder = await site.database.connect_writer()
        async with holder.transaction():
            await holder.execute("SELECT 1 FROM line WHERE msisdn = $1 FOR UPDATE", ALICE)
            waiting = asyncio.create_task(core.update(asked(INTERNET, MB, MB)))
            blocked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            while not await site.database.fetch_value(blocked):
                assert not waiting.done(), "it waits for its line"
                await asyncio.sleep(0.01)
            door.process.send_signal(signal.SIGTERM)
        await holder.close()
        assert (await waiting).status_code == 200
    door.process.communicate(timeout=60)
    assert door.process.returncode == 0


# kill -9 in mid-session


async def test_killed_in_mid_session_it_goes_on_where_it_was(site: Site, start: Any) -> None:
    await credit(site, 10 * RM)
    door = start()
    async with over_h2c(door.url) as core:
        await core.create(asked(INTERNET, 20 * MB))
        first = await core.update(asked(INTERNET, 20 * MB, 10 * MB))
    assert door.end(signal.SIGKILL)[0] == -signal.SIGKILL

    door = start()
    async with over_h2c(door.url, core) as again:
        # What was answered before is answered alike, what was counted is counted.
        same = await again.update(
            asked(INTERNET, 20 * MB, 10 * MB),
            invocationSequenceNumber=2,
            retransmissionIndicator=True,
        )
        assert (same.status_code, same.content) == (200, first.content)
        assert (await again.update(asked(INTERNET, 20 * MB, 5 * MB))).status_code == 200
        assert (await again.release(spent(INTERNET, MB))).status_code == 204
    assert (await free_micros(site), await held_micros(site)) == (10 * RM - 1_600_000, 0)
    assert (await verify(site.database, full=True)).is_clean


async def test_killed_and_not_heard_of_again_it_is_closed_with_what_was_reported(
    site: Site, start: Any
) -> None:
    await credit(site, 10 * RM)
    door = start()
    async with over_h2c(door.url) as core:
        await core.create(asked(INTERNET, 20 * MB))
        await core.update(asked(INTERNET, 20 * MB, 10 * MB))
    door.end(signal.SIGKILL)

    await site.database.execute("UPDATE reservation SET expires_at = now() - interval '1 minute'")
    assert await close_overdue(site.engine, site.database, site.clock.now()) == 1
    assert (await free_micros(site), await held_micros(site)) == (10 * RM - RM, 0)
    assert (await verify(site.database, full=True)).is_clean


@asynccontextmanager
async def over_h2c(url: str, before: Core | None = None) -> AsyncIterator[Core]:
    """Speak HTTP/2 to the door, as a new network function or as one that was there before."""
    async with httpx2.AsyncClient(
        base_url=url, http1=False, http2=True, trust_env=False
    ) as client:
        if before is None:
            yield Core(client)
        else:
            yield Core(client, location=before.location, sequence=before.sequence)


# After a recharge


class Smf:
    """A network function that is told things, over HTTP/2."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, Any]] = []
        self.answers = [204]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Note what is told; answer by the list, its last for ever."""
        if scope["type"] != "http":
            return
        message = await receive()
        body = json.loads(message["body"])
        self.told.append((scope["http_version"], scope["path"], body))
        status = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        headers = [(b"location", b"/elsewhere")] if status == 307 else []
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture
async def smf() -> AsyncIterator[tuple[Smf, str]]:
    """Run it; return it with its address."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    config = Config()
    config.bind = [f"fd://{bound.detach()}"]
    config.accesslog = config.errorlog = None
    told, smf = asyncio.Event(), Smf()
    serving = asyncio.create_task(
        serve_http2(smf, config, shutdown_trigger=told.wait, mode="asgi")  # type: ignore[arg-type]
    )
    yield smf, url
    told.set()
    await serving


@pytest.fixture
async def notifier(site: Site) -> AsyncIterator[Notifier]:
    """Return what tells network functions of new credit."""
    notifier = Notifier(site.database, Consumers(site.operator.nchf, site.keys))
    yield notifier
    await notifier.close()


async def fall_short(site: Site, core: Core, notify_uri: str) -> None:
    """Use up all that there is."""
    await credit(site, RM)
    await core.create(asked(INTERNET, 20 * MB), notifyUri=notify_uri)
    await core.update(asked(INTERNET, 20 * MB, 10 * MB))


async def test_after_a_recharge_the_session_is_told_to_ask_again_once(
    site: Site, core: Core, smf: tuple[Smf, str], notifier: Notifier
) -> None:
    told, url = smf
    await fall_short(site, core, f"{url}/notify/1")
    assert await notifier.renew() == 0

    await credit(site, 5 * RM)
    assert (await notifier.renew(), await notifier.renew()) == (1, 0)
    assert told.told == [("2", "/notify/1", {"notificationType": "REAUTHORIZATION"})]
    spec.require("ChargingNotifyRequest", told.told[0][2])

    granted = (await core.update(asked(INTERNET, 20 * MB))).json()["multipleUnitInformation"][0]
    assert granted["grantedUnit"] == {"totalVolume": 20 * MB}
    assert await notifier.renew() == 0


async def test_a_notice_that_fails_is_tried_again_a_few_times(
    site: Site, core: Core, smf: tuple[Smf, str], notifier: Notifier
) -> None:
    told, url = smf
    told.answers = [503, 307, 500, 204]
    await fall_short(site, core, f"{url}/notify/1")
    await credit(site, 5 * RM)
    assert [await notifier.renew() for _ in range(5)] == [0, 0, 0, 0, 0]
    # A redirect is not followed: it could lead anywhere.
    assert [path for _, path, _ in told.told] == ["/notify/1"] * 3


async def test_nobody_is_called_who_is_not_named(
    site: Site, core: Core, smf: tuple[Smf, str], notifier: Notifier
) -> None:
    told, url = smf
    port = url.rpartition(":")[2]
    for sequence, address in enumerate(
        [
            f"http://localhost:{port}/",
            f"http://127.0.0.1@localhost:{port}/",
            f"http://[::1]:{port}/",
            f"http://0x7f000001:{port}/",
            "file:///etc/passwd",
            "http://169.254.169.254/latest",
        ]
    ):
        fresh = Core(core.client, sequence=sequence * 10)
        await fall_short(site, fresh, address)
    kept = await site.database.fetch("SELECT notify_to FROM reservation")
    assert {row[0] for row in kept} == {""}
    await site.database.execute("UPDATE reservation SET notify_to = 'http://localhost:1/'")
    await credit(site, 5 * RM)
    assert await notifier.renew() == 0
    assert told.told == []


def test_without_consumers_the_door_is_for_this_machine() -> None:
    check_nchf(NchfEntry())
    check_nchf(NchfEntry(listen="[::1]:8090"))
    with pytest.raises(ConfigError, match="needs a token"):
        check_nchf(NchfEntry(listen="0.0.0.0:8090"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"certificate": "c.pem"}, "go together"),
        ({"api_root": "chf.example"}, "api_root must be"),
        ({"redirect_to": "javascript:alert(1)"}, "redirect_to must be"),
        ({"consumers": (ConsumerEntry(name="a", token="secret"),)}, "token is the digest"),
        ({"consumers": (ConsumerEntry(name="a", token="0" * 32),) * 2}, "each one consumer's"),
        (
            {"consumers": (ConsumerEntry(name="a", token="0" * 32, notify_hosts=("a/b",)),)},
            "no name, address",
        ),
    ],
)
def test_a_door_that_cannot_be_used_is_refused(changes: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_nchf(NchfEntry(**changes))
