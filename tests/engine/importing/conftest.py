"""What the tests of importing share: a file maker, and an import with everything collected."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path

import pytest

from tambah.domain.actor import Actor
from tambah.domain.rules import Rules
from tambah.engine.engine import Engine
from tambah.engine.importing import (
    ImportRequest,
    ImportResult,
    RefusedRow,
    RowRules,
    import_lines,
)
from tambah.engine.keys import Keys
from tambah.store.database import Database

Bring = Callable[..., Awaitable[tuple[ImportResult, list[RefusedRow]]]]


@pytest.fixture
def row_rules(rules: Rules, keys: Keys) -> RowRules:
    """Return rules with two plans, on a fixed day."""
    return RowRules(rules=rules, plans=("standard", "tourist"), keys=keys, today=date(2026, 6, 1))


@pytest.fixture
def bring(engine: Engine, database: Database, row_rules: RowRules, tmp_path: Path) -> Bring:
    """Return what imports a text or bytes and gives back the result and the report."""

    async def bring(
        content: str | bytes, *, why: str = "moving in", **options: bool
    ) -> tuple[ImportResult, list[RefusedRow]]:
        path = tmp_path / "lines.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        refused: list[RefusedRow] = []
        request = ImportRequest(
            path=path,
            actor=Actor(who="test", why=why),
            on_refused=refused.append,
            **options,
        )
        result = await import_lines(engine, database, request, row_rules)
        return result, sorted(refused, key=lambda row: row.line)

    return bring
