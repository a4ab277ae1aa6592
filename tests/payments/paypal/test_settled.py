"""PayPal's Transaction Search as settlement records."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tambah.payments.paypal import PayPalProvider
from tambah.payments.provider import ProviderSilent, Settled, SettledKind
from tests.payments.paypal.conftest import Maker
from tests.payments.paypal.double import Double

DAY = date(2026, 11, 23)


def record(code: str, value: str, at: str = "2026-11-23T04:00:00Z", **more: Any) -> dict[str, Any]:
    return {
        "transaction_id": f"9T{code}00000000000",
        "transaction_event_code": code,
        "transaction_initiation_date": at,
        "transaction_status": "S",
        "transaction_amount": {"currency_code": "MYR", "value": value},
        **more,
    }


async def read(paypal: PayPalProvider, first: date = DAY, last: date = DAY) -> list[Settled]:
    return [one async for one in paypal.settled(first, last)]


async def test_payment_is_read_with_its_fee_and_names(paypal: PayPalProvider, double: Double):
    fee = {"currency_code": "MYR", "value": "-3.02"}
    names = {
        "custom_field": "p1.x",
        "paypal_reference_id": "5O1",
        "paypal_reference_id_type": "ODR",
    }
    double.transactions = [record("T0006", "30.00", fee_amount=fee, **names)]
    assert await read(paypal) == [
        Settled(
            record_id="9TT000600000000000:T0006",
            day=DAY,
            kind=SettledKind.PAYMENT,
            gross_micros=30_000_000,
            fee_micros=3_020_000,
            provider_ref="5O1",
            payment_id="p1.x",
            text="T0006",
        )
    ]


async def test_refund_gives_part_of_the_fee_back(paypal: PayPalProvider, double: Double):
    fee = {"currency_code": "MYR", "value": "1.02"}
    names = {"invoice_id": "r1.x", "custom_field": "p1.x", "paypal_reference_id": "3C1"}
    double.transactions = [
        record("T1107", "-10.50", fee_amount=fee, paypal_reference_id_type="TXN", **names)
    ]
    assert await read(paypal) == [
        Settled(
            record_id="9TT110700000000000:T1107",
            day=DAY,
            kind=SettledKind.REFUND,
            gross_micros=-10_500_000,
            fee_micros=-1_020_000,
            refund_ref="9TT110700000000000",
            payment_id="p1.x",
            text="T1107",
        )
    ]


@pytest.mark.parametrize(
    ("code", "value", "kind"),
    [
        ("T0000", "1.00", SettledKind.PAYMENT),
        ("T0001", "-1.00", SettledKind.OTHER),
        ("T0106", "-1.00", SettledKind.FEE),
        ("T0400", "-1.00", SettledKind.OTHER),
        ("T1106", "-1.00", SettledKind.DISPUTE),
        ("T1108", "1.00", SettledKind.FEE),
        ("T1110", "-1.00", SettledKind.DISPUTE),
        ("T1111", "1.00", SettledKind.DISPUTE),
        ("T1201", "-1.00", SettledKind.DISPUTE),
        ("T9999", "-1.00", SettledKind.OTHER),
    ],
)
async def test_kinds_follow_the_event_code(
    paypal: PayPalProvider, double: Double, code: str, value: str, kind: SettledKind
):
    double.transactions = [record(code, value)]
    (one,) = await read(paypal)
    assert one.kind is kind


async def test_other_currencies_are_named_and_not_counted(paypal: PayPalProvider, double: Double):
    dollars = {"transaction_amount": {"currency_code": "USD", "value": "12.00"}}
    double.transactions = [record("T0006", "0", **dollars)]
    (one,) = await read(paypal)
    assert (one.kind, one.gross_micros, one.text) == (SettledKind.OTHER, 0, "T0006 USD 12.00")


async def test_what_moved_no_money_is_left_out(paypal: PayPalProvider, double: Double):
    double.transactions = [
        record("T0006", "1.00", transaction_status="P"),
        record("T0007", "1.00", transaction_status="D"),
        record("T0011", "1.00", transaction_status="V"),
    ]
    assert [one.text for one in await read(paypal)] == ["T0011"]


async def test_days_are_the_operators(paypal: PayPalProvider, double: Double):
    # Kuala Lumpur is eight hours ahead: its 23 November begins at 16:00 UTC on the 22nd.
    double.transactions = [
        record("T0001", "1.00", "2026-11-22T15:59:59Z"),
        record("T0002", "1.00", "2026-11-22T16:00:00Z"),
        record("T0003", "1.00", "2026-11-23T15:59:59Z"),
        record("T0004", "1.00", "2026-11-23T16:00:00Z"),
    ]
    assert [one.text for one in await read(paypal)] == ["T0002", "T0003"]
    found = await read(paypal, date(2026, 11, 22), date(2026, 11, 24))
    assert [(one.day.day, one.text) for one in found] == [
        (22, "T0001"),
        (23, "T0002"),
        (23, "T0003"),
        (24, "T0004"),
    ]


async def test_every_page_is_read(paypal: PayPalProvider, double: Double):
    double.transactions = [record(f"T00{number:02d}", "1.00") for number in range(7)]
    double.page_size = 3
    assert [one.text for one in await read(paypal)] == [f"T00{number:02d}" for number in range(7)]
    assert double.count("GET transactions") == 3


async def test_day_without_records_is_empty(paypal: PayPalProvider, double: Double):
    assert await read(paypal) == []


async def test_search_that_is_not_switched_on_is_silence(paypal: PayPalProvider, double: Double):
    double.can_search = False
    with pytest.raises(ProviderSilent):
        await read(paypal)


@pytest.mark.parametrize("how", ["500", "drop", "hang", "400"])
async def test_search_without_an_answer_is_silence(make: Maker, double: Double, how: str):
    double.break_next("/transactions", how)
    with pytest.raises(ProviderSilent):
        await read(make(timeout_seconds=0.3 if how == "hang" else 5.0))
