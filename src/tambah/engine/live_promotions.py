"""The promotions in force in this process: those of operator.toml, and those of the console."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from tambah.config import ConfigError
from tambah.domain.rules import Rules
from tambah.store.database import Database
from tambah.store.promotions import count_versions, read_promotions


class PromotionSource:
    """What `jobs.renewing` asks for the promotions. of_file: the rules of operator.toml."""

    name = "promotions"

    def __init__(self, database: Database, of_file: Rules) -> None:
        self._database = database
        self._of_file = of_file

    async def version(self) -> Hashable:
        """Return how many versions there are: they are only ever added to."""
        return await count_versions(self._database)

    async def renew(self, rules: Rules) -> Rules:
        """Return the rules with the promotions as they stand now.

        Raises ConfigError for a name that is in the file as well.
        """
        made = await with_made(self._database, self._of_file)
        return replace(rules, promotions=made.promotions)


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
