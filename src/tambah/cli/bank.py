"""tambah bank …: statements, and the entries that wait for a person."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
import rich_click

from tambah.cli.asking import ask_for, takes_two
from tambah.cli.desk import Desk, actor, at_desk
from tambah.cli.frame import Answer, CommandRefused, answering, describe
from tambah.domain.approval import Deed
from tambah.domain.money import ringgit
from tambah.domain.payment import show_reference
from tambah.domain.refusals import Refusal, StatementMalformed, StatementTooLarge
from tambah.engine.approving.of_dealers import ask_bank_float
from tambah.engine.operator import alone_up_to
from tambah.payments.bank import BankDesk, ImportedFile, QueuedEntry
from tambah.store.bank import BankRow, EntryState

_Function = TypeVar("_Function", bound=Callable[..., Any])


@click.group(cls=rich_click.RichGroup)
def bank() -> None:
    """Read bank statements, and see to the entries that no payment was found for.

    An ENTRY is called by the twelve characters that `tambah bank queue` shows.
    """


def _why(function: _Function) -> _Function:
    return click.option("--reason", "why", default="", help="Why; it stands in the audit trail.")(
        function
    )


@bank.command("import", cls=rich_click.RichCommand)
@click.argument(
    "files",
    metavar="FILE…",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
)
@answering
def import_command(files: tuple[Path, ...]) -> Answer:
    """Read statements (camt.053, camt.054, MT940). The same file again changes nothing."""

    async def read(desk: Desk) -> Answer:
        """Read one file after another; a bad one does not keep the others out."""
        documents: list[dict[str, object]] = []
        lines: list[str] = []
        is_wrong = False
        async with _bank_desk(desk) as bank_desk:
            for file in files:
                try:
                    # Somebody named it, so a link is meant to be followed.
                    done = await bank_desk.import_path(file.resolve())
                except (StatementMalformed, StatementTooLarge) as refusal:
                    is_wrong = True
                    documents.append({"file": file, "refused": _refused(refusal)})
                    lines.append(f"{file}: {_sentence(refusal)}")
                else:
                    documents.append({"file": file, **_imported(done)})
                    lines.append(_told(file, done))
        return Answer(document={"files": documents}, text="\n".join(lines), is_wrong=is_wrong)

    return at_desk(read)


@bank.command(cls=rich_click.RichCommand)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@answering
def queue(limit: int) -> Answer:
    """Show the entries that wait for a person, with the payments they may be of."""

    async def show(desk: Desk) -> Answer:
        """Read the queue."""
        async with _bank_desk(desk) as bank_desk:
            waiting, count = await bank_desk.queue(limit=limit)
        text = "\n".join(_shown(entry) for entry in waiting) or "Nothing waits."
        if count > len(waiting):
            text += f"\n{count - len(waiting)} more; --limit shows more of them."
        document = {"waiting": count, "items": [_entry(entry) for entry in waiting]}
        return Answer(document=document, text=text)

    return at_desk(show)


@bank.command("match", cls=rich_click.RichCommand)
@click.argument("entry")
@click.argument("reference")
@_why
@answering
def match_command(entry: str, reference: str, why: str) -> Answer:
    """Say that ENTRY is of the payment with REFERENCE. The amounts must be the same."""

    async def match(desk: Desk) -> Answer:
        """Match the entry."""
        async with _bank_desk(desk) as bank_desk:
            stands = await bank_desk.match(entry, reference, actor(why))
        state = stands.state.name.lower()
        document = {
            "entry": entry,
            "reference": stands.reference,
            "state": state,
            "total": ringgit(stands.total_micros),
            "received": ringgit(stands.received_micros),
            "refunded": ringgit(stands.refunded_micros),
        }
        text = f"Payment {show_reference(stands.reference)} is {state} now."
        return Answer(document=document, text=text)

    return at_desk(match)


@bank.command(cls=rich_click.RichCommand)
@click.argument("entry")
@click.argument("dealer", type=int)
@_why
@answering
def assign(entry: str, dealer: int, why: str) -> Answer:
    """Say that ENTRY is float that DEALER bought. Above `[console] alone_up_to` it takes two."""

    async def take(desk: Desk) -> Answer:
        """Assign the entry, or ask for it."""
        async with _bank_desk(desk) as bank_desk:
            row = await bank_desk.entry(entry)
            much = row.amount_micros > alone_up_to(desk.operator.console)
            if much and await takes_two(desk, Deed.FUND_FROM_BANK):
                wanted = await ask_bank_float(desk.database, row.name, dealer)
                return await ask_for(desk, wanted, actor(why))
            funded = await bank_desk.assign(row.name, dealer, actor(why))
        document = {
            "entry": row.name,
            "partner": funded.partner_id,
            "amount": ringgit(funded.amount_micros),
            "float": ringgit(funded.float_micros),
        }
        text = (
            f"RM{document['amount']} added to the float of {funded.partner_id},"
            f" RM{document['float']} now."
        )
        return Answer(document=document, text=text)

    return at_desk(take)


@bank.command(cls=rich_click.RichCommand)
@click.argument("entry")
@_why
@answering
def ignore(entry: str, why: str) -> Answer:
    """Take ENTRY from the queue: nothing here is to come of it."""

    async def put_aside(desk: Desk) -> Answer:
        """Ignore the entry."""
        async with _bank_desk(desk) as bank_desk:
            row = await bank_desk.ignore(entry, actor(why))
        return Answer(
            document={**_row(row), "state": EntryState.IGNORED},
            text=f"Entry {row.name} is ignored now.",
        )

    return at_desk(put_aside)


@asynccontextmanager
async def _bank_desk(desk: Desk) -> AsyncGenerator[BankDesk]:
    """Run an engine and lend the desk for statements. Raises CommandRefused."""
    account = desk.operator.bank
    if account is None:
        raise CommandRefused(
            "configuration",
            "operator.toml has no [bank] account. Add one to take bank transfers.",
        )
    async with desk.engine() as engine:
        yield BankDesk(
            desk.database,
            engine.submit,
            zone=desk.rules.validity.zone,
            account_number=account.account_number,
        )


def _imported(done: ImportedFile) -> dict[str, object]:
    return {
        "form": done.form,
        "again": done.is_again,
        "entries": done.entries,
        "new": done.new_entries,
        "settled": done.settled,
        **{
            state.name.lower(): {
                reason: count for (of, reason), count in done.counts.items() if of is state
            }
            for state in EntryState
        },
    }


def _told(file: Path, done: ImportedFile) -> str:
    if done.is_again and not done.settled:
        return f"{file}: read before, nothing changed."
    if done.is_again:
        text = f"{file}: read before; {done.settled} entries that were left open are settled now."
    else:
        text = f"{file}: {done.form}, {done.entries} entries, {done.new_entries} of them new."
    for state in EntryState:
        listed = ", ".join(
            f"{count} {reason.replace('_', ' ')}"
            for (of, reason), count in done.counts.items()
            if of is state
        )
        if listed:
            text += f"\n  {state.name.lower()}: {listed}"
    return text


def _refused(refusal: Refusal) -> dict[str, object]:
    return {"code": refusal.code, "message": describe(refusal)[1], **refusal.params}


def _sentence(refusal: Refusal) -> str:
    where = refusal.params.get("where")
    return f"{describe(refusal)[1]} ({refusal.code}{f', {where}' if where else ''})"


def _row(row: BankRow) -> dict[str, object]:
    return {
        "entry": row.name,
        "booked_on": row.booked_on.isoformat(),
        "amount": ringgit(row.amount_micros),
        "currency": row.currency,
        "direction": "in" if row.is_credit else "out",
        "reason": row.verdict.reason,
        "bank_ref": row.bank_ref,
        "texts": row.texts.split("\n"),
    }


def _entry(entry: QueuedEntry) -> dict[str, object]:
    return {
        **_row(entry.row),
        "named": [
            {
                "reference": payment.reference,
                "provider": payment.provider,
                "total": ringgit(payment.total_micros),
                "received": ringgit(payment.received_micros),
            }
            for payment in entry.named
        ],
        "returned_refunds": [
            {"reference": one.reference, "refund": one.refund_no} for one in entry.returned
        ],
        "suggestions": [
            {
                "reference": suggestion.reference,
                "why": suggestion.why.value,
                "total": ringgit(suggestion.total_micros),
                "created_at": suggestion.created_at,
            }
            for suggestion in entry.suggestions
        ],
    }


def _shown(entry: QueuedEntry) -> str:
    row = entry.row
    sign = "" if row.is_credit else "-"
    lines = [
        f"{row.name}  {row.booked_on.isoformat()}  {sign}{row.currency} "
        f"{ringgit(row.amount_micros)}  {row.verdict.reason.replace('_', ' ')}",
        *(f"    {line}" for line in row.texts.split("\n")),
    ]
    lines += [
        f"    names {show_reference(one.reference)} "
        f"(RM{ringgit(one.total_micros)}, RM{ringgit(one.received_micros)} received)"
        for one in entry.named
    ]
    lines += [
        f"    if refund {one.refund_no} came back: tambah payments resolve-refund "
        f"{show_reference(one.reference)} {one.refund_no} --failed"
        for one in entry.returned
    ]
    lines += [
        f"    perhaps {show_reference(one.reference)} "
        f"(RM{ringgit(one.total_micros)}, {one.why.value.replace('_', ' ')})"
        for one in entry.suggestions
    ]
    return "\n".join(lines)
