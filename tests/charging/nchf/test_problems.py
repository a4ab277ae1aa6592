"""What is answered to what is wrong: a status, a cause, and never a fault of ours."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

import tambah
from tambah.app import build_nchf
from tambah.charging.nchf.problems import RESULT_OF, SAID
from tambah.charging.nchf.reading import MOST_UNITS
from tambah.domain import refusals as no
from tambah.domain.refusals import Refusal, every_refusal
from tambah.web.site import Site
from tests.engine.books import RM

from . import spec
from .conftest import BASE, INTERNET, MB, TOKEN, Core, asked, credit, spent

SOURCES = Path(tambah.__file__).parent
BY_CODE = {refusal.__name__: refusal for refusal in every_refusal()}
RAISING = [
    "domain/charging.py",
    "domain/spending.py",
    "domain/tariff.py",
    "domain/draft.py",
    "domain/line.py",
    "engine/engine.py",
    "engine/lane.py",
    "desks/charging.py",
    "web/body.py",
    *(str(path.relative_to(SOURCES)) for path in (SOURCES / "charging" / "nchf").glob("*.py")),
]
"""Every module that a request over Nchf runs through, and that raises refusals."""
ELSEWHERE = {
    no.PartnerUnknown,  # draft.py, of commands that name a partner
    no.PaymentUnknown,  # draft.py, of payments
    no.ReactivationTooLittle,  # line.py, of top-ups
}


def raised() -> Iterator[type[Refusal]]:
    """Return the refusals that those modules name in a raise or a return."""
    for module in RAISING:
        tree = ast.parse((SOURCES / module).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Raise | ast.Return):
                for part in ast.walk(node):
                    if isinstance(part, ast.Name) and part.id in BY_CODE:
                        yield BY_CODE[part.id]


def test_every_refusal_that_charging_raises_is_mapped() -> None:
    found = set(raised())
    assert {no.CreditTooLow, no.RateUnknown, no.LineBarred, no.Busy, no.KeyUnknown} <= found
    assert found - ELSEWHERE - set(SAID) == set()


def test_every_refusal_of_a_rating_group_has_a_result_of_the_specification() -> None:
    of_a_group = {
        no.CreditTooLow,
        no.RateUnknown,
        no.LineInGrace,
        no.LineNotActivated,
        no.LineExpired,
        no.LineTerminated,
        no.LineBarred,
        no.LineSuspended,
    }
    assert {refusal.code for refusal in of_a_group} <= set(RESULT_OF)
    if spec.IS_THERE:
        known = spec.bundle()["components"]["schemas"]["ResultCode"]["anyOf"][0]["enum"]
        assert set(RESULT_OF.values()) <= set(known)


# What SigScale's suite calls invalid_path, unknown_dataref, bad_request


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/nchf-convergedcharging/v2/chargingdata",
        f"{BASE}/x",
        f"{BASE}/x/charge",
        f"{BASE}//update",
    ],
)
async def test_invalid_path(core: Core, path: str) -> None:
    answer = await core.client.post(path, content="{}")
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["cause"]) == (
        404,
        "RESOURCE_URI_STRUCTURE_NOT_FOUND",
    )


async def test_other_methods_are_not_allowed(core: Core) -> None:
    answer = await core.client.get(BASE)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("deed", ["update", "release"])
@pytest.mark.parametrize("reference", ["1", "x" * 64, "a" * 500, "%00", "ä"])
async def test_unknown_reference(core: Core, deed: str, reference: str) -> None:
    answer = await core.post(f"{BASE}/{reference}/{deed}", core.request(asked()))
    assert (answer.status_code, answer.json()["cause"]) == (404, "CONTEXT_NOT_FOUND")


async def test_forged_reference(site: Site, core: Core) -> None:
    await credit(site, RM)
    await core.create(asked(INTERNET, MB))
    last = core.location[-1]
    core.location = core.location[:-1] + ("a" if last != "a" else "b")
    answer = await core.update(asked(INTERNET, MB))
    assert (answer.status_code, answer.json()["cause"]) == (404, "CONTEXT_NOT_FOUND")


@pytest.mark.parametrize("missing", spec.REQUIRED)
async def test_bad_request_without_what_is_required(core: Core, missing: str) -> None:
    body = core.request(asked())
    del body[missing]
    answer = await core.post(BASE, body, valid=False)
    assert (answer.status_code, answer.json()["cause"]) == (400, "MANDATORY_IE_MISSING")
    assert answer.json()["invalidParams"] == [{"param": f"/{missing}"}]


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"invocationSequenceNumber": -1}, "/invocationSequenceNumber"),
        ({"invocationSequenceNumber": "1"}, "/invocationSequenceNumber"),
        ({"invocationTimeStamp": "yesterday"}, "/invocationTimeStamp"),
        ({"multipleUnitUsage": [{"requestedUnit": {}}]}, "/multipleUnitUsage/0"),
        ({"multipleUnitUsage": [{"ratingGroup": 2**32}]}, "/multipleUnitUsage/0/ratingGroup"),
        ({"multipleUnitUsage": [spent(1, MOST_UNITS, 1)]}, "/multipleUnitUsage"),
        ({"pDUSessionChargingInformation": 7}, "/pDUSessionChargingInformation"),
    ],
)
async def test_bad_request_says_what_is_wrong(core: Core, changes: Any, param: str) -> None:
    answer = await core.post(BASE, core.request(**changes), valid=False)
    assert (answer.status_code, answer.json()["cause"]) == (400, "MANDATORY_IE_INCORRECT")
    assert answer.json()["invalidParams"] == [{"param": param}]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000])
async def test_bad_request_that_is_no_json_object(core: Core, body: bytes) -> None:
    headers = {"content-type": "application/json", "authorization": f"Bearer {TOKEN}"}
    answer = await core.client.post(BASE, content=body, headers=headers)
    assert (answer.status_code, answer.json()["cause"]) == (400, "INVALID_MSG_FORMAT")


async def test_what_is_not_charged_for_is_said_to_be_so(core: Core) -> None:
    told = {"apiDirection": "INVOCATION", "individualIdentifier": "msisdn-60123456789"}
    body = core.request(pDUSessionChargingInformation=None, nEFChargingInformation=told)
    answer = await core.post(BASE, body, valid=False)
    assert (answer.status_code, answer.json()["cause"]) == (403, "CHARGING_NOT_APPLICABLE")


async def test_nobody_to_charge(core: Core) -> None:
    answer = await core.create(
        asked(), subscriberIdentifier=None, pDUSessionChargingInformation=None
    )
    assert (answer.status_code, answer.json()["cause"]) == (400, "CHARGING_FAILED")


@pytest.mark.parametrize("authorization", ["", "Bearer ", "Bearer wrong", f"Basic {TOKEN}"])
async def test_without_a_token_nothing_is_charged(core: Core, authorization: str) -> None:
    answer = await core.post(BASE, core.request(asked()), authorization=authorization)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_body_of_another_kind_is_refused(core: Core) -> None:
    answer = await core.post(BASE, core.request(asked()), **{"content-type": "text/plain"})
    assert answer.status_code == 415


async def test_a_body_that_is_too_large_is_refused(core: Core) -> None:
    body = core.request(asked(), serviceSpecificationInfo="x" * 300_000)
    assert (await core.post(BASE, body)).status_code == 413


async def test_a_body_of_unknown_length_is_refused_over_http_1(core: Core) -> None:
    body = json.dumps(core.request(asked())).encode()
    request = core.client.build_request(
        "POST",
        BASE,
        content=body,
        headers={"content-type": "application/json", "authorization": f"Bearer {TOKEN}"},
    )
    del request.headers["content-length"]
    assert (await core.client.send(request)).status_code == 411


class _Failing:
    """An engine that fails as it is told to."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def submit(self, _command: Any) -> Any:
        raise self._error


