"""Two processes on one data directory: either may go, the other serves on."""

from __future__ import annotations

import asyncio
import time

from tests.faults.wire import LOST

from .conftest import Street
from .doors import top_up

BOUND_SECONDS = 30.0


async def test_the_second_serves_on_when_the_first_is_killed_with_its_database(
    street: Street,
) -> None:
    """PostgreSQL ends with the process that started it; the one that joined starts it again."""
    first, second = street.houses
    [msisdn] = street.lines(1)
    assert first.postmaster() is not None
    first.kill()
    try:
        answer = None
        deadline = time.monotonic() + BOUND_SECONDS
        while answer is None or answer.status == 503:
            assert time.monotonic() < deadline, second.said()
            wire = street.wire(port=second.port)
            try:
                answer = await top_up(wire, street.demo.api_key, msisdn, "orphan/1")
            except LOST:
                await asyncio.sleep(0.05)
    finally:
        first.start()
        await first.wait_ready()

    assert answer.status == 201
    # The first is back, on the database that the second has started; the key is the same.
    again = await top_up(street.wire(0), street.demo.api_key, msisdn, "orphan/1")
    assert (again.status, again.body) == (201, answer.body)
    assert first.demo().api_key == street.demo.api_key
