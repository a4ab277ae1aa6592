"""API v1 on PostgreSQL: what was written is what is shown."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tambah.api.rest import Api
from tambah.api.rest.lines import read_cursor, write_cursor
from tambah.domain.refusals import FieldMalformed
from tambah.domain.voucher import check_digit
from tambah.engine.clock import Clock
from tambah.engine.keys import Keys
from tambah.store.database import Database
from tambah.web.site import Site
from tests.engine.books import add_cards, add_line, add_partner

from .conftest import ALICE, BOB, KEY, add_key, client_of, problem, top_up

LINE = f"/api/v1/lines/{ALICE}"


def code(number: int) -> str:
    """Return the number-th well-formed code."""
    digits = f"{number:015d}"
    return digits + check_digit(digits)


async def post(client: httpx.AsyncClient, tail: str, key: str, body: object) -> httpx.Response:
    """Post to Alice's line under an idempotency key."""
    return await client.post(f"{LINE}/{tail}", json=body, headers={"idempotency-key": key})


async def test_top_up_shows_on_the_line_and_in_its_transfers(real: httpx.AsyncClient) -> None:
    done = await post(real, "topups", "k1", top_up("30.00", reference="till-7/1"))
    assert done.status_code == 201
    receipt = done.json()
    assert (receipt["credited"], receipt["bonus"], receipt["balance"]) == (
        "30.00",
        "2.00",
        "30.00",
    )
    assert receipt["reference"] == "till-7/1"

    line = (await real.get(LINE)).json()
    assert line["state"] == "active"
    assert line["balances"]["main"] == {"amount": "30.00", "currency": "MYR"}
    bonus = line["balances"]["bonus"]
    assert (bonus["amount"], bonus["buckets"][0]["amount"]) == ("2.00", "2.00")
    assert line["active_until"] == receipt["active_until"]
    assert line["active_until_date"] == receipt["active_until_date"]
    last_day = datetime.fromisoformat(line["active_until"]) + timedelta(hours=8, microseconds=-1)
    assert line["active_until_date"] == last_day.date().isoformat()

    page = (await real.get(f"{LINE}/transfers")).json()
    assert page["next"] is None
    shown = [
        (t["seq"], t["kind"], t["amount"], t["direction"], t["bucket"], t["balance"])
        for t in page["items"]
    ]
    assert shown == [
        (2, "bonus", "2.00", "in", "bonus", "2.00"),
        (1, "topup", "30.00", "in", "main", "30.00"),
    ]
    assert [t["reference"] for t in page["items"]] == [None, "till-7/1"]
    assert {t["topup_no"] for t in page["items"]} == {1}


async def test_a_repeat_gets_the_first_answer_and_other_content_is_refused(
    real: httpx.AsyncClient,
) -> None:
    first = await post(real, "topups", "k1", top_up(reference="r1"))
    again = await post(real, "topups", "k1", top_up(reference="r1"))
    other = await post(real, "topups", "k1", top_up("10.00", reference="r1"))
    elsewhere = await post(real, "topups", "k2", top_up(reference="r1"))

    assert (again.status_code, again.content) == (201, first.content)
    assert problem(other) == (422, "idempotency_key_reused")
    assert problem(elsewhere) == (409, "reference_used")
    assert len((await real.get(f"{LINE}/transfers")).json()["items"]) == 2


async def test_redemption_credits_once_and_the_card_tells(
    real: httpx.AsyncClient, database: Database, keys: Keys
) -> None:
    batch_id = await add_cards(database, keys, [code(1)])
    serial = f"/api/v1/vouchers/{batch_id:04d}-00000001"
    before = (await real.get(serial)).json()
    done = await post(real, "redemptions", "k1", {"code": code(1)})
    after = await real.get(serial)

    assert done.status_code == 201
    assert done.json()["credited"] == "10.00"
    assert done.json()["reference"] == done.json()["receipt"]
    item = (await real.get(f"{LINE}/transfers")).json()["items"][0]
    assert (item["kind"], item["reference"]) == ("redemption", done.json()["receipt"])
    assert (before["state"], before["redeemed_by"], before["batch_state"]) == (
        "active",
        None,
        "released",
    )
    assert after.json()["state"] == "redeemed"
    assert after.json()["redeemed_by"] == "012-••• 6789"
    assert after.json()["price"] == {"amount": "10.00", "currency": "MYR"}
    assert code(1) not in after.text
    twice = await post(real, "redemptions", "k2", {"code": code(1)})
    assert problem(twice) == (409, "code_already_yours")


