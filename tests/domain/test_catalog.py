"""What is on sale when: four dated numbers, and the tax history of Malaysian reloads."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambah.domain.catalog import Catalog, Denomination, OwnAmount
from tambah.domain.commands import Credited
from tambah.domain.records import replace
from tambah.domain.refusals import AmountOutOfRange, DenominationUnknown
from tambah.domain.voucher import Batch, BatchState

from .memory_books import MemoryBooks
from .world import (
    ALICE,
    CATALOG,
    KUALA_LUMPUR,
    RM,
    SEN,
    World,
    card,
    code,
    day,
    denomination,
    import_line,
    redeem,
    rules_for,
)


def local(year: int, month: int, number: int) -> datetime:
    """Return the instant at which a day starts in Kuala Lumpur."""
    return datetime(year, month, number, tzinfo=KUALA_LUMPUR).astimezone(UTC)


GST, SST, EXEMPT, EIGHT = (
    local(2015, 4, 1),
    local(2018, 9, 1),
    local(2018, 9, 6),
    local(2024, 3, 1),
)
BEFORE = local(2010, 1, 1)
HISTORY = Catalog(
    denominations=(
        denomination(10, since=BEFORE, until=GST),
        denomination(10.60, tax=0.60, days=10, since=GST, until=local(2018, 6, 1)),
        denomination(10, since=local(2018, 6, 1), until=SST),  # GST at 0 %
        denomination(10, tax=0.57, since=SST, until=EXEMPT),
        denomination(10, since=EXEMPT, until=EIGHT),
        denomination(10, since=EIGHT),  # other services went to 8 %, telecommunication did not
    ),
    own_amount=OwnAmount(least_micros=RM, most_micros=500 * RM),
)
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("now", "price", "tax", "credit"),
    [
        (GST - TICK, 1000, 0, 1000),
        (GST, 1060, 60, 1000),
        (local(2018, 6, 1) - TICK, 1060, 60, 1000),
        (local(2018, 6, 1), 1000, 0, 1000),
        (SST - TICK, 1000, 0, 1000),
        (SST, 1000, 57, 943),
        (EXEMPT - TICK, 1000, 57, 943),
        (EXEMPT, 1000, 0, 1000),
        (EIGHT - TICK, 1000, 0, 1000),
        (EIGHT, 1000, 0, 1000),
        (local(2026, 1, 1), 1000, 0, 1000),
    ],
)
def test_the_tax_history_of_rm10(now: datetime, price: int, tax: int, credit: int) -> None:
    offers = HISTORY.on_sale(now)
    assert [(d.price_micros, d.tax_micros, d.credit_micros) for d in offers] == [
        (price * SEN, tax * SEN, credit * SEN)
    ]
    assert HISTORY.denomination(price * SEN, now) == offers[0]
    assert HISTORY.offer(price * SEN, now) == offers[0]


def batch_of(batch_id: int, offer: Denomination) -> Batch:
    """Return a batch of cards made from what was on sale."""
    return Batch(
        batch_id=batch_id,
        state=BatchState.RELEASED,
        key_id=1,
        price_micros=offer.price_micros,
        tax_micros=offer.tax_micros,
        credit_micros=offer.credit_micros,
        bonus_micros=offer.bonus_micros,
        valid_days=offer.valid_days,
        bonus_days=offer.bonus_days,
    )


def test_a_card_sold_before_a_tax_change_keeps_its_promise() -> None:
    under_gst = batch_of(1, HISTORY.on_sale(GST)[0])
    under_sst = batch_of(2, HISTORY.on_sale(SST)[0])
    world = World(partners=(), cards={code(1): card(under_gst, 1), code(2): card(under_sst, 1)})
    books = MemoryBooks(rules_for(catalog=HISTORY), world)
    books.submit(import_line(until=EXEMPT + timedelta(days=30)), SST)
    during_sst = books.submit(redeem("1", code(1)), SST)
    after_sst = books.submit(redeem("2", code(2)), EXEMPT)
    assert isinstance(during_sst, Credited)
    assert isinstance(after_sst, Credited)
    assert (during_sst.price_micros, during_sst.tax_micros) == (1060 * SEN, 60 * SEN)
    assert during_sst.credited_micros == 1000 * SEN
    assert (after_sst.price_micros, after_sst.tax_micros) == (1000 * SEN, 57 * SEN)
    assert after_sst.balance_micros == 1943 * SEN


def test_what_is_on_sale_comes_by_price() -> None:
    assert [d.price_micros // RM for d in CATALOG.on_sale(day(0))] == [5, 10, 20, 30, 50]


def test_a_denomination_is_on_sale_from_and_until_its_instants() -> None:
    dated = denomination(10, since=day(0), until=day(2))
    assert [dated.is_on_sale(day(n) - TICK) for n in (0, 1, 2)] == [False, True, True]
    assert [dated.is_on_sale(day(n)) for n in (0, 1, 2)] == [True, True, False]
    assert denomination(10, since=day(0)).is_on_sale(datetime(9999, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(("price", "now"), [(11, day(0)), (10.60, day(0)), (10, BEFORE - TICK)])
def test_denomination_refuses_what_is_not_on_sale(price: float, now: datetime) -> None:
    with pytest.raises(DenominationUnknown):
        HISTORY.denomination(round(price * 100) * SEN, now)


def test_an_amount_of_ones_own_has_days_for_each_ringgit_and_no_bonus() -> None:
    offer = CATALOG.offer(12_500_000, day(0))
    assert offer == Denomination(
        price_micros=12_500_000,
        tax_micros=0,
        credit_micros=12_500_000,
        bonus_micros=0,
        valid_days=12,
        bonus_days=0,
        on_sale_from=day(0),
    )
    assert CATALOG.offer(RM, day(0)).valid_days == 1
    twice = Catalog(
        denominations=(),
        own_amount=OwnAmount(least_micros=SEN, most_micros=RM, days_per_ringgit=2),
    )
    assert twice.offer(RM, day(0)).valid_days == 2
    assert twice.offer(50 * SEN, day(0)).valid_days == 1, "a day at least"


@pytest.mark.parametrize("amount", [RM - SEN, 500 * RM + SEN, 0, -RM])
def test_amounts_out_of_range_are_refused_with_the_limits(amount: int) -> None:
    with pytest.raises(AmountOutOfRange) as refused:
        CATALOG.offer(amount, day(0))
    assert refused.value.params == {"least": "1.00", "most": "500.00"}


@pytest.mark.parametrize(
    ("price", "tax", "credit"),
    [(1000, 57, 943), (500, 28, 472), (3000, 170, 2830), (10000, 566, 9434), (100, 6, 94)],
)
def test_tax_in_an_own_amount_is_whole_sen(price: int, tax: int, credit: int) -> None:
    taxed = Catalog(
        denominations=(),
        own_amount=OwnAmount(least_micros=RM, most_micros=500 * RM, tax_permille=60),
    )
    offer = taxed.offer(price * SEN, day(0))
    assert (offer.tax_micros, offer.credit_micros) == (tax * SEN, credit * SEN)


@given(st.integers(100, 50000), st.sampled_from([0, 60, 80, 100]))
def test_tax_and_credit_of_an_own_amount_make_its_price(sen: int, permille: int) -> None:
    catalog = Catalog(
        denominations=(),
        own_amount=OwnAmount(least_micros=RM, most_micros=500 * RM, tax_permille=permille),
    )
    offer = catalog.offer(sen * SEN, day(0))
    assert offer.tax_micros + offer.credit_micros == offer.price_micros
    assert offer.tax_micros % SEN == 0
    assert abs(offer.tax_micros * (1000 + permille) - sen * SEN * permille) <= 500 * SEN * 3


@pytest.mark.parametrize(("tax", "credit"), [(0, 11), (1, 10), (0, 9), (10, 0)])
def test_a_catalog_whose_numbers_do_not_add_up_is_a_mistake(tax: int, credit: int) -> None:
    wrong = replace(
        denomination(10), tax_micros=tax * RM, credit_micros=credit * RM, price_micros=10 * RM
    )
    with pytest.raises(ValueError, match=r"RM10\.00 is not the sum"):
        Catalog(denominations=(wrong,), own_amount=CATALOG.own_amount)


def test_dates_of_the_history_are_local_days() -> None:
    assert KUALA_LUMPUR.utcoffset(SST.replace(tzinfo=None)) == timedelta(hours=8)
    assert SST.date() == date(2018, 8, 31)
    assert SST.hour == 16
    assert ALICE == 60123456789
