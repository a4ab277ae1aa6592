"""What a batch touches of dealers' trade: their places, sales, commissions, cards in stock.

A batch without a dealer in it asks the database nothing here.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta

from tambah.domain.commands import Command, ReverseTopUp, TopUp
from tambah.domain.dealer import Commission, Dealer, DealerSale, SaleKind
from tambah.domain.dealer_commands import MoveFloat, PayCommission, SellCard, UndoSale
from tambah.domain.records import replace
from tambah.domain.rules import Rules
from tambah.domain.state import CardStock, CommissionRun, Known, TopUpRecord
from tambah.domain.voucher import Voucher
from tambah.store.database import Connection
from tambah.store.ledger import card_stock, dealer_sales, dealers

CardKey = tuple[int, int]


@dataclass(slots=True, kw_only=True)
class Trade:
    """Dealers' trade as it stands after the commands decided so far.

    sales: by dealer and reference. topup_sales: by line and top-up. commissions: of sales that
    may be undone, by payer and transfer. digests, stocks, card_sales: of cards, by batch and
    number; only sales that stand. owed: by dealer and day.
    """

    dealers: dict[int, Dealer] = field(default_factory=dict[int, Dealer])
    sales: dict[tuple[int, str], DealerSale] = field(
        default_factory=dict[tuple[int, str], DealerSale]
    )
    topup_sales: dict[tuple[int, int], DealerSale] = field(
        default_factory=dict[tuple[int, int], DealerSale]
    )
    commissions: dict[tuple[int, int], tuple[Commission, ...]] = field(
        default_factory=dict[tuple[int, int], tuple[Commission, ...]]
    )
    digests: dict[CardKey, bytes] = field(default_factory=dict[CardKey, bytes])
    stocks: dict[CardKey, CardStock] = field(default_factory=dict[CardKey, CardStock])
    card_sales: dict[CardKey, DealerSale] = field(default_factory=dict[CardKey, DealerSale])
    owed: dict[tuple[int, date], int] = field(default_factory=dict[tuple[int, date], int])


async def find_undone(connection: Connection, commands: list[Command]) -> list[DealerSale]:
    """Return the sales that commands want undone, before anything is locked.

    What they are of never changes; whether they were undone is read again behind the locks.
    """
    wanted = {(c.partner_id, c.reference) for c in commands if isinstance(c, UndoSale)}
    if not wanted:
        return []
    return list((await dealer_sales.find_by_reference(connection, wanted)).values())


def undone_line_ids(
    commands: list[Command], undone: list[DealerSale], line_of: dict[int, int]
) -> set[int]:
    """Return whose top-ups commands want undone, those of the same batch's sales among them."""
    ids = {sale.line_id for sale in undone if sale.line_id is not None}
    wanted = {(c.partner_id, c.reference) for c in commands if isinstance(c, UndoSale)}
    if wanted:
        ids.update(
            line_of[c.msisdn]
            for c in commands
            if isinstance(c, TopUp)
            and (c.partner_id, c.reference) in wanted
            and c.msisdn in line_of
        )
    return ids


async def load_trade(
    connection: Connection,
    commands: list[Command],
    rules: Rules,
    dealer_ids: Collection[int],
    found_topups: dict[int, list[TopUpRecord]],
) -> Trade:
    """Read what commands touch of dealers' trade; their partners' and lines' rows are locked.

    dealer_ids: which of the locked partners are dealers.
    """
    if not dealer_ids:
        return Trade()
    trade = Trade(dealers=await dealers.read_dealers(connection, dealer_ids))
    asked = {
        (c.partner_id, c.reference)
        for c in commands
        if isinstance(c, TopUp | SellCard | UndoSale)
        and c.partner_id in trade.dealers
        and c.reference
    }
    if asked:
        trade.sales = await dealer_sales.find_by_reference(connection, asked)
    reversed_topups = {
        (t.partner_id, t.line_id, t.topup_no)
        for records in found_topups.values()
        for t in records
        if t.partner_id is not None and t.partner_id in trade.dealers
    }
    if reversed_topups and any(isinstance(c, ReverseTopUp) for c in commands):
        trade.topup_sales = await dealer_sales.find_by_topup(connection, reversed_topups)
    # In the batch itself it may come to be undone as well: every sale that is found counts.
    undoable = {
        (sale.payer_id, sale.payer_seq)
        for sale in (*trade.sales.values(), *trade.topup_sales.values())
    }
    if undoable and any(isinstance(c, UndoSale | ReverseTopUp) for c in commands):
        trade.commissions = await dealer_sales.read_commissions(connection, undoable)
    for c in commands:
        if isinstance(c, PayCommission) and c.partner_id in trade.dealers:
            before = rules.validity.start_of(c.until + timedelta(days=1))
            owed_micros = await dealer_sales.sum_owed(connection, c.partner_id, before)
            trade.owed[(c.partner_id, c.until)] = owed_micros
    await _load_cards(connection, commands, trade)
    return trade


