"""A whole Tambah with gateways of its operator.toml: messages out, receipts and messages in."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import LiteralString

import httpx2
import pytest

from tambah.app import DEMO_OPERATOR, Base, House, build_asgi, open_house
from tambah.config import ConfigError, Settings
from tambah.store.database import Database
from tambah.store.outbox import MessageState
from tests.conftest import Fresh
from tests.engine.books import add_line

from .smsc import PASSWORD, Smsc
from .test_smpp import pdu, queue

SENDER = 60_123_456_789
GATEWAYS = """
[[gateways]]
name = "main-smsc"
kind = "smpp"
host = "127.0.0.1"
port = {port}
system_id = "tambah"
source = "KampungTel"
trusted = true

[[gateways]]
name = "texts"
kind = "sms_http"
trusted = true
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


async def wait_for(database: Database, wanted: int, where: LiteralString) -> None:
    """Wait until as many messages are delivered."""
    count = 0
    for _ in range(400):
        count = await database.fetch_value(
            f"SELECT count(*) FROM outbox WHERE state = {MessageState.DELIVERED:d} AND {where}"
        )
        if count == wanted:
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"{count} of {wanted} were delivered")


async def test_a_house_sends_by_its_smsc_and_answers_what_it_hears(
    fresh: Fresh, tmp_path: Path, smsc: Smsc, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TAMBAH_GATEWAY_MAIN_SMSC_SECRET", PASSWORD)
    monkeypatch.setenv("TAMBAH_GATEWAY_TEXTS_SECRET", "token")
    async with opened(base_of(fresh, tmp_path, GATEWAYS.format(port=smsc.port))) as house:
        database = house.site.database
        # Beyond the lines that messages are queued for.
        await database.fetch("SELECT nextval('owner_id_seq') FROM generate_series(1, 100)")
        await add_line(house.site.engine, database, SENDER)
        await smsc.wait(lambda event: "bound" in event)
        await queue(database, 40)
        assert house.notifier is not None
        house.notifier.wake()
        await wait_for(database, 40, "template = 'credited_with_bonus'")
        for _ in range(2):  # an SMSC that missed our answer delivers again
            assert await smsc.deliver("a", **{**pdu(b"BAL"), "source_addr": str(SENDER)}) == 0
        await wait_for(database, 1, "template = 'answer_active'")
        transport = httpx2.ASGITransport(app=build_asgi(house.site, house.switchboard))
        async with httpx2.AsyncClient(transport=transport, base_url="http://t") as client:
            said = {"from": str(SENDER), "text": "HELP", "id": "m-1"}
            for token, status in (("guess", 401), ("token", 200)):
                headers = {"authorization": f"Bearer {token}"}
                answer = await client.post("/gateways/sms/texts", json=said, headers=headers)
                assert answer.status_code == status
        await wait_for(database, 1, "template = 'answer_help'")
        told = await database.fetch("SELECT template FROM outbox WHERE msisdn = $1", SENDER)
        assert sorted(row[0] for row in told) == ["answer_active", "answer_help"]
    await smsc.wait(lambda event: "unbound" in event)
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
