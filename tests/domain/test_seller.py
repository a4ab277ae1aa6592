"""Sellers in shops: names, PINs and their ladder, sessions, when the PIN is asked again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tambah.domain.line import Language
from tambah.domain.records import replace
from tambah.domain.refusals import FieldMalformed, PinTooWeak
from tambah.domain.seller import (
    Seller,
    SellerRule,
    SellerSession,
    SellerState,
    count_wrong_pin,
    fold_seller_name,
    forget_wrong_pins,
    require_pin,
)

NOW = datetime(2026, 11, 30, 2, tzinfo=UTC)
RULE = SellerRule(
    ladder=((2, 15), (4, 60)),
    session_hours=10,
    idle_minutes=30,
    pin_minutes=5,
    pin_above_micros=50_000_000,
)
NUMBER = 60129998877
SELLER = Seller(
    seller_id=7,
    partner_id=3,
    name="Till 1",
    msisdn=NUMBER,
    language=Language.MS,
    state=SellerState.ACTIVE,
    created_at=NOW,
)
SESSION = SellerSession(
    seller_id=7, digest=b"d", proved_at=NOW, seen_at=NOW, expires_at=NOW + timedelta(hours=10)
)


def test_a_name_is_folded() -> None:
    assert fold_seller_name("  Till \t 1 ") == "Till 1"


@pytest.mark.parametrize("name", ["", "   ", "x" * 33, "a\x00b"])
def test_no_other_name_is_taken(name: str) -> None:
    with pytest.raises(FieldMalformed):
        fold_seller_name(name)


@pytest.mark.parametrize("pin", ["402958", "112233", "135790"])
def test_a_pin_of_six_digits_is_taken(pin: str) -> None:
    require_pin(pin, NUMBER)


@pytest.mark.parametrize(
    "pin",
    [
        "",
        "40295",
        "4029581",
        "40295x",
        "４０２９５８",
        "000000",
        "121212",
        "123456",
        "987654",
        "998877",
    ],
)
def test_a_weak_pin_is_refused(pin: str) -> None:
    with pytest.raises(PinTooWeak):
        require_pin(pin, NUMBER)


def test_wrong_pins_in_a_row_lock_and_a_right_one_forgets() -> None:
    once = count_wrong_pin(SELLER, RULE, NOW)
    twice = count_wrong_pin(once, RULE, NOW)

    assert (once.wrong, once.may_try(NOW)) == (1, True)
    assert (twice.wrong, twice.locked_until) == (2, NOW + timedelta(minutes=15))
    assert not twice.may_try(NOW)
    assert twice.may_try(NOW + timedelta(minutes=15))
    assert forget_wrong_pins(twice) == SELLER


def test_a_disabled_seller_may_not_try() -> None:
    assert not replace(SELLER, state=SellerState.DISABLED).may_try(NOW)


@pytest.mark.parametrize(
    ("session", "after", "holds"),
    [
        (SESSION, timedelta(minutes=29), True),
        (SESSION, timedelta(minutes=30), False),
        (replace(SESSION, seen_at=NOW + timedelta(hours=10)), timedelta(hours=10), False),
    ],
)
def test_a_session_ends(session: SellerSession, after: timedelta, holds: bool) -> None:
    assert session.holds(RULE, NOW + after) is holds


@pytest.mark.parametrize(
    ("price_micros", "after", "asks"),
    [
        (50_000_000, timedelta(minutes=4), False),
        (50_000_001, timedelta(), True),
        (1_000_000, timedelta(minutes=5), True),
    ],
)
def test_the_pin_is_asked_again_for_much_or_after_a_while(
    price_micros: int, after: timedelta, asks: bool
) -> None:
    assert RULE.asks_pin(SESSION, price_micros, NOW + after) is asks
