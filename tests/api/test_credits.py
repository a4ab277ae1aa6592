"""Top-ups and redemptions over HTTP: shapes, fields, keys."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tambah.domain.commands import RedeemVoucher, TopUp
from tambah.domain.guessing import Audience
from tambah.domain.refusals import Busy, TooManyWrongCodes
from tambah.domain.voucher import check_digit
from tambah.engine.keys import Keys

from .conftest import ALICE, Answer, FakeDatabase, problem, top_up

TOPUPS = f"/api/v1/lines/{ALICE}/topups"
REDEMPTIONS = f"/api/v1/lines/{ALICE}/redemptions"
IDEMPOTENT = {"idempotency-key": "k1"}
CODE = "123456789012345" + check_digit("123456789012345")


async def test_top_up_answers_the_whole_receipt(fake: httpx.AsyncClient) -> None:
    response = await fake.post(TOPUPS, json=top_up(), headers=IDEMPOTENT)

    assert response.status_code == 201
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    assert int(response.headers["content-length"]) == len(response.content)
    assert response.json() == {
        "msisdn": "60123456789",
        "topup_no": 3,
        "at": "2027-03-01T06:30:00Z",
        "price": "30.00",
        "tax": "0.00",
        "credited": "30.00",
        "bonus": "2.00",
        "balance": "34.20",
        "bonus_balance": "2.00",
        "currency": "MYR",
        "active_until": "2027-03-31T16:00:00Z",
        "active_until_date": "2027-03-31",
        "grace_until": "2027-05-20T16:00:00Z",
        "grace_until_date": "2027-05-20",
        "receipt": "7Q4KD2MX",
        "reference": "till-7/2041",
        "gifts": [],
    }


async def test_top_up_becomes_one_command(fake: httpx.AsyncClient, fake_engine: Answer) -> None:
    await fake.post(
        "/api/v1/lines/%2B60123456789/topups",
        json=top_up("10.00", reference="till 7 · 2041") | {"unknown": [1, 2]},
        headers=IDEMPOTENT,
    )

    assert fake_engine.asked == [
        TopUp(
            caller="partner:7",
            request_key="k1",
            msisdn=ALICE,
            partner_id=7,
            amount_micros=10_000_000,
            reference="till 7 · 2041",
        )
    ]


async def test_redemption_becomes_one_command(
    fake: httpx.AsyncClient, fake_engine: Answer, keys: Keys
) -> None:
    spaced = " ".join(CODE[at : at + 4] for at in range(0, 16, 4))
    response = await fake.post(REDEMPTIONS, json={"code": spaced}, headers=IDEMPOTENT)

    assert response.status_code == 201
    assert fake_engine.asked == [
        RedeemVoucher(
            caller="partner:7",
            request_key="k1",
            msisdn=ALICE,
            digits=CODE,
            audience=Audience.GUEST,
            source=keys.digest("source", "partner", "7"),
        )
    ]


async def test_redemption_of_a_partner_that_speaks_for_lines_is_the_owners(
    fake: httpx.AsyncClient, fake_engine: Answer, fake_database: FakeDatabase
) -> None:
    for digest, row in fake_database.rows.items():
        fake_database.rows[digest] = (row[0], False, True, row[3])

    await fake.post(REDEMPTIONS, json={"code": CODE}, headers=IDEMPOTENT)

    command = fake_engine.asked[0]
    assert isinstance(command, RedeemVoucher)
    assert command.audience is Audience.OWN


async def test_redemption_by_a_suspended_partner_is_refused(
    fake: httpx.AsyncClient, fake_database: FakeDatabase
) -> None:
    for digest, row in fake_database.rows.items():
        fake_database.rows[digest] = (row[0], True, False, row[3])

    response = await fake.post(REDEMPTIONS, json={"code": CODE}, headers=IDEMPOTENT)

    assert problem(response) == (403, "partner_suspended")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (top_up("10.001"), (400, "amount_too_precise", None)),
        (top_up(10), (400, "amount_malformed", None)),
        (top_up(10.0), (400, "amount_malformed", None)),
        (top_up("-10.00"), (400, "amount_malformed", None)),
        (top_up("1e3"), (400, "amount_malformed", None)),
        (top_up("١٠"), (400, "amount_malformed", None)),
        (top_up(""), (400, "amount_malformed", None)),
        (top_up(None), (400, "field_missing", "amount")),
        (top_up(True), (400, "amount_malformed", None)),
        (top_up(currency="SGD"), (422, "currency_not_accepted", None)),
        (top_up("ten", "SGD"), (422, "currency_not_accepted", None)),
        (top_up(10, "SGD"), (422, "currency_not_accepted", None)),
        (top_up(currency="myr"), (422, "currency_not_accepted", None)),
        (top_up(currency=None), (400, "field_missing", "currency")),
        (top_up(10, currency=None), (400, "field_missing", "currency")),
        (top_up(currency=458), (400, "field_malformed", "currency")),
        (top_up(reference=""), (400, "field_malformed", "reference")),
        (top_up(reference="x" * 65), (400, "field_malformed", "reference")),
        (top_up(reference="a\x00b"), (400, "field_malformed", "reference")),
        (top_up(reference="a\nb"), (400, "field_malformed", "reference")),
        (top_up(reference="a\u202eb"), (400, "field_malformed", "reference")),
        (top_up(reference=5), (400, "field_malformed", "reference")),
        (top_up(reference=None), (400, "field_missing", "reference")),
        ({}, (400, "field_missing", "currency")),
        ([], (400, "body_malformed", None)),
        ("30.00", (400, "body_malformed", None)),
        (None, (400, "body_malformed", None)),
    ],
)
async def test_top_up_says_what_is_wrong_with_a_body(
    fake: httpx.AsyncClient, fake_engine: Answer, body: Any, expected: tuple[int, str, str | None]
) -> None:
    response = await fake.post(TOPUPS, content=json.dumps(body), headers=IDEMPOTENT)

    assert (*problem(response), response.json().get("field")) == expected
    assert fake_engine.asked == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b"[" * 8000,
        b'{"x":' + b"[" * 8000,
        b'{"amount":"\\ud800"}',
        b'{"amount":"\xed\xa0\x80","currency":"MYR","reference":"r"}',
        b'{"amount":"1.00","amount":2,"amount":"1.00","currency":"MYR","reference":"r"}',
        b'{"a":' + b"9" * 6000 + b"}",
        b"NaN",
    ],
)
async def test_top_up_refuses_what_is_no_json_object(
    fake: httpx.AsyncClient, fake_engine: Answer, body: bytes
) -> None:
    response = await fake.post(TOPUPS, content=body, headers=IDEMPOTENT)

    assert problem(response) == (400, "body_malformed")
    assert fake_engine.asked == []


async def test_redemption_of_a_mistyped_code_reaches_nobody(
    fake: httpx.AsyncClient, fake_engine: Answer
) -> None:
    wrong = CODE[:-1] + str((int(CODE[-1]) + 1) % 10)
    response = await fake.post(REDEMPTIONS, json={"code": wrong}, headers=IDEMPOTENT)

    assert problem(response) == (400, "code_mistyped")
    assert wrong not in response.text
    assert fake_engine.asked == []


@pytest.mark.parametrize(
    ("body", "field"), [({}, "field_missing"), ({"code": 1234}, "field_malformed")]
)
async def test_redemption_needs_a_code_as_text(
    fake: httpx.AsyncClient, body: Any, field: str
) -> None:
    response = await fake.post(REDEMPTIONS, json=body, headers=IDEMPOTENT)

    assert problem(response) == (400, field)
    assert response.json()["field"] == "code"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "idempotency_key_missing"),
        ({"idempotency-key": ""}, "idempotency_key_missing"),
        ({"idempotency-key": "k" * 256}, "field_malformed"),
        ({"idempotency-key": "a\tb"}, "field_malformed"),
        ({b"idempotency-key": "kunci·1".encode()}, "field_malformed"),
    ],
)
@pytest.mark.parametrize("path", [TOPUPS, REDEMPTIONS])
async def test_money_needs_an_idempotency_key(
    fake: httpx.AsyncClient, path: str, headers: Any, code: str
) -> None:
    response = await fake.post(path, json=top_up() | {"code": CODE}, headers=headers)

    assert problem(response) == (400, code)


async def test_idempotency_key_may_have_255_characters(
    fake: httpx.AsyncClient, fake_engine: Answer
) -> None:
    key = "k 1~" + "x" * 251
    await fake.post(TOPUPS, json=top_up(), headers={"idempotency-key": key})

    command = fake_engine.asked[0]
    assert isinstance(command, TopUp)
    assert command.request_key == key


@pytest.mark.parametrize("number", ["0123", "abc", "+6591234567", "٠١٢٣٤٥٦٧٨٩x", "%00", "6" * 400])
async def test_top_up_of_no_number_is_refused(fake: httpx.AsyncClient, number: str) -> None:
    response = await fake.post(f"/api/v1/lines/{number}/topups", json=top_up(), headers=IDEMPOTENT)

    assert problem(response) == (400, "number_malformed")


async def test_busy_says_when_to_come_back(fake: httpx.AsyncClient, fake_engine: Answer) -> None:
    fake_engine.reply = Busy()
    response = await fake.post(TOPUPS, json=top_up(), headers=IDEMPOTENT)

    assert problem(response) == (429, "busy")
    assert response.headers["retry-after"] == "1"


async def test_a_lock_says_until_when(fake: httpx.AsyncClient, fake_engine: Answer) -> None:
    fake_engine.reply = TooManyWrongCodes(until=datetime(2099, 1, 1, tzinfo=UTC))
    response = await fake.post(REDEMPTIONS, json={"code": CODE}, headers=IDEMPOTENT)

    assert problem(response) == (429, "too_many_wrong_codes")
    assert response.json()["until"] == "2099-01-01T00:00:00Z"
    assert int(response.headers["retry-after"]) > 86_400


async def test_a_broken_database_is_unavailable(
    fake: httpx.AsyncClient, fake_engine: Answer
) -> None:
    fake_engine.reply = ConnectionRefusedError()
    response = await fake.post(TOPUPS, json=top_up(), headers=IDEMPOTENT)

    assert problem(response) == (503, "unavailable")
    assert response.headers["retry-after"] == "2"


async def test_a_bug_answers_with_an_incident_and_no_secret(
    fake: httpx.AsyncClient, fake_engine: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_engine.reply = ZeroDivisionError()
    response = await fake.post(REDEMPTIONS, json={"code": CODE}, headers=IDEMPOTENT)

    assert problem(response) == (500, "internal_error")
    logged = capsys.readouterr().out
    assert response.json()["incident"] in logged
    assert "ZeroDivisionError" in logged
    assert CODE not in logged
    assert "tk_test_" not in logged


@pytest.mark.parametrize(
    ("tag", "language"),
    [("ms-MY,en;q=0.5", "ms"), ("ta", "ta"), ("zh-CN", "zh-Hans"), ("fr", "en")],
)
async def test_detail_is_in_the_callers_language(
    fake: httpx.AsyncClient, tag: str, language: str
) -> None:
    response = await fake.post(TOPUPS, json=top_up(), headers={"accept-language": tag})

    assert response.headers["content-language"] == language
    english = await fake.post(TOPUPS, json=top_up())
    assert (response.json()["detail"] == english.json()["detail"]) == (language == "en")
