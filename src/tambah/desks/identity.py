"""Whether somebody is whom a line is registered to: budgets, an audit row, whose lines it finds.

For a forgotten number, a lost phone, a bar lifted, a line reactivated. Where whoever asks has not
proved to be the owner, nothing here may show in an answer: it is given before anything is looked
up.
"""

from __future__ import annotations

from typing import Any

import structlog

from tambah.domain.refusals import Busy, Refusal, TooManyTries
from tambah.engine.identity import Claim, lines_of, note_check, read_claim
from tambah.store.database import CONNECTION_LOST
from tambah.store.views.lines import LineView, line_now, read_line_of
from tambah.web.budgets import A_DAY, Budget
from tambah.web.site import Site

_log: Any = structlog.get_logger("tambah.desks")


class IdentityDesk:
    """Compares claims with who is registered, within budgets, and leaves an audit row of each."""

    def __init__(self, site: Site) -> None:
        self._site = site
        entry = site.operator.recovery
        self._of_document = Budget(
            site, "identity document", of_source=entry.document_daily, period=A_DAY
        )
        self._of_source = Budget(
            site, "identity", of_source=entry.source_hourly, of_all=entry.all_hourly
        )

    def read(self, document: str, kind: str, fact: str) -> Claim:
        """Return the claim that was typed. Raises FieldMissing, FieldMalformed."""
        site = self._site
        return read_claim(site.keys, site.rules.numbers, document, kind, fact)

    async def require_left(self, source: bytes) -> None:
        """Take one of a source's tries. Raises TooManyTries, Busy: neither tells of a person."""
        await self._of_source.spend(source)

    async def find(self, claim: Claim, *, purpose: str) -> list[LineView]:
        """Return the lines of whom is claimed that still are somebody's, for one of the
        document's tries; none for nobody.

        Raises TooManyTries, for tries with a document that there is not as well, and Busy.
        """
        site = self._site
        try:
            await self._of_document.spend(claim.document)
            line_ids = await lines_of(site.database, claim)
            await note_check(site.database, line_ids, purpose=purpose)
            found = [await self._view(line_id) for line_id in line_ids]
        except CONNECTION_LOST as lost:
            raise Busy from lost
        return [view for view in found if view is not None and view.is_somebodys]

    async def find_quietly(self, claim: Claim, *, purpose: str) -> list[LineView]:
        """Return what `find` does; nothing where it refuses. For work behind a written answer."""
        try:
            return await self.find(claim, purpose=purpose)
        except TooManyTries:
            _log.warning("an identity is tried too often", purpose=purpose)
        except Refusal as refusal:
            _log.info("identity not checked", purpose=purpose, code=refusal.code)
        return []

    async def _view(self, line_id: int) -> LineView | None:
        site = self._site
        account = await read_line_of(site.database, line_id)
        return line_now(account, site.rules, site.clock.now()) if account else None
