"""Webhooks: signatures proved, each event in our words."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from structlog.testing import capture_logs

from tambah.domain.commands import NewsKind
from tambah.payments.provider import Notice, ProviderSilent, WebhookForged
from tambah.payments.stripe import StripeProvider
from tests.payments.stripe.conftest import ORDER, SECRET, order, provider_at
from tests.payments.stripe.double import Document, StripeDouble, sign

NEW_SECRET = "whsec_of_the_endpoint_from_now_on"


@pytest.fixture
async def session(provider: StripeProvider, double: StripeDouble) -> Document:
    """Return a page that was begun, as Stripe has it."""
    return double.objects[(await provider.begin(ORDER)).provider_ref]


def shown(document: Document) -> Document:
    """Return a document of the double without its notes."""
    return {k: v for k, v in document.items() if not k.startswith("_")}


async def heard(
    provider: StripeProvider, double: StripeDouble, kind: str, about: Document
) -> list[Notice]:
    """Send a signed event; return what was read."""
    body = double.event(kind, shown(about))
    return await provider.read_webhook(sign(body, SECRET), body)


def event_id(body: bytes) -> str:
    return str(json.loads(body)["id"])


# Signatures


async def test_a_signed_event_is_read_whatever_the_case_of_the_header(
    provider: StripeProvider, double: StripeDouble, session: Document
) -> None:
    double.pay(session["id"])
    body = double.event("checkout.session.completed", shown(session))
    lower = sign(body, SECRET)
    notices = await provider.read_webhook(lower, body)
    assert notices == [
        Notice(
            event_id=event_id(body),
            event_type="checkout.session.completed",
            payment_id=ORDER.payment_id,
            provider_ref=session["id"],
            kind=NewsKind.PAID,
            amount_micros=30_000_000,
            currency="MYR",
            needs_look=True,
        )
    ]
    title = {"Stripe-Signature": lower["stripe-signature"]}
    assert await provider.read_webhook(title, body) == notices


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "t=,v1=",
        "nonsense",
        "v1=00",
        "t=1700000000",
        "t=1700000000,v0=00",
        f"t={'9' * 5000},v1=00",
        "t=1700000000,v1=\xe9",
        f"t={int(time.time())},v1={'0' * 64}",
    ],
    ids=range(10),
)
async def test_a_forged_signature_is_refused(
    provider: StripeProvider, double: StripeDouble, session: Document, header: str | None
) -> None:
    body = double.event("checkout.session.completed", shown(session))
    headers = {} if header is None else {"stripe-signature": header}
    with pytest.raises(WebhookForged):
        await provider.read_webhook(headers, body)


async def test_a_changed_body_is_refused(
    provider: StripeProvider, double: StripeDouble, session: Document
) -> None:
    body = double.event("checkout.session.completed", shown(session))
    headers = sign(body, SECRET)
    for changed in (body.replace(b"3000", b"9000"), body + b" ", b"", b"\xff\xfe", body[:-1]):
        with pytest.raises(WebhookForged):
            await provider.read_webhook(headers, changed)


async def test_a_signature_of_somebody_elses_secret_is_refused(
    provider: StripeProvider, double: StripeDouble, session: Document
) -> None:
    body = double.event("checkout.session.completed", shown(session))
    with pytest.raises(WebhookForged):
        await provider.read_webhook(sign(body, "whsec_other"), body)


@pytest.mark.parametrize(("age_seconds", "fresh"), [(0, True), (290, True), (310, False)])
async def test_a_signature_counts_for_five_minutes(
    provider: StripeProvider,
    double: StripeDouble,
    session: Document,
    age_seconds: int,
    fresh: bool,
) -> None:
    body = double.event("checkout.session.expired", shown(session))
    headers = sign(body, SECRET, int(time.time()) - age_seconds)
    if fresh:
        assert len(await provider.read_webhook(headers, body)) == 1
    else:
        with pytest.raises(WebhookForged):
            await provider.read_webhook(headers, body)


async def test_a_replayed_event_says_the_same_under_the_same_name(
    provider: StripeProvider, double: StripeDouble, session: Document
) -> None:
    body = double.event("checkout.session.expired", shown(session))
    headers = sign(body, SECRET)
    first = await provider.read_webhook(headers, body)
    assert await provider.read_webhook(headers, body) == first
    assert [n.event_id for n in first] == [event_id(body)]


@pytest.mark.parametrize("between", [" ", ",", ", ", "\n"])
async def test_two_secrets_work_while_one_replaces_the_other(
    address: str, double: StripeDouble, between: str
) -> None:
    provider = provider_at(address, webhook_secrets=f"{SECRET}{between}{NEW_SECRET}")
    body = double.event("payment_intent.succeeded", double.charge_without_us(100))
    for secret in (SECRET, NEW_SECRET):
        assert await provider.read_webhook(sign(body, secret), body) == []
    # Stripe itself signs with both for a day.
    old, new = (sign(body, s)["stripe-signature"] for s in ("whsec_older", NEW_SECRET))
    both = {"stripe-signature": f"{old},{new.partition(',')[2]}"}
    assert await provider.read_webhook(both, body) == []
    with pytest.raises(WebhookForged):
        await provider.read_webhook(sign(body, "whsec_older"), body)
    await provider.close()


@pytest.mark.parametrize("secrets", ["", " , "])
async def test_without_a_secret_nothing_is_believed_and_stripe_is_asked_to_repeat(
    address: str, double: StripeDouble, secrets: str
) -> None:
    provider = provider_at(address, webhook_secrets=secrets)
    body = double.event("payment_intent.succeeded", double.charge_without_us(100))
    with capture_logs() as logs, pytest.raises(ProviderSilent):
        await provider.read_webhook(sign(body, "x"), body)
    assert logs == [
        {
            "event": "stripe.webhook_unproved",
            "log_level": "error",
            "setting": "TAMBAH_STRIPE_WEBHOOK_SECRET",
        }
    ]
    await provider.close()


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"null",
        b"no json",
        b'{"id": "evt_1"}',
        b'{"id": "evt_1", "object": "event", "type": "refund.failed", "data": {"object": {}}}',
    ],
)
async def test_a_signed_event_of_another_shape_is_asked_for_again(
    provider: StripeProvider, body: bytes
) -> None:
    with pytest.raises(ProviderSilent):
        await provider.read_webhook(sign(body, SECRET), body)


async def test_a_thin_event_is_none_of_ours(provider: StripeProvider) -> None:
    body = json.dumps({"id": "evt_1", "object": "v2.core.event", "type": "refund.failed"}).encode()
    assert await provider.read_webhook(sign(body, SECRET), body) == []


# Pages


@pytest.mark.parametrize(
    ("kind", "happens", "says"),
    [
        (
            "checkout.session.async_payment_succeeded",
            "paid",
            {"kind": NewsKind.PAID, "amount_micros": 30_000_000, "needs_look": True},
        ),
        ("checkout.session.completed", "pending", {"kind": None, "needs_look": True}),
        (
            "checkout.session.async_payment_failed",
            "failed",
            {"kind": NewsKind.FAILED, "reason": "declined"},
        ),
        (
            "checkout.session.expired",
            "expired",
            {"kind": NewsKind.EXPIRED, "reason": "expired"},
        ),
    ],
)
async def test_events_of_a_page(
    provider: StripeProvider,
    double: StripeDouble,
    kind: str,
    happens: str,
    says: dict[str, Any],
) -> None:
    fpx = await provider.begin(order(method="fpx"))
    session = double.objects[fpx.provider_ref]
    if happens == "expired":
        double.expire(session["id"])
    else:
        double.pay_later(session["id"])
    if happens in ("paid", "failed"):
        double.settle_late(session["id"], succeeds=happens == "paid")
    (notice,) = await heard(provider, double, kind, session)
    assert notice == Notice(
        event_id=notice.event_id,
        event_type=kind,
        payment_id=ORDER.payment_id,
        provider_ref=session["id"],
        **says,
    )


async def test_another_currency_is_told_and_has_no_amount(
    provider: StripeProvider, double: StripeDouble, session: Document
) -> None:
    for currency in ("usd", "jpy"):
        double.pay(session["id"], currency=currency)
        (notice,) = await heard(provider, double, "checkout.session.completed", session)
        assert (notice.kind, notice.currency, notice.amount_micros) == (
            NewsKind.PAID,
            currency.upper(),
            0,
        )


async def test_another_amount_is_told_as_it_is(
    provider: StripeProvider, double: StripeDouble, session: Document
) -> None:
    double.pay(session["id"], amount=1)
    (notice,) = await heard(provider, double, "checkout.session.completed", session)
    assert (notice.amount_micros, notice.needs_look) == (10_000, True)


async def test_a_page_that_somebody_else_made_names_no_payment_of_ours(
    provider: StripeProvider, double: StripeDouble, session: Document
) -> None:
    foreign = {**session, "client_reference_id": None, "metadata": {}}
    (notice,) = await heard(provider, double, "checkout.session.expired", foreign)
    assert (notice.payment_id, notice.provider_ref) == (None, session["id"])


async def test_a_payment_that_succeeded_is_a_reason_to_look(
    provider: StripeProvider, double: StripeDouble, session: Document
) -> None:
    double.pay(session["id"])
    intent = double.intent_of(session["id"])
    (notice,) = await heard(provider, double, "payment_intent.succeeded", intent)
    assert notice == Notice(
        event_id=notice.event_id,
        event_type="payment_intent.succeeded",
        payment_id=ORDER.payment_id,
        needs_look=True,
    )


@pytest.mark.parametrize(
    "kind",
    [
        "payment_intent.payment_failed",
        "payment_intent.canceled",
        "payment_intent.processing",
        "payment_intent.created",
    ],
)
async def test_other_events_are_nothing_to_us(
    provider: StripeProvider, double: StripeDouble, session: Document, kind: str
) -> None:
    double.fail_a_try(session["id"])
    assert await heard(provider, double, kind, double.intent_of(session["id"])) == []


async def test_a_type_that_nobody_knows_yet_is_nothing_to_us(provider: StripeProvider) -> None:
    body = json.dumps(
        {"id": "evt_1", "object": "event", "type": "refund.teleported", "data": {"object": {}}}
    ).encode()
    assert await provider.read_webhook(sign(body, SECRET), body) == []


# Refunds


@pytest.mark.parametrize(
    "kind", ["refund.created", "refund.updated", "refund.failed", "charge.refund.updated"]
)
@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("succeeded", {"kind": NewsKind.REFUNDED}),
        ("failed", {"kind": NewsKind.REFUND_FAILED, "reason": "account_closed"}),
        ("canceled", {"kind": NewsKind.REFUND_FAILED, "reason": "cancelled"}),
        ("pending", None),
        ("requires_action", None),
    ],
)
async def test_events_of_a_refund_by_its_state(
    provider: StripeProvider,
    double: StripeDouble,
    session: Document,
    kind: str,
    status: str,
    says: dict[str, Any] | None,
) -> None:
    double.pay(session["id"])
    refund = double.refund_by_hand(double.intent_of(session["id"])["id"], 1234, status)
    refund["metadata"] = {"refund_id": "r1", "payment_id": ORDER.payment_id}
    if status == "failed":
        refund["failure_reason"] = "expired_or_canceled_card"
    notices = await heard(provider, double, kind, refund)
    assert notices == (
        []
        if says is None
        else [
            Notice(
                event_id=notices[0].event_id,
                event_type=kind,
                payment_id=ORDER.payment_id,
                amount_micros=12_340_000,
                refund_ref=refund["id"],
                refund_id="r1",
                **says,
            )
        ]
    )
    assert double.requests[1:] == []  # named by its metadata: nobody had to be asked


async def test_a_refund_made_in_the_dashboard_finds_its_payment(
    provider: StripeProvider, double: StripeDouble, session: Document
) -> None:
    double.pay(session["id"])
    refund = double.refund_by_hand(double.intent_of(session["id"])["id"], 500)
    (notice,) = await heard(provider, double, "refund.created", refund)
    assert (notice.payment_id, notice.refund_ref, notice.refund_id, notice.amount_micros) == (
        ORDER.payment_id,
        refund["id"],
        None,
        5_000_000,
    )


async def test_a_refund_of_a_payment_that_is_none_of_ours_is_nothing(
    provider: StripeProvider, double: StripeDouble
) -> None:
    intent = double.charge_without_us(1000)
    refund = double.refund_by_hand(intent["id"], 500)
    assert await heard(provider, double, "refund.created", refund) == []
    charge = double.objects[intent["latest_charge"]]
    assert await heard(provider, double, "charge.refunded", charge) == []
    gone = {**refund, "payment_intent": "pi_gone"}
    assert await heard(provider, double, "refund.created", gone) == []


async def test_a_payment_that_cannot_be_found_just_now_is_asked_for_again(
    provider: StripeProvider, double: StripeDouble, session: Document
) -> None:
    double.pay(session["id"])
    refund = double.refund_by_hand(double.intent_of(session["id"])["id"], 500)
    double.faults.append("500")
    with pytest.raises(ProviderSilent):
        await heard(provider, double, "refund.created", refund)
    assert len(await heard(provider, double, "refund.created", refund)) == 1


async def test_a_charge_refunded_in_parts_says_each_refund(
    provider: StripeProvider, double: StripeDouble, session: Document
) -> None:
    double.pay(session["id"])
    intent = double.intent_of(session["id"])
    first = double.refund_by_hand(intent["id"], 100)
    double.refund_by_hand(intent["id"], 200, "pending")
    third = double.refund_by_hand(intent["id"], 300)
    charge = double.objects[intent["latest_charge"]]
    notices = await heard(provider, double, "charge.refunded", charge)
    assert [(n.kind, n.refund_ref, n.amount_micros) for n in notices] == [
        (NewsKind.REFUNDED, third["id"], 3_000_000),
        (NewsKind.REFUNDED, first["id"], 1_000_000),
    ]


# Disputes


@pytest.mark.parametrize(
    ("kind", "status", "says"),
    [
        ("charge.dispute.created", "needs_response", NewsKind.DISPUTED),
        ("charge.dispute.created", "under_review", NewsKind.DISPUTED),
        ("charge.dispute.created", "warning_needs_response", None),
        ("charge.dispute.created", "prevented", None),
        ("charge.dispute.funds_withdrawn", "needs_response", NewsKind.DISPUTED),
        ("charge.dispute.funds_reinstated", "won", NewsKind.DISPUTE_WON),
        ("charge.dispute.funds_reinstated", "under_review", None),
        ("charge.dispute.closed", "won", NewsKind.DISPUTE_WON),
        ("charge.dispute.closed", "lost", NewsKind.DISPUTE_LOST),
        ("charge.dispute.closed", "warning_closed", None),
        ("charge.dispute.updated", "needs_response", None),
    ],
)
async def test_events_of_a_dispute(
    provider: StripeProvider,
    double: StripeDouble,
    session: Document,
    kind: str,
    status: str,
    says: NewsKind | None,
) -> None:
    double.pay(session["id"])
    dispute = double.dispute(double.intent_of(session["id"])["id"], status)
    notices = await heard(provider, double, kind, dispute)
    assert notices == (
        []
        if says is None
        else [
            Notice(
                event_id=notices[0].event_id,
                event_type=kind,
                payment_id=ORDER.payment_id,
                kind=says,
                amount_micros=30_000_000,
                dispute_ref=dispute["id"],
            )
        ]
    )


async def test_a_dispute_of_a_payment_that_is_none_of_ours_is_nothing(
    provider: StripeProvider, double: StripeDouble
) -> None:
    dispute = double.dispute(double.charge_without_us(1000)["id"])
    assert await heard(provider, double, "charge.dispute.created", dispute) == []
