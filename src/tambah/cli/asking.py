"""The command line under four eyes: what takes two people in the console takes two here as well.

Only once two people work here who could decide it: before that nobody could, and whoever sets an
installation up has nobody to ask. A demo is left alone.
"""

from __future__ import annotations

from datetime import date, datetime

from tambah.cli.desk import Desk
from tambah.cli.frame import Answer
from tambah.cli.instants import show_instant
from tambah.domain.actor import Actor
from tambah.domain.approval import DEEDS, Approval, Deed
from tambah.domain.numbering import fold_msisdn
from tambah.domain.refusals import NumberUnknown
from tambah.domain.staff import StaffState
from tambah.domain.state import LineAccount
from tambah.engine.approving import Wanted, file
from tambah.engine.approving.asks import ask_credit, ask_move, ask_reversal
from tambah.engine.approving.of_dealers import ask_commission
from tambah.engine.foreseeing import (
    adjusted_today,
    foresee_adjustment,
    foresee_move,
    foresee_reversal,
)
from tambah.engine.operator import alone_up_to
from tambah.store.staff import list_staff
from tambah.store.views.dealer_lists import owed_until
from tambah.store.views.lines import read_line

_TWO = 2


async def takes_two(desk: Desk, deed: Deed) -> bool:
    """Say whether a deed has to be asked for here."""
    if desk.is_demo or not desk.operator.console.command_line_asks:
        return False
    able = [
        one
        for one in await list_staff(desk.database)
        if one.state is StaffState.ACTIVE and DEEDS[deed].permission in one.permissions
    ]
    return len(able) >= _TWO


async def ask_for(desk: Desk, wanted: Wanted, actor: Actor) -> Answer:
    """File a request; say that nothing is done yet. Raises ReasonMissing."""
    asked = await file(desk.database, wanted, actor, desk.now)
    text = (
        f"This takes two people. It is request {asked.approval_id} now and nothing is done yet:"
        " somebody who may approves it in the console, under Requests,"
        f" by {show_instant(asked.expires_at, desk.zone)}."
    )
    return Answer(document=document_of(asked, desk), text=text)


async def ask_adjustment(
    desk: Desk, number: str, amount_micros: int, actor: Actor
) -> Answer | None:
    """Ask for credit to be put right where that takes two; None where one may do it.

    Raises NumberMalformed, NumberUnknown, and what the rules would refuse.
    """
    if not await takes_two(desk, Deed.ADJUST_CREDIT):
        return None
    account = await _account(desk, number)
    line_id = account.line.line_id
    done_micros = await adjusted_today(desk.database, line_id, desk.rules.validity, desk.now)
    if done_micros + abs(amount_micros) <= alone_up_to(desk.operator.console):
        return None
    after = foresee_adjustment(desk.rules, account, amount_micros, desk.now)
    balance_micros = after.balance_micros - amount_micros
    wanted = ask_credit(line_id, account.line.msisdn, amount_micros, balance_micros)
    return await ask_for(desk, wanted, actor)


async def ask_taking_back(desk: Desk, number: str, topup_no: int, actor: Actor) -> Answer | None:
    """Ask for a top-up to be taken back where that takes two; None where one may do it.

    Raises NumberMalformed, NumberUnknown, and what the rules would refuse.
    """
    if not await takes_two(desk, Deed.REVERSE_TOPUP):
        return None
    account = await _account(desk, number)
    ahead = await foresee_reversal(desk.database, desk.rules, account, topup_no, desk.now)
    if ahead.main_micros <= alone_up_to(desk.operator.console):
        return None
    line = account.line
    before_micros = ahead.balance_micros + ahead.main_micros
    wanted = ask_reversal(line.line_id, line.msisdn, topup_no, ahead.main_micros, before_micros)
    return await ask_for(desk, wanted, actor)


async def ask_moving(
    desk: Desk, number: str, topup_no: int, to_number: str, actor: Actor
) -> Answer | None:
    """Ask for a top-up to be moved where that takes two; None where one may do it.

    Raises NumberMalformed, NumberUnknown, and what the rules would refuse.
    """
    if not await takes_two(desk, Deed.MOVE_TOPUP):
        return None
    account, receiving = await _account(desk, number), await _account(desk, to_number)
    ahead = await foresee_move(desk.database, desk.rules, account, receiving, topup_no, desk.now)
    if ahead.taken.main_micros <= alone_up_to(desk.operator.console):
        return None
    wanted = ask_move(account.line.line_id, receiving.line.line_id, ahead)
    return await ask_for(desk, wanted, actor)


async def ask_paying(
    desk: Desk, until: date, before: datetime, only: int | None, actor: Actor
) -> Answer | None:
    """Ask for commission to be paid where that takes two; None where one may do it.

    before: the end of the local day `until` (UTC).
    """
    if not await takes_two(desk, Deed.PAY_COMMISSION):
        return None
    owed = await owed_until(desk.database, before, only)
    if sum(one.amount_micros for one in owed) <= alone_up_to(desk.operator.console):
        return None
    return await ask_for(desk, ask_commission(owed, until, only), actor)


async def _account(desk: Desk, number: str) -> LineAccount:
    account = await read_line(desk.database, fold_msisdn(number, desk.rules.numbers))
    if account is None:
        raise NumberUnknown
    return account


def document_of(approval: Approval, desk: Desk) -> dict[str, object]:
    """Return a request as programs read it."""
    return {
        "request": approval.approval_id,
        "deed": approval.deed.value,
        "subject": approval.subject,
        "params": dict(approval.params),
        "why": approval.why,
        "asked_by": approval.maker,
        "asked_at": approval.made_at,
        "expires_at": approval.expires_at,
        "state": approval.word(desk.now),
        "decided_by": approval.decided_by,
        "answer": approval.answer,
        "outcome": dict(approval.outcome),
    }
