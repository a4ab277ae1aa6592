"""Budgets of sources, and of everybody together: how often something may be tried.

Counted in the database, across processes, by keyed digests: no address stands there.
"""

from __future__ import annotations

from datetime import timedelta

from tambah.domain.refusals import Busy, TooManyTries
from tambah.store.database import CONNECTION_LOST
from tambah.store.look_ups import add_look_up, count_of_source
from tambah.web.site import Site

AN_HOUR = timedelta(hours=1)
A_DAY = timedelta(days=1)
_EVERYBODY = b"everybody"


class Budget:
    """What may be tried so often in a period, a day at most; each purpose apart.

    of_source: by one source; of_all: by everybody together, None for no such limit.
    """

    def __init__(
        self,
        site: Site,
        purpose: str,
        *,
        of_source: int,
        of_all: int | None = None,
        period: timedelta = AN_HOUR,
    ) -> None:
        self._site = site
        self._purpose = purpose
        self._of_source = of_source
        self._of_all = of_all
        self._period = period

    async def spend(self, source: bytes) -> None:
        """Take one try. Raises TooManyTries, and Busy where the database is away."""
        now = self._site.clock.now()
        for place, most in self._limits(source):
            try:
                may = await add_look_up(
                    self._site.database, place, at=now, since=now - self._period, most=most
                )
            except CONNECTION_LOST as lost:
                raise Busy from lost
            if not may:
                raise TooManyTries

    async def require_left(self, source: bytes) -> None:
        """Refuse when nothing is left, and take nothing. Raises TooManyTries, Busy."""
        since = self._site.clock.now() - self._period
        for place, most in self._limits(source):
            try:
                count = await count_of_source(self._site.database, place, since)
            except CONNECTION_LOST as lost:
                raise Busy from lost
            if count >= most:
                raise TooManyTries

    def _limits(self, source: bytes) -> list[tuple[bytes, int]]:
        keys = self._site.keys
        limits = [(keys.digest("budget", self._purpose, source), self._of_source)]
        if self._of_all is not None:
            limits.append((keys.digest("budget", self._purpose, _EVERYBODY), self._of_all))
        return limits
