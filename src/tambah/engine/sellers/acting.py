"""What all acts about sellers have in common: whom they are about, and who acts."""

from __future__ import annotations

from tambah.domain.actor import Actor
from tambah.domain.refusals import SellerUnknown
from tambah.domain.seller import Seller
from tambah.store.database import Connection
from tambah.store.sellers import SellerAccount, lock_seller

IN_THE_SHOP = "in the shop"
"""Why a seller signs in or out: no more is asked."""


def actor_of(seller: Seller, why: str = IN_THE_SHOP) -> Actor:
    """Return a seller as who acts."""
    return Actor(who=f"seller:{seller.seller_id}", why=why)


def subject_of(seller: Seller) -> str:
    """Return a seller as the audit trail names them."""
    return f"seller:{seller.seller_id}"


async def require_seller(connection: Connection, msisdn: int) -> SellerAccount:
    """Hold the seller that has a number now and return them. Raises SellerUnknown."""
    account = await lock_seller(connection, msisdn)
    if account is None:
        raise SellerUnknown
    return account
