"""tambah partners …, tambah keys …: who may sell, and their keys to the API."""

from __future__ import annotations

import click
import rich_click

from tambah.cli.asking import ask_for, takes_two
from tambah.cli.desk import Desk, actor, at_desk
from tambah.cli.frame import Answer, answering
from tambah.cli.options import RINGGIT, reason
from tambah.domain.approval import Deed
from tambah.domain.commands import FundPartner
from tambah.domain.money import ringgit
from tambah.engine.administer import (
    PREFIX_LENGTH,
    SCOPES,
    KeyRequest,
    add_key,
    add_partner,
    revoke_key,
)
from tambah.engine.approving.asks import ask_funding
from tambah.engine.dealers import set_suspended


@click.group(cls=rich_click.RichGroup)
def partners() -> None:
    """Add partners and fund their floats."""


@partners.command("add", cls=rich_click.RichCommand)
@click.argument("name")
@click.option("--credit-limit", type=RINGGIT, default="0.00", help="How far below nothing.")
@click.option("--least", type=RINGGIT, default="1.00", help="The least of one sale.")
@click.option("--most", type=RINGGIT, default="500.00", help="The most of one sale.")
@click.option("--daily-cap", type=RINGGIT, help="The most of a day's sales; none if left out.")
@click.option(
    "--speaks-for-lines",
    is_flag=True,
    help="Its redemptions come from the line's owner, not from a guest.",
)
@reason
@answering
def add(  # noqa: PLR0913 - a parameter for each option
    name: str,
    credit_limit: int,
    least: int,
    most: int,
    daily_cap: int | None,
    speaks_for_lines: bool,
    reason: str,
) -> Answer:
    """Add a partner (a dealer, a shop, a program) with an empty float."""

    async def work(desk: Desk) -> int:
        """Add it."""
        return await add_partner(
            desk.database,
            name=name,
            actor=actor(reason),
            speaks_for_lines=speaks_for_lines,
            credit_limit_micros=credit_limit,
            limits_micros=(least, most, daily_cap),
        )

    partner_id = at_desk(work)
    return Answer(
        document={"partner": partner_id, "name": name}, text=f"Partner {partner_id}: {name}"
    )


@partners.command(cls=rich_click.RichCommand)
@click.argument("partner", type=int)
@click.argument("amount", type=RINGGIT)
@click.option("--reference", required=True, help="The payment's; the same one again adds nothing.")
@reason
@answering
def fund(partner: int, amount: int, reference: str, reason: str) -> Answer:
    """Add to the float of PARTNER the AMOUNT of ringgit that it paid in."""

    async def work(desk: Desk) -> Answer:
        """Have the engine fund it, or ask for it."""
        if await takes_two(desk, Deed.FUND_PARTNER):
            wanted = await ask_funding(desk.database, partner, amount, reference)
            return await ask_for(desk, wanted, actor(reason))
        command = FundPartner(
            # For all who work at this command line: two of them may book the same payment.
            caller="cli",
            request_key=f"fund:{reference}",
            partner_id=partner,
            amount_micros=amount,
            reference=reference,
            actor=actor(reason),
        )
        async with desk.engine() as engine:
            funded = await engine.submit(command)
        document = {
            "partner": partner,
            "amount": ringgit(funded.amount_micros),
            "float": ringgit(funded.float_micros),
        }
        return Answer(
            document=document,
            text=f"Partner {partner}: RM{document['amount']} added, RM{document['float']} now.",
        )

    return at_desk(work)


@partners.command(cls=rich_click.RichCommand)
@click.argument("partner", type=int)
@reason
@answering
def suspend(partner: int, reason: str) -> Answer:
    """Keep PARTNER, and whoever draws on its float, from selling."""
    return _set_suspended(partner, reason, suspended=True)


@partners.command(cls=rich_click.RichCommand)
@click.argument("partner", type=int)
@reason
@answering
def resume(partner: int, reason: str) -> Answer:
    """Let PARTNER sell again."""
    return _set_suspended(partner, reason, suspended=False)


def _set_suspended(partner: int, why: str, *, suspended: bool) -> Answer:
    at_desk(lambda desk: set_suspended(desk.database, partner, actor(why), suspended=suspended))
    state = "suspended" if suspended else "may sell"
    return Answer(
        document={"partner": partner, "suspended": suspended}, text=f"Partner {partner}: {state}."
    )


@click.group(cls=rich_click.RichGroup)
def keys() -> None:
    """Make and revoke API keys."""


@keys.command("add", cls=rich_click.RichCommand)
@click.argument("partner", type=int)
@click.option("--label", default="", help="What the key is for.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    help="What it may do; give it several times. Everything if left out.",
)
@click.option("--test", "is_test", is_flag=True, help="Mark it as a key for trying things out.")
@reason
@answering
def add_key_command(
    partner: int, label: str, scopes: tuple[str, ...], is_test: bool, reason: str
) -> Answer:
    """Make an API key for PARTNER and show it, for the only time."""

    async def work(desk: Desk) -> str:
        """Make it."""
        wanted = KeyRequest(
            partner_id=partner, label=label, scopes=scopes or SCOPES, is_test=is_test
        )
        return await add_key(desk.database, desk.keys, wanted, actor(reason))

    key = at_desk(work)
    document = {
        "partner": partner,
        "key": key,
        "prefix": key[:PREFIX_LENGTH],
        "scopes": list(scopes or SCOPES),
    }
    return Answer(document=document, text=f"{key}\nIt is not stored and cannot be shown again.")


@keys.command(cls=rich_click.RichCommand)
@click.argument("prefix")
@reason
@answering
def revoke(prefix: str, reason: str) -> Answer:
    """End the API key that begins with PREFIX (14 characters)."""

    async def work(desk: Desk) -> int:
        """End it."""
        return await revoke_key(desk.database, prefix, actor(reason))

    ended = at_desk(work)
    return Answer(
        document={"prefix": prefix[:PREFIX_LENGTH], "revoked": ended}, text=f"{ended} revoked."
    )
