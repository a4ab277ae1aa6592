"""One code, two hundred callers at two doors: one credit, 199 clean refusals."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from tambah.engine.verifying import verify
from tests.faults.wire import Answer

from .conftest import Street
from .doors import draw_token, redeem_by_api, redeem_by_web, send_form

CALLERS = 200


@pytest.mark.parametrize("processes", [1, 2])
async def test_one_code_asked_for_by_200_at_once_is_credited_once(
    street: Street, processes: int
) -> None:
    source = street.source()
    [code] = await street.fresh_codes(1)
    lines = street.lines(CALLERS)
    before = await totals(street, code)
    wires = [street.wire(place % processes, source=source) for place in range(CALLERS)]
    # The browsers have the page open and everybody's connection stands: then all press at once.
    # Two by two they alternate, so that each door is tried at each process.
    by_web = [place // 2 % 2 == 1 for place in range(CALLERS)]
    tokens = [await draw_token(w) if web else "" for w, web in zip(wires, by_web, strict=True)]
    for wire in wires:
        await wire.open()

    async def press(place: int) -> Answer:
        if by_web[place]:
            return await send_form(wires[place], tokens[place], lines[place], code)
        key = f"one-{processes}-{place}"
        return await redeem_by_api(wires[place], street.demo.api_key, lines[place], code, key)

    answers = await asyncio.gather(*(press(place) for place in range(CALLERS)))

    told = Counter(
        (web, answer.status, answer.code) for web, answer in zip(by_web, answers, strict=True)
    )
    credited = told.pop((False, 201, ""), 0), told.pop((True, 303, ""), 0)
    assert sum(credited) == 1
    assert told == {
        (False, 422, "code_not_usable"): CALLERS // 2 - credited[0],
        (True, 422, ""): CALLERS // 2 - credited[1],
    }
    after = await totals(street, code)
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 5_000_000, 1, 1]
    async with street.house.database() as database:
        assert (await verify(database)).findings == ()


async def test_one_code_asked_for_by_its_own_line_again_is_told_apart(street: Street) -> None:
    [code] = await street.fresh_codes(1)
    [msisdn] = street.lines(1)
    wires = [street.wire(0), street.wire(1)]
    key = street.demo.api_key

    answers = await asyncio.gather(
        *(redeem_by_api(wires[n % 2], key, msisdn, code, f"own-{n}") for n in range(2))
    )

    assert sorted(a.status for a in answers) == [201, 409]
    refused = next(a for a in answers if a.status == 409)
    assert refused.code == "code_already_yours"


async def test_200_honest_redemptions_from_one_address_all_succeed(street: Street) -> None:
    source = street.source()
    codes = await street.fresh_codes(CALLERS)
    lines = street.lines(CALLERS)
    waiting = list(zip(codes, lines, strict=True))
    answers: list[Answer] = []

    async def browse(browser: int) -> None:
        wire = street.wire(browser, source=source)
        while waiting:
            code, msisdn = waiting.pop()
            answers.append(await redeem_by_web(wire, msisdn, code))

    await asyncio.gather(*(browse(browser) for browser in range(20)))

    assert Counter(answer.status for answer in answers) == {303: CALLERS}
    assert len({answer.headers["location"] for answer in answers}) == CALLERS


async def totals(street: Street, code: str) -> list[int]:
    """Return top-ups, main credit in all (micro-ringgit), messages, and 1 for a used card."""
    digests = street.house.keys().code_digests(code)
    async with street.house.looked_into() as connection:
        row = await connection.fetchrow(
            """
            SELECT (SELECT count(*) FROM topup),
                   (SELECT sum(remaining_micros)::bigint FROM bucket WHERE kind = 1),
                   (SELECT count(*) FROM outbox),
                   (SELECT count(*) FROM voucher WHERE digest = ANY($1) AND state = 3)
            """,
            digests,
        )
        return list(row)
