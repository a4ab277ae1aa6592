"""The audit trail in the console: found by who, what and when; handed out; signed."""

from __future__ import annotations

import json

from tambah.domain.staff import Role
from tambah.engine.trail import check_head
from tests.portal.conftest import text_of

from .conftest import World


async def test_what_was_done_is_found_and_shown(world: World) -> None:
    await world.hire("mina", Role.CARE)
    async with await world.enter_as(Role.AUDITOR) as browser:
        page = await browser.get("/console/audit", params={"who": "staff:mina"})
        assert "accepted" in text_of(page).lower()
        assert "cli:test" not in text_of(page)
        page = await browser.get("/console/audit", params={"action": "invite_staff"})
        assert "staff:mina" in text_of(page)
        path = page.text.partition('href="/console/audit/')[2].partition('"')[0]
        row = await browser.get(f"/console/audit/{path}")
        assert "roles" in text_of(row)
        assert (await browser.get("/console/audit/nonsense/1")).status_code == 404
        assert (await browser.get("/console/audit/2020-01-01/1")).status_code == 404


async def test_it_leaves_as_a_file_and_that_is_in_it(world: World) -> None:
    async with await world.enter_as(Role.AUDITOR) as browser:
        file = await browser.post("/console/audit/export", data={"as": "csv"})
        assert file.text.startswith("\ufeff")
        assert "staff:demo-0" in file.text
        page = await browser.get("/console/audit", params={"action": "export_list"})
        assert "staff:demo-0" in text_of(page)


async def test_its_ends_are_handed_out_signed(world: World) -> None:
    async with await world.enter_as(Role.AUDITOR) as browser:
        file = await browser.post("/console/audit/head")
    assert json.loads(file.text)["format"] == "tambah audit head 1"
    checked = await check_head(world.site.database, world.site.keys, file.content)
    assert checked.is_clean
