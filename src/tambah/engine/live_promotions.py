"""The promotions in force in this process: those of operator.toml, and those of the console."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tambah.config import ConfigError
from tambah.domain.promotion import Promotion
from tambah.domain.rules import Rules
from tambah.store.database import Database
from tambah.store.promotions import count_versions, read_promotions


class LivePromotions:
    """Keeps a process's rules up with what was agreed to in any process.

    Rules are swapped whole, never edited: whoever holds some (a batch, a page) goes on with what
    it began with. tell: given the rules each time that they changed.
    """

    def __init__(
        self, database: Database, rules: Rules, tell: Callable[[Rules], None] | None = None
    ) -> None:
        self._database = database
        self._of_file = rules
        self._tell = tell
        self._versions = 0
        self.rules = rules

    @property
    def promotions(self) -> tuple[Promotion, ...]:
        """Return all promotions, of all times."""
        return self.rules.promotions

    async def refresh(self) -> None:
        """Take up what is new. Raises ConfigError for a name that is in the file as well.

        How many versions there are is asked first: they are only ever added to.
        """
        versions = await count_versions(self._database)
        if versions == self._versions:
            return
        self.rules = await with_made(self._database, self._of_file)
        self._versions = versions
        if self._tell is not None:
            self._tell(self.rules)


async def with_made(database: Database, rules: Rules) -> Rules:
    """Return the rules of operator.toml with the promotions that were made in the console.

    Raises ConfigError for one that has the name of one in the file.
    """
    made = tuple(one.promotion for one in await read_promotions(database))
    twice = {one.name for one in rules.promotions} & {one.name for one in made}
    if twice:
        raise ConfigError(
            f"promotions: {min(twice)!r} was made in the console; a name is for ever, give the"
            " one in operator.toml another"
        )
    return replace(rules, promotions=(*rules.promotions, *made))
