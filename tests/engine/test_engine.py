"""The engine on a real PostgreSQL."""

from __future__ import annotations

import asyncio

import pytest

from tambah.domain.commands import Credited, RedeemVoucher, TopUp
from tambah.domain.guessing import Audience
from tambah.domain.refusals import (
    CodeAlreadyYours,
    CodeNotUsable,
    FloatTooLow,
    IdempotencyKeyReused,
    NumberUnknown,
    ReferenceUsed,
    Refusal,
)
from tambah.domain.voucher import check_digit
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.store.database import Database

from .books import RM, add_cards, add_line, add_partner

ALICE = 60123456789


def code(number: int) -> str:
    """Return the number-th well-formed code."""
    digits = f"{number:015d}"
    return digits + check_digit(digits)


def redeem(msisdn: int, digits: str, key: str, **changes: object) -> RedeemVoucher:
    """Return a guest's redemption."""
    values = {"caller": "web", "audience": Audience.GUEST, **changes}
    return RedeemVoucher(request_key=key, msisdn=msisdn, digits=digits, **values)  # type: ignore[arg-type]


async def test_redeem_voucher_credits_and_tells(
    engine: Engine, database: Database, keys: Keys
) -> None:
    line_id = await add_line(engine, database, ALICE)
    await add_cards(database, keys, [code(1)])

    credited = await engine.submit(redeem(ALICE, code(1), "one"))

    assert credited.credited_micros == 10 * RM
    assert credited.balance_micros == 10 * RM
    rows = await database.fetch(
        "SELECT kind, debit, credit, amount_micros, balance_micros, seq FROM transfer "
        "WHERE owner_id = $1",
        line_id,
    )
    assert [tuple(row) for row in rows] == [(1, 10, 1, 10 * RM, 10 * RM, 1)]
    told = await database.fetch("SELECT template, msisdn FROM outbox")
    assert [tuple(row) for row in told] == [("credited", ALICE)]


async def test_repeat_of_a_key_gets_the_first_answer(
    engine: Engine, database: Database, keys: Keys
) -> None:
    await add_line(engine, database, ALICE)
    await add_cards(database, keys, [code(1), code(2)])
    first = await engine.submit(redeem(ALICE, code(1), "one"))

    again = await engine.submit(redeem(ALICE, code(1), "one"))

    assert again == first
    with pytest.raises(IdempotencyKeyReused):
        await engine.submit(redeem(ALICE, code(2), "one"))
    with pytest.raises(CodeAlreadyYours):
        await engine.submit(redeem(ALICE, code(1), "other"))


async def test_two_hundred_callers_of_one_code_credit_once(
    engine: Engine, database: Database, keys: Keys
) -> None:
    numbers = [ALICE + n for n in range(200)]
    for number in numbers:
        await add_line(engine, database, number)
    await add_cards(database, keys, [code(1)])

    answers = await asyncio.gather(
        *(engine.submit(redeem(n, code(1), "same")) for n in numbers), return_exceptions=True
    )

    assert sum(isinstance(a, Credited) for a in answers) == 1
    assert sum(isinstance(a, CodeNotUsable) for a in answers) == 199
    assert await database.fetch_value("SELECT sum(remaining_micros) FROM bucket") == 10 * RM


async def test_top_up_takes_from_the_float(engine: Engine, database: Database) -> None:
    line_id = await add_line(engine, database, ALICE)
    partner_id = await add_partner(database, credit_limit_micros=25 * RM)
    top_up = TopUp(
        caller="partner:1",
        request_key="a",
        msisdn=ALICE,
        partner_id=partner_id,
        amount_micros=10 * RM,
        reference="first",
    )

    credited = await engine.submit(top_up)

    assert credited.balance_micros == 10 * RM
    held = await database.fetch("SELECT owner_id, remaining_micros FROM bucket")
    assert {row[0]: row[1] for row in held} == {line_id: 10 * RM, partner_id: -10 * RM}
    with pytest.raises(ReferenceUsed):
        await engine.submit(TopUp(**{**_fields(top_up), "request_key": "b"}))
    await engine.submit(TopUp(**{**_fields(top_up), "request_key": "c", "reference": "second"}))
    with pytest.raises(FloatTooLow):
        await engine.submit(TopUp(**{**_fields(top_up), "request_key": "d", "reference": "third"}))


async def test_unknown_number_is_refused(engine: Engine, keys: Keys) -> None:
    with pytest.raises(NumberUnknown):
        await engine.submit(redeem(60199999999, code(1), "x"))


def _fields(command: TopUp) -> dict[str, object]:
    return {name: getattr(command, name) for name in command.__slots__}


async def test_every_command_of_a_batch_is_answered_on_its_own(
    engine: Engine, database: Database, keys: Keys
) -> None:
    await add_line(engine, database, ALICE)
    await add_cards(database, keys, [code(n) for n in range(1, 4)])
    wanted = [redeem(ALICE, code(n), f"k{n}", audience=Audience.OWN) for n in (1, 9, 2, 8, 3)]

    answers = await asyncio.gather(*(engine.submit(c) for c in wanted), return_exceptions=True)

    assert [type(a) for a in answers] == [
        Credited,
        CodeNotUsable,
        Credited,
        CodeNotUsable,
        Credited,
    ]
    assert not [a for a in answers if isinstance(a, Exception) and not isinstance(a, Refusal)]
