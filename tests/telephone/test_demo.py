"""The product as it is started: `tambah demo` with a hotline, called through Asterisk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.journeys.conftest import _wait_for, roomy_operator
from tests.telephone.asterisk import Asterisk, free_port
from tests.telephone.ear import Ear
from tests.telephone.sipp import Key, Plan, call

GATEWAY = """
[[gateways]]
name = "hotline"
kind = "agi"
listen = "127.0.0.1:{port}"
trusted = true
drafts_at = "/prompts/demo/prompts"
"""


@dataclass
class Demo:
    """A running demo with a hotline. told: its demo.json; environment: of its commands."""

    told: Any
    port: int
    log: Path
    environment: dict[str, str]

    def tambah(self, *arguments: str) -> Any:
        """Run a command on the demo's database; return its answer."""
        ran = subprocess.run(
            [Path(sys.executable).with_name("tambah"), *arguments, "--json"],
            env=self.environment,
            capture_output=True,
            check=True,
        )
        return json.loads(ran.stdout)

    def balance(self, msisdn: int) -> str:
        """Return a line's credit, as the API tells it."""
        answer = httpx.get(
            f"{self.told['url']}/api/v1/lines/{msisdn}",
            headers={"Authorization": f"Bearer {self.told['api_key']}"},
        )
        return json.dumps(answer.raise_for_status().json()["balances"])

    def sell(self, serial: str) -> None:
        """Have one of the demo's shops sell a card, by a key of its own."""
        dealers = self.tambah("dealers", "tree")["dealers"]
        shop = next(one["dealer"] for one in dealers if one["kind"] == "shop")
        made = self.tambah("keys", "add", str(shop), "--label", "till", "--reason", "first till")
        httpx.post(
            f"{self.told['url']}/api/v1/cards/{serial}/sale",
            headers={"Authorization": f"Bearer {made['key']}", "Idempotency-Key": "till-1"},
            json={"reference": "till-1"},
        ).raise_for_status()

    def messages(self) -> str:
        """Return the page of messages."""
        return httpx.get(f"{self.told['url']}/sandbox/sms").raise_for_status().text


@pytest.fixture
def demo(prompts: Path) -> Iterator[Demo]:
    """Run `tambah demo` with a hotline, its data where Asterisk finds the prompts."""
    folder, port = prompts / "demo", free_port()
    toml = prompts / "operator.toml"
    toml.write_text(
        roomy_operator().replace("\ngateways = []\n", "\n") + GATEWAY.format(port=port)
    )
    environment = {name: value for name, value in os.environ.items() if "TAMBAH_" not in name}
    environment |= {
        "TAMBAH_DATA_DIR": str(folder),
        "TAMBAH_LISTEN": f"127.0.0.1:{free_port()}",
        "TAMBAH_OPERATOR_FILE": str(toml),
    }
    log = prompts / "demo.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("tambah"), "demo"],
            env=environment,
            stdout=written,
            stderr=written,
        )
    try:
        told = _wait_for(folder / "demo.json", process, log)
        yield Demo(told=told, port=port, log=log, environment=environment)
    finally:
        process.terminate()
        process.wait(30)


async def test_a_call_to_the_demo_tops_a_line_up(demo: Demo, asterisk: Asterisk, ear: Ear):
    lines = [line for line in demo.told["lines"] if line["state"] == "active"]
    msisdn = [line["msisdn"] for line in lines if line["language"] == "en"][3]
    code = demo.told["codes"][0]
    before = demo.balance(msisdn)
    # Prompts are drafted as they are first said, so the callers leave them time.
    plan = Plan(keys=[Key(12, "1"), Key(8, "1"), Key(8, code), Key(14, "1")], hangs_up_after=15)
    await call(asterisk, demo.port, plan, ear, callers=((str(msisdn),),))
    await asterisk.wait_for_silence(5)
    assert demo.balance(msisdn) != before
    assert str(msisdn)[-4:] in demo.messages()
    assert ear.packets() > 50 * 20
    assert code[:8] not in asterisk.logged() + demo.log.read_text()


async def test_a_card_is_dead_until_a_shop_sells_it_and_then_redeems_by_telephone(
    demo: Demo, asterisk: Asterisk, ear: Ear
):
    lines = [line for line in demo.told["lines"] if line["state"] == "active"]
    msisdn = [line["msisdn"] for line in lines if line["language"] == "en"][4]
    card = demo.told["cards"][0]
    before = demo.balance(msisdn)
    keys = [Key(12, "1"), Key(8, "1"), Key(8, card["code"]), Key(14, "1")]
    plan = Plan(keys=keys, hangs_up_after=15)

    await call(asterisk, demo.port, plan, ear, callers=((str(msisdn),),))
    await asterisk.wait_for_silence(5)
    assert demo.balance(msisdn) == before

    demo.sell(card["serial"])

    await call(asterisk, demo.port, plan, ear, callers=((str(msisdn),),))
    await asterisk.wait_for_silence(5)
    assert demo.balance(msisdn) != before
    assert card["code"][:8] not in asterisk.logged() + demo.log.read_text()
    assert demo.tambah("verify")["clean"]
