"""PayPal's webhooks: who sent them, and what each means."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from tambah.domain.commands import NewsKind
from tambah.payments.paypal import PayPalProvider
from tambah.payments.paypal.api import path_of
from tambah.payments.provider import Notice, Order, ProviderSilent, WebhookForged
from tests.payments.paypal.conftest import Maker
from tests.payments.paypal.double import NOW, Double

EVENT_ID = "WH-00000000000000001-00000000000000001"
RM30 = 30_000_000


async def notices(
    paypal: PayPalProvider, double: Double, event_type: str, resource: dict[str, Any]
) -> list[Notice]:
    body = double.event(event_type, resource)
    return await paypal.read_webhook(double.sign(body), body)


def notice(event_type: str, paid: Order, **more: Any) -> Notice:
    return Notice(event_id=EVENT_ID, event_type=event_type, payment_id=paid.payment_id, **more)


# Who sent it


@pytest.fixture
def body(double: Double, paid: Order) -> bytes:
    return double.event("PAYMENT.CAPTURE.COMPLETED", double.capture_of(str(paid.provider_ref)))


async def test_webhook_is_proved_by_its_own_bytes(
    paypal: PayPalProvider, double: Double, body: bytes
):
    assert json.dumps(json.loads(body)).encode() != body
    assert len(await paypal.read_webhook(double.sign(body), body)) == 1


async def test_altered_webhook_is_forged(paypal: PayPalProvider, double: Double, body: bytes):
    headers = double.sign(body)
    altered = [
        body + b" ",
        body.replace(b"30.00", b"90.00"),
        json.dumps(json.loads(body)).encode(),
    ]
    for other in altered:
        with pytest.raises(WebhookForged):
            await paypal.read_webhook(headers, other)


async def test_webhook_of_another_address_is_forged(
    make: Maker, double: Double, body: bytes, paypal: PayPalProvider
):
    with pytest.raises(WebhookForged):
        await make(webhook_id="9ZZ4291016473214Z").read_webhook(double.sign(body), body)
    headers = double.sign(body, webhook_id="9ZZ4291016473214Z")
    with pytest.raises(WebhookForged):
        await paypal.read_webhook(headers, body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b'{"id": 1, "event_type": "x"}',
        b'{"id": "a", "event_type": "b"}, "webhook_id": "c", "x": {}',
        b'{"id": "a", "event_type": "b"}{}',
        b'{"id": "a", "event_type": "b", "n": NaN}',
        b'\xff{"id": "a", "event_type": "b"}',
    ],
)
async def test_what_is_no_event_is_forged_and_never_sent_on(
    paypal: PayPalProvider, double: Double, body: bytes
):
    with pytest.raises(WebhookForged):
        await paypal.read_webhook(double.sign(body), body)
    assert double.calls == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PAYPAL-TRANSMISSION-ID", None),
        ("PAYPAL-TRANSMISSION-TIME", None),
        ("PAYPAL-TRANSMISSION-SIG", None),
        ("PAYPAL-AUTH-ALGO", None),
        ("PAYPAL-CERT-URL", None),
        ("PAYPAL-TRANSMISSION-ID", "x" * 51),
        ("PAYPAL-TRANSMISSION-TIME", "yesterday at about noon"),
        ("PAYPAL-TRANSMISSION-TIME", "2026-11-23T04:00:00.000"),
        ("PAYPAL-TRANSMISSION-SIG", "with space"),
        ("PAYPAL-AUTH-ALGO", 'SHA256","x":"'),
        ("PAYPAL-CERT-URL", "http://api.paypal.com/v1/notifications/certs/CERT-1"),
        ("PAYPAL-CERT-URL", "https://api.paypal.com.example.com/v1/notifications/certs/CERT-1"),
        ("PAYPAL-CERT-URL", "https://evilpaypal.com/v1/notifications/certs/CERT-1"),
        ("PAYPAL-CERT-URL", "https://api.paypal.com@example.com/CERT-1"),
        ("PAYPAL-CERT-URL", "https://api.paypal.com:8443/CERT-1"),
        ("PAYPAL-CERT-URL", "https://[::1/CERT-1"),
        ("PAYPAL-CERT-URL", "https://example.com/#.paypal.com"),
    ],
)
async def test_proofs_of_another_form_are_forged_and_never_sent_on(
    paypal: PayPalProvider, double: Double, body: bytes, name: str, value: str | None
):
    headers = {key: given for key, given in double.sign(body).items() if key != name}
    if value is not None:
        headers[name] = value
    with pytest.raises(WebhookForged):
        await paypal.read_webhook(headers, body)
    assert double.count("POST verify-webhook-signature") == 0


@pytest.mark.parametrize("host", ["api.paypal.com", "api.sandbox.paypal.com:443", "paypal.com"])
async def test_paypals_own_certificate_hosts_will_do(
    paypal: PayPalProvider, double: Double, body: bytes, host: str
):
    headers = {**double.sign(body), "PAYPAL-CERT-URL": f"https://{host}/v1/notifications/certs/C1"}
    assert len(await paypal.read_webhook(headers, body)) == 1


async def test_names_of_headers_may_be_written_in_any_case(
    paypal: PayPalProvider, double: Double, body: bytes
):
    headers = {name.title(): value for name, value in double.sign(body).items()}
    assert len(await paypal.read_webhook(headers, body)) == 1


@pytest.mark.parametrize(
    ("age", "is_taken"),
    [
        (timedelta(days=4), True),
        (timedelta(days=4, seconds=1), False),
        (timedelta(minutes=-10), True),
        (timedelta(minutes=-10, seconds=-1), False),
    ],
)
async def test_webhook_is_taken_for_as_long_as_paypal_repeats_it(
    paypal: PayPalProvider, double: Double, body: bytes, age: timedelta, *, is_taken: bool
):
    headers = double.sign(body, at=NOW - age)
    if is_taken:
        assert len(await paypal.read_webhook(headers, body)) == 1
    else:
        with pytest.raises(WebhookForged):
            await paypal.read_webhook(headers, body)


@pytest.mark.parametrize("how", ["500", "drop", "hang", "429", "403"])
async def test_webhook_that_cannot_be_proved_now_is_asked_for_again(
    make: Maker, double: Double, body: bytes, how: str
):
    double.break_next("/verify-webhook-signature", how)
    with pytest.raises(ProviderSilent):
        await make(timeout_seconds=0.3 if how == "hang" else 5.0).read_webhook(
            double.sign(body), body
        )
    assert len(await make().read_webhook(double.sign(body), body)) == 1


async def test_signature_that_paypal_cannot_read_is_forged(
    paypal: PayPalProvider, double: Double, body: bytes
):
    double.break_next("/verify-webhook-signature", "400")
    with pytest.raises(WebhookForged):
        await paypal.read_webhook(double.sign(body), body)


async def test_webhook_id_that_paypal_does_not_know_is_not_the_senders_fault(
    make: Maker, paypal: PayPalProvider, double: Double, body: bytes
):
    double.can_verify = False
    with pytest.raises(ProviderSilent):
        await paypal.read_webhook(double.sign(body), body)
    with pytest.raises(ProviderSilent):
        await make(webhook_id="").read_webhook(double.sign(body), body)


# What it means


async def test_approved_order_means_look(paypal: PayPalProvider, double: Double, begun: Order):
    double.approve(str(begun.provider_ref))
    order = double.orders[str(begun.provider_ref)]
    for event_type in ["CHECKOUT.ORDER.APPROVED", "CHECKOUT.ORDER.COMPLETED"]:
        assert await notices(paypal, double, event_type, order) == [
            notice(event_type, begun, provider_ref=begun.provider_ref, needs_look=True)
        ]


async def test_lapsed_approval_means_look(paypal: PayPalProvider, double: Double, begun: Order):
    event_type = "CHECKOUT.PAYMENT-APPROVAL.REVERSED"
    resource = {
        "order_id": begun.provider_ref,
        "purchase_units": [{"reference_id": "default", "custom_id": begun.payment_id}],
    }
    assert await notices(paypal, double, event_type, resource) == [
        notice(event_type, begun, provider_ref=begun.provider_ref, needs_look=True)
    ]


@pytest.mark.parametrize(
    ("ending", "kind", "reason"),
    [
        ("COMPLETED", NewsKind.PAID, None),
        ("PENDING", None, None),
        ("DENIED", NewsKind.FAILED, "declined"),
        ("DECLINED", NewsKind.FAILED, "declined"),
    ],
)
async def test_captures_are_read_and_looked_at(
    paypal: PayPalProvider,
    double: Double,
    paid: Order,
    ending: str,
    kind: NewsKind | None,
    reason: str | None,
):
    event_type = f"PAYMENT.CAPTURE.{ending}"
    capture = double.capture_of(str(paid.provider_ref))
    expected = notice(
        event_type,
        paid,
        provider_ref=paid.provider_ref,
        kind=kind,
        amount_micros=RM30,
        reason=reason,
        needs_look=True,
    )
    assert await notices(paypal, double, event_type, capture) == [expected]

    # As PayPal writes it now: the order's id among the related ones instead of in a link.
    related = {"supplementary_data": {"related_ids": {"order_id": paid.provider_ref}}, "links": []}
    assert await notices(paypal, double, event_type, {**capture, **related}) == [expected]


async def test_capture_in_another_currency_keeps_it(
    paypal: PayPalProvider, double: Double, paid: Order
):
    capture = double.capture_of(str(paid.provider_ref))
    dollars = {**capture, "amount": {"currency_code": "USD", "value": "30.00"}}
    (read,) = await notices(paypal, double, "PAYMENT.CAPTURE.COMPLETED", dollars)
    assert (read.amount_micros, read.currency) == (0, "USD")


@pytest.mark.parametrize(
    ("event_type", "status", "kind", "reason"),
    [
        ("PAYMENT.CAPTURE.REFUNDED", "COMPLETED", NewsKind.REFUNDED, None),
        ("PAYMENT.CAPTURE.REFUNDED", "PENDING", None, None),
        ("PAYMENT.CAPTURE.REFUNDED", None, NewsKind.REFUNDED, None),
        ("PAYMENT.REFUND.COMPLETED", None, NewsKind.REFUNDED, None),
        ("PAYMENT.REFUND.PENDING", None, None, None),
        ("PAYMENT.REFUND.FAILED", "FAILED", NewsKind.REFUND_FAILED, "refund_failed"),
        ("PAYMENT.REFUND.FAILED", None, NewsKind.REFUND_FAILED, "refund_failed"),
        ("PAYMENT.REFUND.CANCELLED", "CANCELLED", NewsKind.REFUND_FAILED, "refund_failed"),
    ],
)
async def test_refunds_of_ours_are_read_by_our_names(
    paypal: PayPalProvider,
    double: Double,
    paid: Order,
    event_type: str,
    status: str | None,
    kind: NewsKind | None,
    reason: str | None,
):
    resource = refund_resource(double, paid, invoice_id="r1.ours")
    if status:
        resource["status"] = status
    assert await notices(paypal, double, event_type, resource) == [
        notice(
            event_type,
            paid,
            kind=kind,
            amount_micros=10_500_000,
            refund_ref="1R000000000000099",
            refund_id="r1.ours",
            reason=reason,
        )
    ]


def refund_resource(double: Double, paid: Order, **ids: str) -> dict[str, Any]:
    capture_id = double.capture_of(str(paid.provider_ref))["id"]
    href = f"https://api.paypal.com/v2/payments/captures/{capture_id}"
    return {
        "id": "1R000000000000099",
        "amount": {"currency_code": "MYR", "value": "10.50"},
        "custom_id": paid.payment_id,
        "links": [{"href": href, "rel": "up", "method": "GET"}],
        **ids,
    }


async def test_refund_made_at_paypals_desk_has_no_id_of_ours(
    paypal: PayPalProvider, double: Double, paid: Order
):
    event_type = "PAYMENT.CAPTURE.REFUNDED"
    expected = notice(
        event_type,
        paid,
        kind=NewsKind.REFUNDED,
        amount_micros=10_500_000,
        refund_ref="1R000000000000099",
    )
    for ids in [{}, {"invoice_id": paid.payment_id}]:
        resource = refund_resource(double, paid, **ids)
        assert await notices(paypal, double, event_type, resource) == [expected]


async def test_refund_that_names_no_payment_is_found_by_its_capture(
    paypal: PayPalProvider, double: Double, paid: Order
):
    resource = refund_resource(double, paid, invoice_id=paid.payment_id)
    del resource["custom_id"]
    (read,) = await notices(paypal, double, "PAYMENT.CAPTURE.REFUNDED", resource)
    assert (read.payment_id, read.provider_ref, read.refund_id) == (
        paid.payment_id,
        paid.provider_ref,
        None,
    )
    resource["links"] = []
    assert await notices(paypal, double, "PAYMENT.CAPTURE.REFUNDED", resource) == []


async def test_reversed_capture_is_a_dispute(paypal: PayPalProvider, double: Double, paid: Order):
    event_type = "PAYMENT.CAPTURE.REVERSED"
    expected = notice(
        event_type,
        paid,
        provider_ref=paid.provider_ref,
        kind=NewsKind.DISPUTED,
        amount_micros=RM30,
    )
    capture = double.capture_of(str(paid.provider_ref))
    assert await notices(paypal, double, event_type, capture) == [expected]
    refund_like = refund_resource(double, paid)
    refund_like["amount"] = {"currency_code": "MYR", "value": "-30.00"}
    assert await notices(paypal, double, event_type, refund_like) == [expected]


def dispute(double: Double, paid: Order, **more: Any) -> dict[str, Any]:
    capture_id = double.capture_of(str(paid.provider_ref))["id"]
    return {
        "dispute_id": "PP-D-12345",
        "disputed_transactions": [{"seller_transaction_id": capture_id}],
        "reason": "UNAUTHORISED",
        "status": "OPEN",
        "dispute_amount": {"currency_code": "MYR", "value": "25.00"},
        **more,
    }


def resolved(outcome: str) -> dict[str, Any]:
    return {"status": "RESOLVED", "dispute_outcome": {"outcome_code": outcome}}


@pytest.mark.parametrize(
    ("ending", "more", "kind", "reason"),
    [
        ("CREATED", {}, NewsKind.DISPUTED, None),
        ("UPDATED", {"status": "UNDER_REVIEW"}, NewsKind.DISPUTED, None),
        ("RESOLVED", resolved("RESOLVED_SELLER_FAVOUR"), NewsKind.DISPUTE_WON, None),
        ("RESOLVED", resolved("CANCELED_BY_BUYER"), NewsKind.DISPUTE_WON, None),
        ("RESOLVED", resolved("DENIED"), NewsKind.DISPUTE_WON, None),
        ("RESOLVED", resolved("RESOLVED_WITH_PAYOUT"), NewsKind.DISPUTE_WON, None),
        ("RESOLVED", resolved("RESOLVED_BUYER_FAVOUR"), NewsKind.DISPUTE_LOST, None),
        ("RESOLVED", resolved("ACCEPTED"), NewsKind.DISPUTE_LOST, None),
        ("UPDATED", resolved("ACCEPTED"), NewsKind.DISPUTE_LOST, None),
        ("RESOLVED", resolved("NONE"), None, "dispute_unclear"),
        ("RESOLVED", {}, None, "dispute_unclear"),
    ],
)
async def test_disputes_find_their_payment(
    paypal: PayPalProvider,
    double: Double,
    paid: Order,
    ending: str,
    more: dict[str, Any],
    kind: NewsKind | None,
    reason: str | None,
):
    event_type = f"CUSTOMER.DISPUTE.{ending}"
    assert await notices(paypal, double, event_type, dispute(double, paid, **more)) == [
        notice(
            event_type,
            paid,
            provider_ref=paid.provider_ref,
            kind=kind,
            amount_micros=25_000_000,
            dispute_ref="PP-D-12345",
            reason=reason,
        )
    ]


async def test_dispute_without_an_amount_is_of_the_whole_payment(
    paypal: PayPalProvider, double: Double, paid: Order
):
    whole = dispute(double, paid)
    del whole["dispute_amount"]
    (read,) = await notices(paypal, double, "CUSTOMER.DISPUTE.CREATED", whole)
    assert (read.amount_micros, read.currency) == (RM30, "MYR")


async def test_dispute_of_several_payments_is_a_notice_for_each(
    paypal: PayPalProvider, double: Double, paid: Order
):
    capture_id = double.capture_of(str(paid.provider_ref))["id"]
    names = [capture_id, "3C999999999999999", capture_id]
    both = dispute(
        double, paid, disputed_transactions=[{"seller_transaction_id": name} for name in names]
    )
    read = await notices(paypal, double, "CUSTOMER.DISPUTE.CREATED", both)
    assert [(one.event_id, one.amount_micros) for one in read] == [
        (EVENT_ID, RM30),
        (f"{EVENT_ID}:3", RM30),
    ]


async def test_dispute_of_another_sale_is_not_ours(
    paypal: PayPalProvider, double: Double, paid: Order
):
    other = dispute(double, paid, disputed_transactions=[{"seller_transaction_id": "3C9"}])
    assert await notices(paypal, double, "CUSTOMER.DISPUTE.CREATED", other) == []


def test_names_from_outside_stay_one_part_of_a_path():
    assert path_of("/v2/payments/captures", "../x/y?z#") == (
        "/v2/payments/captures/..%2Fx%2Fy%3Fz%23"
    )


async def test_dispute_whose_capture_cannot_be_shown_is_asked_for_again(
    paypal: PayPalProvider, double: Double, paid: Order
):
    capture_id = double.capture_of(str(paid.provider_ref))["id"]
    for how in ["500", "403"]:
        double.break_next(f"/captures/{capture_id}", how)
        with pytest.raises(ProviderSilent):
            await notices(paypal, double, "CUSTOMER.DISPUTE.CREATED", dispute(double, paid))


@pytest.mark.parametrize(
    "event_type", ["BILLING.PLAN.CREATED", "PAYMENT.AUTHORIZATION.VOIDED", "PAYMENT.SALE.REFUNDED"]
)
async def test_other_events_say_nothing(
    paypal: PayPalProvider, double: Double, paid: Order, event_type: str
):
    capture = double.capture_of(str(paid.provider_ref))
    assert await notices(paypal, double, event_type, capture) == []


async def test_events_of_other_sales_say_nothing(paypal: PayPalProvider, double: Double):
    for event_type in ["PAYMENT.CAPTURE.COMPLETED", "CHECKOUT.ORDER.APPROVED"]:
        assert await notices(paypal, double, event_type, {}) == []


async def test_event_of_an_unknown_shape_is_asked_for_again(
    paypal: PayPalProvider, double: Double
):
    with pytest.raises(ProviderSilent):
        await notices(paypal, double, "PAYMENT.CAPTURE.COMPLETED", {"links": "none"})
