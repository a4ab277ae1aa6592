"""What promotions gave, in the API: gifts of a credit, allowances of a line, rows of its books."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest

from tambah.domain.balance import BucketKind
from tambah.domain.promotion import Allowance, Promotion
from tambah.domain.rules import Rules

from .conftest import ALICE, top_up

LINE = f"/api/v1/lines/{ALICE}"


@pytest.fixture
def rules(rules: Rules) -> Rules:
    """Return the small operator's rules with a promotion."""
    promotion = Promotion(
        name="new year",
        since=datetime(2020, 1, 1, tzinfo=UTC),
        bonus_micros=1_500_000,
        bonus_days=7,
        extra_days=3,
        allowances=(Allowance(kind=BucketKind.BYTES, amount=2**30, days=7),),
    )
    return replace(rules, promotions=(promotion,))


async def test_gifts_are_told_and_allowances_are_no_money(real: httpx.AsyncClient) -> None:
    done = await real.post(
        f"{LINE}/topups", json=top_up("10.00"), headers={"idempotency-key": "k1"}
    )
    again = await real.post(
        f"{LINE}/topups", json=top_up("10.00"), headers={"idempotency-key": "k1"}
    )
    line = (await real.get(LINE)).json()
    rows = (await real.get(f"{LINE}/transfers")).json()["items"]

    credited = done.json()
    assert done.status_code == 201
    assert again.json() == credited
    assert (credited["bonus"], credited["bonus_balance"]) == ("1.50", "1.50")
    gifts = {gift["kind"]: gift for gift in credited["gifts"]}
    assert {kind: gift["amount"] for kind, gift in gifts.items()} == {
        "bonus": "1.50",
        "days": "3",
        "bytes": "1073741824",
    }
    assert {gift["promotion"] for gift in credited["gifts"]} == {"new year"}
    assert gifts["days"]["expires_at"] is None
    until = gifts["bytes"]["expires_at"]
    assert line["balances"]["allowances"] == [
        {
            "unit": "bytes",
            "amount": 1073741824,
            "expires_at": until,
            "expires_date": gifts["bytes"]["expires_date"],
        }
    ]
    assert line["balances"]["bonus"]["amount"] == "1.50"
    shown = [
        (r["kind"], r["amount"], r["currency"], r["unit"], r["bucket"], r["balance"])
        for r in rows[:2]
    ]
    assert shown == [
        ("grant", "1073741824", None, "bytes", "bytes", "1073741824"),
        ("grant", "1.50", "MYR", None, "bonus", "1.50"),
    ]
