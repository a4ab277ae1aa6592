"""tambah vouchers …: recharge cards as stock."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path

import click
import rich_click

from tambah.cli.asking import ask_for, takes_two
from tambah.cli.desk import Desk, actor, at_desk
from tambah.cli.frame import Answer, answering
from tambah.cli.instants import show_instant
from tambah.cli.options import DAY, RINGGIT, reason
from tambah.cli.progress import progress
from tambah.cli.shown import shown_amounts
from tambah.cli.voucher_prints import design_at, printed_kinds, replace, specimen, template
from tambah.desks.printing import Promise
from tambah.desks.ranges import read_range
from tambah.domain.approval import Deed
from tambah.domain.money import ringgit
from tambah.domain.refusals import BatchUnknown, VoucherUnknown
from tambah.domain.voucher import parse_serial
from tambah.engine.approving.asks import (
    BatchWanted,
    ask_activation,
    ask_batch,
    ask_batch_deed,
    ask_export,
)
from tambah.engine.vouchers import (
    BatchRequest,
    Generated,
    PrintKind,
    RangeMoved,
    change_batch,
    change_range,
    export_print_file,
    generate,
)
from tambah.engine.vouchers.moving import BatchAction, RangeAction
from tambah.store.views.stock import BatchView, CardView, count_batch, read_batch, read_card

_DEEDS: Mapping[BatchAction, Deed] = {
    "release": Deed.RELEASE_BATCH,
    "close": Deed.CLOSE_BATCH,
    "void": Deed.VOID_BATCH,
}
"""What takes two; a lock is put on at once."""
_BATCH = re.compile(r"[0-9]{1,9}")


@click.group(cls=rich_click.RichGroup)
def vouchers() -> None:
    """Make, release, export and move vouchers.

    A TARGET is a batch (12), a card by its serial number (0012-00000001), or a range of cards
    (0012-00000001..0012-00000500).
    """


@vouchers.command("generate", cls=rich_click.RichCommand)
@click.argument("price", type=RINGGIT)
@click.argument("quantity", type=click.IntRange(1, 10_000_000))
@click.option(
    "--recipient", help="The printing house's age key (age1…); without it nobody knows the codes."
)
@click.option(
    "--sheets", is_flag=True, help="Also make sheets of cards as PDF, for the recipient."
)
@click.option("--slips", is_flag=True, help="Also make slips of 80 mm as PDF, for the recipient.")
@click.option("--letters", is_flag=True, help="Show some digits as letters of their keys.")
@click.option("--born-active", is_flag=True, help="Redeemable once released; not sold as cards.")
@click.option("--redeem-until", type=DAY, help="The last day on which they redeem.")
@reason
@answering
def generate_command(  # noqa: PLR0913 - a parameter for each option
    price: int,
    quantity: int,
    recipient: str | None,
    sheets: bool,
    slips: bool,
    letters: bool,
    born_active: bool,
    redeem_until: date | None,
    reason: str,
) -> Answer:
    """Make a batch of QUANTITY vouchers of PRICE ringgit (10.00)."""

    async def make(desk: Desk) -> Generated | Answer:
        """Make the batch, or ask for it."""
        validity = desk.rules.validity
        redeem_before = None
        if redeem_until is not None:
            redeem_before = validity.end_of_day(validity.start_of(redeem_until))
        kinds = printed_kinds(sheets=sheets, slips=slips)
        if await takes_two(desk, Deed.GENERATE_BATCH):
            wanted = BatchWanted(
                price_micros=price,
                quantity=quantity,
                recipient=recipient or "",
                lettered=letters,
                born_active=born_active,
                redeem_before=redeem_before,
                printed=kinds,
            )
            return await ask_for(
                desk, ask_batch(wanted, desk.rules.catalog, desk.now), actor(reason)
            )
        promise = Promise(price_micros=price, now=desk.now, last_day=redeem_until)
        request = BatchRequest(
            price_micros=price,
            quantity=quantity,
            now=desk.now,
            actor=actor(reason),
            operator=desk.operator.brand.name,
            lettered=letters,
            born_active=born_active,
            redeem_before=redeem_before,
            recipient=recipient,
            sheets=design_at(desk, kinds, promise) if kinds else None,
        )
        with progress("making vouchers") as told:
            return await generate(desk.database, desk.keys, desk.rules.catalog, request, told)

    made = at_desk(make)
    if isinstance(made, Answer):
        return made
    document = {
        "batch": made.batch_id,
        "quantity": made.quantity,
        "price": ringgit(made.price_micros),
        "first_serial": made.first_serial,
        "last_serial": made.last_serial,
        "print_file": _file(made, PrintKind.LINES),
        "sheets": _file(made, PrintKind.SHEETS),
    }
    text = f"Batch {made.batch_id}: {made.first_serial} to {made.last_serial}, not yet released."
    if made.print_digest is None:
        text += "\nNo print file was made: nobody will ever know these codes."
    return Answer(document=document, text=text)


def _file(made: Generated, kind: PrintKind) -> dict[str, object] | None:
    sealed = made.sealed.get(kind)
    return {"sha256": sealed.digest, "bytes": sealed.size} if sealed else None


def _move_batch(batch: int, action: BatchAction, why: str) -> Answer:
    async def move(desk: Desk) -> Answer:
        """Move the batch, or ask for it."""
        deed = _DEEDS.get(action)
        if deed is not None and await takes_two(desk, deed):
            wanted = await ask_batch_deed(desk.database, deed, batch)
            return await ask_for(desk, wanted, actor(why))
        moved = await change_batch(desk.database, batch, action, actor(why), desk.now)
        before, after = moved.before.name.lower(), moved.after.name.lower()
        return Answer(
            document={"batch": batch, "before": before, "after": after},
            text=f"Batch {batch} was {before} and is {after} now.",
        )

    return at_desk(move)


def _move_range(target: str, action: RangeAction, why: str) -> Answer:
    cards = read_range(target)

    async def move(desk: Desk) -> RangeMoved | Answer:
        """Move the cards, or ask for it."""
        if action == "activate" and await takes_two(desk, Deed.ACTIVATE_CARDS):
            wanted = await ask_activation(desk.database, cards)
            return await ask_for(desk, wanted, actor(why))
        with progress(action) as told:
            return await change_range(
                desk.database, cards, action, actor(why), desk.now, progress=told
            )

    moved = at_desk(move)
    if isinstance(moved, Answer):
        return moved
    left = {state.name.lower(): count for state, count in moved.unchanged.items()}
    text = f"{moved.changed} changed."
    if left:
        listed = ", ".join(f"{count} {state}" for state, count in left.items())
        text += f" Left as they were: {listed}."
    document = {"batch": cards.batch_id, "changed": moved.changed, "unchanged": left}
    return Answer(document=document, text=text)


@vouchers.command(cls=rich_click.RichCommand)
@click.argument("batch", type=int)
@reason
@answering
def release(batch: int, reason: str) -> Answer:
    """Let the active vouchers of BATCH redeem."""
    return _move_batch(batch, "release", reason)


@vouchers.command(cls=rich_click.RichCommand)
@click.argument("batch", type=int)
@reason
@answering
def close(batch: int, reason: str) -> Answer:
    """End BATCH: none of its vouchers redeems any more."""
    return _move_batch(batch, "close", reason)


@vouchers.command(cls=rich_click.RichCommand)
@click.argument("target")
@reason
@answering
def activate(target: str, reason: str) -> Answer:
    """Activate the cards of TARGET, a serial number or a range: the shop has sold them."""
    return _move_range(target, "activate", reason)


@vouchers.command(cls=rich_click.RichCommand)
@click.argument("target")
@reason
@answering
def lock(target: str, reason: str) -> Answer:
    """Lock TARGET, a batch or cards, for as long as something is looked into."""
    if _BATCH.fullmatch(target):
        return _move_batch(int(target), "lock", reason)
    return _move_range(target, "lock", reason)


@vouchers.command(cls=rich_click.RichCommand)
@click.argument("target")
@reason
@answering
def void(target: str, reason: str) -> Answer:
    """Void TARGET, a batch or cards, for ever."""
    if _BATCH.fullmatch(target):
        return _move_batch(int(target), "void", reason)
    return _move_range(target, "void", reason)


@vouchers.command(cls=rich_click.RichCommand)
@click.argument("batch", type=int)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--sheets", is_flag=True, help="The archive of PDFs instead of the print file.")
@reason
@answering
def export(batch: int, file: Path, sheets: bool, reason: str) -> Answer:
    """Write the encrypted print file of BATCH, or its sheets, to FILE. Each is handed out once."""
    kind = PrintKind.SHEETS if sheets else PrintKind.LINES

    async def hand_out(desk: Desk) -> Answer:
        """Write the file, or ask for it."""
        if await takes_two(desk, Deed.EXPORT_BATCH):
            wanted = await ask_export(desk.database, batch, kind)
            return await ask_for(desk, wanted, actor(reason))
        done = await export_print_file(desk.database, batch, file, actor(reason), desk.now, kind)
        text = f"{done.path}: {done.size} bytes, SHA-256 {done.digest.hex()}"
        if done.again:
            text += "\nAn earlier export had broken off; this one is whole."
        document = {
            "batch": batch,
            "file": done.path,
            "bytes": done.size,
            "sha256": done.digest,
            "again": done.again,
        }
        return Answer(document=document, text=text)

    return at_desk(hand_out)


@vouchers.command(cls=rich_click.RichCommand)
@click.argument("target")
@answering
def show(target: str) -> Answer:
    """Show TARGET, a batch or a card by its serial number."""
    if _BATCH.fullmatch(target):
        return at_desk(lambda desk: _show_batch(desk, int(target)))
    return at_desk(lambda desk: _show_card(desk, parse_serial(target)))


async def _show_batch(desk: Desk, batch_id: int) -> Answer:
    batch = await read_batch(desk.database, batch_id)
    if batch is None:
        raise BatchUnknown
    counts = await count_batch(desk.database, batch_id)
    states = {state.name.lower(): count for state, count in counts.items()}
    document = {**shown_amounts(asdict(batch)), "vouchers": states, **_serials(batch)}
    listed = ", ".join(f"{count} {state}" for state, count in states.items() if count)
    text = (
        f"Batch {batch.batch_id} is {batch.state.name.lower()}: {batch.quantity} of "
        f"RM{ringgit(batch.price_micros)}, {batch.first_serial} to {batch.last_serial}.\n{listed}"
    )
    return Answer(document=document, text=text)


async def _show_card(desk: Desk, serial: tuple[int, int]) -> Answer:
    card: CardView | None = await read_card(desk.database, serial, desk.rules.numbers, desk.now)
    if card is None:
        raise VoucherUnknown
    document = {"serial": card.serial, **shown_amounts(asdict(card))}
    state = card.state.name.lower()
    text = f"{card.serial} is {state}, RM{ringgit(card.price_micros)}."
    if card.redeemed_at:
        text += f" Redeemed on {show_instant(card.redeemed_at, desk.zone)} by {card.redeemed_by}."
    elif card.not_usable:
        text += f" It does not redeem now: {card.not_usable.value.replace('_', ' ')}."
    if card.replaced_by:
        text += f" {card.replaced_by} was given for it."
    if card.replaces:
        text += f" It was given for {card.replaces}."
    return Answer(document=document, text=text)


for _command in (replace, specimen, template):
    vouchers.add_command(_command)


def _serials(batch: BatchView) -> dict[str, str]:
    return {"first_serial": batch.first_serial, "last_serial": batch.last_serial}
