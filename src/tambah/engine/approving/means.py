"""What deeds are done with, and what is read of the requests for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from tambah.domain.approval import Approval
from tambah.domain.rules import Rules
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.engine.vouchers import PrintedKind, SheetDesign
from tambah.store.database import Database

CALLER = "approval"
"""Under whose name the engine is given what was agreed to: the key is the request's number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What deeds are done with. operator_name: at the top of print files.

    design: how cards of a price, with a last day, are laid out as some kinds of documents.
    """

    engine: Engine
    database: Database
    keys: Keys
    rules: Rules
    clock: Clock
    operator_name: str
    design: Callable[[tuple[PrintedKind, ...], int, date | None], SheetDesign]


def whole_of(approval: Approval, name: str) -> int:
    """Return a whole number out of what was asked for."""
    value = approval.params[name]
    assert isinstance(value, int), f"{name} of request {approval.approval_id}"
    return value
