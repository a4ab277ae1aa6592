"""tambah lines move-top-up: one person up to the limit, two above it; told, and done once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tambah.app import DEMO_OPERATOR
from tambah.config import read_operator
from tambah.domain.commands import TopUp
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import parse_peppers
from tambah.engine.operator import operator_rules
from tambah.store.database import Database
from tests.conftest import Fresh

from .conftest import Tambah
from .test_requests import LINES, WHY, at, two

__all__ = ["two"]

RM = 1_000_000
WRONG, RIGHT = "60123456789", "60112345678"


@pytest.fixture
def topped_up(tambah: Tambah, environment: Fresh, tmp_path: Path) -> None:
    """Top the wrong line up twice, with RM5 and with RM30."""
    path = tmp_path / "lines.csv"
    path.write_text(f"{LINES}{RIGHT},2099-12-31,0.00\n")
    assert tambah("lines", "import", str(path), *WHY).status == 0
    partner = tambah("partners", "add", "Demo shop", "--credit-limit", "100.00", *WHY).document
    partner_id = int(partner["partner"])

    async def work(database: Database) -> None:
        rules = operator_rules(read_operator(DEMO_OPERATOR))
        engine = Engine(database, rules=rules, keys=parse_peppers("ab" * 32), clock=Clock())
        await engine.start()
        for ringgit in (5, 30):
            await engine.submit(
                TopUp(
                    caller="test",
                    request_key=f"{ringgit}",
                    msisdn=int(WRONG),
                    partner_id=partner_id,
                    amount_micros=ringgit * RM,
                    reference=f"till {ringgit}",
                )
            )
        await engine.stop()

    at(environment, work)


def balance(tambah: Tambah, number: str) -> Any:
    """Return a line's credit as the command line shows it."""
    return tambah("lines", "show", number, "--json").document["balance"]


@pytest.mark.usefixtures("topped_up")
def test_a_top_up_is_moved_and_the_same_again_does_nothing(tambah: Tambah) -> None:
    before = float(balance(tambah, WRONG))
    move = ("lines", "move-top-up", WRONG, "1", "011-2345 678", *WHY)
    first, again = tambah(*move), tambah(*move)

    assert first.document == again.document
    moved = float(first.document["main"])
    assert moved > 0
    assert (first.document["to_msisdn"], first.document["spent"]) == (RIGHT, "0.00")
    assert float(balance(tambah, RIGHT)) == moved
    assert float(balance(tambah, WRONG)) == pytest.approx(before - moved)
    other = tambah("lines", "move-top-up", WRONG, "1", WRONG, *WHY)
    assert other.error == "move_to_same_number"
    said = tambah("lines", "move-top-up", WRONG, "2", RIGHT, "--reason", "typed wrong")
    assert said.out.startswith("Moved: RM")


@pytest.mark.usefixtures("topped_up", "two")
def test_a_large_one_is_asked_for(tambah: Tambah) -> None:
    small = tambah("lines", "move-top-up", WRONG, "1", RIGHT, *WHY).document
    assert "main" in small
    asked = tambah("lines", "move-top-up", WRONG, "2", RIGHT, *WHY).document
    assert (asked["deed"], asked["state"]) == ("move_topup", "waiting")
    assert asked["params"]["to_msisdn"] == int(RIGHT)
    assert float(balance(tambah, RIGHT)) == float(small["main"])
