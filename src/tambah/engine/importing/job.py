"""One import: its file, what it found, and whom it tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tambah.domain.actor import Actor
from tambah.engine.importing.bad_rows import BadRow, RefusedRow

Progress = Callable[[int, int], None]
"""Told how many bytes of the file are done, and of how many."""


def _ignore_row(_row: RefusedRow) -> None:
    """Stand in until somebody wants the report."""


def _ignore_progress(_done: int, _total: int) -> None:
    """Stand in until somebody wants to watch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """What to import. on_refused: told of each bad row as it is met.

    all_or_nothing: import none if any row is bad. dry_run: only say what would be.
    """

    path: Path
    actor: Actor
    all_or_nothing: bool = False
    dry_run: bool = False
    on_refused: Callable[[RefusedRow], None] = field(default=_ignore_row)
    progress: Progress = field(default=_ignore_progress)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """What became of a file's rows. sha256: of the file, hexadecimal.

    is_written: the lines are there now; else the counts say what would be.
    """

    file: str
    sha256: str
    created: int
    unchanged: int
    refused: int
    is_written: bool


@dataclass(slots=True)
class Tally:
    """The counts of a pass over the file, kept as it goes."""

    request: ImportRequest
    created: int = 0
    unchanged: int = 0
    refused: int = 0
    sha256: str = ""
    is_complete: bool = False

    def refuse(self, line: int, bad: BadRow) -> None:
        """Count a bad row and report it."""
        self.refused += 1
        row = RefusedRow(line=line, column=bad.column, code=bad.code, reason=bad.reason)
        self.request.on_refused(row)

    def result(self, *, is_written: bool) -> ImportResult:
        """Return the counts as they stand."""
        return ImportResult(
            file=self.request.path.name,
            sha256=self.sha256,
            created=self.created,
            unchanged=self.unchanged,
            refused=self.refused,
            is_written=is_written,
        )
