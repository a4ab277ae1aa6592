"""The book of all tariffs, as charging and the rate page use it, made from what is stored."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from tambah.domain.rules import Rules
from tambah.domain.tariff import Sheet, TariffBook, build_sheet
from tambah.engine.clock import Clock
from tambah.store.database import Database
from tambah.store.tariffs import sheet_rows, sheets_in_force_since, sheets_version

KEPT = timedelta(days=40)
"""For how long sheets that were replaced stay in the book: a call is charged when it began."""


async def read_book(
    database: Database,
    plans: Mapping[str, str],
    now: datetime,
    known: Mapping[int, Sheet] | None = None,
) -> TariffBook:
    """Return the book of the sheets in force now, later, and until lately.

    plans: which tariff the lines of a plan have. known: sheets by number that are built already;
    a sheet is never changed, but for when one that waited comes into force.
    """
    built: dict[str, list[Sheet]] = {}
    for view in await sheets_in_force_since(database, now - KEPT):
        sheet = (known or {}).get(view.sheet_id)
        if sheet is None:
            rows = await sheet_rows(database, view.sheet_id)
            # In a thread: 200,000 rates take seconds, and requests are to be answered meanwhile.
            sheet = await asyncio.to_thread(build_sheet, view.sheet_id, view.effective_from, rows)
        built.setdefault(view.tariff, []).append(sheet)
    sheets = {tariff: tuple(found) for tariff, found in built.items()}
    return TariffBook(sheets=sheets, plans=plans)


class TariffSource:
    """What `jobs.renewing` asks for the tariffs of the rules."""

    name = "tariffs"

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def version(self) -> Hashable:
        """Return what changes whenever another sheet is agreed to."""
        return await sheets_version(self._database)

    async def renew(self, rules: Rules) -> Rules:
        """Return the rules with the tariffs as they are stored now."""
        old = rules.tariffs
        known = {sheet.sheet_id: sheet for sheets in old.sheets.values() for sheet in sheets}
        book = await read_book(self._database, old.plans, self._clock.now(), known)
        return replace(rules, tariffs=book)
