"""tambah dealers …: who stands where in the tree, what was agreed, what was sold and is owed."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, timedelta, tzinfo
from pathlib import Path

import click
import rich_click

from tambah.cli.asking import ask_for, ask_paying, takes_two
from tambah.cli.desk import Desk, actor, at_desk
from tambah.cli.frame import Answer, answering
from tambah.cli.instants import show_instant
from tambah.cli.options import DAY, RINGGIT, imports_file, reason
from tambah.cli.rate import RATE
from tambah.cli.reports import import_answer, report_to
from tambah.cli.shown import shown_amounts
from tambah.domain.approval import Deed
from tambah.domain.dealer import Agreement, DealerKind, PaidAs, percent
from tambah.domain.dealer_commands import MoveFloat, PayCommission
from tambah.domain.money import ringgit
from tambah.domain.refusals import DealerUnknown, NothingDue
from tambah.engine.approving.of_dealers import ask_agreement, ask_dealer, ask_float_move
from tambah.engine.dealers import Limits, NewDealer, Terms, add_dealer, set_agreement
from tambah.engine.dealers.importing import DealersRequest, DealersResult, import_dealers
from tambah.engine.operator import alone_up_to
from tambah.store.views.dealers import (
    DealerView,
    SaleView,
    agreements_with,
    dealers_owed,
    list_dealers,
    read_dealer,
    recent_sales,
    stock_by_range,
)

_KINDS = click.Choice([kind.name.lower() for kind in DealerKind])
_PAID_AS = click.Choice([paid.name.lower() for paid in PaidAs])


@click.group(cls=rich_click.RichGroup)
def dealers() -> None:
    """Keep the dealers' tree: agreements, floats, commission."""


@dealers.command("add", cls=rich_click.RichCommand)
@click.argument("name", default="")
@click.option("--kind", type=_KINDS, required=True, help="What it is called.")
@click.option("--partner", type=int, help="A partner that becomes a dealer; else a new one.")
@click.option("--parent", type=int, help="Whose child it is, for good; none for the root.")
@click.option("--draws-on-parent", is_flag=True, help="Its parent's float pays, for good.")
@click.option("--rate", type=RATE, help="Commission in percent of the face value, from now on.")
@click.option("--paid-as", type=_PAID_AS, default="margin", help="How commission is paid.")
@click.option("--credit-limit", type=RINGGIT, default="0.00", help="How far below nothing.")
@click.option("--least", type=RINGGIT, default="1.00", help="The least of one sale.")
@click.option("--most", type=RINGGIT, default="500.00", help="The most of one sale.")
@click.option("--daily-cap", type=RINGGIT, help="The most of a day's sales; none if left out.")
@reason
@answering
def add(  # noqa: PLR0913 - a parameter for each option
    name: str,
    kind: str,
    partner: int | None,
    parent: int | None,
    draws_on_parent: bool,
    rate: int | None,
    paid_as: str,
    credit_limit: int,
    least: int,
    most: int,
    daily_cap: int | None,
    reason: str,
) -> Answer:
    """Add a dealer called NAME to the tree, with an empty float.

    With --rate or --credit-limit it takes two people, once two work here who could decide.
    """
    terms = None if rate is None else Terms(rate_bp=rate, paid_as=PaidAs[paid_as.upper()])
    new = NewDealer(
        name=name,
        kind=DealerKind[kind.upper()],
        partner_id=partner,
        parent_id=parent,
        draws_on_parent=draws_on_parent,
        limits=Limits(
            credit_limit_micros=credit_limit,
            least_micros=least,
            most_micros=most,
            daily_cap_micros=daily_cap,
        ),
        terms=terms,
    )

    async def work(desk: Desk) -> Answer:
        """Add it, or ask for it: a rate and a credit limit make money."""
        makes_money = terms is not None or credit_limit > 0
        if makes_money and await takes_two(desk, Deed.ADD_DEALER):
            return await ask_for(desk, await ask_dealer(desk.database, new), actor(reason))
        partner_id = await add_dealer(desk.database, new, actor(reason))
        return Answer(
            document={"dealer": partner_id, "name": name, "kind": kind, "parent": parent},
            text=f"Dealer {partner_id}: {name or 'as before'}",
        )

    return at_desk(work)


@dealers.command("import", cls=rich_click.RichCommand)
@imports_file("added")
@reason
@answering
def import_command(
    file: Path, dry_run: bool, all_or_nothing: bool, report: Path | None, reason: str
) -> Answer:
    """Add the dealers of FILE (CSV) to the tree. Good rows are imported, bad rows are reported.

    Columns: name, kind, parent (a number, or a name of this file or of the tree; it may come
    later), draws_on_parent, least, most, daily_cap; in any order. The same file may be imported
    again: it changes nothing. Rates are agreed afterwards.
    """

    async def bring(desk: Desk) -> DealersResult:
        """Run the import."""
        request = DealersRequest(
            path=file,
            actor=actor(reason),
            all_or_nothing=all_or_nothing,
            dry_run=dry_run,
            on_refused=refusals.add,
        )
        return await import_dealers(desk.database, request)

    with report_to(report) as refusals:
        result = at_desk(bring)
    counts = f"{result.created} new, {result.unchanged} unchanged, {result.refused} refused."
    return import_answer(result, refusals, counts=counts, all_or_nothing=all_or_nothing)


