"""Carrying out what two people agreed on: once, whatever dies on the way.

Money goes through the engine under the request's own number, so that a second doing changes
nothing. A batch of cards cannot be made half: what broke off is not made again, it failed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

import structlog

from tambah.domain.approval import Approval, ApprovalState, Deed, finish, require_collectable
from tambah.domain.commands import FundPartner
from tambah.domain.dealer_commands import MoveFloat
from tambah.domain.refusals import (
    ApprovalUnknown,
    BatchStateWrong,
    Busy,
    InternalError,
    Refusal,
    Unavailable,
)
from tambah.domain.staff import Role
from tambah.domain.voucher import BatchState
from tambah.engine.administer import acting, note
from tambah.engine.approving.filing import actor_behind, require_approval, subject_of
from tambah.engine.approving.means import CALLER, Means, whole_of
from tambah.engine.approving.of_dealers import (
    add_asked_dealer,
    change_agreement,
    fund_from_bank,
    pay_asked_commission,
)
from tambah.engine.approving.of_lines import (
    adjust_credit,
    move_topup,
    refund_payment,
    reverse_topup,
)
from tambah.engine.approving.of_packages import sell_package, withdraw_package
from tambah.engine.approving.of_promotions import end_promotion, make_promotion
from tambah.engine.approving.of_tariffs import agree_tariff
from tambah.engine.keys import Keys
from tambah.engine.staff import change_roles, invite
from tambah.engine.vouchers import (
    BatchRequest,
    PrintedKind,
    SerialRange,
    change_batch,
    change_range,
    generate,
)
from tambah.engine.vouchers.moving import BatchAction
from tambah.store.approvals import hold_on, left_to_do, read_approval, take_up, write_approval
from tambah.store.database import CONNECTION_LOST, Database
from tambah.store.views.stock import read_batch

_HOLD_SECONDS = 30.0
PRINTED: tuple[PrintedKind, ...] = ("cards", "slips")
"""Every document that may be made of a batch."""
_log: Any = structlog.get_logger(__name__)

Outcome = Mapping[str, object]

_BATCH_ACTIONS: Mapping[Deed, tuple[BatchAction, BatchState]] = MappingProxyType(
    {
        Deed.RELEASE_BATCH: ("release", BatchState.RELEASED),
        Deed.CLOSE_BATCH: ("close", BatchState.CLOSED),
        Deed.VOID_BATCH: ("void", BatchState.VOID),
    }
)


async def carry_out(means: Means, approval_id: int) -> Approval | None:
    """Do what was agreed to, if nobody else is at it; return the request as it then stands.

    A refusal is its outcome, and so is a bug, which is logged. None where it was not to be done.
    """
    database, clock = means.database, means.clock
    tries = await take_up(database, approval_id, clock.now())
    approval = await read_approval(database, approval_id) if tries else None
    if approval is None or tries is None:
        return None
    holding = asyncio.create_task(_hold(means, approval_id))
    failed = True
    try:
        outcome = await _DOERS[approval.deed](means, approval, tries)
        failed = False
    except (Busy, Unavailable, *CONNECTION_LOST):
        return None  # not now: whoever looks next, when it is free again, takes it up
    except Refusal as refusal:
        outcome = {"refusal": refusal.code, "params": _plain(refusal.params)}
    except Exception:  # noqa: BLE001 - a bug fails this request and no other
        _log.exception("request failed", approval=approval_id, deed=approval.deed)
        outcome = {"refusal": InternalError.code, "params": {"incident": str(approval_id)}}
    finally:
        holding.cancel()
    return await _finish(means, approval_id, outcome, failed=failed)


async def carry_out_all(means: Means) -> int:
    """Do everything that was agreed to and left undone; return how much there was."""
    waiting = await left_to_do(means.database, means.clock.now())
    for approval_id in waiting:
        await carry_out(means, approval_id)
    return len(waiting)


async def collect(
    database: Database, keys: Keys, approval_id: int, who: str, now: datetime
) -> str:
    """Invite whom two people agreed to invite; return the invitation's path, for the only time.

    Raises ApprovalUnknown, PermissionMissing, ApprovalWaiting, ApprovalOver, StaffNameTaken.
    """
    async with acting(database) as connection:
        held = await require_approval(connection, approval_id)
        require_collectable(held, who, now)
        if held.deed is not Deed.INVITE_STAFF:
            raise ApprovalUnknown
        # Another transaction makes the account: done first, so that it is never made twice.
        await write_approval(connection, finish(held, {}, now))
    roles = [Role(role) for role in _texts(held, "roles")]
    try:
        return await invite(
            database, keys, str(held.params["name"]), roles, actor=actor_behind(held)
        )
    except Refusal as refusal:
        outcome = {"refusal": refusal.code, "params": _plain(refusal.params)}
        async with acting(database) as connection:
            await write_approval(connection, finish(held, outcome, now, failed=True))
        raise


async def _hold(means: Means, approval_id: int) -> None:
    while True:
        await asyncio.sleep(_HOLD_SECONDS)
        await hold_on(means.database, approval_id, means.clock.now())


async def _finish(
    means: Means, approval_id: int, outcome: Outcome, *, failed: bool
) -> Approval | None:
    now = means.clock.now()
    async with acting(means.database) as connection:
        held = await require_approval(connection, approval_id)
        if held.state is not ApprovalState.APPROVED:
            return held
        after = finish(held, outcome, now, failed=failed)
        await write_approval(connection, after)
        await note(
            connection,
            actor_behind(held),
            "FailedRequest" if failed else "CarryOut",
            subject_of(held),
            after=dict(outcome),
        )
    return after


async def _fund(means: Means, approval: Approval, _: int) -> Outcome:
    done = await means.engine.submit(
        FundPartner(
            caller=CALLER,
            request_key=str(approval.approval_id),
            partner_id=whole_of(approval, "partner"),
            amount_micros=whole_of(approval, "amount_micros"),
            reference=str(approval.params["reference"]),
            actor=actor_behind(approval),
        )
    )
    return {"float_micros": done.float_micros}


async def _move_float(means: Means, approval: Approval, _: int) -> Outcome:
    done = await means.engine.submit(
        MoveFloat(
            caller=CALLER,
            request_key=str(approval.approval_id),
            partner_id=whole_of(approval, "partner"),
            to_partner_id=whole_of(approval, "to"),
            amount_micros=whole_of(approval, "amount_micros"),
            reference=str(approval.params["reference"]),
            actor=actor_behind(approval),
        )
    )
    return {"float_micros": done.float_micros}


async def _change_agreement(means: Means, approval: Approval, tries: int) -> Outcome:
    return await change_agreement(means.database, approval, tries)


async def _load_tariff(means: Means, approval: Approval, _: int) -> Outcome:
    return await agree_tariff(means.database, approval, means.clock.now())


async def _add_dealer(means: Means, approval: Approval, tries: int) -> Outcome:
    return await add_asked_dealer(means.database, approval, tries)


async def _fund_from_bank(means: Means, approval: Approval, tries: int) -> Outcome:
    return await fund_from_bank(means.database, means.engine.submit, approval, tries)


async def _generate(means: Means, approval: Approval, tries: int) -> Outcome:
    if tries > 1:
        # Whoever made it died: its codes are lost, and half a batch is never gone on with.
        raise BatchStateWrong(state=BatchState.DRAFT.name.lower())
    until = str(approval.params["redeem_before"])
    redeem_before = datetime.fromisoformat(until) if until else None
    price_micros = whole_of(approval, "price_micros")
    asked = _texts(approval, "printed")
    printed: tuple[PrintedKind, ...] = tuple(kind for kind in PRINTED if kind in asked)
    last_day = means.rules.validity.last_day(redeem_before) if redeem_before else None
    made = await generate(
        means.database,
        means.keys,
        means.rules.catalog,
        BatchRequest(
            price_micros=price_micros,
            quantity=whole_of(approval, "quantity"),
            now=means.clock.now(),
            actor=actor_behind(approval),
            operator=means.operator_name,
            lettered=bool(approval.params["lettered"]),
            born_active=bool(approval.params["born_active"]),
            redeem_before=redeem_before,
            sheets=means.design(printed, price_micros, last_day) if printed else None,
            recipient=str(approval.params["recipient"]) or None,
        ),
    )
    outcome: dict[str, object] = {
        "batch": made.batch_id,
        "first_serial": made.first_serial,
        "last_serial": made.last_serial,
    }
    if made.print_digest is not None:
        outcome |= {"sha256": made.print_digest.hex(), "bytes": made.print_size}
    return outcome


async def _move_batch(means: Means, approval: Approval, tries: int) -> Outcome:
    action, after = _BATCH_ACTIONS[approval.deed]
    batch_id = whole_of(approval, "batch")
    batch = await read_batch(means.database, batch_id)
    # Who died after it was done left it in that state already.
    if tries == 1 or batch is None or batch.state is not after:
        now = means.clock.now()
        await change_batch(means.database, batch_id, action, actor_behind(approval), now)
    return {"batch_state": after.name.lower()}


async def _activate(means: Means, approval: Approval, _: int) -> Outcome:
    cards = SerialRange(
        batch_id=whole_of(approval, "batch"),
        first=whole_of(approval, "first"),
        last=whole_of(approval, "last"),
    )
    moved = await change_range(
        means.database, cards, "activate", actor_behind(approval), means.clock.now()
    )
    return {
        "changed": moved.changed,
        "unchanged": {state.name.lower(): count for state, count in moved.unchanged.items()},
    }


async def _change_roles(means: Means, approval: Approval, _: int) -> Outcome:
    roles = [Role(role) for role in _texts(approval, "roles")]
    after = await change_roles(
        means.database, str(approval.params["name"]), roles, actor=actor_behind(approval)
    )
    return {"roles": sorted(after.roles)}


async def _never(_: Means, approval: Approval, __: int) -> Outcome:
    raise AssertionError(f"{approval.deed} is collected, not carried out")


_DOERS: Mapping[Deed, Callable[[Means, Approval, int], Awaitable[Outcome]]] = MappingProxyType(
    {
        Deed.ADJUST_CREDIT: adjust_credit,
        Deed.REVERSE_TOPUP: reverse_topup,
        Deed.MOVE_TOPUP: move_topup,
        Deed.REFUND_PAYMENT: refund_payment,
        Deed.FUND_PARTNER: _fund,
        Deed.MOVE_FLOAT: _move_float,
        Deed.PAY_COMMISSION: pay_asked_commission,
        Deed.CHANGE_AGREEMENT: _change_agreement,
        Deed.LOAD_TARIFF: _load_tariff,
        Deed.ADD_DEALER: _add_dealer,
        Deed.FUND_FROM_BANK: _fund_from_bank,
        Deed.GENERATE_BATCH: _generate,
        Deed.RELEASE_BATCH: _move_batch,
        Deed.CLOSE_BATCH: _move_batch,
        Deed.VOID_BATCH: _move_batch,
        Deed.ACTIVATE_CARDS: _activate,
        Deed.CHANGE_ROLES: _change_roles,
        Deed.MAKE_PROMOTION: make_promotion,
        Deed.END_PROMOTION: end_promotion,
        Deed.SELL_PACKAGE: sell_package,
        Deed.WITHDRAW_PACKAGE: withdraw_package,
        Deed.EXPORT_BATCH: _never,
        Deed.INVITE_STAFF: _never,
    }
)


def _texts(approval: Approval, name: str) -> list[str]:
    value: Any = approval.params[name]
    return [str(one) for one in value]


def _plain(params: Mapping[str, str | int | datetime]) -> dict[str, str | int]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in params.items()
    }
