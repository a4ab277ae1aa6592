"""A whole Tambah with gateways of its operator.toml: messages out, receipts and messages in."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from tambah import app
from tambah.app import DEMO_OPERATOR, Base, House, build_asgi, open_house
from tambah.channels.sms.inbound import InboundSms
from tambah.config import ConfigError, Settings
from tambah.store.outbox import MessageState
from tests.conftest import Fresh

from .smsc import PASSWORD, Smsc
from .test_smpp import pdu, queue

GATEWAYS = """
[[gateways]]
name = "main-smsc"
kind = "smpp"
host = "127.0.0.1"
port = {port}
system_id = "tambah"
source = "KampungTel"

[[gateways]]
name = "texts"
kind = "sms_http"
"""


def base_of(fresh: Fresh, folder: Path, gateways: str) -> Base:
    operator = folder / "operator.toml"
    demo = DEMO_OPERATOR.read_text(encoding="utf-8").replace("gateways = []", "")
    # Without the bank, which would want an address of its own for payers.
    operator.write_text(demo.replace('methods = ["bank"]', "methods = []") + gateways)
    settings = Settings(operator_file=str(operator), pepper="11" * 32, public_url="http://t")
    return Base(
        settings=settings, data_dir=folder, dsn=fresh.dsn, owner_dsn=fresh.owner_dsn, embedded=None
    )


@pytest.fixture
async def smsc(tmp_path: Path) -> AsyncIterator[Smsc]:
    smsc = await Smsc(tmp_path / "store.jsonl").start()
    yield smsc
    await smsc.stop()


@contextlib.asynccontextmanager
async def opened(base: Base) -> AsyncIterator[House]:
    async with open_house(base) as house:
        yield house


async def test_a_house_sends_by_its_smsc_and_hears_its_aggregator(
    fresh: Fresh, tmp_path: Path, smsc: Smsc, monkeypatch: pytest.MonkeyPatch
):
    heard: list[InboundSms] = []

    async def hear(sms: InboundSms) -> None:
        heard.append(sms)

    monkeypatch.setenv("TAMBAH_GATEWAY_MAIN_SMSC_SECRET", PASSWORD)
    monkeypatch.setenv("TAMBAH_GATEWAY_TEXTS_SECRET", "token")
    monkeypatch.setattr(app, "leave_unread", hear)
    async with opened(base_of(fresh, tmp_path, GATEWAYS.format(port=smsc.port))) as house:
        await smsc.wait(lambda event: "bound" in event)
        await queue(house.site.database, 40)
        assert house.notifier is not None
        house.notifier.wake()
        for _ in range(200):
            if (
                await house.site.database.fetch_value(
                    "SELECT count(*) FROM outbox WHERE state = $1", MessageState.DELIVERED
                )
                == 40
            ):
                break
            await asyncio.sleep(0.05)
        else:
            pytest.fail("not all were delivered")
        assert await smsc.deliver("a", **pdu(b"BAL")) == 0
        transport = httpx2.ASGITransport(app=build_asgi(house.site, house.sms.webhook))
        async with httpx2.AsyncClient(transport=transport, base_url="http://t") as client:
            said = {"from": "60123456789", "text": "HELP", "id": "m-1"}
            for token, status in (("guess", 401), ("token", 200)):
                headers = {"authorization": f"Bearer {token}"}
                answer = await client.post("/gateways/sms/texts", json=said, headers=headers)
                assert answer.status_code == status
    await smsc.wait(lambda event: "unbound" in event)
    assert [(one.gateway, one.text) for one in heard] == [("main-smsc", "BAL"), ("texts", "HELP")]
    assert {one["from"] for one in smsc.stored()} == {"KampungTel"}


async def test_a_house_without_a_gateway_lets_messages_wait(fresh: Fresh, tmp_path: Path):
    async with opened(base_of(fresh, tmp_path, "")) as house:
        assert house.notifier is None


async def test_a_gateway_without_its_secret_keeps_the_house_shut(
    fresh: Fresh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("TAMBAH_GATEWAY_MAIN_SMSC_SECRET", raising=False)
    with pytest.raises(ConfigError, match="TAMBAH_GATEWAY_MAIN_SMSC_SECRET"):
        async with opened(base_of(fresh, tmp_path, GATEWAYS.format(port=1))):
            pass