async def test_wrong_codes_lock_the_line_for_guests_and_say_until_when(
    real: httpx.AsyncClient,
) -> None:
    for number in range(5):
        wrong = await post(real, "redemptions", f"k{number}", {"code": code(100 + number)})
        assert problem(wrong) == (422, "code_not_usable")
    locked = await post(real, "redemptions", "k9", {"code": code(1)})
    assert problem(locked) == (429, "too_many_wrong_codes")
    assert 800 < int(locked.headers["retry-after"]) <= 900


async def test_transfers_come_in_pages_that_meet_each_row_once(real: httpx.AsyncClient) -> None:
    for number in range(4):
        await post(real, "topups", f"k{number}", top_up("5.00", reference=f"r{number}"))
    seen: list[int] = []
    address = f"{LINE}/transfers?limit=3"
    page = (await real.get(address)).json()
    seen += [t["seq"] for t in page["items"]]
    await post(real, "topups", "late", top_up("5.00", reference="late"))
    while page["next"]:
        assert page["next"].replace("-", "").replace("_", "").isalnum()
        page = (await real.get(f"{address}&cursor={page['next']}")).json()
        seen += [t["seq"] for t in page["items"]]
    assert seen == [4, 3, 2, 1]


@pytest.mark.parametrize("limit", ["0", "501", "-1", "x", "1.0", "", "٣", "9" * 5000])
async def test_a_limit_is_1_to_500(real: httpx.AsyncClient, limit: str) -> None:
    response = await real.get(f"{LINE}/transfers", params={"limit": limit})
    assert problem(response) == (400, "field_malformed")
    assert response.json()["field"] == "limit"


async def test_limits_at_the_edges_are_taken(real: httpx.AsyncClient) -> None:
    for limit in ("1", "500", "0500"[1:]):
        response = await real.get(f"{LINE}/transfers", params={"limit": limit})
        assert response.json() == {"items": [], "next": None}


@pytest.mark.parametrize("cursor", ["", "x", "AAAAAAA", "AAAAAAAA", "____  __", "é", "A" * 4000])
async def test_a_made_up_cursor_is_refused(real: httpx.AsyncClient, cursor: str) -> None:
    response = await real.get(f"{LINE}/transfers", params={"cursor": cursor})
    assert problem(response) == (400, "field_malformed")
    assert response.json()["field"] == "cursor"


def test_cursors_are_read_back() -> None:
    for seq in (1, 50, 2**31 - 1):
        assert read_cursor(write_cursor(seq)) == seq
    with pytest.raises(FieldMalformed):
        read_cursor(write_cursor(2**31))


async def test_a_line_is_shown_as_it_is_now_without_writing(
    site: Site, database: Database
) -> None:
    async with client_of(Api(site)) as client:
        await post(client, "topups", "k1", top_up("30.00"))
        stored = await database.fetch("SELECT * FROM line")
        shown: list[tuple[str, str, str]] = []
        for days in (0, 35, 80, 105, 150, 400):
            later = replace(site, clock=Clock(timedelta(days=days)))
            async with client_of(Api(later)) as then:
                line = (await then.get(LINE)).json()
            balances = line["balances"]
            shown.append((line["state"], balances["main"]["amount"], balances["bonus"]["amount"]))
        assert shown == [
            ("active", "30.00", "2.00"),
            ("active", "30.00", "0.00"),
            ("grace", "30.00", "0.00"),
            ("expired", "0.00", "0.00"),
            ("quarantined", "0.00", "0.00"),
            ("terminated", "0.00", "0.00"),
        ]
        assert await database.fetch("SELECT * FROM line") == stored


