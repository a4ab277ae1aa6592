"""Messages to sellers: in the same outbox as those to lines, under the seller's own id."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from tambah.domain.seller import Seller
from tambah.domain.state import Message
from tambah.engine.administer import acting
from tambah.store.conversations import mark_answered
from tambah.store.database import Database
from tambah.store.ledger.messages import insert_message
from tambah.store.sellers import next_message_number


async def tell_seller(
    database: Database,
    seller: Seller,
    told: tuple[str, Mapping[str, str | int]],
    *,
    once: bytes,
    now: datetime,
    good_until: datetime,
) -> None:
    """Queue a message to a seller's registered number, in their language.

    told: the template and its params. once: names what is answered; what is answered already
    is not answered again.
    """
    async with acting(database) as connection:
        if not await mark_answered(connection, once, now):
            return
        message = Message(
            line_id=seller.seller_id,
            number=await next_message_number(connection, seller.seller_id),
            at=now,
            template=told[0],
            params=dict(told[1]),
            good_until=good_until,
        )
        await insert_message(connection, message, (seller.msisdn, seller.language))
