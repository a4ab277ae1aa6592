"""The ladder of wrong codes and the budgets hold across processes and forged addresses."""

from __future__ import annotations

import asyncio
from collections import Counter

from .conftest import Street
from .doors import redeem_by_api, redeem_by_web, wrong_code

LADDER_STEP = 5
SOURCE_HOURLY = 30


def forged(number: int) -> dict[str, str]:
    """Return headers that claim another address each time."""
    return {
        "x-forwarded-for": f"203.0.113.{number % 250}",
        "forwarded": f"for=198.51.100.{number}",
    }


async def test_the_ladder_holds_across_processes_and_forged_addresses(street: Street) -> None:
    [msisdn] = street.lines_to_spoil(1)
    [code] = await street.fresh_codes(1)
    source = street.source()
    wires = [street.wire(n, source=source) for n in range(20)]

    answers = await asyncio.gather(
        *(
            redeem_by_web(wire, msisdn, wrong_code(1000 + n), forged(n))
            for n, wire in enumerate(wires)
        )
    )

    # 422 is a wrong code that was counted, 429 a door that was shut.
    assert Counter(answer.status for answer in answers) == {422: LADDER_STEP, 429: 15}
    assert await guest_state(street, msisdn) == (LADDER_STEP, True)
    for place in range(2):
        wire = street.wire(place, source=street.source())
        page = await redeem_by_web(wire, msisdn, code, forged(99))
        assert page.status == 429
        assert 0 < int(page.headers["retry-after"]) <= 900
        api = await redeem_by_api(wire, street.demo.api_key, msisdn, code, f"g-{place}")
        assert (api.status, api.code) == (429, "too_many_wrong_codes")
        assert 0 < int(api.headers["retry-after"]) <= 900

    # The owner's own door was never shut, and the right code was not spent on the way.
    wire = street.wire(1)
    own = await redeem_by_api(wire, street.owner_key, msisdn, code, "own-door")
    assert (own.status, own.json()["credited"]) == (201, "5.00")
    assert await guest_state(street, msisdn) == (LADDER_STEP, True)


async def test_an_owners_wrong_codes_leave_guests_alone(street: Street) -> None:
    [msisdn] = street.lines_to_spoil(1)
    [code] = await street.fresh_codes(1)
    wire = street.wire(source=street.source())

    told = [
        (await redeem_by_api(wire, street.owner_key, msisdn, wrong_code(n), f"w-{n}")).code
        for n in range(2000, 2006)
    ]

    assert told == ["code_not_usable"] * LADDER_STEP + ["too_many_wrong_codes"]
    assert (await redeem_by_web(wire, msisdn, code)).status == 303


async def test_an_addresss_budget_counts_across_processes(street: Street) -> None:
    source, other = street.source(), street.source()
    lines = street.lines_to_spoil(10)
    [code] = await street.fresh_codes(1)
    wires = [street.wire(place, source=source) for place in range(2)]
    told: list[int] = []
    for n in range(SOURCE_HOURLY + 4):
        # Four for each line: below the line's own ladder.
        wire = wires[n % 2]
        told.append(
            (await redeem_by_web(wire, lines[n // 4], wrong_code(3000 + n), forged(n))).status
        )

    assert told == [422] * SOURCE_HOURLY + [429] * 4
    # The right code waits as well, at either process; from elsewhere it is as good as ever.
    for wire in wires:
        assert (await redeem_by_web(wire, lines[9], code, forged(7))).status == 429
    assert (await redeem_by_web(street.wire(source=other), lines[9], code)).status == 303


async def test_a_budget_is_not_outrun_by_trying_all_at_once(street: Street) -> None:
    """A batch counts its own; what another process commits meanwhile may slip by, once each."""
    source = street.source()
    lines = street.lines_to_spoil(60)
    wires = [street.wire(n, source=source) for n in range(120)]

    answers = await asyncio.gather(
        *(
            redeem_by_web(wire, lines[n // 2], wrong_code(4000 + n), forged(n))
            for n, wire in enumerate(wires)
        )
    )

    told = Counter(answer.status for answer in answers)
    assert set(told) == {422, 429}
    assert SOURCE_HOURLY <= told[422] <= 2 * SOURCE_HOURLY


async def test_a_mistyped_code_costs_nothing(street: Street) -> None:
    [msisdn] = street.lines_to_spoil(1)
    [code] = await street.fresh_codes(1)
    wire = street.wire(source=street.source())
    typo = code[:-1] + str((int(code[-1]) + 1) % 10)

    told = [(await redeem_by_web(wire, msisdn, typo)).status for _ in range(12)]

    assert told == [422] * 12
    assert await guest_state(street, msisdn) == (0, False)
    assert (await redeem_by_web(wire, msisdn, code)).status == 303


async def guest_state(street: Street, msisdn: str) -> tuple[int, bool]:
    """Return guests' wrong codes in a row on a line, and whether they are locked out."""
    async with street.house.looked_into() as connection:
        row = await connection.fetchrow(
            """
            SELECT guest_wrong, coalesce(guest_locked_until > now(), false)
              FROM line JOIN number USING (line_id)
             WHERE number.msisdn = $1
            """,
            int(msisdn),
        )
        return row[0], row[1]
