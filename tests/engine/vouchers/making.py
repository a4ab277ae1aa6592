"""What the tests of vouchers as stock share: requests, a predictable source, readings."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime

from tambah.domain.actor import Actor
from tambah.domain.rules import Rules
from tambah.engine.keys import Keys
from tambah.engine.vouchers import BatchRequest, CodeSource, Generated, generate
from tambah.store.database import Database

RM = 1_000_000
NOW = datetime(2026, 3, 1, 4, tzinfo=UTC)
STAFF = Actor(who="aminah", why="first cards for Ipoh")


def request(quantity: int, **changes: object) -> BatchRequest:
    """Return a request for RM30 cards whose codes are handed back."""
    values: dict[str, object] = {
        "price_micros": 30 * RM,
        "quantity": quantity,
        "now": NOW,
        "actor": STAFF,
        "operator": "Kancil Mobile",
        "keep_codes": quantity <= 1000,
        **changes,
    }
    return BatchRequest(**values)  # type: ignore[arg-type]


async def make(
    database: Database, keys: Keys, rules: Rules, quantity: int, **changes: object
) -> Generated:
    """Make a batch."""
    return await generate(database, keys, rules.catalog, request(quantity, **changes))


def predictable(seed: str) -> Callable[[int], bytes]:
    """Return a source of the same bytes each time, for tests that must know the codes."""
    calls = iter(range(1_000_000))

    def source(count: int) -> bytes:
        return hashlib.shake_256(f"{seed} {next(calls)}".encode()).digest(count)

    return source


def small_space(space: int, chunk: int = 200_000) -> CodeSource:
    """Return a source of only so many codes, so that they collide."""
    return CodeSource(space=space, chunk=chunk)


async def count_audit(database: Database, action: str) -> int:
    """Return how many audit rows an action has."""
    return await database.fetch_value("SELECT count(*) FROM audit WHERE action = $1", action)
