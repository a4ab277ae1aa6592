"""tambah payments …, tambah refund: what payers paid, and sending it back."""

from __future__ import annotations

import sys
from datetime import date

import click
import rich_click

from tambah.cli.asking import ask_for, takes_two
from tambah.cli.desk import Desk, actor, at_desk
from tambah.cli.frame import Answer, answering
from tambah.cli.inbox import inbox_command, rerun_command
from tambah.cli.options import DAY, RINGGIT, reason, request_key
from tambah.cli.providers import payment_desk
from tambah.desks import refunding
from tambah.desks.refunding import Ahead, Asking, foresee
from tambah.domain.approval import Deed
from tambah.domain.commands import NewsKind, PaymentNews, RefundPayment
from tambah.domain.money import ringgit
from tambah.domain.numbering import show_msisdn
from tambah.domain.payment import (
    PaymentAccount,
    PaymentState,
    ProviderId,
    Refund,
    RefundState,
    fold_reference,
    show_reference,
)
from tambah.domain.payment_changes import left_micros
from tambah.domain.refusals import PaymentUnknown
from tambah.engine.approving.asks import ask_refund
from tambah.engine.operator import alone_up_to
from tambah.store.views.payments import PaymentView, find_payment, list_payments, read_payment


@click.group(cls=rich_click.RichGroup)
def payments() -> None:
    """Look at payments and their refunds.

    A REFERENCE is the payment's own (ABCDE-FGHJK, however it is written) or a provider's name.
    """


payments.add_command(inbox_command)
payments.add_command(rerun_command)


@payments.command(cls=rich_click.RichCommand)
@click.argument("reference")
@answering
def show(reference: str) -> Answer:
    """Show the payment of REFERENCE with its refunds."""

    async def look(desk: Desk) -> Answer:
        """Read it and describe it."""
        view = await _find(desk, reference)
        lines = [
            _in_words(view, desk),
            *(_refund_in_words(view, refund) for refund in view.refunds),
        ]
        return Answer(document=_document(view), text="\n".join(lines))

    return at_desk(look)


