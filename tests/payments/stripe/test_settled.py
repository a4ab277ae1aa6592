"""Stripe's own records of a day: the account's balance transactions."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from tambah.payments.provider import Settled, SettledKind
from tambah.payments.stripe import StripeProvider
from tests.payments.stripe.conftest import KUALA_LUMPUR, ORDER, order
from tests.payments.stripe.double import StripeDouble

DAY = date(2026, 11, 20)


def at(hour: int, minute: int = 0, *, day: date = DAY) -> int:
    """Return a local instant as Stripe writes it."""
    return int(datetime(*day.timetuple()[:3], hour, minute, tzinfo=KUALA_LUMPUR).timestamp())


async def of_days(
    provider: StripeProvider, first: date = DAY, last: date = DAY
) -> dict[str, Settled]:
    """Return the records of some days, by their own names, oldest first."""
    found = [one async for one in provider.settled(first, last)]
    assert len({one.record_id for one in found}) == len(found)
    return {one.record_id: one for one in reversed(found)}


async def _pay(provider: StripeProvider, double: StripeDouble, **changes: object) -> str:
    """Begin and pay at the double's instant; return the payment intent."""
    soon = datetime.fromtimestamp(double.now, UTC) + timedelta(hours=1)
    page = await provider.begin(order(expires_at=soon, **changes))
    double.pay(page.provider_ref)
    return str(double.intent_of(page.provider_ref)["id"])


async def test_every_kind_of_record_is_told(
    provider: StripeProvider, double: StripeDouble
) -> None:
    double.now = at(12)
    card = await _pay(provider, double)
    fpx = await _pay(provider, double, method="fpx", payment_id="p2", total_micros=5_000_000)
    refund = double.refund_by_hand(card, 1000)
    named = double.refund_by_hand(fpx, 200)
    named["metadata"] = {"refund_id": "r1", "payment_id": "p2"}
    double.book(200, "refund_failure", "refund_failure", named["id"])
    double.dispute(card)
    double.book(-55, "stripe_fee", "fee", None)
    payout = double.book(-9000, "payout", "payout", None)
    double.book(-500, "adjustment", "other_adjustment", None)

    found = [
        (one.kind, one.gross_micros, one.fee_micros, one.payment_id, one.refund_ref, one.text)
        for one in (await of_days(provider)).values()
    ]
    ours = ORDER.payment_id
    assert found == [
        (SettledKind.PAYMENT, 30_000_000, 1_900_000, ours, None, "charge"),
        (SettledKind.PAYMENT, 5_000_000, 1_150_000, "p2", None, "payment"),
        (SettledKind.REFUND, -10_000_000, 0, ours, refund["id"], "refund"),
        (SettledKind.REFUND, -2_000_000, 0, "p2", named["id"], "payment_refund"),
        (SettledKind.REFUND, 2_000_000, 0, "p2", named["id"], "refund_failure"),
        (SettledKind.DISPUTE, -30_000_000, 60_000_000, ours, None, "adjustment"),
        (SettledKind.FEE, -550_000, 0, None, None, "stripe_fee"),
        (SettledKind.OTHER, -90_000_000, 0, None, None, "payout"),
        (SettledKind.OTHER, -5_000_000, 0, None, None, "adjustment"),
    ]
    assert (await of_days(provider))[payout["id"]].day == DAY


async def test_a_payment_by_somebody_else_is_told_without_a_name(
    provider: StripeProvider, double: StripeDouble
) -> None:
    double.now = at(12)
    double.charge_without_us(1000)
    (one,) = (await of_days(provider)).values()
    assert (one.kind, one.payment_id, one.provider_ref) == (SettledKind.PAYMENT, None, None)


async def test_days_are_local_days(provider: StripeProvider, double: StripeDouble) -> None:
    instants = {
        at(23, 59, day=DAY - timedelta(days=1)): DAY - timedelta(days=1),
        at(0): DAY,
        at(23, 59): DAY,
        at(0, day=DAY + timedelta(days=1)): DAY + timedelta(days=1),
    }
    for double.now in instants:
        double.book(1, "topup", "topup", None)
    assert [one.day for one in (await of_days(provider)).values()] == [DAY, DAY]
    whole = await of_days(provider, DAY - timedelta(days=1), DAY + timedelta(days=1))
    assert [one.day for one in whole.values()] == list(instants.values())
    assert await of_days(provider, date(2026, 1, 1), date(2026, 1, 31)) == {}


async def test_pages_follow_each_other_to_the_end(
    provider: StripeProvider, double: StripeDouble
) -> None:
    double.now = at(12)
    for sen in range(1, 251):
        double.book(sen, "topup", "topup", None)
    found = await of_days(provider)
    assert [one.gross_micros for one in found.values()] == [sen * 10_000 for sen in range(1, 251)]
    assert len(double.requests) == 3


async def test_another_currency_is_told_in_words(
    provider: StripeProvider, double: StripeDouble
) -> None:
    double.now = at(12)
    double.book(1234, "charge", "charge", None, fee=50, currency="usd")
    (one,) = (await of_days(provider)).values()
    assert (one.kind, one.gross_micros, one.fee_micros, one.text) == (
        SettledKind.OTHER,
        0,
        0,
        "charge 1234 USD",
    )


async def test_one_payment_is_asked_for_once(
    provider: StripeProvider, double: StripeDouble
) -> None:
    double.now = at(12)
    intent = await _pay(provider, double)
    for _ in range(3):
        double.refund_by_hand(intent, 100)
    before = len(double.requests)
    assert {one.payment_id for one in (await of_days(provider)).values()} == {ORDER.payment_id}
    assert [path for _, path, _ in double.requests[before:]] == [
        "/v1/balance_transactions",
        f"/v1/payment_intents/{intent}",
    ]
