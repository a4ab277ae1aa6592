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
    "POST /console/search": Reach.STAFF,
    "GET /console/lines/{msisdn:str}": Permission.LINES_READ,
    "GET /console/vouchers/{serial:str}": Permission.VOUCHERS_READ,
    "GET /console/payments/{reference:str}": Permission.PAYMENTS_READ,
    "GET /console/tickets/{reference:str}": Permission.TICKETS_READ,
    "GET /console/sims/{iccid:str}": Permission.SIMS_READ,
    "GET /console/finance": Permission.FINANCE_READ,
    "GET /console/finance/closes": Permission.FINANCE_READ,
    "POST /console/finance/closes": Permission.FINANCE_WRITE,
    "GET /console/finance/closes/{period:str}": Permission.FINANCE_READ,
    "GET /console/finance/journal": Permission.FINANCE_READ,
    "POST /console/finance/journal": Permission.FINANCE_READ,
    "GET /console/finance/reconcile": Permission.FINANCE_READ,
}

VALUES = {
    "{rest:path}": "/nowhere/at/all",
    "{secret:str}": "0" * 32,
    "{msisdn:str}": "60123456789",
    "{serial:str}": "0001-00000001",
    "{reference:str}": "nonsense",
    "{iccid:str}": "8960990000000000002",
    "{period:str}": "2026-01-31",
}
"""What stands in an address in place of its parameters."""
