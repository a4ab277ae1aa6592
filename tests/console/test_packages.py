"""Packages in the console: what runs is shown; care buys one, and takes an unused one back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tambah.domain.balance import BucketKind
from tambah.domain.package import Package, PackageAllowance
from tambah.domain.rules import Rules
from tambah.domain.staff import Role
from tests.conftest import RM
from tests.portal.conftest import text_of

from .conftest import ALICE, World
from .test_acts import balance, confirm, reload

LINE = f"/console/lines/{ALICE}"


@pytest.fixture
def rules(rules: Rules) -> Rules:
    """Return rules with one package."""
    package = Package(
        code="DATA7",
        names={"en": "Demo week", "ms": "B", "zh-Hans": "C", "ta": "D"},
        terms={},
        price_micros=10 * RM,
        allowances=(PackageAllowance(kind=BucketKind.BYTES, amount=2**30, scope="social"),),
        days=7,
        on_sale_from=datetime(2020, 1, 1, tzinfo=UTC),
    )
    return replace(rules, packages=(package,))


async def test_care_buys_a_package_and_takes_it_back(world: World) -> None:
    await reload(world, 30 * RM)
    before = await balance(world)
    async with await world.enter_as(Role.CARE) as browser:
        form = await browser.get(f"{LINE}/packages?lang=en")
        assert "Demo week · RM10.00" in text_of(form)
        missing = await browser.post(f"{LINE}/packages", data={"reason": "asked"})
        done = await confirm(browser, f"{LINE}/packages", package="DATA7", reason="asked by phone")
        assert done.status_code == 303, done.text
        page = text_of(await browser.get(f"{LINE}?lang=en"))
        assert "DATA7 · Demo week: 1 GB of data (social applications)" in page
        assert "bought a package" in page
        assert await balance(world) == before - 8 * RM, "two of bonus paid first"

        seen = await browser.get(f"{LINE}/packages/1/refund?lang=en")
        assert "RM10.00" in text_of(seen)
        back = await confirm(browser, f"{LINE}/packages/1/refund", reason="by mistake")
        assert back.status_code == 303, back.text
        gone = await browser.get(f"{LINE}/packages/1/refund")
    assert await balance(world) == before
    assert missing.status_code == 422
    assert gone.status_code == 404
