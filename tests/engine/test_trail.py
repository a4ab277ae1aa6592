"""The signed ends of the audit trail: what was cut off or changed is found against them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import asyncpg
import pytest

from tambah.domain.actor import Actor
from tambah.domain.refusals import AuditHeadMalformed
from tambah.engine.administer import add_partner
from tambah.engine.keys import Keys, parse_peppers
from tambah.engine.trail import check_head, write_head
from tambah.engine.verifying import verify
from tambah.store.database import Database
from tests.conftest import Fresh

WHO = Actor(who="cli:test", why="for the test")


async def fill(database: Database) -> None:
    """Leave three rows in the trail."""
    for name in ("Demo one", "Demo two", "Demo three"):
        await add_partner(database, name=name, actor=WHO)


async def as_owner(fresh: Fresh, *statements: str) -> None:
    """Run statements as the database's owner, whom no grant holds back."""
    owner = await asyncpg.connect(fresh.owner_dsn)
    for statement in statements:
        await owner.execute(statement)
    await owner.close()


async def test_a_trail_that_only_grew_holds_all_of_it(database: Database, keys: Keys) -> None:
    await fill(database)
    text = await write_head(database, keys, WHO, datetime.now(UTC))
    await fill(database)

    found = await check_head(database, keys, text)

    assert (found.is_clean, found.days, found.is_ours) == (True, 1, True)


async def test_cutting_the_last_rows_is_found_though_the_chain_was_mended(
    database: Database, keys: Keys, fresh: Fresh
) -> None:
    await fill(database)
    text = await write_head(database, keys, WHO, datetime.now(UTC))
    await as_owner(
        fresh,
        "DELETE FROM audit WHERE seq > 1",
        "UPDATE audit_head SET seq = audit.seq, hash = audit.hash FROM audit"
        " WHERE audit.day = audit_head.day AND audit.seq = 1",
    )
    assert (await verify(database)).findings == ()

    found = await check_head(database, keys, text)

    assert not found.is_clean
    assert [place.rpartition("/")[2] for place in found.missing] == ["3"]


async def test_a_row_that_was_written_anew_is_found(
    database: Database, keys: Keys, fresh: Fresh
) -> None:
    await fill(database)
    text = await write_head(database, keys, WHO, datetime.now(UTC))
    await as_owner(fresh, "UPDATE audit SET who = 'cli:other', hash = '\\x00' WHERE seq = 3")

    found = await check_head(database, keys, text)

    assert [place.rpartition("/")[2] for place in found.changed] == ["3"]
    assert [one.subject.rpartition("/")[2] for one in (await verify(database)).findings] != []


async def test_a_file_that_was_changed_is_refused_and_anothers_is_told(
    database: Database, keys: Keys
) -> None:
    await fill(database)
    text = await write_head(database, keys, WHO, datetime.now(UTC))
    forged = json.loads(text)
    forged["heads"] = []
    for wrong in (json.dumps(forged).encode(), b"", b"{}", b"\x00", text[:-20]):
        with pytest.raises(AuditHeadMalformed):
            await check_head(database, keys, wrong)

    other = parse_peppers(f"9: {'99' * 32}\n")
    assert not (await check_head(database, other, text)).is_ours