@dealers.command(cls=rich_click.RichCommand)
@click.argument("dealer", type=int)
@answering
def show(dealer: int) -> Answer:
    """Show DEALER: its float, agreements, children and the cards it holds."""

    async def work(desk: Desk) -> Answer:
        """Look it up."""
        view = await read_dealer(desk.database, dealer)
        if view is None:
            raise DealerUnknown
        agreements = await agreements_with(desk.database, dealer)
        children = [
            one for one in await list_dealers(desk.database, dealer) if one.parent_id == dealer
        ]
        stock = await stock_by_range(desk.database, holder_id=dealer)
        today = desk.rules.validity.local_day(desk.now)
        document = {
            **_document(view, today),
            "agreements": [_agreement(one) for one in agreements],
            "children": [one.partner_id for one in children],
            "cards": sum(one.cards for one in stock),
            "cards_unsold": sum(one.unsold for one in stock),
        }
        lines = [_line(view, today)]
        lines += [f"  {_agreement_text(one, desk.zone)}" for one in agreements]
        lines += [f"  {_line(one, today)}" for one in children]
        cards, unsold = document["cards"], document["cards_unsold"]
        lines.append(f"  {cards} cards in stock, {unsold} unsold.")
        return Answer(document=document, text="\n".join(lines))

    return at_desk(work)


@dealers.command(cls=rich_click.RichCommand)
@click.option("--under", type=int, help="Only what is under this dealer, and itself.")
@answering
def tree(under: int | None) -> Answer:
    """Show the tree of dealers."""

    async def work(desk: Desk) -> Answer:
        """Read it."""
        found = await list_dealers(desk.database, under)
        today = desk.rules.validity.local_day(desk.now)
        return Answer(
            document={"dealers": [_document(view, today) for view in found]},
            text="\n".join("  " * view.depth + _line(view, today) for view in found)
            or "There is no dealer.",
        )

    return at_desk(work)


@dealers.command(cls=rich_click.RichCommand)
@click.argument("dealer", type=int)
@click.argument("rate", type=RATE)
@click.option("--paid-as", type=_PAID_AS, default="margin", help="How commission is paid.")
@click.option("--most-sale", type=RINGGIT, help="The most of one sale; its own if left out.")
@click.option("--most-day", type=RINGGIT, help="The most of a day; its own if left out.")
@click.option("--from", "since", type=DAY, help="From this day on; else from a minute on.")
@reason
@answering
def agreement(  # noqa: PLR0913 - a parameter for each option
    dealer: int,
    rate: int,
    paid_as: str,
    most_sale: int | None,
    most_day: int | None,
    since: date | None,
    reason: str,
) -> Answer:
    """Agree with DEALER on a commission of RATE percent, instead of what was agreed before."""
    terms = Terms(
        rate_bp=rate,
        paid_as=PaidAs[paid_as.upper()],
        most_sale_micros=most_sale,
        most_day_micros=most_day,
    )

    async def work(desk: Desk) -> Answer:
        """Write it down."""
        effective_at = None if since is None else desk.rules.validity.start_of(since)
        if await takes_two(desk, Deed.CHANGE_AGREEMENT):
            wanted = await ask_agreement(desk.database, dealer, terms, effective_at, desk.now)
            return await ask_for(desk, wanted, actor(reason))
        made = await set_agreement(desk.database, dealer, terms, actor(reason), effective_at)
        return Answer(
            document={"dealer": dealer, **_agreement(made)},
            text=f"Dealer {dealer}: {_agreement_text(made, desk.zone)}",
        )

    return at_desk(work)


@dealers.command("move-float", cls=rich_click.RichCommand)
@click.argument("dealer", type=int)
@click.argument("to", type=int)
@click.argument("amount", type=RINGGIT)
@click.option("--reference", required=True, help="Of this move; the same again moves nothing.")
@reason
@answering
def move_float(dealer: int, to: int, amount: int, reference: str, reason: str) -> Answer:
    """Move AMOUNT of float from DEALER to its child (or its parent) TO."""

    async def work(desk: Desk) -> Answer:
        """Have the engine move it, or ask for it."""
        alone_micros = alone_up_to(desk.operator.console)
        if amount > alone_micros and await takes_two(desk, Deed.MOVE_FLOAT):
            wanted = await ask_float_move(desk.database, dealer, to, amount, reference)
            return await ask_for(desk, wanted, actor(reason))
        command = MoveFloat(
            caller="cli",
            request_key=f"move:{reference}",
            partner_id=dealer,
            to_partner_id=to,
            amount_micros=amount,
            reference=reference,
            actor=actor(reason),
        )
        async with desk.engine() as engine:
            moved = await engine.submit(command)
        document = shown_amounts(
            {
                "dealer": dealer,
                "to": to,
                "amount_micros": moved.amount_micros,
                "float_micros": moved.float_micros,
            }
        )
        text = (
            f"RM{document['amount']} moved from {dealer} to {to}; RM{document['float']} is left."
        )
        return Answer(document=document, text=text)

    return at_desk(work)


