"""Random trees of dealers, and commands of those who sell in them, with hypothesis."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

from tambah.domain.commands import Command, FundPartner
from tambah.domain.dealer import Agreement, Dealer, DealerKind, PaidAs
from tambah.domain.dealer_commands import MoveFloat, PayCommission, SellCard, UndoSale
from tambah.domain.state import PartnerAccount
from tambah.domain.voucher import VoucherState

from .world import (
    ALICE,
    ALWAYS,
    BOB,
    RM,
    STAFF,
    START,
    World,
    batch,
    card,
    code,
    partner,
    redeem,
    reverse,
    top_up,
)

FIRST_DEALER = 701
CARDS = 12
PRICE = batch(9, 7)
"""RM7: no rate of it comes out even."""


def agreement(
    rate_bp: int,
    paid_as: PaidAs = PaidAs.MARGIN,
    *,
    most_sale: int | None = None,
    most_day: int | None = None,
    since: int = -9999,
) -> Agreement:
    """Return an agreement; limits in ringgit, in force from so many days after START."""
    return Agreement(
        effective_at=max(ALWAYS, START + timedelta(days=since)) if since > -9999 else ALWAYS,
        rate_bp=rate_bp,
        paid_as=paid_as,
        most_sale_micros=None if most_sale is None else most_sale * RM,
        most_day_micros=None if most_day is None else most_day * RM,
    )


@st.composite
def trees(draw: st.DrawFn) -> World:
    """Return a world with up to eight dealers, any of whom may draw on its parent."""
    count = draw(st.integers(1, 8))
    paths: list[tuple[int, ...]] = []
    charged: list[tuple[int, ...]] = []
    rates: list[int | None] = []
    agreements: dict[int, tuple[Agreement, ...]] = {}
    partners: list[PartnerAccount] = []
    for place in range(count):
        partner_id = FIRST_DEALER + place
        above = draw(st.integers(0, place - 1)) if place else None
        draws = above is not None and draw(st.booleans())
        paths.append((*(() if above is None else paths[above]), partner_id))
        charged.append((partner_id, *(charged[above] if above is not None and draws else ())))
        most_bp = 700 if above is None else (rates[above] or 0)
        rate = draw(st.one_of(st.none(), st.integers(0, most_bp)))
        rates.append(rate)
        if rate is not None:
            paid_as = draw(st.sampled_from(PaidAs))
            most_day = draw(st.sampled_from([None, None, 50]))
            agreements[partner_id] = (agreement(rate, paid_as, most_day=most_day),)
        limit = draw(st.sampled_from([0, 0, 10]))
        partners.append(partner(partner_id, credit_limit=limit))
    dealers = tuple(
        Dealer(
            partner_id=path[-1],
            kind=DealerKind.DEALER,
            path=path,
            charged=charged[place],
            agreements={one: agreements[one] for one in path if one in agreements},
        )
        for place, path in enumerate(paths)
    )
    cards = {code(900 + n): card(PRICE, n, VoucherState.GENERATED) for n in range(1, CARDS + 1)}
    return World(partners=tuple(partners), cards=cards, dealers=dealers)


@st.composite
def dealings(draw: st.DrawFn, world: World, most: int = 30) -> list[tuple[int, Command]]:
    """Return what dealers of a world do, and seconds that pass before each."""
    ids = st.sampled_from([one.partner_id for one in world.dealers])
    numbers = st.integers(1, CARDS)
    done: list[tuple[int, Command]] = []
    for place in range(draw(st.integers(3, most))):
        key = f"key {place}"
        whose = draw(ids)
        earlier = f"key {draw(st.integers(0, place))}"
        kind = draw(st.sampled_from("fffssssssrrruuuvmpcb"))
        command: Command
        if kind == "f":
            amount = draw(st.sampled_from([20, 50, 100])) * RM
            command = FundPartner(
                caller="cli", request_key=key, partner_id=whose, amount_micros=amount,
                reference=key, actor=STAFF,
            )  # fmt: skip
        elif kind == "s":
            command = sell(whose, draw(numbers), key)
        elif kind == "r":
            msisdn = draw(st.sampled_from([ALICE, BOB]))
            command = top_up(key, draw(st.sampled_from([5, 20, 30])), msisdn, partner_id=whose)
        elif kind == "u":
            command = undo(draw(ids), earlier, key)
        elif kind == "v":
            command = reverse(key, draw(st.integers(1, 3)), draw(st.sampled_from([ALICE, BOB])))
        elif kind == "m":
            command = move(whose, draw(ids), draw(st.sampled_from([5, 20])), key)
        elif kind == "p":
            command = pay(whose, key, days=draw(st.integers(0, 2)))
        elif kind == "c":
            command = redeem(key, code(900 + draw(numbers)))
        else:
            command = draw(st.sampled_from([one for _, one in done] or [sell(whose, 1, key)]))
        done.append((draw(st.sampled_from([0, 0, 1, 60, 300, 601, 43_200])), command))
    return done


def sell(partner_id: int, number: int, key: str, batch_id: int = PRICE.batch_id) -> SellCard:
    """Sell a card; the reference is the key."""
    return SellCard(
        caller=f"partner:{partner_id}",
        request_key=key,
        partner_id=partner_id,
        batch_id=batch_id,
        number=number,
        reference=key,
    )


def undo(partner_id: int, reference: str, key: str) -> UndoSale:
    """Undo a sale."""
    return UndoSale(
        caller=f"partner:{partner_id}",
        request_key=key,
        partner_id=partner_id,
        reference=reference,
    )


def move(partner_id: int, to_partner_id: int, ringgit: float, key: str) -> MoveFloat:
    """Move float, in ringgit."""
    return MoveFloat(
        caller=f"partner:{partner_id}",
        request_key=key,
        partner_id=partner_id,
        to_partner_id=to_partner_id,
        amount_micros=round(ringgit * RM),
    )


def pay(partner_id: int, key: str, days: int = 0) -> PayCommission:
    """Pay what is owed up to so many days after START."""
    return PayCommission(
        caller="cli",
        request_key=key,
        partner_id=partner_id,
        until=(START + timedelta(days=days, hours=12)).date(),
        actor=STAFF,
    )
