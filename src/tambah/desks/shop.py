"""Selling for a dealer by hand: what a sale would come to, the sale itself, and undoing it.

The page and the SMS are doors of the same desk: a sale at either is the dealer's, with the
seller's name where a till's would stand.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from tambah.domain.commands import Credited, TopUp
from tambah.domain.dealer import earnings, margin_of
from tambah.domain.dealer_commands import CardSold, SaleUndone, SellCard, UndoSale
from tambah.domain.refusals import DealerUnknown
from tambah.domain.seller import Seller
from tambah.domain.state import Known
from tambah.domain.voucher import format_serial, parse_serial
from tambah.engine.foreseeing import foresee
from tambah.engine.operator import seller_rule
from tambah.engine.spelling import spell
from tambah.store.views.dealers import SaleView, recent_sales
from tambah.store.views.sellable import read_reloadable, read_sellable
from tambah.store.views.shop import sale_by_reference
from tambah.web.site import Site

CALLER = "shop"
_REFERENCE_LETTERS = 10
_GROUP = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What a sale would come to, micro-ringgit.

    price: what the customer pays; charged: what the float pays; commission: what the seller's
    dealer earns; float: what the paying float holds before.
    """

    price_micros: int
    charged_micros: int
    commission_micros: int
    float_micros: int


class ShopDesk:
    """Sells for sellers. once: what makes a sale the same sale when it is asked for again."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.rule = seller_rule(site.operator.shop)

    async def quote_card(self, seller: Seller, serial: str) -> Quote:
        """Return what selling a card would come to. Raises what the sale would be refused with."""
        site, now = self._site, self._site.clock.now()
        batch_id, number = parse_serial(serial)
        known = await read_sellable(site.database, seller.partner_id, batch_id, number)
        command = self._card(seller, batch_id, number, once="", reference="quote")
        sold = cast("CardSold", foresee(command, known, site.rules, now))
        return _quote(known, sold.price_micros, now)

    async def sell_card(self, seller: Seller, serial: str, once: str) -> CardSold:
        """Sell a card by its serial number. Raises what `domain.selling.sell_card` does."""
        batch_id, number = parse_serial(serial)
        reference = self.card_reference(seller, serial, once)
        return await self._site.engine.submit(
            self._card(seller, batch_id, number, once=once, reference=reference)
        )

    def card_reference(self, seller: Seller, serial: str, once: str) -> str:
        """Return which reference a card's sale has. Raises VoucherUnknown."""
        return self._reference(seller, "card", once, format_serial(*parse_serial(serial)))

    async def quote_reload(self, seller: Seller, msisdn: int, amount_micros: int) -> Quote:
        """Return what a reload would come to. Raises what it would be refused with."""
        site, now = self._site, self._site.clock.now()
        known = await read_reloadable(site.database, seller.partner_id, msisdn)
        command = self._reload(seller, msisdn, amount_micros, once="", reference="quote")
        foresee(command, known, site.rules, now)
        return _quote(known, amount_micros, now)

    async def reload(self, seller: Seller, msisdn: int, amount_micros: int, once: str) -> Credited:
        """Reload a number. Raises what `domain.selling.top_up` does."""
        reference = self.reload_reference(seller, msisdn, amount_micros, once)
        command = self._reload(seller, msisdn, amount_micros, once=once, reference=reference)
        return await self._site.engine.submit(command)

    def reload_reference(self, seller: Seller, msisdn: int, amount_micros: int, once: str) -> str:
        """Return which reference a reload has."""
        return self._reference(seller, "reload", once, f"{msisdn}-{amount_micros}")

    async def undo(self, seller: Seller, reference: str) -> SaleUndone:
        """Take a sale back; asked again, it is the same answer. Raises what `undo_sale` does."""
        keys = self._site.keys
        key = keys.digest("shop undo", str(seller.partner_id), reference).hex()
        return await self._site.engine.submit(
            UndoSale(
                caller=CALLER,
                request_key=key,
                partner_id=seller.partner_id,
                reference=reference,
            )
        )

    async def last(self, seller: Seller, most: int) -> list[SaleView]:
        """Return the dealer's last sales, the newest first."""
        return await recent_sales(self._site.database, [seller.partner_id], most)

    async def find(self, seller: Seller, reference: str) -> SaleView | None:
        """Return the dealer's sale of a reference."""
        return await sale_by_reference(self._site.database, seller.partner_id, reference)

    def may_undo(self, sale: SaleView) -> bool:
        """Say whether a sale could be undone by the clock, and as far as it tells itself."""
        minutes = self._site.rules.dealers.undo_minutes
        is_over = self._site.clock.now() >= sale.at + timedelta(minutes=minutes)
        return not (is_over or sale.is_used or sale.undone_at or not sale.reference)

    def _reference(self, seller: Seller, *parts: str) -> str:
        """Return the reference of a sale, the same whenever it is asked for again.

        In two groups, to be read out: no row of digits in it is long enough for a number.
        """
        digest = self._site.keys.digest("shop reference", str(seller.seller_id), *parts)
        name = spell(digest)[:_REFERENCE_LETTERS].upper()
        return f"{name[:_GROUP]}-{name[_GROUP:]}"

    def _card(
        self, seller: Seller, batch_id: int, number: int, *, once: str, reference: str
    ) -> SellCard:
        return SellCard(
            caller=CALLER,
            request_key=self._key(seller, "card", once, f"{batch_id}-{number}"),
            partner_id=seller.partner_id,
            batch_id=batch_id,
            number=number,
            reference=reference,
            terminal=seller.name,
        )

    def _reload(
        self, seller: Seller, msisdn: int, amount_micros: int, *, once: str, reference: str
    ) -> TopUp:
        return TopUp(
            caller=CALLER,
            request_key=self._key(seller, "reload", once, f"{msisdn}-{amount_micros}"),
            msisdn=msisdn,
            partner_id=seller.partner_id,
            amount_micros=amount_micros,
            reference=reference,
        )

    def _key(self, seller: Seller, *parts: str) -> str:
        return self._site.keys.digest("shop key", str(seller.seller_id), *parts).hex()


def _quote(known: Known, price_micros: int, now: datetime) -> Quote:
    """Return what a sale that would be taken comes to."""
    dealer = known.dealer
    if dealer is None:
        raise DealerUnknown
    earned = earnings(dealer, price_micros, now)
    own = [one.amount_micros for one in earned if one.partner_id == dealer.partner_id]
    payer = known.levels[dealer.payer_id]
    return Quote(
        price_micros=price_micros,
        charged_micros=price_micros - margin_of(earned),
        commission_micros=sum(own),
        float_micros=payer.float_bucket.remaining_micros,
    )