@dealers.command("pay-commission", cls=rich_click.RichCommand)
@click.option("--until", type=DAY, required=True, help="The last day whose sales are paid for.")
@click.option("--dealer", "only", type=int, help="Only this dealer.")
@reason
@answering
def pay_commission(until: date, only: int | None, reason: str) -> Answer:
    """Pay dealers the commission they are owed into their floats, one transfer each."""

    async def work(desk: Desk) -> Answer:
        """Have the engine pay one after another."""
        before = desk.rules.validity.start_of(until + timedelta(days=1))
        asked = await ask_paying(desk, until, before, only, actor(reason))
        if asked is not None:
            return asked
        owed = [only] if only is not None else await dealers_owed(desk.database, before)
        paid: list[dict[str, object]] = []
        async with desk.engine() as engine:
            for dealer in owed:
                command = PayCommission(
                    caller="cli",
                    # By the clock: an undone sale may leave something for the same day later on.
                    request_key=f"commission:{until.isoformat()}:{desk.now.isoformat()}",
                    partner_id=dealer,
                    until=until,
                    actor=actor(reason),
                )
                try:
                    done = await engine.submit(command)
                except NothingDue:
                    continue
                paid.append({"dealer": dealer, "amount": ringgit(done.amount_micros)})
        listed = [f"Dealer {one['dealer']}: RM{one['amount']}" for one in paid]
        return Answer(
            document={"until": until.isoformat(), "paid": paid},
            text="\n".join(listed) or "Nothing is owed.",
        )

    return at_desk(work)


@dealers.command(cls=rich_click.RichCommand)
@click.argument("dealer", type=int)
@click.option("--limit", type=click.IntRange(1, 1000), default=10, help="How many.")
@click.option("--under", is_flag=True, help="Its whole tree's sales, not its own alone.")
@answering
def sales(dealer: int, limit: int, under: bool) -> Answer:
    """Show what DEALER sold last."""

    async def work(desk: Desk) -> Answer:
        """Read it."""
        if await read_dealer(desk.database, dealer) is None:
            raise DealerUnknown
        whose = [dealer]
        if under:
            whose = [one.partner_id for one in await list_dealers(desk.database, dealer)]
        found = await recent_sales(desk.database, whose, limit)
        return Answer(
            document={"sales": [_sale(one) for one in found]},
            text="\n".join(_sale_text(one, desk.zone) for one in found) or "Nothing was sold.",
        )

    return at_desk(work)


def _document(view: DealerView, today: date) -> dict[str, object]:
    values: dict[str, object] = {**asdict(view), "kind": view.kind.name.lower()}
    values["sold_micros"] = view.sold_today(today)
    del values["sold_on"], values["partner_id"]
    return {"dealer": view.partner_id, **shown_amounts(values)}


def _line(view: DealerView, today: date) -> str:
    pays = (
        f"RM{ringgit(view.float_micros)}"
        if view.payer_id == view.partner_id
        else f"draws on {view.payer_id}"
    )
    state = ", suspended" if view.suspended else ""
    return (
        f"{view.partner_id} {view.name} ({view.kind.name.lower()}{state}): {pays}, "
        f"sold RM{ringgit(view.sold_today(today))} today, owed RM{ringgit(view.owed_micros)}"
    )


def _agreement(agreement: Agreement) -> dict[str, object]:
    return {
        "effective_at": agreement.effective_at.isoformat(),
        "rate": percent(agreement.rate_bp),
        "paid_as": agreement.paid_as.name.lower(),
        **shown_amounts(
            {
                "most_sale_micros": agreement.most_sale_micros,
                "most_day_micros": agreement.most_day_micros,
            }
        ),
    }


def _agreement_text(agreement: Agreement, zone: tzinfo) -> str:
    since = show_instant(agreement.effective_at, zone)
    return f"{percent(agreement.rate_bp)} % as {agreement.paid_as.name.lower()} from {since} on"


def _sale(sale: SaleView) -> dict[str, object]:
    values: dict[str, object] = {
        **asdict(sale),
        "kind": sale.kind.name.lower(),
        "at": sale.at.isoformat(),
        "undone_at": sale.undone_at.isoformat() if sale.undone_at else None,
    }
    del values["partner_id"], values["payer_seq"]
    return {"dealer": sale.partner_id, **shown_amounts(values)}


def _sale_text(sale: SaleView, zone: tzinfo) -> str:
    what = f"card {sale.serial}" if sale.serial else f"reload of {sale.msisdn}"
    state = " (undone)" if sale.undone_at else " (used)" if sale.is_used else ""
    when = show_instant(sale.at, zone)
    return f"{when} RM{ringgit(sale.price_micros)} {what}, reference {sale.reference}{state}"
