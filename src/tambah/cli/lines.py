"""tambah lines …: subscribers' lines, brought along and put right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import click
import rich_click

from tambah.cli.asking import ask_adjustment, ask_moving, ask_taking_back
from tambah.cli.desk import Desk, actor, at_desk
from tambah.cli.frame import Answer, answering
from tambah.cli.instants import show_instant
from tambah.cli.line_list import list_command
from tambah.cli.options import SIGNED_RINGGIT, imports_file, reason, request_key
from tambah.cli.progress import progress
from tambah.cli.reports import import_answer, report_to
from tambah.domain.actor import Actor
from tambah.domain.care_commands import AllowReactivation, MoveTopUp
from tambah.domain.commands import (
    ActivateLine,
    AdjustCredit,
    BarLine,
    LineChanged,
    Reversed,
    ReverseTopUp,
    TopUpMoved,
)
from tambah.domain.line import LineState, stage_ends
from tambah.domain.money import ringgit
from tambah.domain.numbering import fold_iccid, fold_msisdn, show_msisdn
from tambah.domain.refusals import NumberUnknown, ReasonMissing
from tambah.domain.sim_commands import ReplaceSim
from tambah.engine.identity import erase
from tambah.engine.importing import ImportRequest, ImportResult, RowRules, import_lines
from tambah.i18n import texts
from tambah.store.views.lines import LineView, find_line_id, line_now, read_line

LineCommand = ActivateLine | AdjustCredit | BarLine


@click.group(cls=rich_click.RichGroup)
def lines() -> None:
    """Import lines, look at them, put them right. A NUMBER is written as people write it."""


@lines.command("import", cls=rich_click.RichCommand)
@imports_file("imported")
@reason
@answering
def import_command(
    file: Path, dry_run: bool, all_or_nothing: bool, report: Path | None, reason: str
) -> Answer:
    """Import lines from FILE (CSV). Good rows are imported, bad rows are reported.

    Columns: msisdn (or number), iccid, language, plan, activated_on, active_until, grace_until,
    balance, barred, suspended, name, document, birth_date, contact; in any order, most may be
    left out. Days are written 2026-12-31 and mean the last day. The same file may be imported
    again: rows that were imported before change nothing.
    """

    async def bring(desk: Desk) -> ImportResult:
        """Run the import."""
        row_rules = RowRules(
            rules=desk.rules,
            plans=tuple(desk.operator.plans),
            keys=desk.keys,
            today=desk.rules.validity.local_day(desk.now),
        )
        async with desk.engine() as engine:
            with progress("importing lines") as told:
                request = ImportRequest(
                    path=file,
                    actor=actor(reason),
                    all_or_nothing=all_or_nothing,
                    dry_run=dry_run,
                    on_refused=refusals.add,
                    progress=told,
                )
                return await import_lines(engine, desk.database, request, row_rules)

    with report_to(report) as refusals:
        result = at_desk(bring)
    counts = f"{result.created} new, {result.unchanged} unchanged, {result.refused} refused."
    return import_answer(result, refusals, counts=counts, all_or_nothing=all_or_nothing)


@lines.command(cls=rich_click.RichCommand)
@click.argument("number")
@answering
def show(number: str) -> Answer:
    """Show the line of NUMBER as it stands now."""

    async def look(desk: Desk) -> Answer:
        """Read the line and describe it."""
        msisdn = fold_msisdn(number, desk.rules.numbers)
        account = await read_line(desk.database, msisdn)
        if account is None:
            raise NumberUnknown
        view = line_now(account, desk.rules, desk.now)
        line = view.line
        ends = stage_ends(line, desk.rules.life, desk.rules.validity)
        document = {
            "msisdn": str(msisdn),
            "state": view.state,
            "language": line.language.tag,
            "plan": line.plan,
            "iccid": account.iccid,
            "barred": line.barred,
            "suspended": line.suspended,
            "activated_at": line.activated_at,
            "active_until": line.active_until,
            "grace_until": line.grace_until,
            "expired_until": ends.get(LineState.EXPIRED),
            "reactivation_until": line.reactivation_until,
            "free_from": ends.get(LineState.QUARANTINED),
            "balance": ringgit(view.main_micros),
            "bonus": ringgit(view.bonus_micros),
            "allowances": [
                {"unit": one.kind, "amount": one.remaining_micros, "expires_at": one.expires_at}
                for one in view.allowances
            ],
            "top_ups": line.topup_seq,
        }
        return Answer(document=document, text=_in_words(view, desk))

    return at_desk(look)


def _in_words(view: LineView, desk: Desk) -> str:
    """Describe a line for staff; its days are the last ones that count, as people are told."""
    line, validity = view.line, desk.rules.validity
    words = [view.state.name.lower().replace("_", "-")]
    words += ["barred"] if line.barred else []
    words += ["suspended"] if line.suspended else []
    text = f"{show_msisdn(line.msisdn, desk.rules.numbers)}: {', '.join(words)}"
    if line.active_until and line.grace_until:
        text += f"\nactive to the end of {validity.last_day(line.active_until)}"
        text += f", grace to the end of {validity.last_day(line.grace_until)}"
        ends = stage_ends(line, desk.rules.life, validity)
        text += f"\nexpired to the end of {validity.last_day(ends[LineState.EXPIRED])}"
        text += f", number free from {validity.local_day(ends[LineState.QUARANTINED])}"
    if view.state is LineState.EXPIRED and line.reactivation_until:
        text += "\nidentity checked: a top-up brings it back, to the end of "
        text += f"{validity.last_day(line.reactivation_until)}"
    text += f"\nRM{ringgit(view.main_micros)}, bonus RM{ringgit(view.bonus_micros)}"
    for one in view.allowances:
        text += f", {texts('en').allowance(one.kind.name.lower(), one.remaining_micros)}"
    return f"{text}\nplan {line.plan}, language {line.language.tag}, top-ups {line.topup_seq}"


@lines.command(cls=rich_click.RichCommand)
@click.argument("number")
@click.option("--days", type=click.IntRange(1, 3650), required=True, help="Days of validity.")
@click.option("--sim", default=None, metavar="ICCID", help="Put it on this SIM of the stock.")
@reason
@request_key
@answering
def activate(
    number: str, days: int, sim: str | None, reason: str, request_key: str | None
) -> Answer:
    """Start the life of NUMBER with its first days of validity."""
    iccid = fold_iccid(sim) if sim else None

    def wanted(msisdn: int, who: Actor, caller: str, key: str) -> LineCommand:
        return ActivateLine(
            caller=caller,
            request_key=key,
            msisdn=msisdn,
            valid_days=days,
            iccid=iccid,
            actor=who,
        )

    return _change(number, reason, request_key, wanted)


@lines.command("replace-sim", cls=rich_click.RichCommand)
@click.argument("number")
@click.argument("iccid")
@click.option("--lost", is_flag=True, help="The old one is in a stranger's hands.")
@reason
@answering
def replace_sim(number: str, iccid: str, lost: bool, reason: str) -> Answer:
    """Put NUMBER on the SIM ICCID of the stock: same number, new SIM.

    The old SIM never serves again, the line's sessions end, and sensitive changes wait for as
    long as operator.toml says. Check who asks: whoever has the SIM has the number.
    """

    async def put(desk: Desk) -> Answer:
        """Have the engine replace it."""
        who, new_iccid = actor(reason), fold_iccid(iccid)
        command = ReplaceSim(
            caller=who.who,
            # A SIM serves one line once: a repeat gets the first answer.
            request_key=f"replace-sim:{new_iccid}",
            msisdn=fold_msisdn(number, desk.rules.numbers),
            iccid=new_iccid,
            is_lost=lost,
            actor=who,
        )
        async with desk.engine() as engine:
            done = await engine.submit(command)
        document = {
            "msisdn": str(done.msisdn),
            "iccid": done.iccid,
            "old_iccid": done.old_iccid,
            "hold_until": done.hold_until,
        }
        shown = show_msisdn(done.msisdn, desk.rules.numbers)
        hold_until = done.hold_until
        held = f", on hold until {show_instant(hold_until, desk.zone)}" if hold_until else ""
        text = f"{shown}: on {done.iccid} instead of {done.old_iccid or 'none'}{held}"
        return Answer(document=document, text=text)

    return at_desk(put)


@lines.command(cls=rich_click.RichCommand, context_settings={"ignore_unknown_options": True})
@click.argument("number")
@click.argument("amount", type=SIGNED_RINGGIT)
@reason
@request_key
@answering
def adjust(number: str, amount: int, reason: str, request_key: str | None) -> Answer:
    """Put the credit of NUMBER right by AMOUNT ringgit: 5.00 more, -5.00 less."""
    asked = at_desk(lambda desk: ask_adjustment(desk, number, amount, actor(reason)))
    if asked is not None:
        return asked

    def wanted(msisdn: int, who: Actor, caller: str, key: str) -> LineCommand:
        return AdjustCredit(
            caller=caller, request_key=key, msisdn=msisdn, amount_micros=amount, actor=who
        )

    return _change(number, reason, request_key, wanted)


@lines.command(cls=rich_click.RichCommand)
@click.argument("number")
@reason
@answering
def reactivate(number: str, reason: str) -> Answer:
    """Let NUMBER, which has expired, be topped up again. You have checked whose it is.

    Within `validity.reactivation_hours` any top-up whose credit covers the fee brings it back.
    """

    async def allow(desk: Desk) -> Answer:
        """Have the engine write it down."""
        who = actor(reason)
        if not reason.strip():
            raise ReasonMissing  # before anything is looked up
        msisdn = fold_msisdn(number, desk.rules.numbers)
        line_id = await find_line_id(desk.database, msisdn)
        if line_id is None:
            raise NumberUnknown
        command = AllowReactivation(
            caller=who.who, request_key=uuid4().hex, line_id=line_id, actor=who
        )
        async with desk.engine() as engine:
            changed = await engine.submit(command)
        until = changed.reactivation_until
        assert until is not None, "it has just been allowed"
        fee_micros = desk.rules.life.reactivation_fee_micros
        document = {
            "msisdn": str(changed.msisdn),
            "state": changed.state,
            "reactivation_until": until,
            "fee": ringgit(fee_micros),
        }
        text = (
            f"{show_msisdn(changed.msisdn, desk.rules.numbers)}: a top-up of at least"
            f" RM{ringgit(fee_micros)} of credit brings it back,"
            f" to the end of {desk.rules.validity.last_day(until)}; RM{ringgit(fee_micros)} of it"
            " is the fee"
        )
        return Answer(document=document, text=text)

    return at_desk(allow)


@lines.command(cls=rich_click.RichCommand)
@click.argument("number")
@reason
@answering
def bar(number: str, reason: str) -> Answer:
    """Bar NUMBER: its owner lost the phone."""
    return _bar(number, reason, barred=True)


@lines.command(cls=rich_click.RichCommand)
@click.argument("number")
@reason
@answering
def unbar(number: str, reason: str) -> Answer:
    """Lift the bar of NUMBER."""
    return _bar(number, reason, barred=False)


@lines.command(cls=rich_click.RichCommand)
@click.argument("number")
@reason
@answering
def suspend(number: str, reason: str) -> Answer:
    """Suspend NUMBER: its registration is not in order."""
    return _bar(number, reason, suspended=True)


@lines.command(cls=rich_click.RichCommand)
@click.argument("number")
@reason
@answering
def resume(number: str, reason: str) -> Answer:
    """Lift the suspension of NUMBER."""
    return _bar(number, reason, suspended=False)


@lines.command(cls=rich_click.RichCommand)
@click.argument("number")
@click.argument("top_up", type=int)
@reason
@answering
def reverse(number: str, top_up: int, reason: str) -> Answer:
    """Take back what is unspent of the TOP_UP of NUMBER (its first is 1)."""

    async def mend(desk: Desk) -> Reversed | Answer:
        """Have the engine reverse it, or ask for it."""
        who = actor(reason)
        asked = await ask_taking_back(desk, number, top_up, who)
        if asked is not None:
            return asked
        command = ReverseTopUp(
            caller=who.who,
            # A top-up is reversed once: a repeat gets the first answer.
            request_key=f"reverse:{top_up}",
            msisdn=fold_msisdn(number, desk.rules.numbers),
            topup_no=top_up,
            actor=who,
        )
        async with desk.engine() as engine:
            return await engine.submit(command)

    done = at_desk(mend)
    if isinstance(done, Answer):
        return done
    document = {
        "msisdn": str(done.msisdn),
        "top_up": done.topup_no,
        "main": ringgit(done.main_micros),
        "bonus": ringgit(done.bonus_micros),
        "spent": ringgit(done.spent_micros),
        "balance": ringgit(done.balance_micros),
        "active_until": done.active_until,
        "gifts": [
            {"promotion": one.promotion, "kind": one.kind, "amount": one.amount}
            for one in done.gifts
        ],
    }
    text = (
        f"Taken back: RM{ringgit(done.main_micros)} and RM{ringgit(done.bonus_micros)} of bonus;"
        f" RM{ringgit(done.spent_micros)} was spent. Balance: RM{ringgit(done.balance_micros)}."
    )
    return Answer(document=document, text=text)


@lines.command("move-top-up", cls=rich_click.RichCommand)
@click.argument("number")
@click.argument("top_up", type=int)
@click.argument("to_number")
@reason
@answering
def move_top_up(number: str, top_up: int, to_number: str, reason: str) -> Answer:
    """Move what is unspent of the TOP_UP of NUMBER (its first is 1) to TO_NUMBER.

    For a top-up that went to a wrong number, within [console] move_topup_hours.
    """

    async def mend(desk: Desk) -> TopUpMoved | Answer:
        """Have the engine move it, or ask for it."""
        who = actor(reason)
        asked = await ask_moving(desk, number, top_up, to_number, who)
        if asked is not None:
            return asked
        to_msisdn = fold_msisdn(to_number, desk.rules.numbers)
        command = MoveTopUp(
            caller=who.who,
            # A top-up is moved once: a repeat gets the first answer.
            request_key=f"move:{top_up}:{to_msisdn}",
            msisdn=fold_msisdn(number, desk.rules.numbers),
            topup_no=top_up,
            to_msisdn=to_msisdn,
            actor=who,
        )
        async with desk.engine() as engine:
            return await engine.submit(command)

    done = at_desk(mend)
    if isinstance(done, Answer):
        return done
    taken, given = done.taken, done.given
    document = {
        "msisdn": str(taken.msisdn),
        "top_up": taken.topup_no,
        "to_msisdn": str(given.msisdn),
        "to_top_up": given.topup_no,
        "main": ringgit(taken.main_micros),
        "spent": ringgit(taken.spent_micros),
        "bonus_taken": ringgit(taken.bonus_micros),
        "bonus_given": ringgit(given.bonus_micros),
        "balance": ringgit(taken.balance_micros),
        "to_balance": ringgit(given.balance_micros),
        "active_until": taken.active_until,
        "to_active_until": given.active_until,
        "receipt": given.receipt,
    }
    text = (
        f"Moved: RM{ringgit(taken.main_micros)} from {taken.msisdn} to {given.msisdn};"
        f" RM{ringgit(taken.spent_micros)} was spent. Balances: RM{ringgit(taken.balance_micros)}"
        f" and RM{ringgit(given.balance_micros)}."
    )
    return Answer(document=document, text=text)


@lines.command("erase-person", cls=rich_click.RichCommand)
@click.argument("number")
@reason
@answering
def erase_person(number: str, reason: str) -> Answer:
    """Erase who the person of NUMBER is. The books, which hold none of it, stay as they are."""

    async def forget(desk: Desk) -> bool:
        """Erase the person of the line that the number is now."""
        line_id = await find_line_id(desk.database, fold_msisdn(number, desk.rules.numbers))
        if line_id is None:
            raise NumberUnknown
        return await erase(desk.database, line_id, actor(reason))

    erased = at_desk(forget)
    text = "Erased." if erased else "Nobody was registered."
    return Answer(document={"erased": erased}, text=text)


def _bar(
    number: str, why: str, *, barred: bool | None = None, suspended: bool | None = None
) -> Answer:
    def wanted(msisdn: int, who: Actor, caller: str, key: str) -> LineCommand:
        return BarLine(
            caller=caller,
            request_key=key,
            msisdn=msisdn,
            barred=barred,
            suspended=suspended,
            actor=who,
        )

    return _change(number, why, None, wanted)


def _change(
    number: str,
    why: str,
    key: str | None,
    wanted: Callable[[int, Actor, str, str], LineCommand],
) -> Answer:
    """Have a line changed. key: the caller's own, None for one that is never used again."""

    async def change(desk: Desk) -> Answer:
        """Have the engine change it."""
        who = actor(why)
        msisdn = fold_msisdn(number, desk.rules.numbers)
        command = wanted(msisdn, who, who.who, key or uuid4().hex)
        async with desk.engine() as engine:
            changed: LineChanged = await engine.submit(command)
        document = {
            "msisdn": str(changed.msisdn),
            "state": changed.state,
            "barred": changed.barred,
            "suspended": changed.suspended,
            "balance": ringgit(changed.balance_micros),
            "active_until": changed.active_until,
            "grace_until": changed.grace_until,
        }
        shown = show_msisdn(changed.msisdn, desk.rules.numbers)
        words = [changed.state.name.lower()]
        words += ["barred"] if changed.barred else []
        words += ["suspended"] if changed.suspended else []
        text = f"{shown}: {', '.join(words)}, RM{ringgit(changed.balance_micros)}"
        return Answer(document=document, text=text)

    return at_desk(change)


lines.add_command(list_command)
