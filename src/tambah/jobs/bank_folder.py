"""The watched folder: statements that a bank's own program leaves there are read and put away.

A file is taken when it has not changed since the last look, so that one still being written is
left alone. It ends in `done/` or, with its reason beside it, in `refused/`.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Mapping
from pathlib import Path

import structlog

from tambah.domain.refusals import Busy, Refusal, Unavailable
from tambah.payments.bank import BankDesk
from tambah.store.database import CONNECTION_LOST, RETRYABLE

log = structlog.get_logger(__name__)

LOOK_SECONDS = 30.0
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
        await asyncio.to_thread(_put_away, path, folder / "refused", reason)
        log.warning("bank statement refused", file=name, code=refusal.code)
    except (PermissionError, FileNotFoundError):
        # Whoever put it there may still be about to let us read it, or has taken it back.
        log.warning("bank statement cannot be read", file=name)
    else:
        await asyncio.to_thread(_put_away, path, folder / "done", "")
        log.info("bank statement read", file=name, entries=done.entries, new=done.new_entries)


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


def _put_away(path: Path, folder: Path, reason: str) -> None:
    """Move a file, beside an older one of its name if need be, and write its reason by it."""
    folder.mkdir(mode=0o700, exist_ok=True)
    target, count = folder / path.name, 1
    while target.exists() or _reason_file(target).exists():
        count += 1
        target = folder / f"{path.stem}-{count}{path.suffix}"
    if reason:
        _reason_file(target).write_text(reason + "\n", encoding="utf-8")
    path.rename(target)


def _reason_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.reason.txt")


def _first_line(refusal: Refusal) -> str:
    return (type(refusal).__doc__ or "").partition("\n")[0].partition(" Params:")[0]
