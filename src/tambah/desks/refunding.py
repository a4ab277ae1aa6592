"""What a refund would do, before it is done: told at the command line and in the console alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tambah.domain.balance import MAIN_BUCKET_ID
from tambah.domain.commands import PaymentStands, RefundPayment
from tambah.domain.decide import decide
from tambah.domain.ledger import Account, Transfer
from tambah.domain.payment_changes import left_micros
from tambah.domain.refusals import InternalError, Refusal
from tambah.domain.rules import Rules
from tambah.domain.state import LineAccount
from tambah.engine.answers import request_digest
from tambah.engine.keys import Keys
from tambah.store.database import Database
from tambah.store.views.payments import refunded_by_hand, was_answered
from tambah.store.views.refundable import read_refundable


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """With what it is looked up whether a refund takes two."""

    database: Database
    rules: Rules
    keys: Keys
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """What a refund would do. Micro-ringgit.

    refund: what goes back to the payer; from_credit: taken from the line for it; bonus: taken as
    well; at_cost: what the operator bears; stays: what of the payment is not sent back. balance:
    the line's credit before and after it; active_until: its end of the active period after it.
    """

    refund_micros: int
    from_credit_micros: int
    bonus_micros: int
    at_cost_micros: int
    stays_micros: int
    balance_before_micros: int
    balance_after_micros: int
    active_until: datetime | None


async def foresee(
    database: Database, rules: Rules, command: RefundPayment, now: datetime
) -> Ahead | Refusal:
    """Return what the rules would do, or why they refuse. Nothing is changed."""
    known = await read_refundable(database, command.line_id, command.payment_no)
    decision = decide(command, known, rules, now)
    answer = decision.answer
    if isinstance(answer, Refusal):
        return answer
    if not isinstance(answer, PaymentStands) or decision.payment is None:
        return InternalError(incident="refund")
    moved = decision.transfers
    after = decision.line or known.line
    return Ahead(
        refund_micros=answer.refund_micros,
        from_credit_micros=_sum(moved, Account.LINE_MAIN, Account.HELD),
        bonus_micros=_sum(moved, Account.LINE_BONUS, Account.BONUS_GIVEN),
        at_cost_micros=_sum(moved, Account.ADJUSTMENTS, Account.HELD),
        stays_micros=left_micros(decision.payment),
        balance_before_micros=_main(known.line),
        balance_after_micros=_main(after),
        active_until=after.line.active_until if after else None,
    )


async def takes_two(
    desk: Asking, command: RefundPayment, ahead: Ahead, *, alone_micros: int
) -> bool:
    """Say whether a refund is more than one person may send back of a line's payments in a day.

    A command that was done before is what it was: it gets its first answer, whatever came since.
    """
    digest = request_digest(desk.keys, command.caller, command.request_key)
    if await was_answered(desk.database, command.line_id, digest):
        return False
    validity = desk.rules.validity
    today = validity.start_of(validity.local_day(desk.now))
    done_micros = await refunded_by_hand(desk.database, command.line_id, today)
    return done_micros + ahead.refund_micros > alone_micros


def _sum(transfers: Sequence[Transfer], debit: Account, credit: Account) -> int:
    return sum(t.amount_micros for t in transfers if (t.debit, t.credit) == (debit, credit))


def _main(account: LineAccount | None) -> int:
    if account is None:
        return 0
    main = (one for one in account.buckets if one.bucket_id == MAIN_BUCKET_ID)
    return sum(one.remaining_micros for one in main)
