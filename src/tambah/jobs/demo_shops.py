"""Two shops in a demo, each with a seller, and cards that nobody bought yet."""

from __future__ import annotations

import msgspec

from tambah.domain.actor import Actor
from tambah.domain.commands import FundPartner
from tambah.domain.dealer import DealerKind, PaidAs
from tambah.domain.line import Language
from tambah.domain.money import MICROS_PER_RINGGIT
from tambah.domain.voucher import format_serial
from tambah.engine.dealers import NewDealer, Terms, add_dealer
from tambah.engine.operator import seller_rule
from tambah.engine.sellers import (
    NewSeller,
    PinTry,
    add_seller,
    change_pin,
    new_pin,
)
from tambah.engine.vouchers import BatchRequest, change_batch, generate
from tambah.store.sellers import list_sellers
from tambah.web.site import Site

_ACTOR = Actor(who="demo", why="demo data")
_SHOPS = (
    ("Demo Shop A", 60_171_110_001, Language.EN, 300),
    ("Demo Shop B", 60_171_110_002, Language.MS, 400),
)
_ROOT_RATE_BP = 600
_FLOAT_RINGGIT = 1_000
_CARDS_OF_A_PRICE = 20
_MOST_PRICES = 3


class DemoSeller(msgspec.Struct, frozen=True, kw_only=True):
    """A seller of the demo, with all that it takes to sell at /shop and by SMS."""

    shop: str
    number: str
    pin: str


class DemoCard(msgspec.Struct, frozen=True, kw_only=True):
    """A card of the demo that a shop may sell, and the code that is then worth something."""

    serial: str
    code: str


async def open_shops(site: Site) -> list[DemoSeller]:
    """Add the demo's shops and sellers; those of a start cut short get another PIN."""
    known = {one.msisdn for one in await list_sellers(site.database)}
    if not known.issuperset(one[1] for one in _SHOPS):
        root = NewDealer(
            name="Demo Distributor",
            kind=DealerKind.DISTRIBUTOR,
            terms=Terms(rate_bp=_ROOT_RATE_BP, paid_as=PaidAs.TRANSFER),
        )
        root_id = await add_dealer(site.database, root, _ACTOR)
        for name, msisdn, language, rate_bp in _SHOPS:
            if msisdn not in known:
                await _open(site, root_id, (name, msisdn, language, rate_bp))
    return [await _let_in(site, name, msisdn) for name, msisdn, _, _ in _SHOPS]


async def make_cards(site: Site) -> list[DemoCard]:
    """Make and release cards of a few prices that shops may sell."""
    now, catalog = site.clock.now(), site.rules.catalog
    cards: list[DemoCard] = []
    for denomination in catalog.on_sale(now)[:_MOST_PRICES]:
        request = BatchRequest(
            price_micros=denomination.price_micros,
            quantity=_CARDS_OF_A_PRICE,
            now=now,
            actor=_ACTOR,
            operator=site.operator.brand.name,
            keep_codes=True,
        )
        made = await generate(site.database, site.keys, catalog, request)
        await change_batch(site.database, made.batch_id, "release", _ACTOR, now)
        cards += [
            DemoCard(serial=format_serial(made.batch_id, number), code=code)
            for number, code in enumerate(made.codes, 1)
        ]
    return cards


async def _open(site: Site, root_id: int, shop: tuple[str, int, Language, int]) -> None:
    """Add a shop with float and a seller."""
    name, msisdn, language, rate_bp = shop
    new = NewDealer(
        name=name,
        kind=DealerKind.SHOP,
        parent_id=root_id,
        terms=Terms(rate_bp=rate_bp, paid_as=PaidAs.MARGIN),
    )
    partner_id = await add_dealer(site.database, new, _ACTOR)
    await site.engine.submit(
        FundPartner(
            caller="demo",
            request_key=f"demo-float-{partner_id}",
            partner_id=partner_id,
            amount_micros=_FLOAT_RINGGIT * MICROS_PER_RINGGIT,
            reference="demo float",
            actor=_ACTOR,
        )
    )
    seller = NewSeller(
        partner_id=partner_id, name=f"{name} counter", msisdn=msisdn, language=language
    )
    await add_seller(site.database, seller, actor=_ACTOR)


async def _let_in(site: Site, name: str, msisdn: int) -> DemoSeller:
    """Give a seller a PIN that need not be changed: whoever starts a demo may sell at once."""
    now, rule = site.clock.now(), seller_rule(site.operator.shop)
    _, first = await new_pin(site.database, msisdn, actor=_ACTOR)
    _, pin = await new_pin(site.database, msisdn, actor=_ACTOR)
    await change_pin(site.database, rule, PinTry(msisdn=msisdn, pin=pin), first, now=now)
    return DemoSeller(shop=name, number=str(msisdn), pin=first)
