"""tambah sellers …: who sells for dealers by page and by SMS."""

from __future__ import annotations

import click
import rich_click

from tambah.cli.desk import Desk, actor, at_desk
from tambah.cli.frame import Answer, answering
from tambah.cli.options import reason
from tambah.domain.line import LANGUAGE_BY_TAG
from tambah.domain.numbering import fold_msisdn
from tambah.domain.seller import Seller, SellerState
from tambah.engine.sellers import NewSeller, add_seller, disable_seller, new_pin
from tambah.store.sellers import list_sellers


@click.group(cls=rich_click.RichGroup)
def sellers() -> None:
    """Let people and tills sell for dealers by page and SMS. NUMBER is a registered telephone."""


@sellers.command("add", cls=rich_click.RichCommand)
@click.argument("dealer", type=int)
@click.argument("name")
@click.argument("number")
@click.option(
    "--language",
    type=click.Choice(list(LANGUAGE_BY_TAG)),
    default="en",
    help="Of the SMS to them.",
)
@reason
@answering
def add(dealer: int, name: str, number: str, language: str, reason: str) -> Answer:
    """Let NAME sell for DEALER from NUMBER; print the PIN to begin with, once."""

    async def work(desk: Desk) -> tuple[Seller, str]:
        """Add them."""
        new = NewSeller(
            partner_id=dealer,
            name=name,
            msisdn=fold_msisdn(number, desk.rules.numbers),
            language=LANGUAGE_BY_TAG[language],
        )
        return await add_seller(desk.database, new, actor=actor(reason))

    return _with_pin(*at_desk(work))


@sellers.command("new-pin", cls=rich_click.RichCommand)
@click.argument("number")
@reason
@answering
def new_pin_command(number: str, reason: str) -> Answer:
    """Give the seller at NUMBER another PIN to begin with; sessions and locks end at once."""

    async def work(desk: Desk) -> tuple[Seller, str]:
        """Give it."""
        msisdn = fold_msisdn(number, desk.rules.numbers)
        return await new_pin(desk.database, msisdn, actor=actor(reason))

    return _with_pin(*at_desk(work))


@sellers.command("disable", cls=rich_click.RichCommand)
@click.argument("number")
@reason
@answering
def disable(number: str, reason: str) -> Answer:
    """Keep the seller at NUMBER out from now on; the number is free for another."""

    async def work(desk: Desk) -> tuple[Seller, int]:
        """Disable them."""
        msisdn = fold_msisdn(number, desk.rules.numbers)
        return await disable_seller(desk.database, msisdn, actor=actor(reason))

    seller, ended = at_desk(work)
    return Answer(
        document={"seller": seller.seller_id, "sessions_ended": ended},
        text=f"{seller.name} is disabled; {ended} sessions ended.",
    )


@sellers.command("list", cls=rich_click.RichCommand)
@click.option("--dealer", type=int, help="Of one dealer only.")
@answering
def list_command(dealer: int | None) -> Answer:
    """List sellers, those disabled too."""

    async def work(desk: Desk) -> Answer:
        """Read them."""
        found = await list_sellers(desk.database, dealer)
        document = [_document(one, is_locked=one.is_locked(desk.now)) for one in found]
        lines = [
            f"{one.partner_id}  {one.msisdn}  {one.name}  {one.state.name.lower()}"
            f"{'  WAITS' if one.is_locked(desk.now) else ''}"
            for one in found
        ]
        return Answer(document={"items": document}, text="\n".join(lines) or "There is nobody.")

    return at_desk(work)


def _with_pin(seller: Seller, pin: str) -> Answer:
    text = (
        f"{seller.name} sells for dealer {seller.partner_id} from {seller.msisdn}.\n"
        f"The PIN to begin with is shown only now: {pin}"
    )
    document = {
        "seller": seller.seller_id,
        "dealer": seller.partner_id,
        "msisdn": str(seller.msisdn),
        "pin": pin,
    }
    return Answer(document=document, text=text)


def _document(one: Seller, *, is_locked: bool) -> dict[str, object]:
    return {
        "seller": one.seller_id,
        "dealer": one.partner_id,
        "name": one.name,
        "msisdn": str(one.msisdn),
        "language": one.language.tag,
        "active": one.state is SellerState.ACTIVE,
        "locked": is_locked,
        "created_at": one.created_at,
    }
