"""Rules that are kept in the database: noticed when they change, and taken by the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence
from typing import Protocol

import structlog

from tambah.domain.rules import Rules
from tambah.engine.engine import Engine
from tambah.store.database import CONNECTION_LOST

log = structlog.get_logger(__name__)

RENEW_SECONDS = 1.0


class Source(Protocol):
    """A part of the rules that is kept in the database. name: for the log."""

    @property
    def name(self) -> str:
        """Return what the log calls it."""
        ...

    async def version(self) -> Hashable:
        """Return what changes whenever the stored rules do; quick, for it is asked often."""
        ...

    async def renew(self, rules: Rules) -> Rules:
        """Return `rules` with this part as it is stored now. What takes long runs in a thread."""
        ...


class Renewal:
    """Keeps the engine's rules as they are stored, whoever stored them, in whatever process."""

    def __init__(self, engine: Engine, sources: Sequence[Source]) -> None:
        self._engine = engine
        self._sources = sources
        self._seen: dict[str, Hashable] = {}

    async def look(self) -> bool:
        """Take what was stored since the last look; say whether there was anything."""
        taken = False
        for source in self._sources:
            # Asked before it is read: what comes in between is read again at the next look.
            version = await source.version()
            if self._seen.get(source.name) == version:
                continue
            self._engine.renew(await source.renew(self._engine.rules))
            self._seen[source.name] = version
            taken = True
            log.info("rules renewed", source=source.name)
        return taken

    async def run(self) -> None:
        """Look every second, until cancelled; what fails is tried again at the next look."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                await self.look()
            except CONNECTION_LOST as lost:
                log.warning("database away", reason=type(lost).__name__)
            except Exception as bug:
                log.error("renewal failed", exc_info=bug)
