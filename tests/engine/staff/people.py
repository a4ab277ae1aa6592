"""Staff for tests: invited, accepted, with an authenticator that can be asked for codes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pyotp.totp import TOTP

from tambah.domain.actor import Actor
from tambah.domain.staff import Role
from tambah.engine.keys import Keys
from tambah.engine.staff import accept_invitation, find_invited, invite
from tambah.store.database import Database

ADMIN = Actor(who="cli:test", why="hired")
PASSWORD = "correct horse battery"


@dataclass
class Person:
    """Somebody who may sign in. codes: recovery codes."""

    name: str
    totp: str
    codes: list[str] = field(default_factory=list[str])
    password: str = PASSWORD

    def code(self, now: datetime, steps: int = 0) -> str:
        """Return what the authenticator shows, so many steps from now."""
        return TOTP(self.totp).at(now + steps * timedelta(seconds=30))


async def hire(
    database: Database, keys: Keys, name: str, roles: Collection[Role], *, now: datetime
) -> Person:
    """Invite somebody and have them accept; a code of their past was used for it."""
    path = await invite(database, keys, name, roles, actor=ADMIN)
    invited = await find_invited(database, keys, path.rpartition("/")[2], now)
    person = Person(name=name, totp=invited.totp)
    person.codes = await accept_invitation(
        database, keys, invited, password=PASSWORD, code=person.code(now, -1), now=now
    )
    return person
