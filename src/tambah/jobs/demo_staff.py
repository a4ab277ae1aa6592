"""Who works in a demo, plainly made up: demo.json says all that it takes to sign in as them."""

from __future__ import annotations

import secrets
from datetime import timedelta

import msgspec

from tambah.domain.actor import Actor
from tambah.domain.staff import TOTP_SECONDS, Role
from tambah.engine.staff import (
    accept_invitation,
    find_invited,
    invite,
    invite_again,
    totp_code,
)
from tambah.store.staff import list_staff
from tambah.web.site import Site

_ACTOR = Actor(who="demo", why="demo data")
_SECOND = (
    Role.CARE,
    Role.FINANCE,
    Role.WAREHOUSE,
    Role.MARKETING,
    Role.ADMINISTRATOR,
)
_STAFF = {f"demo-{role}": role for role in Role} | {f"demo-{role}-2": role for role in _SECOND}
"""One of each role, and a second where something takes two of them."""


class DemoStaff(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who works in the demo, with all that it takes to sign in to its console."""

    name: str
    password: str
    totp_secret: str
    roles: list[Role]


async def hire_staff(site: Site) -> list[DemoStaff]:
    """Invite the demo's staff and accept for them; those of a start cut short are invited anew."""
    known = {one.name for one in await list_staff(site.database)}
    return [await _hire(site, name, role, is_known=name in known) for name, role in _STAFF.items()]


async def _hire(site: Site, name: str, role: Role, *, is_known: bool) -> DemoStaff:
    database, keys, now = site.database, site.keys, site.clock.now()
    password = f"made up {secrets.token_hex(8)}"
    if is_known:
        path = await invite_again(database, keys, name, actor=_ACTOR)
    else:
        path = await invite(database, keys, name, [role], actor=_ACTOR)
    invited = await find_invited(database, keys, path.rpartition("/")[2], now)
    # The code before the present one, so that who starts a demo may sign in at once.
    code = totp_code(invited.totp, now - timedelta(seconds=TOTP_SECONDS))
    await accept_invitation(database, keys, invited, password=password, code=code, now=now)
    return DemoStaff(name=name, password=password, totp_secret=invited.totp, roles=[role])
