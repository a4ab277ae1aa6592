"""Doing what two people agreed on about a line: its credit, its top-ups, its payments."""

from __future__ import annotations

from collections.abc import Mapping

from tambah.domain.approval import Approval
from tambah.domain.care_commands import MoveTopUp
from tambah.domain.commands import AdjustCredit, RefundPayment, ReverseTopUp
from tambah.domain.refusals import NumberUnknown
from tambah.engine.approving.filing import actor_behind
from tambah.engine.approving.means import CALLER, Means, whole_of
from tambah.store.views.lines import find_line_id

Outcome = Mapping[str, object]


async def adjust_credit(means: Means, approval: Approval, _: int) -> Outcome:
    """Put a line's credit right. Raises what the rules refuse."""
    done = await means.engine.submit(
        AdjustCredit(
            caller=CALLER,
            request_key=str(approval.approval_id),
            msisdn=await _number(means, approval),
            amount_micros=whole_of(approval, "amount_micros"),
            actor=actor_behind(approval),
        )
    )
    return {"balance_micros": done.balance_micros}


async def reverse_topup(means: Means, approval: Approval, _: int) -> Outcome:
    """Take a top-up back. Raises what the rules refuse."""
    done = await means.engine.submit(
        ReverseTopUp(
            caller=CALLER,
            request_key=str(approval.approval_id),
            msisdn=await _number(means, approval),
            topup_no=whole_of(approval, "topup_no"),
            actor=actor_behind(approval),
        )
    )
    return {
        "taken_micros": done.main_micros,
        "spent_micros": done.spent_micros,
        "balance_micros": done.balance_micros,
    }


async def move_topup(means: Means, approval: Approval, _: int) -> Outcome:
    """Move a top-up to the number it was meant for. Raises what the rules refuse."""
    to_msisdn = whole_of(approval, "to_msisdn")
    if await find_line_id(means.database, to_msisdn) != approval.params["to_line"]:
        raise NumberUnknown
    done = await means.engine.submit(
        MoveTopUp(
            caller=CALLER,
            request_key=str(approval.approval_id),
            msisdn=await _number(means, approval),
            topup_no=whole_of(approval, "topup_no"),
            to_msisdn=to_msisdn,
            actor=actor_behind(approval),
        )
    )
    return {
        "moved_micros": done.taken.main_micros,
        "spent_micros": done.taken.spent_micros,
        "balance_micros": done.taken.balance_micros,
        "to_balance_micros": done.given.balance_micros,
    }


async def refund_payment(means: Means, approval: Approval, _: int) -> Outcome:
    """Open the refund; whoever works in the background has its provider send it."""
    amount = approval.params["amount_micros"]
    done = await means.engine.submit(
        RefundPayment(
            caller=CALLER,
            request_key=str(approval.approval_id),
            line_id=whole_of(approval, "line"),
            payment_no=whole_of(approval, "payment_no"),
            amount_micros=None if amount is None else whole_of(approval, "amount_micros"),
            forgive_spent=bool(approval.params["forgive"]),
            only_micros=whole_of(approval, "refund_micros"),
            actor=actor_behind(approval),
        )
    )
    return {"sent_back_micros": done.refund_micros}


async def _number(means: Means, approval: Approval) -> int:
    """Return the number of the line it was asked for. Raises NumberUnknown: another's by now."""
    msisdn = whole_of(approval, "msisdn")
    if await find_line_id(means.database, msisdn) != approval.params["line"]:
        raise NumberUnknown
    return msisdn
