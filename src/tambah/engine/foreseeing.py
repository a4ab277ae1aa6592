"""What a command would do now, worked out by the very rules that do it. Nothing is written."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from tambah.domain.actor import Actor
from tambah.domain.care_commands import MoveTopUp
from tambah.domain.charging_commands import ChargeEvent, UnitsGranted
from tambah.domain.commands import (
    AdjustCredit,
    Command,
    LineChanged,
    Outcome,
    Reversed,
    ReverseTopUp,
    TopUpMoved,
)
from tambah.domain.decide import decide
from tambah.domain.records import replace
from tambah.domain.refusals import Refusal
from tambah.domain.rules import Rules
from tambah.domain.state import Known, LineAccount
from tambah.domain.validity import ValidityRule
from tambah.store.database import Database
from tambah.store.views.console import adjusted_since
from tambah.store.views.refundable import read_reversible

_NOBODY = Actor(who="nobody", why="to see what would happen")


def foresee(command: Command, known: Known, rules: Rules, now: datetime) -> Outcome:
    """Return what a command would be answered. Raises whatever it would be refused with."""
    answer = decide(command, known, rules, now).answer
    if isinstance(answer, Refusal):
        raise answer
    return answer


async def adjusted_today(
    database: Database, line_id: int, validity: ValidityRule, now: datetime
) -> int:
    """Return how much of a line's credit was put right by hand this local day (micro-ringgit)."""
    return await adjusted_since(database, line_id, validity.start_of(validity.local_day(now)))


async def foresee_reversal(
    database: Database, rules: Rules, account: LineAccount, topup_no: int, now: datetime
) -> Reversed:
    """Return what taking a top-up of a line back would come to.

    Raises TopUpUnknown, AlreadyReversed, LineTerminated, RefundInstead.
    """
    known = await read_reversible(database, account.line.line_id, topup_no)
    command = ReverseTopUp(
        caller="",
        request_key="",
        msisdn=account.line.msisdn,
        topup_no=topup_no,
        actor=_NOBODY,
    )
    return cast("Reversed", foresee(command, known, rules, now))


def foresee_charge(
    command: ChargeEvent, account: LineAccount | None, rules: Rules, now: datetime
) -> UnitsGranted:
    """Return what charging an event would come to.

    Raises what keeps the line from being used, NumberUnknown, CreditTooLow, RateUnknown.
    """
    return cast("UnitsGranted", foresee(command, Known(line=account), rules, now))


async def foresee_move(
    database: Database,
    rules: Rules,
    account: LineAccount,
    receiving: LineAccount,
    topup_no: int,
    now: datetime,
) -> TopUpMoved:
    """Return what moving a top-up from a line to another would come to.

    Raises whatever `domain.moving.move_top_up` does.
    """
    known = await read_reversible(database, account.line.line_id, topup_no)
    command = MoveTopUp(
        caller="",
        request_key="",
        msisdn=account.line.msisdn,
        topup_no=topup_no,
        to_msisdn=receiving.line.msisdn,
        actor=_NOBODY,
    )
    return cast("TopUpMoved", foresee(command, replace(known, receiving=receiving), rules, now))


def foresee_adjustment(
    rules: Rules, account: LineAccount, amount_micros: int, now: datetime
) -> LineChanged:
    """Return how a line would stand with its credit put right by an amount.

    Raises LineTerminated, BalanceTooHigh, CreditTooLow.
    """
    command = AdjustCredit(
        caller="",
        request_key="",
        msisdn=account.line.msisdn,
        amount_micros=amount_micros,
        actor=_NOBODY,
    )
    return cast("LineChanged", foresee(command, Known(line=account), rules, now))
