"""The double refuses what Stripe would, so that a test against it means something."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from tests.payments.stripe.double import StripeDouble
from tests.payments.stripe.shapes import Malformed, prove_answer, read_params

SESSIONS = ("POST", "/v1/checkout/sessions")
PAGE = [
    ("mode", "payment"),
    ("success_url", "https://topup.example.com/"),
    ("cancel_url", "https://topup.example.com/"),
    ("allowed_payment_method_types[0]", "card"),
    ("line_items[0][quantity]", "1"),
    ("line_items[0][price_data][currency]", "myr"),
    ("line_items[0][price_data][unit_amount]", "3000"),
    ("line_items[0][price_data][product_data][name]", "Top-up"),
]


def test_a_well_formed_request_is_read() -> None:
    params = read_params(*SESSIONS, PAGE)
    assert params["line_items"][0]["price_data"]["unit_amount"] == 3000


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (("payment_method_types[0]", "card"), "parameter_unknown"),
        (("colour", "blue"), "parameter_unknown"),
        (("idempotency_key", "x"), "parameter_unknown"),
        (("line_items[0][price_data][colour]", "blue"), "parameter_unknown"),
        (("line_items[0][price_data][unit_amount]", "30.00"), "parameter_invalid"),
        (("mode", "gift"), "parameter_invalid"),
        (("locale", "ta"), "parameter_invalid"),
        (("expires_at", "tomorrow"), "parameter_invalid"),
        (("adaptive_pricing[enabled]", "no"), "parameter_invalid"),
        (("metadata", "x"), "parameter_invalid"),
        (("client_reference_id", "x" * 201), "parameter_invalid"),
        (("allowed_payment_method_types[0]", "cheque"), "parameter_invalid"),
    ],
)
def test_a_malformed_request_is_refused(wrong: tuple[str, str], code: str) -> None:
    pairs = [pair for pair in PAGE if pair[0] != wrong[0]]
    with pytest.raises(Malformed) as refusal:
        read_params(*SESSIONS, [*pairs, wrong])
    assert refusal.value.code == code


def test_a_missing_parameter_is_refused() -> None:
    pairs = [pair for pair in PAGE if "currency" not in pair[0]]
    with pytest.raises(Malformed) as refusal:
        read_params(*SESSIONS, pairs)
    assert refusal.value.code == "parameter_missing"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", "3000"),
        ("currency", None),
        ("status", "done"),
        ("metadata", []),
        ("colour", "blue"),
        ("livemode", 0),
        ("amount", ...),
    ],
)
def test_an_answer_that_is_none_of_stripes_is_noticed(field: str, value: Any) -> None:
    intent = StripeDouble().charge_without_us(1000)
    prove_answer(intent)
    wrong = deepcopy(intent)
    wrong[field] = value
    if value is ...:
        del wrong[field]
    with pytest.raises(AssertionError):
        prove_answer(wrong)
