"""The watched folder: statements that a bank's own program leaves there are read and put away.

A file is taken when it has not changed since the last look, so that one still being written is
left alone. It ends in `done/` or, with its reason beside it, in `refused/`.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import structlog

from tambah.domain.refusals import Busy, Refusal, Unavailable
from tambah.payments.bank import BankDesk, NotPlainFile
from tambah.store.database import CONNECTION_LOST, RETRYABLE

log = structlog.get_logger(__name__)

LOOK_SECONDS = 30.0
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_UNFINISHED = (".part", ".tmp", ".crdownload", ".filepart")

Seen = Mapping[str, tuple[int, int]]
"""Size and time of change of each file, by name."""


async def watch_folder_for_ever(desk: BankDesk, folder: Path) -> None:
    """Look every half minute until cancelled."""
    seen: Seen = {}
    while True:
        try:
            seen = await look_into_folder(desk, folder, seen)
        except (*CONNECTION_LOST, *RETRYABLE, Busy, Unavailable) as lost:
            log.warning("bank folder put off", reason=type(lost).__name__)
        except Exception as bug:
            log.error("bank folder failed", exc_info=bug)
        await asyncio.sleep(LOOK_SECONDS)


async def look_into_folder(desk: BankDesk, folder: Path, seen: Seen) -> Seen:
    """Import the files that are as they were at the last look; return how they are now.

    Also finishes what an import that died had begun. Raises OSError for a folder that cannot be
    read; Busy and Unavailable, and then the file stays for the next look.
    """
    settled = await desk.settle()
    if settled:
        log.info("bank entries settled that an import had left", count=settled)
    now = await asyncio.to_thread(_list, folder)
    for name, state in sorted(now.items()):
        if seen.get(name) == state:
            await _take(desk, folder, name)
    return now


async def _take(desk: BankDesk, folder: Path, name: str) -> None:
    path = folder / name
    try:
        done = await desk.import_path(path)
    except (Busy, Unavailable):
        raise
    except Refusal as refusal:
        where = ", ".join(f"{key} {value}" for key, value in refusal.params.items())
        reason = f"{refusal.code}: {_first_line(refusal)}" + (f" ({where})" if where else "")
        log.warning("bank statement refused", file=name, code=refusal.code)
        await _put_away(path, "refused", reason)
    except (PermissionError, FileNotFoundError, NotPlainFile):
        # Whoever put it there may still be about to let us read it, or has taken it back.
        log.warning("bank statement cannot be read", file=name)
    else:
        log.info("bank statement read", file=name, entries=done.entries, new=done.new_entries)
        await _put_away(path, "done", "")


def _list(folder: Path) -> dict[str, tuple[int, int]]:
    """Return the plain files of a folder; never what a link in it points at."""
    found: dict[str, tuple[int, int]] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            about = entry.stat(follow_symlinks=False)
            hidden = entry.name.startswith(".") or entry.name.lower().endswith(_UNFINISHED)
            if stat.S_ISREG(about.st_mode) and not hidden:
                found[entry.name] = (about.st_size, about.st_mtime_ns)
    return found


async def _put_away(path: Path, into: str, reason: str) -> None:
    """Move a file to a folder beside it; one that cannot be moved stays and keeps none back."""
    try:
        await asyncio.to_thread(_move, path, path.parent / into, reason)
    except OSError as failure:
        log.error("bank file cannot be put away", file=path.name, into=into, why=failure.strerror)


def _move(path: Path, folder: Path, reason: str) -> None:
    """Move a file under a name that nothing has, and write its reason by it.

    Everything is done within the folder that was opened, and no link is followed: who may write
    here must not choose what else this process writes. Raises OSError, NotADirectoryError for a
    folder that is a link.
    """
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    within = os.open(folder, os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        name = _reserve(path, within, reason)
        try:
            # What stands under the name is replaced, not followed.
            os.rename(path, name, dst_dir_fd=within)
        except OSError:
            # Or the next looks would leave an empty file each.
            for left in (name, _reason_name(name)) if reason else (name,):
                os.unlink(left, dir_fd=within)
            raise
    finally:
        os.close(within)


def _reserve(path: Path, within: int, reason: str) -> str:
    """Return a name that is a new, empty file now, with the reason beside it if there is one."""
    name, count = path.name, 1
    while not _reserve_both(name, within, reason):
        count += 1
        name = f"{path.stem}-{count}{path.suffix}"
    return name


def _reserve_both(name: str, within: int, reason: str) -> bool:
    try:
        os.close(os.open(name, _NEW, 0o600, dir_fd=within))
    except FileExistsError:
        return False
    if not reason:
        return True
    try:
        opened = os.open(_reason_name(name), _NEW, 0o600, dir_fd=within)
    except OSError as failure:
        os.unlink(name, dir_fd=within)
        if isinstance(failure, FileExistsError):
            return False
        raise
    with open(opened, "w", encoding="utf-8") as file:
        file.write(reason + "\n")
    return True


def _reason_name(name: str) -> str:
    return f"{name}.reason.txt"


def _first_line(refusal: Refusal) -> str:
    return (type(refusal).__doc__ or "").partition("\n")[0].partition(" Params:")[0]