async def _load_cards(connection: Connection, commands: list[Command], trade: Trade) -> None:
    sold = {(c.batch_id, c.number) for c in commands if isinstance(c, SellCard)}
    cards = sold | {
        (sale.batch_id, sale.number)
        for sale in trade.sales.values()
        if sale.batch_id is not None and sale.number is not None
    }
    if not cards:
        return
    await card_stock.share_batches(connection, {batch_id for batch_id, _ in cards})
    trade.digests = await card_stock.find_digests(connection, cards)
    if sold:
        trade.stocks = await card_stock.find_stock(connection, sold)
        trade.card_sales = await dealer_sales.find_by_card(connection, sold)


def known_of_sale(known: Known, trade: Trade, sale: DealerSale | None) -> Known:
    """Add a sale, and what it earned, to what is known."""
    if sale is None:
        return known
    earned = trade.commissions.get((sale.payer_id, sale.payer_seq), ())
    return replace(known, sale=sale, commissions=earned)


def known_of_dealer(
    command: SellCard | UndoSale | MoveFloat | PayCommission,
    known: Known,
    trade: Trade,
    vouchers: dict[bytes, Voucher],
) -> Known:
    """Add what a dealer's command touches to what is known: the partners are there already."""
    known = replace(known, dealer=trade.dealers.get(command.partner_id))
    if isinstance(command, MoveFloat):
        return replace(known, receiver=trade.dealers.get(command.to_partner_id))
    if isinstance(command, PayCommission):
        owed_micros = trade.owed.get((command.partner_id, command.until), 0)
        return replace(known, owed_micros=owed_micros)
    sale = trade.sales.get((command.partner_id, command.reference))
    known = known_of_sale(known, trade, sale)
    if isinstance(command, SellCard):
        card = (command.batch_id, command.number)
        known = replace(known, stock=trade.stocks.get(card), card_sale=trade.card_sales.get(card))
    elif sale is not None and sale.batch_id is not None and sale.number is not None:
        card = (sale.batch_id, sale.number)
    else:
        return known
    return replace(known, voucher=vouchers.get(trade.digests.get(card, b"")))


def take_sale(trade: Trade, sale: DealerSale, commissions: tuple[Commission, ...]) -> None:
    """Take a sale along, made or undone, for the commands behind it."""
    if sale.reference is not None:
        trade.sales[(sale.partner_id, sale.reference)] = sale
    if sale.kind is SaleKind.RELOAD:
        assert sale.line_id is not None, "a reload is of a line"
        assert sale.topup_no is not None, "a reload made a top-up"
        trade.topup_sales[(sale.line_id, sale.topup_no)] = sale
    else:
        assert sale.batch_id is not None, "a card is of a batch"
        assert sale.number is not None, "a card has a number"
        if sale.undone_at is None:
            trade.card_sales[(sale.batch_id, sale.number)] = sale
        else:
            trade.card_sales.pop((sale.batch_id, sale.number), None)
    if sale.undone_at is None:
        trade.commissions[(sale.payer_id, sale.payer_seq)] = commissions


def take_run(trade: Trade, run: CommissionRun) -> None:
    """Take along that a dealer was paid, for the commands behind it."""
    for partner_id, until in trade.owed:
        if partner_id == run.partner_id:
            # What a later day owes beyond this run is paid by a run of its own.
            trade.owed[(partner_id, until)] = 0
