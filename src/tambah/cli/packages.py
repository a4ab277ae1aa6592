"""tambah packages …: what is on sale, and what a line buys or stops."""

from __future__ import annotations

from uuid import uuid4

import click
import rich_click

from tambah.cli.desk import Desk, actor, at_desk
from tambah.cli.frame import Answer, answering
from tambah.cli.options import reason, request_key
from tambah.desks.packages import length_words, part_words
from tambah.domain.money import ringgit
from tambah.domain.numbering import fold_msisdn, show_msisdn
from tambah.domain.package import Package
from tambah.domain.package_commands import BuyPackage, RefundPackage, SetRenewal
from tambah.domain.refusals import NumberUnknown
from tambah.i18n import texts
from tambah.store.views.lines import line_now, read_line
from tambah.store.views.subscriptions import Running, read_running

_NUMBER = click.argument("number")
_PLACE = click.argument("place", type=click.IntRange(1))


@click.group(cls=rich_click.RichGroup)
def packages() -> None:
    """Look at packages, buy one for a line, stop its renewal, take one back."""


@packages.command("list", cls=rich_click.RichCommand)
@click.argument("number", required=False)
@answering
def list_command(number: str | None) -> Answer:
    """List the packages of operator.toml and of the console, or what runs on NUMBER."""

    async def look(desk: Desk) -> Answer:
        """Describe them."""
        if number is not None:
            return await _look_at_line(desk, number)
        shown = desk.rules.packages
        lines = [_in_words(one, desk) for one in shown]
        return Answer(
            document=[_document(one, desk) for one in shown],
            text="\n".join(lines) or "There are no packages.",
        )

    return at_desk(look)


@packages.command(cls=rich_click.RichCommand)
@_NUMBER
@click.argument("code")
@click.option("--renew/--no-renew", default=None, help="Renew it when it ends, or not.")
@reason
@request_key
@answering
def buy(
    number: str, code: str, renew: bool | None, reason: str, request_key: str | None
) -> Answer:
    """Buy the package CODE for NUMBER from its own credit."""

    async def have(desk: Desk) -> Answer:
        """Have the engine sell it."""
        who = actor(reason)
        command = BuyPackage(
            caller=who.who,
            request_key=request_key or uuid4().hex,
            msisdn=fold_msisdn(number, desk.rules.numbers),
            package=code,
            auto_renew=renew,
            actor=who,
        )
        async with desk.engine() as engine:
            bought = await engine.submit(command)
        document = {
            "msisdn": str(bought.msisdn),
            "number": bought.number,
            "package": bought.package,
            "price": ringgit(bought.price_micros),
            "balance": ringgit(bought.balance_micros),
            "until": bought.until,
            "renews": bought.renews,
            "receipt": bought.receipt,
        }
        last = desk.rules.validity.last_day(bought.until)
        text = (
            f"{show_msisdn(bought.msisdn, desk.rules.numbers)}: {bought.package} for"
            f" RM{ringgit(bought.price_micros)}, to the end of {last}; its number is"
            f" {bought.number}, balance RM{ringgit(bought.balance_micros)}"
        )
        return Answer(document=document, text=text)

    return at_desk(have)


@packages.command(cls=rich_click.RichCommand)
@_NUMBER
@_PLACE
@reason
@answering
def stop(number: str, place: int, reason: str) -> Answer:
    """Have the package of NUMBER that `list` shows as PLACE end when it is over."""
    return _renew(number, place, reason, renews=False)


@packages.command(cls=rich_click.RichCommand)
@_NUMBER
@_PLACE
@reason
@answering
def start(number: str, place: int, reason: str) -> Answer:
    """Have the package of NUMBER that `list` shows as PLACE renewed when it is over."""
    return _renew(number, place, reason, renews=True)


