"""References of tickets, what they promise, and damaged cards."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from tambah.domain.line import Language
from tambah.domain.payment import REFERENCE_ALPHABET
from tambah.domain.refusals import CardDigitsMalformed
from tambah.domain.service_hours import ServiceHours, parse_week
from tambah.domain.ticket import (
    Category,
    Ticket,
    TicketRule,
    TicketState,
    completions,
    fold_readable,
    fold_ticket,
    show_ticket,
    ticket_reference,
)
from tambah.domain.voucher import check_digit

from .world import KUALA_LUMPUR

NOW = datetime(2026, 11, 30, 2, tzinfo=UTC)  # a Monday, 10:00 in Kuala Lumpur
STEM = "123456789012345"
CODE = STEM + check_digit(STEM)


def references(count: int) -> list[str]:
    return [ticket_reference(hashlib.sha256(bytes([n])).digest()) for n in range(count)]


def test_a_reference_has_no_character_that_looks_like_another() -> None:
    made = references(200)
    assert len(set(made)) == 200
    assert {len(one) for one in made} == {9}
    assert not set("".join(made)) & set("01IOZ")


def test_a_reference_is_read_as_people_write_it() -> None:
    for reference in references(20):
        shown = show_ticket(reference)
        assert len(shown.split("-")) == 3
        assert fold_ticket(f" {shown.lower()} ") == reference
        assert fold_ticket(shown.replace("-", " ")) == reference


def test_one_wrong_character_is_noticed() -> None:
    [reference] = references(1)
    for at in range(9):
        for other in set(REFERENCE_ALPHABET) - {reference[at]}:
            assert fold_ticket(reference[:at] + other + reference[at + 1 :]) is None


@pytest.mark.parametrize("typed", ["", "ABC", "ABCDEFGHJK", "OOOOOOOOO", "AB1DEFGHJ"])
def test_what_is_no_reference_is_none(typed: str) -> None:
    assert fold_ticket(typed) is None


def test_a_target_is_in_business_hours() -> None:
    rule = TicketRule(
        hours=ServiceHours(zone=KUALA_LUMPUR, week=parse_week(["mon-fri 09:00-18:00"])),
        target_minutes=dict.fromkeys(Category, 60) | {Category.OTHER: 600},
    )
    assert rule.due(Category.FAILED_TOPUP, NOW) == NOW + timedelta(hours=1)
    assert rule.due(Category.OTHER, NOW) == NOW + timedelta(hours=25)


@pytest.mark.parametrize(
    ("due_at", "overdue"),
    [(None, False), (NOW + timedelta(seconds=1), False), (NOW, True)],
)
def test_a_ticket_is_overdue_from_the_instant_on(due_at: datetime | None, overdue: bool) -> None:
    ticket = Ticket(
        reference="x",
        form=b"",
        number_digest=None,
        sealed=None,
        line_id=None,
        category=Category.OTHER,
        state=TicketState.OPEN,
        language=Language.EN,
        opened_at=NOW,
        changed_at=NOW,
        due_at=due_at,
    )
    assert ticket.is_overdue(NOW) is overdue


@pytest.mark.parametrize(
    ("typed", "folded"),
    [
        (CODE, CODE),
        ("1234 5678 9012 34??", "12345678901234??"),
        ("1234-5678-9012-34_*", "12345678901234??"),
        ("？？34 5678 9012 34＿＿", "??345678901234??"),
        ("7k29 8h4d 6t35 90w?", "752984436835909?"),
    ],
)
def test_readable_digits_are_folded_like_a_code(typed: str, folded: str) -> None:
    assert fold_readable(typed) == folded


@pytest.mark.parametrize(
    "typed", ["", "1234", CODE + "1", "?????" + CODE[5:], "1234 5678 9012 34é5", "?" * 16]
)
def test_too_little_of_a_card_is_refused(typed: str) -> None:
    with pytest.raises(CardDigitsMalformed):
        fold_readable(typed)


def test_completions_hold_the_code_and_only_what_the_check_digit_lets_through() -> None:
    assert list(completions(CODE)) == [CODE]
    assert list(completions("?" + CODE[1:])) == [CODE]
    readable = "??" + CODE[2:9] + "??" + CODE[11:]
    found = list(completions(readable))
    assert CODE in found
    assert len(found) == len(set(found)) == 1000
    assert {check_digit(one) for one in found} == {"0"}
    assert {one[2:9] + one[11:] for one in found} == {CODE[2:9] + CODE[11:]}
