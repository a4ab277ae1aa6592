"""The watched folder: what a bank's program leaves there is read and put away."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tambah.domain.commands import PaymentNews, PaymentStands
from tambah.domain.payment import PaymentState
from tambah.domain.refusals import Busy
from tambah.engine.engine import Engine
from tambah.jobs.bank_folder import Seen, look_into_folder, watch_folder_for_ever
from tambah.payments.bank import BankDesk, ImportedFile
from tambah.store.database import Database
from tambah.store.views.payments import read_payment
from tests.conftest import KUALA_LUMPUR

from .conftest import Pay
from .made import ACCOUNT, Line, camt, mt940


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir())


async def look(desk: BankDesk, folder: Path, times: int = 2) -> None:
    seen: Seen = {}
    for _ in range(times):
        seen = await look_into_folder(desk, folder, seen)


async def test_a_statement_is_read_once_it_no_longer_grows(
    desk: BankDesk, pay: Pay, database: Database, tmp_path: Path
) -> None:
    paid = await pay()
    whole = camt(Line(text=paid.reference, ref="R1"))
    file = tmp_path / "day.xml"

    file.write_bytes(whole[:200])
    seen = await look_into_folder(desk, tmp_path, {})
    file.write_bytes(whole)
    seen = await look_into_folder(desk, tmp_path, seen)
    assert files(tmp_path) == ["day.xml"]
    await look_into_folder(desk, tmp_path, seen)

    assert files(tmp_path) == ["done/day.xml"]
    view = await read_payment(database, paid.line_id, paid.payment_no)
    assert view is not None
    assert view.state is PaymentState.CREDITED


async def test_a_bad_file_is_put_away_with_its_reason(desk: BankDesk, tmp_path: Path) -> None:
    (tmp_path / "bad.sta").write_bytes(b"hello")
    (tmp_path / "cut.xml").write_bytes(camt(Line())[:-50])
    with (tmp_path / "huge.xml").open("wb") as file:
        file.truncate(200 * 1024 * 1024)

    await look(desk, tmp_path)

    assert files(tmp_path) == [
        "refused/bad.sta",
        "refused/bad.sta.reason.txt",
        "refused/cut.xml",
        "refused/cut.xml.reason.txt",
        "refused/huge.xml",
        "refused/huge.xml.reason.txt",
    ]
    assert (tmp_path / "refused/bad.sta.reason.txt").read_text() == (
        "statement_malformed: The file is no bank statement that can be read. (where line 1)\n"
    )


async def test_names_that_are_there_already_are_kept(desk: BankDesk, tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / "day.sta").write_bytes(mt940(Line(ref=f"R{number}")))
        await look(desk, tmp_path)

    assert files(tmp_path) == ["done/day-2.sta", "done/day-3.sta", "done/day.sta"]


async def test_the_same_file_again_changes_nothing(
    desk: BankDesk, database: Database, tmp_path: Path
) -> None:
    for name in ("a.sta", "b.sta"):
        (tmp_path / name).write_bytes(mt940(Line(ref="R1")))

    await look(desk, tmp_path)

    assert files(tmp_path) == ["done/a.sta", "done/b.sta"]
    assert await database.fetch_value("SELECT count(*) FROM bank_entry") == 1


async def test_links_and_unfinished_files_are_left_alone(desk: BankDesk, tmp_path: Path) -> None:
    outside = tmp_path / "outside.sta"
    outside.write_bytes(mt940(Line()))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link.sta").symlink_to(outside)
    (folder / ".hidden").write_bytes(mt940(Line()))
    (folder / "day.sta.part").write_bytes(mt940(Line()))
    os.mkfifo(folder / "pipe")

    await look(desk, folder, times=3)

    assert files(folder) == [".hidden", "day.sta.part", "link.sta", "pipe"]


async def test_a_reason_is_never_written_where_a_link_points(
    desk: BankDesk, tmp_path: Path
) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    (folder / "refused").mkdir(parents=True)
    (folder / "done").mkdir()
    (folder / "refused/bad.sta.reason.txt").symlink_to(outside)
    (folder / "refused/bad-2.sta").symlink_to(outside)
    (folder / "done/day.sta").symlink_to(outside)
    (folder / "bad.sta").write_bytes(b"hello")
    (folder / "day.sta").write_bytes(mt940(Line()))

    await look(desk, folder)

    assert not outside.exists()
    assert files(folder) == [
        "done/day-2.sta",
        "done/day.sta",
        "refused/bad-2.sta",
        "refused/bad-3.sta",
        "refused/bad-3.sta.reason.txt",
        "refused/bad.sta.reason.txt",
    ]
    assert (folder / "refused/bad-3.sta").read_bytes() == b"hello"
    assert (folder / "refused/bad-3.sta.reason.txt").stat().st_mode & 0o777 == 0o600


async def test_a_folder_that_is_a_link_or_a_file_takes_nothing(
    desk: BankDesk, tmp_path: Path, database: Database
) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (folder / "refused").symlink_to(outside)
    (folder / "done").touch()
    (folder / "bad.sta").write_bytes(b"hello")
    (folder / "day.sta").write_bytes(mt940(Line()))

    await look(desk, folder, times=3)

    assert list(outside.iterdir()) == []
    assert (folder / "bad.sta").exists()
    assert (folder / "day.sta").exists()
    assert await database.fetch_value("SELECT count(*) FROM bank_entry") == 1


@pytest.mark.parametrize("put", ["link", "pipe", "folder"])
async def test_what_takes_a_file_s_place_after_the_look_is_left_alone(
    engine: Engine, tmp_path: Path, database: Database, put: str
) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside.sta"
    folder.mkdir()
    outside.write_bytes(mt940(Line()))
    path = folder / "day.sta"
    path.write_bytes(mt940(Line()))

    class Swapped(BankDesk):
        async def import_path(self, path: Path) -> ImportedFile:
            os.unlink(path)
            if put == "link":
                os.symlink(outside, path)
            elif put == "pipe":
                os.mkfifo(path)
            else:
                os.mkdir(path)
            return await super().import_path(path)

    await look(Swapped(database, engine.submit, zone=KUALA_LUMPUR, account_number=ACCOUNT), folder)

    assert os.listdir(folder) == ["day.sta"]
    assert await database.fetch_value("SELECT count(*) FROM bank_entry") == 0


@pytest.mark.parametrize("data", [b"hello", mt940(Line())])
async def test_a_file_that_is_taken_away_meanwhile_leaves_no_other(
    engine: Engine, tmp_path: Path, database: Database, data: bytes
) -> None:
    (tmp_path / "day.sta").write_bytes(data)

    class Taken(BankDesk):
        async def import_path(self, path: Path) -> ImportedFile:
            try:
                return await super().import_path(path)
            finally:
                os.unlink(path)

    await look(Taken(database, engine.submit, zone=KUALA_LUMPUR, account_number=ACCOUNT), tmp_path)

    assert files(tmp_path) == []


async def test_busy_leaves_the_file_and_the_next_look_finishes(
    engine: Engine, pay: Pay, database: Database, tmp_path: Path
) -> None:
    paid = await pay()
    is_busy = True

    async def submit(news: PaymentNews) -> PaymentStands:
        if is_busy:
            raise Busy
        return await engine.submit(news)

    desk = BankDesk(database, submit, zone=KUALA_LUMPUR, account_number=ACCOUNT)
    (tmp_path / "day.xml").write_bytes(camt(Line(text=paid.reference)))

    seen = await look_into_folder(desk, tmp_path, {})
    with pytest.raises(Busy):
        await look_into_folder(desk, tmp_path, seen)
    assert files(tmp_path) == ["day.xml"]
    is_busy = False
    await look_into_folder(desk, tmp_path, seen)

    assert files(tmp_path) == ["done/day.xml"]
    view = await read_payment(database, paid.line_id, paid.payment_no)
    assert view is not None
    assert view.state is PaymentState.CREDITED


async def test_watching_goes_on_after_a_folder_that_is_not_there(
    engine: Engine, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tambah.jobs.bank_folder.LOOK_SECONDS", 0.0)
    read = asyncio.Event()

    class Watched(BankDesk):
        async def import_path(self, path: Path) -> ImportedFile:
            read.set()
            return await super().import_path(path)

    desk = Watched(database, engine.submit, zone=KUALA_LUMPUR, account_number=ACCOUNT)
    folder = tmp_path / "later"
    watching = asyncio.create_task(watch_folder_for_ever(desk, folder))
    await asyncio.sleep(0)
    folder.mkdir()
    (folder / "day.sta").write_bytes(mt940(Line()))

    await asyncio.wait_for(read.wait(), 20)

    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
