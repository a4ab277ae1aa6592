"""Handing out the print file: once, and safe against a power cut at any moment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyrage
import pytest

from tambah.domain.actor import Actor
from tambah.domain.refusals import BatchStateWrong, BatchUnknown, ReasonMissing
from tambah.domain.rules import Rules
from tambah.engine.keys import Keys
from tambah.engine.vouchers import (
    PrintFileDamaged,
    change_batch,
    export_print_file,
    exporting,
)
from tambah.store.database import Database
from tambah.store.ledger import voucher_prints
from tambah.store.views import stock
from tests.engine.vouchers.making import NOW, STAFF, count_audit, make

age: Any = pyrage


@pytest.fixture
def printer() -> Any:
    """Return a printing house's private key."""
    return age.x25519.Identity.generate()


@pytest.fixture
async def batch_id(database: Database, keys: Keys, rules: Rules, printer: Any) -> int:
    """Make a batch with a print file."""
    made = await make(database, keys, rules, 25, recipient=str(printer.to_public()))
    return made.batch_id


def names(folder: Path) -> list[str]:
    """Return what is in a folder."""
    return sorted(path.name for path in folder.iterdir())


async def count_pieces(database: Database) -> int:
    """Return how many pieces of print files are stored."""
    return await database.fetch_value("SELECT count(*) FROM voucher_print")


async def test_export_writes_the_file_and_drops_it_here(
    database: Database, batch_id: int, printer: Any, tmp_path: Path
) -> None:
    path = tmp_path / "cards.age"

    exported = await export_print_file(database, batch_id, path, STAFF, NOW)

    assert (exported.size, exported.again) == (path.stat().st_size, False)
    assert path.stat().st_mode & 0o777 == 0o600
    assert age.decrypt(path.read_bytes(), [printer]).decode().count("\n0001-") == 25
    assert names(tmp_path) == ["cards.age"]
    assert await count_pieces(database) == 0
    batch = await stock.read_batch(database, batch_id)
    assert batch is not None
    assert (batch.exported_at, batch.print_is_here) == (NOW, False)
    assert await count_audit(database, "export_batch") == 1


async def test_export_happens_once(database: Database, batch_id: int, tmp_path: Path) -> None:
    await export_print_file(database, batch_id, tmp_path / "a.age", STAFF, NOW)

    with pytest.raises(BatchStateWrong) as refusal:
        await export_print_file(database, batch_id, tmp_path / "b.age", STAFF, NOW)

    assert refusal.value.params == {"state": "already_exported"}
    assert names(tmp_path) == ["a.age"]


@pytest.mark.parametrize("step", ["_flush_to_disk", "_put_in_place"])
async def test_lost_power_before_the_file_is_safe_lets_it_be_exported_again(
    database: Database,
    batch_id: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    def lose_power(_: object) -> None:
        raise OSError("power cut")

    path = tmp_path / "cards.age"
    with monkeypatch.context() as patch:
        patch.setattr(exporting, step, lose_power)
        with pytest.raises(OSError, match="power cut"):
            await export_print_file(database, batch_id, path, STAFF, NOW)
    assert not path.exists()
    assert await count_pieces(database) > 0
    (tmp_path / "cards.age.part").write_bytes(b"what a killed process leaves")

    exported = await export_print_file(database, batch_id, path, STAFF, NOW)

    assert exported.again
    assert names(tmp_path) == ["cards.age"]
    assert await count_audit(database, "export_batch") == 2


async def test_the_pieces_are_dropped_only_when_the_file_is_on_the_disk(
    database: Database, batch_id: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []

    def record(owner: object, name: str) -> None:
        real = getattr(owner, name)

        def call(*values: object) -> object:
            events.append(name)
            return real(*values)

        monkeypatch.setattr(owner, name, call)

    record(voucher_prints, "mark_exported")
    record(os, "fsync")
    record(Path, "rename")
    record(voucher_prints, "delete_pieces")

    await export_print_file(database, batch_id, tmp_path / "cards.age", STAFF, NOW)

    assert events == ["mark_exported", "fsync", "rename", "fsync", "delete_pieces"]


async def test_a_folder_that_cannot_be_written_to_does_not_use_up_the_export(
    database: Database, batch_id: int, tmp_path: Path
) -> None:
    there = tmp_path / "there.age"
    there.write_bytes(b"mine")

    with pytest.raises(FileExistsError):
        await export_print_file(database, batch_id, there, STAFF, NOW)
    with pytest.raises(FileNotFoundError):
        await export_print_file(database, batch_id, tmp_path / "no" / "x.age", STAFF, NOW)

    batch = await stock.read_batch(database, batch_id)
    assert batch is not None
    assert batch.exported_at is None
    assert there.read_bytes() == b"mine"


async def test_two_exports_at_once_are_one(
    database: Database, batch_id: int, tmp_path: Path
) -> None:
    other = await database.connect()
    try:
        assert await voucher_prints.try_lock_export(other, batch_id)
        with pytest.raises(BatchStateWrong) as refusal:
            await export_print_file(database, batch_id, tmp_path / "x.age", STAFF, NOW)
    finally:
        await other.close()

    assert refusal.value.params == {"state": "being_exported"}


async def test_a_damaged_print_file_is_not_handed_out(
    database: Database, batch_id: int, tmp_path: Path
) -> None:
    await database.execute("UPDATE voucher_print SET sealed = sealed || 'x' WHERE piece = 0")

    with pytest.raises(PrintFileDamaged):
        await export_print_file(database, batch_id, tmp_path / "x.age", STAFF, NOW)

    assert names(tmp_path) == []


async def test_export_refuses_what_has_no_print_file(
    database: Database, keys: Keys, rules: Rules, batch_id: int, tmp_path: Path
) -> None:
    path = tmp_path / "x.age"
    plain = await make(database, keys, rules, 2)
    await change_batch(database, batch_id, "void", STAFF, NOW)

    with pytest.raises(BatchStateWrong) as without:
        await export_print_file(database, plain.batch_id, path, STAFF, NOW)
    with pytest.raises(BatchStateWrong) as void:
        await export_print_file(database, batch_id, path, STAFF, NOW)
    with pytest.raises(BatchUnknown):
        await export_print_file(database, 99, path, STAFF, NOW)
    with pytest.raises(ReasonMissing):
        await export_print_file(database, batch_id, path, Actor(who="aminah", why=""), NOW)

    assert without.value.params == {"state": "without_print_file"}
    assert void.value.params == {"state": "void"}
    assert await count_pieces(database) == 0
    assert names(tmp_path) == []