@pytest.mark.parametrize(
    ("error", "status", "cause"),
    [
        (no.Busy(), 429, "NF_CONGESTION_RISK"),
        (no.Unavailable(), 503, "NF_CONGESTION"),
        (ConnectionResetError(), 503, "NF_CONGESTION"),
        (no.LineBarred(), 403, "END_USER_REQUEST_DENIED"),
        (no.LineSuspended(), 403, "END_USER_REQUEST_DENIED"),
        (no.DealerUnknown(), 500, "SYSTEM_FAILURE"),
        (ZeroDivisionError(), 500, "SYSTEM_FAILURE"),
    ],
    ids=lambda value: str(value) if not isinstance(value, Exception) else type(value).__name__,
)
async def test_what_fails_with_us(site: Site, error: Exception, status: int, cause: str) -> None:
    broken = replace(site, engine=_Failing(error))  # type: ignore[arg-type]
    transport = httpx2.ASGITransport(build_nchf(broken))
    async with httpx2.AsyncClient(transport=transport, base_url="http://chf.example") as client:
        answer = await Core(client).create(asked())
    assert (answer.status_code, answer.json()["cause"]) == (status, cause)
    assert ("retry-after" in answer.headers) == (status in (429, 503))
    assert "ZeroDivision" not in answer.text
