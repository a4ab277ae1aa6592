"""What an import answers, and its bad rows: the first of them kept, all of them in a file."""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from tambah.cli.frame import Answer
from tambah.engine.dealers.importing import DealersResult
from tambah.engine.importing import ImportResult, RefusedRow
from tambah.engine.points import PointsResult

SHOWN = 100


class Refusals:
    """Bad rows as they come in. left_out: how many came after the first hundred."""

    def __init__(self, file: TextIO | None) -> None:
        self._file = file
        self._first: list[RefusedRow] = []
        self.left_out = 0

    def add(self, row: RefusedRow) -> None:
        """Take a bad row."""
        if self._file is not None:
            self._file.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")
        if len(self._first) < SHOWN:
            self._first.append(row)
        else:
            self.left_out += 1

    @property
    def first(self) -> list[dict[str, object]]:
        """Return the first bad rows that came in, by their lines."""
        return [asdict(row) for row in sorted(self._first, key=lambda row: row.line)]

    def lines(self) -> list[str]:
        """Return the first rows for people, a line each."""
        shown = [f"line {row['line']}: {row['reason']} ({row['code']})" for row in self.first]
        if self.left_out:
            shown.append(f"and {self.left_out} more; --report FILE writes them all")
        return shown


@contextmanager
def report_to(path: Path | None) -> Generator[Refusals]:
    """Lend what collects bad rows, and writes them to a new file of the owner's if asked."""
    if path is None:
        yield Refusals(None)
        return
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(handle, "w", encoding="utf-8") as file:
        yield Refusals(file)


def import_answer(
    result: ImportResult | PointsResult | DealersResult,
    refusals: Refusals,
    *,
    counts: str,
    all_or_nothing: bool,
    also: tuple[str, ...] = (),
) -> Answer:
    """Return what an import answers. counts: its rows, in words; also: more lines for people."""
    said = f"Imported {result.file}: {counts}"
    if not result.is_written:
        said = f"Nothing was imported from {result.file}. It would be: {counts}"
    return Answer(
        document={**asdict(result), "rows": refusals.first, "rows_left_out": refusals.left_out},
        text="\n".join([said, *also, *refusals.lines()]),
        is_wrong=all_or_nothing and result.refused > 0,
    )