@pytest.mark.parametrize("number", ["+60123456789", "%2B60123456789", "012-345%206789"])
async def test_a_number_is_read_leniently(real: httpx.AsyncClient, number: str) -> None:
    response = await real.get(f"/api/v1/lines/{number}")
    assert (response.status_code, response.json()["msisdn"]) == (200, "60123456789")


async def test_what_is_not_there_is_not_found(real: httpx.AsyncClient) -> None:
    for tail in ("", "/transfers"):
        assert problem(await real.get(f"/api/v1/lines/{BOB}{tail}")) == (404, "number_unknown")
    for serial in ("0001-00000001", "999999999-99999999", "x", "1"):
        answer = await real.get(f"/api/v1/vouchers/{serial}")
        assert problem(answer) == (404, "voucher_unknown")


async def test_a_card_past_its_time_is_expired(site: Site, database: Database, keys: Keys) -> None:
    batch_id = await add_cards(database, keys, [code(1)])
    await database.execute(
        "UPDATE voucher_batch SET redeem_before = $1", datetime(2020, 1, 1, tzinfo=UTC)
    )
    async with client_of(Api(site)) as client:
        card = (await client.get(f"/api/v1/vouchers/{batch_id:04d}-00000001")).json()
    assert (card["state"], card["redeem_before"]) == ("expired", "2020-01-01T00:00:00Z")


async def test_a_line_before_its_first_day_has_no_dates(
    site: Site, real: httpx.AsyncClient, database: Database
) -> None:
    dates = dict.fromkeys(("activated_at", "active_until", "grace_until"))
    await add_line(site.engine, database, BOB, **dates)
    line = (await real.get(f"/api/v1/lines/{BOB}")).json()
    names = ("state", "active_until", "active_until_date", "grace_until", "grace_until_date")
    assert [line[name] for name in names] == ["pre_active", None, None, None, None]
    refused = await real.post(
        f"/api/v1/lines/{BOB}/topups", json=top_up(), headers={"idempotency-key": "k"}
    )
    assert problem(refused) == (409, "line_not_activated")


async def test_a_revoked_key_is_unknown(site: Site, database: Database, keys: Keys) -> None:
    partner_id = await add_partner(database)
    await add_key(database, keys, "tk_test_old", partner_id, ["lines:read"])
    async with client_of(Api(site), "tk_test_old") as client:
        assert (await client.get(LINE)).status_code == 200
    await database.execute("UPDATE api_key SET revoked_at = now() WHERE label = 'test'")
    async with client_of(Api(site), "tk_test_old") as client:
        assert problem(await client.get(LINE)) == (401, "key_unknown")


async def test_many_callers_at_once_are_all_answered(real: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(
        *(post(real, "topups", f"k{n}", top_up("5.00", reference=f"r{n}")) for n in range(200))
    )
    assert {answer.status_code for answer in answers} == {201}
    references = [answer.json()["reference"] for answer in answers]
    page = (await real.get(f"{LINE}/transfers?limit=500")).json()
    assert sorted(t["reference"] for t in page["items"]) == sorted(references)


async def test_a_database_that_is_away_is_unavailable(site: Site) -> None:
    async with client_of(Api(site)) as client:
        await client.get(LINE)  # the key is known
        gone = replace(site, database=Database("postgresql://127.0.0.1:1/gone"))
        async with client_of(Api(gone)) as without:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(gone.database, "fetch_row", _refuse_connection)
                answer = await without.get(LINE)
    assert problem(answer) == (503, "unavailable")


async def _refuse_connection(*_: object) -> None:
    raise ConnectionRefusedError


async def test_no_key_is_stored_in_the_clear(database: Database, site: Site) -> None:
    row = await database.fetch_row("SELECT digest, prefix FROM api_key")
    assert row is not None
    assert KEY.encode() not in row[0]
    assert row[1] == "tk_test_"
    assert site.keys.digest("api_key", KEY) == row[0]
