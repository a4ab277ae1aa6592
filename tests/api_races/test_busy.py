"""A full queue says so and loses nothing; the usual one holds a thousand."""

from __future__ import annotations

import asyncio
from collections import Counter

from tambah.config import Settings
from tests.faults.house import House
from tests.faults.wire import Answer

from .conftest import Street
from .doors import top_up


async def ask_all(street: Street, port: int, name: str, lines: list[str]) -> list[Answer]:
    """Ask for a top-up of each line at the same moment, each over a connection of its own."""
    wires = [street.wire(port=port) for _ in lines]
    for wire in wires:
        await wire.open()
    return await asyncio.gather(
        *(
            top_up(wire, street.demo.api_key, msisdn, f"{name}/{n}")
            for n, (wire, msisdn) in enumerate(zip(wires, lines, strict=True))
        )
    )


async def count_references(street: Street, name: str) -> int:
    """Return how many top-ups bear a reference of that name."""
    async with street.house.looked_into() as connection:
        return await connection.fetchval(
            "SELECT count(*) FROM topup WHERE reference LIKE $1", f"{name}/%"
        )


async def test_a_full_queue_refuses_with_retry_after_and_loses_nothing(street: Street) -> None:
    lines = street.lines(200)
    log = street.house.log.with_name("narrow.log")
    narrow = House(street.house.data_dir, log, environ={"TAMBAH_QUEUE_LIMIT": "5"})
    narrow.start()
    try:
        await narrow.wait_ready()
        first = await ask_all(street, narrow.port, "busy", lines)
        told = Counter((answer.status, answer.code) for answer in first)
        done = told[(201, "")]
        assert set(told) == {(201, ""), (429, "busy")}
        assert done >= 5
        busy = [answer for answer in first if answer.status == 429]
        assert {int(answer.headers["retry-after"]) >= 1 for answer in busy} == {True}
        assert await count_references(street, "busy") == done

        # The same keys again, a few at a time: each is done once, the done ones as they were.
        wire = street.wire(port=narrow.port)
        again = [
            await top_up(wire, street.demo.api_key, msisdn, f"busy/{n}")
            for n, msisdn in enumerate(lines)
        ]
        assert Counter(answer.status for answer in again) == {201: 200}
        assert [
            now.body for then, now in zip(first, again, strict=True) if then.status == 201
        ] == [then.body for then in first if then.status == 201]
        assert await count_references(street, "busy") == 200
    finally:
        narrow.stop()


async def test_a_thousand_at_once_are_all_taken(street: Street) -> None:
    assert Settings().queue_limit >= 1_000
    lines = street.lines(250) * 4

    answers = await ask_all(street, street.house.port, "thousand", lines)

    assert Counter(answer.status for answer in answers) == {201: 1_000}
    assert await count_references(street, "thousand") == 1_000