@packages.command(cls=rich_click.RichCommand)
@_NUMBER
@_PLACE
@reason
@answering
def refund(number: str, place: int, reason: str) -> Answer:
    """Take back the unused package of NUMBER that `list` shows as PLACE."""

    async def mend(desk: Desk) -> Answer:
        """Have the engine take it back."""
        who = actor(reason)
        command = RefundPackage(
            caller=who.who,
            request_key=f"refund package:{place}",
            msisdn=fold_msisdn(number, desk.rules.numbers),
            number=place,
            actor=who,
        )
        async with desk.engine() as engine:
            back = await engine.submit(command)
        document = {
            "msisdn": str(back.msisdn),
            "number": back.number,
            "package": back.package,
            "main": ringgit(back.main_micros),
            "bonus": ringgit(back.bonus_micros),
            "balance": ringgit(back.balance_micros),
        }
        text = (
            f"{show_msisdn(back.msisdn, desk.rules.numbers)}: {back.package} taken back,"
            f" RM{ringgit(back.main_micros)} of credit and RM{ringgit(back.bonus_micros)} of"
            " bonus returned"
        )
        return Answer(document=document, text=text)

    return at_desk(mend)


def _renew(number: str, place: int, reason: str, *, renews: bool) -> Answer:
    async def switch(desk: Desk) -> Answer:
        """Have the engine write it down."""
        who = actor(reason)
        command = SetRenewal(
            caller=who.who,
            request_key=uuid4().hex,
            msisdn=fold_msisdn(number, desk.rules.numbers),
            number=place,
            renews=renews,
            actor=who,
        )
        async with desk.engine() as engine:
            done = await engine.submit(command)
        document = {
            "msisdn": str(done.msisdn),
            "number": done.number,
            "package": done.package,
            "until": done.until,
            "renews": done.renews,
        }
        what = "is renewed" if done.renews else "ends"
        last = desk.rules.validity.last_day(done.until)
        shown = show_msisdn(done.msisdn, desk.rules.numbers)
        return Answer(document=document, text=f"{shown}: {done.package} {what} after {last}")

    return at_desk(switch)


async def _look_at_line(desk: Desk, number: str) -> Answer:
    account = await read_line(desk.database, fold_msisdn(number, desk.rules.numbers))
    if account is None:
        raise NumberUnknown
    view = line_now(account, desk.rules, desk.now)
    running = await read_running(desk.database, view.line.line_id, view.at)
    return Answer(
        document=[_running_document(one) for one in running],
        text="\n".join(_running_in_words(one, desk) for one in running) or "Nothing runs.",
    )


def _document(one: Package, desk: Desk) -> dict[str, object]:
    return {
        "code": one.code,
        "state": _state(one, desk),
        "names": dict(one.names),
        "price": ringgit(one.price_micros),
        "allowances": [
            {"unit": part.kind, "amount": part.amount, "classes": part.scope.split()}
            for part in one.allowances
        ],
        "days": one.days,
        "hours": one.hours,
        "recurring": one.recurring,
        "auto_renew": one.auto_renew,
        "stacking": one.stacking.value,
        "on_sale_from": one.on_sale_from,
        "on_sale_until": one.on_sale_until,
    }


def _state(one: Package, desk: Desk) -> str:
    if one.is_on_sale(desk.now):
        return "on sale"
    return "upcoming" if desk.now < one.on_sale_from else "over"


def _in_words(one: Package, desk: Desk) -> str:
    english = texts("en")
    parts = ", ".join(
        part_words(english, part.kind, part.amount, part.scope) for part in one.allowances
    )
    return (
        f"{one.code}: {_state(one, desk)}, RM{ringgit(one.price_micros)},"
        f" {length_words(english, one)}; {parts}"
    )


def _running_document(one: Running) -> dict[str, object]:
    bought = one.subscription
    return {
        "number": bought.number,
        "package": bought.package,
        "price": ringgit(bought.price_micros),
        "until": bought.until,
        "renews": bought.renews,
        "receipt": bought.receipt,
        "left": [
            {"unit": part.granted.kind, "amount": part.granted.amount, "left": part.left}
            for part in one.left
        ],
    }


def _running_in_words(one: Running, desk: Desk) -> str:
    english, bought = texts("en"), one.subscription
    left = ", ".join(
        part_words(english, part.granted.kind, part.left, part.granted.scope) for part in one.left
    )
    renews = ", renewed then" if bought.renews else ""
    last = desk.rules.validity.last_day(bought.until)
    return f"{bought.number}. {bought.package}: {left} left, to the end of {last}{renews}"
