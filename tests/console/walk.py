"""Every address of the console, and whom it is for: `test_walk` goes through all, in each role.

An address that is missing here fails the test: add it with whom it is for. A set of permissions
means that any of those roles that have one of them may come.
"""

from __future__ import annotations

from tambah.console.guard import Reach
from tambah.domain.staff import Permission

WALK: dict[str, Reach | Permission] = {
    "GET /console": Reach.STAFF,
    "GET /console/{rest:path}": Reach.STAFF,
    "GET /console/sign-in": Reach.STRANGERS,
    "POST /console/sign-in": Reach.STRANGERS,
    "POST /console/sign-out": Reach.STAFF,
    "GET /console/invitation/{secret:str}": Reach.STRANGERS,
    "POST /console/invitation/{secret:str}": Reach.STRANGERS,
}

VALUES = {"{rest:path}": "/nowhere/at/all", "{secret:str}": "0" * 32}
"""What stands in an address in place of its parameters."""
