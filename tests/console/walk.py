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
    "GET /console/tickets": Permission.TICKETS_READ,
    "POST /console/tickets/export": Permission.TICKETS_READ,
    "GET /console/tickets/{reference:str}/photo/{photo_no:int}": Permission.TICKETS_READ,
    "POST /console/tickets/{reference:str}/answer": Permission.TICKETS_WRITE,
    "POST /console/tickets/{reference:str}/note": Permission.TICKETS_WRITE,
    "POST /console/tickets/{reference:str}/close": Permission.TICKETS_WRITE,
    "POST /console/tickets/{reference:str}/assign": Permission.TICKETS_WRITE,
    "GET /console/batches": Permission.VOUCHERS_READ,
    "POST /console/batches/export": Permission.VOUCHERS_READ,
    "GET /console/batches/{batch_id:int}": Permission.VOUCHERS_READ,
    "GET /console/batches/{batch_id:int}/cards": Permission.VOUCHERS_READ,
    "POST /console/batches/{batch_id:int}/cards/export": Permission.VOUCHERS_READ,
    "GET /console/sims/{iccid:str}": Permission.SIMS_READ,
    "GET /console/lines/{msisdn:str}/credit": Permission.CREDIT_WRITE,
    "POST /console/lines/{msisdn:str}/credit": Permission.CREDIT_WRITE,
    "GET /console/lines/{msisdn:str}/topups/{number:int}/reverse": Permission.CREDIT_WRITE,
    "POST /console/lines/{msisdn:str}/topups/{number:int}/reverse": Permission.CREDIT_WRITE,
    "GET /console/lines/{msisdn:str}/bars": Permission.LINES_WRITE,
    "POST /console/lines/{msisdn:str}/bars": Permission.LINES_WRITE,
    "GET /console/requests": Reach.STAFF,
    "GET /console/requests/{number:int}": Reach.STAFF,
    "POST /console/requests/{number:int}/approve": Reach.STAFF,
    "POST /console/requests/{number:int}/decline": Reach.STAFF,
    "POST /console/requests/{number:int}/withdraw": Reach.STAFF,
    "POST /console/requests/{number:int}/invitation": Reach.STAFF,
    "POST /console/requests/{number:int}/file": Permission.BATCHES_WRITE,
    "POST /console/requests/{number:int}/received": Permission.BATCHES_WRITE,
    "GET /console/batches/new": Permission.BATCHES_WRITE,
    "POST /console/batches/new": Permission.BATCHES_WRITE,
    "GET /console/batches/{batch_id:int}/{deed:str}": Permission.BATCHES_WRITE,
    "POST /console/batches/{batch_id:int}/{deed:str}": Permission.BATCHES_WRITE,
    "GET /console/audit": Permission.AUDIT_READ,
    "POST /console/audit/export": Permission.AUDIT_READ,
    "GET /console/audit/{day:str}/{seq:int}": Permission.AUDIT_READ,
    "POST /console/audit/head": Permission.AUDIT_READ,
    "GET /console/staff": Permission.STAFF_WRITE,
    "GET /console/staff/invite": Permission.STAFF_WRITE,
    "POST /console/staff/invite": Permission.STAFF_WRITE,
    "GET /console/staff/{name:str}/roles": Permission.STAFF_WRITE,
    "POST /console/staff/{name:str}/roles": Permission.STAFF_WRITE,
    "GET /console/staff/{name:str}/disable": Permission.STAFF_WRITE,
    "POST /console/staff/{name:str}/disable": Permission.STAFF_WRITE,
}

VALUES = {
    "{rest:path}": "/nowhere/at/all",
    "{secret:str}": "0" * 32,
    "{msisdn:str}": "60123456789",
    "{serial:str}": "0001-00000001",
    "{reference:str}": "nonsense",
    "{number:int}": "1",
    "{day:str}": "2026-11-30",
    "{seq:int}": "1",
    "{deed:str}": "release",
    "{name:str}": "nobody",
    "{batch_id:int}": "7",
    "{photo_no:int}": "1",
    "{iccid:str}": "8960990000000000002",
}
"""What stands in an address in place of its parameters."""
