"""Lists: filters in the address, pages after a place, and the same as files, on the record."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from tambah.console import lists
from tambah.console.exports import CsvSheet, XlsxSheet, harmless
from tambah.console.lists import Money, read_place, write_place
from tambah.domain.charging_commands import ReleaseUnits, ReserveUnits
from tambah.domain.commands import OpenPayment
from tambah.domain.payment import ProviderId, show_reference
from tambah.domain.staff import Role
from tambah.i18n import LANGUAGES, texts
from tests.conftest import RM
from tests.engine.books import add_line
from tests.portal.conftest import text_of

from .conftest import ALICE, World


async def pay(world: World, count: int) -> list[str]:
    """Open payments for Alice, one after another; return their references, the last first."""
    references: list[str] = []
    for number in range(count):
        opened = await world.site.engine.submit(
            OpenPayment(
                caller="test",
                request_key=f"pay {number}",
                msisdn=ALICE,
                amount_micros=(10 + number) * RM,
                provider=ProviderId.SANDBOX if number % 2 else ProviderId.BANK,
                method="sandbox",
            )
        )
        references.append(opened.reference)
    return references[::-1]


def shown(page: Any) -> list[str]:
    """Return the references that a page of payments shows, in order."""
    return re.findall(r'href="/console/payments/([0-9A-Z]{10})[?"]', page.text)


async def test_a_list_goes_on_after_its_last_row(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "PAGE", 2)
    references = await pay(world, 5)
    async with await world.enter_as(Role.FINANCE) as browser:
        seen: list[str] = []
        path: str | None = "/console/payments?lang=ms"
        while path:
            page = await browser.get(path)
            assert page.status_code == 200
            seen += shown(page)
            following = page.text.partition('rel="next"')[0].rpartition('href="')[2]
            path = following.partition('"')[0] if 'rel="next"' in page.text else None
            path = path.replace("&amp;", "&") if path else None

    assert seen == references


async def test_filters_stand_in_the_address_and_in_every_language(world: World) -> None:
    references = await pay(world, 3)
    today = datetime.now(world.site.rules.validity.zone).date()
    async with await world.enter_as(Role.FINANCE) as browser:
        for query, expected in {
            "provider=bank": [references[0], references[2]],
            "provider=bank&state=credited": [],
            f"since={today}&until={today}": references,
            f"until={today - timedelta(days=1)}": [],
            "since=nonsense&state=nonsense&after=nonsense": references,
        }.items():
            for tag in LANGUAGES:
                page = await browser.get(f"/console/payments?{query}&lang={tag}")
                assert (page.status_code, shown(page)) == (200, expected)
                assert texts(tag).get("console.list.payments") in text_of(page)
        page = await browser.get("/console/payments?provider=bank&lang=ta")
        # Another language keeps the filter.
        assert 'href="?provider=bank&amp;lang=ms"' in page.text


@pytest.mark.parametrize(
    ("role", "path"),
    [
        (Role.FINANCE, "/console/payments"),
        (Role.CARE, "/console/tickets?queue=all"),
        (Role.NETWORK, "/console/sessions?under_way=open&peer=smf"),
        (Role.CARE, "/console/lines?starts=012&line_state=active"),
        (Role.WAREHOUSE, "/console/batches"),
        (Role.WAREHOUSE, "/console/batches/1/cards?state=active"),
    ],
)
async def test_every_list_is_drawn_in_every_language(world: World, role: Role, path: str) -> None:
    async with await world.enter_as(role) as browser:
        for tag in LANGUAGES:
            page = await browser.get(f"{path}{'&' if '?' in path else '?'}lang={tag}")
            assert page.status_code == 200
            assert f'lang="{tag}"' in page.text


async def test_sessions_of_use_are_listed_by_who_asked_and_whether_they_are_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "PAGE", 2)
    for name in ("smf-1 a", "smf-1 b", "smf-2 c"):
        peer, session_id = name.split()
        begun = ReserveUnits(peer=peer, session_id=session_id, request_no=0, msisdn=ALICE)
        await world.site.engine.submit(begun)
    ended = ReleaseUnits(peer="smf-1", session_id="a", request_no=1, msisdn=ALICE)
    await world.site.engine.submit(ended)
    async with await world.enter_as(Role.NETWORK) as browser:
        first = await browser.get("/console/sessions?lang=en")
        assert "smf-2" in text_of(first)
        assert 'rel="next"' in first.text
        after = first.text.partition('rel="next"')[0].rpartition("after=")[2].partition('"')[0]
        second = await browser.get(f"/console/sessions?lang=en&after={after}")
        both = [text_of(page).count("under way") for page in (first, second)]
        assert sum(both) == 2 + 2, "two sessions, and the filter's choice on each page"
        for query, expected in {
            "under_way=open": {"b", "c"},
            "under_way=closed": {"a"},
            "peer=smf-1&under_way=open": {"b"},
        }.items():
            page = await browser.get(f"/console/sessions?{query}&lang=en")
            assert set(re.findall(r"\b([abc])\b(?=</)", page.text)) == expected


async def test_a_list_as_csv_is_what_the_filter_leaves_and_is_audited(world: World) -> None:
    references = await pay(world, 3)
    async with await world.enter_as(Role.FINANCE) as browser:
        answer = await browser.post("/console/payments/export?provider=bank", data={"as": "csv"})

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="payments-')
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["Reference"] for row in rows] == [
        show_reference(references[0]),
        show_reference(references[2]),
    ]
    assert [row["Amount"] for row in rows] == ["12.00", "10.00"]
    assert all(row["Opened"].endswith(" MYT") for row in rows)
    told = await world.site.database.fetch_row(
        "SELECT who, subject, after FROM audit WHERE action = 'ExportList'"
    )
    assert told is not None
    assert (told["who"], told["subject"]) == ("staff:demo-0", "list:payments")
    assert msgspec.json.decode(told["after"]) == {
        "rows": 2,
        "form": "csv",
        "filter": {"provider": "bank"},
    }


async def test_a_list_as_xlsx_has_amounts_that_can_be_summed(world: World) -> None:
    await pay(world, 3)
    async with await world.enter_as(Role.FINANCE) as browser:
        answer = await browser.post("/console/payments/export", data={"as": "xlsx"})

    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert sheet.count("<row ") == 4
    assert re.findall(r"<v>(1[0-9.]+)</v>", sheet) == ["12.00", "11.00", "10.00"]


async def test_who_may_not_see_a_list_gets_no_file_of_it(world: World) -> None:
    async with await world.enter_as(Role.NETWORK) as browser:
        refused = await browser.post("/console/payments/export", data={"as": "csv"})
        audited = await world.site.database.fetch_value(
            "SELECT count(*) FROM audit WHERE action = 'ExportList'"
        )
    assert (refused.status_code, audited) == (403, 0)


async def test_a_list_that_is_too_long_for_a_file_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pay(world, 2)
    monkeypatch.setattr(CsvSheet, "most_rows", 1)
    monkeypatch.setattr(XlsxSheet, "most_rows", 1)
    async with await world.enter_as(Role.FINANCE) as browser:
        for form in ("csv", "xlsx"):
            refused = await browser.post("/console/payments/export", data={"as": form})
            assert refused.status_code == 413
            assert "list_too_long" in refused.text
        other = await browser.post("/console/payments/export", data={"as": "exe"})
    assert other.status_code == 422


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+60123456789", "'+60123456789"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-1+cmd|' /C calc'!A0", "'-1+cmd|' /C calc'!A0"),
        ("\t=1", "'\t=1"),
        ("＝1", "'＝1"),
        ("-12.50", "-12.50"),
        ("012-345 6789", "012-345 6789"),
        ("", ""),
    ],
)
def test_no_cell_is_a_formula(text: str, written: str) -> None:
    assert harmless(text) == written
    sheet = CsvSheet(["a"], UTC, "UTC")
    sheet.write([[text, Money(-1_500_000)]])
    with sheet.finish() as file:
        rows = list(csv.reader(io.StringIO(file.read().decode("utf-8-sig"))))
    assert rows == [["a"], [written, "-1.50"]]


def test_a_place_is_read_as_it_was_written_and_nothing_else() -> None:
    at = datetime(2026, 11, 30, 1, 2, 3, 456789, tzinfo=UTC)
    kinds = (datetime, int, str)

    assert read_place(write_place((at, 7, "K7M")), kinds) == (at, 7, "K7M")
    for text in ("", "nonsense", "é", "=" * 300, write_place((7,)), write_place((7, 7, 7))):
        assert read_place(text, kinds) is None
    assert read_place(write_place((2**63, 1, "a")), kinds) is None
    assert read_place(write_place((2**62, 1, "a")), kinds) is None, "no such year"
    assert read_place(write_place((1, 1, "a\0")), kinds) is None


async def test_a_batch_says_what_its_cards_are_and_what_was_done(world: World) -> None:
    async with await world.enter_as(Role.WAREHOUSE) as browser:
        page = await browser.get("/console/batches/1")
        cards = await browser.get("/console/batches/1/cards")
        gone = [await browser.get(f"/console/batches/{n}") for n in (0, 77, 2**31, 2**70)]
        listed = await browser.get("/console/batches")

    said = text_of(page)
    assert page.status_code == 200
    for part in ("Batch 1", "0001-00000001 … 0001-0000000", "RM10.00", "Print file"):
        assert part in said, part
    assert 'href="/console/vouchers/0001-00000002"' in cards.text
    assert 'href="/console/batches/1"' in listed.text
    assert [one.status_code for one in gone] == [404] * 4


async def test_all_lines_are_listed_in_the_order_of_their_numbers(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "PAGE", 2)
    site = world.site
    for number in (60123000001, 60123000002, 60123000003, 60199999999):
        await add_line(site.engine, site.database, number)
    await site.database.execute(
        "UPDATE line SET barred = true, suspended = true, language = 4 WHERE msisdn = 60123000002"
    )
    async with await world.enter_as(Role.CARE) as browser:
        first = await browser.get("/console/lines?starts=012-3000")
        following = re.search(r'href="(/console/lines[^"]+)" rel="next"', first.text)
        assert following is not None
        rest = await browser.get(following[1].replace("&amp;", "&"))
        tamil = text_of(await browser.get("/console/lines?language=ta"))
        nobody = text_of(await browser.get("/console/lines?line_state=grace"))
        ended = text_of(await browser.get("/console/lines?ends_before=1999-01-01"))
        saved = await browser.post("/console/lines/export?starts=6012300", data={"as": "csv"})

    links = r'href="/console/lines/([0-9]+)[?"]'
    assert re.findall(links, first.text) == ["60123000001", "60123000002"]
    assert re.findall(links, rest.text) == ["60123000003"]
    assert "012-300 0002" in tamil
    assert "barred · suspended" in tamil
    assert "012-300 0001" not in tamil
    assert "012-300" not in nobody + ended
    rows = list(csv.reader(io.StringIO(saved.text.removeprefix("\ufeff"))))
    assert [row[0] for row in rows[1:]] == ["012-300 0001", "012-300 0002", "012-300 0003"]
