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
    "GET /console/prove": Reach.STAFF,
    "POST /console/prove": Reach.STAFF,
    "POST /console/search": Reach.STAFF,
    "GET /console/lines/{msisdn:str}": Permission.LINES_READ,
    "GET /console/vouchers/{serial:str}": Permission.VOUCHERS_READ,
    "GET /console/payments/{reference:str}": Permission.PAYMENTS_READ,
    "GET /console/tickets/{reference:str}": Permission.TICKETS_READ,
    "GET /console/payments": Permission.PAYMENTS_READ,
    "POST /console/payments/export": Permission.PAYMENTS_READ,
    "POST /console/payments/{reference:str}/ask": Permission.PAYMENTS_WRITE,
    "GET /console/payments/{reference:str}/refund": Permission.PAYMENTS_WRITE,
    "POST /console/payments/{reference:str}/refund": Permission.PAYMENTS_WRITE,
    "GET /console/bank": Permission.PAYMENTS_READ,
    "GET /console/bank/{entry:str}": Permission.PAYMENTS_WRITE,
    "POST /console/bank/{entry:str}/match": Permission.PAYMENTS_WRITE,
    "POST /console/bank/{entry:str}/ignore": Permission.PAYMENTS_WRITE,
    "GET /console/tickets": Permission.TICKETS_READ,
    "POST /console/tickets/export": Permission.TICKETS_READ,
    "GET /console/tickets/{reference:str}/photo/{photo_no:int}": Permission.TICKETS_READ,
    "POST /console/tickets/{reference:str}/answer": Permission.TICKETS_WRITE,
    "POST /console/tickets/{reference:str}/note": Permission.TICKETS_WRITE,
    "POST /console/tickets/{reference:str}/close": Permission.TICKETS_WRITE,
    "POST /console/tickets/{reference:str}/assign": Permission.TICKETS_WRITE,
    "GET /console/content": Permission.CONTENT_WRITE,
    "GET /console/content/new": Permission.CONTENT_WRITE,
    "GET /console/content/article/{slug:str}": Permission.CONTENT_WRITE,
    "POST /console/content/article": Permission.CONTENT_WRITE,
    "POST /console/content/article/{slug:str}/withdraw": Permission.CONTENT_WRITE,
    "GET /console/points": Permission.CONTENT_WRITE,
    "POST /console/points/export": Permission.CONTENT_WRITE,
    "GET /console/points/edit": Permission.CONTENT_WRITE,
    "POST /console/points/edit": Permission.CONTENT_WRITE,
    "GET /console/points/import": Permission.CONTENT_WRITE,
    "POST /console/points/import": Permission.CONTENT_WRITE,
    "GET /console/figures": Reach.STAFF,
    "GET /console/live": Reach.STAFF,
    "GET /console/operations": Permission.OPERATIONS_READ,
    "GET /console/operations/odds": Permission.OPERATIONS_READ,
    "GET /console/batches": Permission.VOUCHERS_READ,
    "POST /console/batches/export": Permission.VOUCHERS_READ,
    "GET /console/batches/{batch_id:int}": Permission.VOUCHERS_READ,
    "GET /console/batches/{batch_id:int}/cards": Permission.VOUCHERS_READ,
    "POST /console/batches/{batch_id:int}/cards/export": Permission.VOUCHERS_READ,
    "GET /console/sims/{iccid:str}": Permission.SIMS_READ,
}

VALUES = {
    "{rest:path}": "/nowhere/at/all",
    "{secret:str}": "0" * 32,
    "{msisdn:str}": "60123456789",
    "{serial:str}": "0001-00000001",
    "{reference:str}": "nonsense",
    "{batch_id:int}": "7",
    "{photo_no:int}": "1",
    "{entry:str}": "0123456789ab",
    "{slug:str}": "nothing-here",
    "{iccid:str}": "8960990000000000002",
}
"""What stands in an address in place of its parameters."""
