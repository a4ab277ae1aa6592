"""Single sign-on with oidc-provider-mock, somebody else's provider, in a process of its own."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import httpx
import msgspec
import pytest

from tambah.config import SingleSignOnEntry
from tambah.domain.staff import Role
from tests.portal.conftest import text_of

from .conftest import World

MINA = {"sub": "a1b2", "email": "mina@testel.example", "email_verified": True}
BEN = {"sub": "c3d4", "email": "ben@elsewhere.example", "email_verified": True}


@pytest.fixture
async def issuer() -> AsyncIterator[str]:
    """Run the provider on a free port; give its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("oidc-provider-mock")),
        f"--port={port}",
        "--require-nonce=true",
        *(f"--user-claims={json.dumps(one)}" for one in (MINA, BEN)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await _wait_for(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _wait_for(port: int, process: asyncio.subprocess.Process) -> None:
    for _ in range(600):
        assert process.returncode is None, "the provider ended"
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), 0.1)
            continue
        writer.close()
        return
    raise AssertionError("the provider did not start")


async def come(browser: httpx.AsyncClient, subject: str) -> httpx.Response:
    """Go to the provider, choose who one is there, and come back."""
    sent = await browser.get("/console/sso/start")
    assert sent.status_code == 303
    async with httpx.AsyncClient() as there:
        answer = await there.post(sent.headers["location"], data={"sub": subject})
    assert answer.status_code == 302, answer.text
    return await browser.get(answer.headers["location"])


async def test_somebody_comes_in_by_a_provider_that_is_not_ours(world: World, issuer: str) -> None:
    entry = SingleSignOnEntry(
        issuer=issuer, client_id="tambah", domains=("testel.example",), trusts_second_factor=False
    )
    operator = msgspec.structs.replace(world.site.operator, single_sign_on=entry)
    site = replace(world.site, operator=operator, sso_client_secret="only-for-tests")
    mina = await world.hire("mina", Role.CARE)
    await world.hire("ben", Role.CARE)
    async with world.browser(site) as browser:
        came = await come(browser, MINA["sub"])
        assert came.headers.get("location") == "/console/sso/second", text_of(came)
        right = {"code": mina.codes.pop()}
        assert (await browser.post("/console/sso/second", data=right)).status_code == 303
        assert "Signed in: mina" in text_of(await browser.get("/console"))
    async with world.browser(site) as browser:
        came = await come(browser, BEN["sub"])
        assert (came.status_code, "did not let you in" in text_of(came)) == (422, True)