@payments.command("list", cls=rich_click.RichCommand)
@click.option(
    "--state",
    type=click.Choice([state.name.lower() for state in PaymentState]),
    help="Only those that are so.",
)
@click.option("--since", type=DAY, help="Only those opened on this day or later.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, help="How many at most.")
@answering
def list_command(state: str | None, since: date | None, limit: int) -> Answer:
    """List payments, the latest first."""

    async def look(desk: Desk) -> Answer:
        """Read them and describe them."""
        views = await list_payments(
            desk.database,
            state=PaymentState[state.upper()] if state else None,
            since=desk.rules.validity.start_of(since) if since else None,
            limit=limit,
        )
        items = [_document(view, with_refunds=False) for view in views]
        text = "\n".join(_in_words(view, desk) for view in views) or "There are none."
        return Answer(document={"items": items}, text=text)

    return at_desk(look)


_ENDINGS = {
    "done": (NewsKind.REFUNDED, RefundState.DONE),
    "failed": (NewsKind.REFUND_FAILED, RefundState.FAILED),
    "again": (NewsKind.REFUND_AGAIN, RefundState.CANCELLED),
    "kept": (NewsKind.REFUND_KEPT, RefundState.CANCELLED),
}
"""How a person may say that a refund ended, and how it stands then."""


@payments.command("resolve-refund", cls=rich_click.RichCommand)
@click.argument("reference")
@click.argument("refund", type=int)
@click.argument("ending", type=click.Choice(list(_ENDINGS)))
@reason
@answering
def resolve_refund(reference: str, refund: int, ending: str, reason: str) -> Answer:
    """Say how the REFUND (its first is 1) of REFERENCE ended that a person saw to.

    done: the money has gone back. failed: it has not, or came back. Of one that failed, again:
    send it once more; kept: the money stays with you.
    """
    kind, wanted = _ENDINGS[ending]

    async def resolve(desk: Desk) -> Answer:
        """Have the engine take it in."""
        view = await _find(desk, reference)
        found = _refund_of(view, refund)
        news = PaymentNews(
            line_id=view.line_id,
            payment_no=view.payment_no,
            kind=kind,
            amount_micros=found.amount_micros,
            refund_no=refund,
            reason="by_hand",
            actor=actor(reason),
        )
        async with desk.engine() as engine:
            await engine.submit(news)
        after = await _reread(desk, view)
        ended = _refund_of(after, refund)
        return Answer(
            document=_document(after),
            text=_refund_in_words(after, ended),
            is_wrong=ended.state is not wanted,
        )

    return at_desk(resolve)


@click.command(cls=rich_click.RichCommand)
@click.argument("reference")
@click.option("--amount", type=RINGGIT, help="How much; all that is unspent if left out.")
@click.option(
    "--forgive-spent", is_flag=True, help="Send back what is spent too, at your own cost."
)
@click.option("--yes", "is_sure", is_flag=True, help="Do not ask.")
@reason
@request_key
@answering
def refund(
    reference: str,
    amount: int | None,
    forgive_spent: bool,
    is_sure: bool,
    reason: str,
    request_key: str | None,
) -> Answer:
    """Send the payment of REFERENCE back, unspent credit taken back first.

    Says what it would do, and asks before it does it when it runs at a terminal. The same command
    again gets the first answer; for another refund of the same amount give a --key.
    """

    async def give_back(desk: Desk) -> Answer:
        """Look, ask, refund, send."""
        view = await _find(desk, reference)
        command = _command(view, amount, forgive_spent, request_key, reason)
        ahead = await _foresee(desk, command)
        if ahead is not None and not _is_agreed(_consequences(view, ahead, desk), is_sure=is_sure):
            return Answer(document=_document(view), text="Nothing was sent back.", is_wrong=True)
        if ahead is not None and await _takes_two(desk, command, ahead):
            wanted = ask_refund(command, view, ahead.refund_micros, ahead.at_cost_micros)
            return await ask_for(desk, wanted, command.actor)
        return await _refund(desk, view, command, ahead)

    return at_desk(give_back)


def _command(
    view: PaymentView, amount: int | None, forgive_spent: bool, key: str | None, why: str
) -> RefundPayment:
    asked = amount
    if amount is None and forgive_spent:
        # All of it: what is left, and the whole once nothing is, so that a repeat asks the same.
        asked = left_micros(_account(view)) or view.payment.received_micros or None
    minted = f"refund:{view.payment_no}:{amount or 'all'}:{forgive_spent}"
    return RefundPayment(
        # For all who work at this command line: two of them may refund the same payment.
        caller="cli",
        request_key=key or minted,
        line_id=view.line_id,
        payment_no=view.payment_no,
        amount_micros=asked,
        forgive_spent=forgive_spent,
        actor=actor(why),
    )


async def _foresee(desk: Desk, command: RefundPayment) -> Ahead | None:
    """Return what the rules would do, None when they refuse (or it was done before)."""
    ahead = await foresee(desk.database, desk.rules, command, desk.now)
    return ahead if isinstance(ahead, Ahead) else None


async def _takes_two(desk: Desk, command: RefundPayment, ahead: Ahead) -> bool:
    if not await takes_two(desk, Deed.REFUND_PAYMENT):
        return False
    asking = Asking(database=desk.database, rules=desk.rules, keys=desk.keys, now=desk.now)
    alone_micros = alone_up_to(desk.operator.console)
    return await refunding.takes_two(asking, command, ahead, alone_micros=alone_micros)


def _consequences(view: PaymentView, ahead: Ahead, desk: Desk) -> str:
    lines = [
        _in_words(view, desk),
        f"RM{ringgit(ahead.refund_micros)} goes back to the payer;"
        f" RM{ringgit(ahead.from_credit_micros)} of it is taken from the line's credit.",
    ]
    if ahead.bonus_micros:
        lines.append(f"RM{ringgit(ahead.bonus_micros)} of bonus is taken back.")
    if ahead.at_cost_micros:
        lines.append(f"RM{ringgit(ahead.at_cost_micros)} is spent already and at your own cost.")
    if ahead.stays_micros:
        lines.append(f"RM{ringgit(ahead.stays_micros)} of the payment is not sent back.")
    return "\n".join(lines)


def _is_agreed(consequences: str, *, is_sure: bool) -> bool:
    """Say the consequences and, at a terminal, ask."""
    if is_sure:
        return True
    click.echo(consequences, err=True)
    return not _at_terminal() or click.confirm("Send it back?", err=True)


def _at_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


async def _refund(
    desk: Desk, view: PaymentView, command: RefundPayment, ahead: Ahead | None
) -> Answer:
    """Have the engine open the refund and the provider send it; the poller does the rest."""
    async with desk.engine() as engine:
        stands = await engine.submit(command)
        refund_no = stands.refund_no or 0
        async with payment_desk(desk, engine) as counter:
            if counter is not None:
                await counter.send_refund(view.line_id, view.payment_no, refund_no)
    after = await _reread(desk, view)
    sent = _refund_of(after, refund_no)
    is_again = any(one.refund_no == refund_no for one in view.refunds)
    words = [_refund_in_words(after, sent)]
    if is_again:
        words.append("It was asked for before; nothing was done again. Another needs a --key.")
    elif ahead is not None and ahead.at_cost_micros:
        words.append(f"RM{ringgit(ahead.at_cost_micros)} of it was spent, at your own cost.")
    document = {**_document(after), "refund": _refund_document(sent), "again": is_again}
    return Answer(
        document=document, text="\n".join(words), is_wrong=sent.state is RefundState.FAILED
    )


async def _find(desk: Desk, text: str) -> PaymentView:
    """Return the payment that a reference, or a provider's name, stands for."""
    reference = fold_reference(text)
    view = await find_payment(desk.database, reference) if reference else None
    for provider in ProviderId:
        if view is None:
            view = await find_payment(desk.database, text, provider)
    if view is None:
        raise PaymentUnknown
    return view


async def _reread(desk: Desk, view: PaymentView) -> PaymentView:
    return await read_payment(desk.database, view.line_id, view.payment_no) or view


def _refund_of(view: PaymentView, refund_no: int) -> Refund:
    found = next((one for one in view.refunds if one.refund_no == refund_no), None)
    if found is None:
        raise click.BadParameter(f"{show_reference(view.reference)} has no refund {refund_no}")
    return found


def _account(view: PaymentView) -> PaymentAccount:
    return PaymentAccount(payment=view.payment, refunds=view.refunds)


def _document(view: PaymentView, *, with_refunds: bool = True) -> dict[str, object]:
    payment = view.payment
    document: dict[str, object] = {
        "reference": payment.reference,
        "msisdn": str(view.msisdn),
        "state": payment.state,
        "provider": payment.provider,
        "method": payment.method,
        "provider_ref": payment.provider_ref,
        "created_at": payment.created_at,
        "paid_at": payment.paid_at,
        "expires_at": payment.expires_at,
        "price": ringgit(payment.price_micros),
        "fee": ringgit(payment.fee_micros),
        "total": ringgit(payment.total_micros),
        "received": ringgit(payment.received_micros),
        "held": ringgit(payment.held_micros),
        "refunded": ringgit(payment.refunded_micros),
        "disputed": ringgit(payment.disputed_micros),
        "dispute": payment.dispute,
        "top_up": payment.topup_no,
        "payment_reason": payment.reason,
    }
    if with_refunds:
        document["refunds"] = [_refund_document(refund) for refund in view.refunds]
    return document


def _refund_document(refund: Refund) -> dict[str, object]:
    return {
        "number": refund.refund_no,
        "state": refund.state,
        "amount": ringgit(refund.amount_micros),
        "spent": ringgit(refund.spent_micros),
        "at": refund.at,
        "settled_at": refund.settled_at,
        "provider_ref": refund.provider_ref,
        "refund_reason": refund.reason,
    }


def _in_words(view: PaymentView, desk: Desk) -> str:
    payment = view.payment
    day = desk.rules.validity.local_day(payment.created_at)
    number = show_msisdn(view.msisdn, desk.rules.numbers)
    text = (
        f"{show_reference(payment.reference)}: {payment.state.name.lower()},"
        f" RM{ringgit(payment.total_micros)} by {payment.method}"
        f" ({payment.provider.name.lower()}), {number}, {day}"
    )
    return text if payment.reason is None else f"{text}, {payment.reason}"


def _refund_in_words(view: PaymentView, refund: Refund) -> str:
    amount = f"Refund {refund.refund_no}: RM{ringgit(refund.amount_micros)}"
    match refund.state:
        case RefundState.DONE:
            return f"{amount} has gone back."
        case RefundState.PENDING if view.provider is ProviderId.BANK:
            return (
                f"{amount} is held for you to transfer, under"
                f" {show_reference(view.reference)}-{refund.refund_no}."
                " The next statement settles it, or `tambah payments resolve-refund`."
            )
        case RefundState.PENDING:
            return f"{amount} is on its way; it is sent again until the provider has taken it."
        case RefundState.CANCELLED:
            return f"{amount} was settled otherwise."
        case RefundState.FAILED:
            return (
                f"{amount} was refused by the provider, or came back, and is held. See to it with"
                " `tambah payments resolve-refund`: `again` sends it once more; `done` says that"
                " you sent it by hand; `kept` keeps it."
            )
