"""Messages to sellers: in the same outbox as those to lines, under the seller's own id."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from tambah.domain.seller import Seller
from tambah.domain.state import Message
from tambah.engine.administer import acting
from tambah.store.database import Database
from tambah.store.ledger.messages import insert_messages
from tambah.store.sellers import next_message_number


async def tell_seller(
    database: Database,
    seller: Seller,
    template: str,
    params: Mapping[str, str | int],
    *,
    now: datetime,
    good_until: datetime,
) -> None:
    """Queue a message to a seller's registered number, in their language."""
    async with acting(database) as connection:
        message = Message(
            line_id=seller.seller_id,
            number=await next_message_number(connection, seller.seller_id),
            at=now,
            template=template,
            params=dict(params),
            good_until=good_until,
        )
        await insert_messages(connection, [(message, seller.msisdn, seller.language)])
