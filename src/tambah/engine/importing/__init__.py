"""Bringing lines along from another system: a CSV file in, lines and a report out."""

from tambah.engine.importing.bad_rows import FileRefused, RefusedRow
from tambah.engine.importing.importing import import_lines
from tambah.engine.importing.job import ImportRequest, ImportResult
from tambah.engine.importing.rows import RowRules

__all__ = [
    "FileRefused",
    "ImportRequest",
    "ImportResult",
    "RefusedRow",
    "RowRules",
    "import_lines",
]
