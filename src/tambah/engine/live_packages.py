"""The packages on sale in this process: those of operator.toml, and those of the console."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from tambah.domain.package import Package, in_succession
from tambah.domain.rules import Rules
from tambah.store.database import Connection, Database
from tambah.store.package_versions import count_versions, read_versions


class PackageSource:
    """What `jobs.renewing` asks for the packages. of_file: the rules of operator.toml."""

    name = "packages"

    def __init__(self, database: Database, of_file: Rules) -> None:
        self._database = database
        self._of_file = of_file

    async def version(self) -> Hashable:
        """Return how many versions there are: they are only ever added to."""
        return await count_versions(self._database)

    async def renew(self, rules: Rules) -> Rules:
        """Return the rules with the packages as they stand now."""
        return replace(rules, packages=await all_packages(self._database, self._of_file))


async def all_packages(database: Connection | Database, of_file: Rules) -> tuple[Package, ...]:
    """Return what is sold when: the packages of operator.toml, and what the console made of it."""
    versions = await read_versions(database)
    return in_succession(of_file.packages, (one.what for one in versions))
