"""The judge itself: it must notice what the double and the provider could get wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.payments.paypal.spec import Operation, find_operation

GOOD: dict[str, Any] = {
    "intent": "CAPTURE",
    "purchase_units": [{"amount": {"currency_code": "MYR", "value": "30.00"}}],
}
HEADERS = {"content-type": "application/json", "paypal-request-id": "p1"}


@pytest.fixture
def create() -> Operation:
    operation = find_operation("POST", "/v2/checkout/orders")
    assert operation is not None
    return operation


def test_good_request_has_no_faults(create: Operation):
    assert create.request_faults(HEADERS, json.dumps(GOOD).encode()) == []


@pytest.mark.parametrize(
    "bad",
    [
        {**GOOD, "intent": "TAKE"},
        {**GOOD, "id": "5O1"},
        {**GOOD, "purchase_units": []},
        {**GOOD, "purchase_units": [{"amount": {"currency_code": "MYR", "value": "30,00"}}]},
        {**GOOD, "purchase_units": [{**GOOD["purchase_units"][0], "payments": {}}]},
        {**GOOD, "purchase_units": [{**GOOD["purchase_units"][0], "custom_id": "x" * 128}]},
        {"intent": "CAPTURE"},
    ],
)
def test_bad_request_has_faults(create: Operation, bad: dict[str, Any]):
    assert create.request_faults(HEADERS, json.dumps(bad).encode()) != []


@pytest.mark.parametrize(
    "headers", [{}, {**HEADERS, "paypal-request-id": "x" * 109}, {**HEADERS, "prefer": "now!"}]
)
def test_bad_headers_have_faults(create: Operation, headers: dict[str, str]):
    assert create.request_faults(headers, json.dumps(GOOD).encode()) != []


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, {"id": "5O1", "status": "PAID"}),
        (200, {"id": "5O1", "stat": "CREATED"}),
        (422, {"name": "INVALID_REQUEST"}),
        (422, {"details": [{"issue": "NO_SUCH_ISSUE", "description": "x"}]}),
    ],
)
def test_bad_answer_has_faults(create: Operation, status: int, answer: dict[str, Any]):
    assert create.answer_faults(status, json.dumps(answer).encode()) != []


def test_unknown_path_is_no_operation():
    assert find_operation("PATCH", "/v2/checkout/orders/5O1") is None
