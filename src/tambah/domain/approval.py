"""Four eyes: what one of the staff asks for and another must agree to before it is done.

Where money or codes are made, or power is given, two people stand behind it. Whoever asks (the
maker) never agrees to their own request, whatever their roles; a request that nobody decided in
time is over.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import NamedTuple

from tambah.domain.records import Record, replace
from tambah.domain.refusals import (
    ApprovalOver,
    ApprovalOwn,
    ApprovalWaiting,
    PermissionMissing,
    ReasonMissing,
)
from tambah.domain.staff import Permission

APPROVAL_HOURS = 24
"""After which a request that nobody decided, or nobody collected, is over."""


class Deed(StrEnum):
    """What takes two people."""

    ADJUST_CREDIT = "adjust_credit"
    REVERSE_TOPUP = "reverse_topup"
    MOVE_TOPUP = "move_topup"
    REFUND_PAYMENT = "refund_payment"
    GENERATE_BATCH = "generate_batch"
    RELEASE_BATCH = "release_batch"
    EXPORT_BATCH = "export_batch"
    ACTIVATE_CARDS = "activate_cards"
    CLOSE_BATCH = "close_batch"
    VOID_BATCH = "void_batch"
    FUND_PARTNER = "fund_partner"
    MOVE_FLOAT = "move_float"
    PAY_COMMISSION = "pay_commission"
    CHANGE_AGREEMENT = "change_agreement"
    LOAD_TARIFF = "load_tariff"
    ADD_DEALER = "add_dealer"
    FUND_FROM_BANK = "fund_from_bank"
    INVITE_STAFF = "invite_staff"
    CHANGE_ROLES = "change_roles"
    MAKE_PROMOTION = "make_promotion"
    END_PROMOTION = "end_promotion"
    SELL_PACKAGE = "sell_package"
    WITHDRAW_PACKAGE = "withdraw_package"


class DeedRule(NamedTuple):
    """Who may ask for a deed and agree to it. is_collected: the maker does it, once, when agreed.

    What is collected is shown or handed out a single time (an invitation, a print file): nobody
    but the maker gets it.
    """

    permission: Permission
    is_collected: bool = False


DEEDS: Mapping[Deed, DeedRule] = MappingProxyType(
    {
        Deed.ADJUST_CREDIT: DeedRule(Permission.CREDIT_WRITE),
        Deed.REVERSE_TOPUP: DeedRule(Permission.CREDIT_WRITE),
        Deed.MOVE_TOPUP: DeedRule(Permission.CREDIT_WRITE),
        Deed.REFUND_PAYMENT: DeedRule(Permission.PAYMENTS_WRITE),
        Deed.GENERATE_BATCH: DeedRule(Permission.BATCHES_WRITE),
        Deed.RELEASE_BATCH: DeedRule(Permission.BATCHES_WRITE),
        Deed.EXPORT_BATCH: DeedRule(Permission.BATCHES_WRITE, is_collected=True),
        Deed.ACTIVATE_CARDS: DeedRule(Permission.BATCHES_WRITE),
        Deed.CLOSE_BATCH: DeedRule(Permission.BATCHES_WRITE),
        Deed.VOID_BATCH: DeedRule(Permission.BATCHES_WRITE),
        Deed.FUND_PARTNER: DeedRule(Permission.FLOAT_WRITE),
        Deed.MOVE_FLOAT: DeedRule(Permission.FLOAT_WRITE),
        Deed.PAY_COMMISSION: DeedRule(Permission.FINANCE_WRITE),
        Deed.CHANGE_AGREEMENT: DeedRule(Permission.DEALERS_WRITE),
        Deed.LOAD_TARIFF: DeedRule(Permission.CONTENT_WRITE),
        Deed.ADD_DEALER: DeedRule(Permission.DEALERS_WRITE),
        Deed.FUND_FROM_BANK: DeedRule(Permission.FLOAT_WRITE),
        Deed.INVITE_STAFF: DeedRule(Permission.STAFF_WRITE, is_collected=True),
        Deed.CHANGE_ROLES: DeedRule(Permission.STAFF_WRITE),
        Deed.MAKE_PROMOTION: DeedRule(Permission.CONTENT_WRITE),
        Deed.END_PROMOTION: DeedRule(Permission.CONTENT_WRITE),
        Deed.SELL_PACKAGE: DeedRule(Permission.CONTENT_WRITE),
        Deed.WITHDRAW_PACKAGE: DeedRule(Permission.CONTENT_WRITE),
    }
)
"""The same permission asks and agrees: two of those who may do it at all."""


class ApprovalState(IntEnum):
    """A request's life. Stored. FAILED: it was agreed to, and then could not be done."""

    WAITING = 1
    APPROVED = 2
    DONE = 3
    FAILED = 4
    DECLINED = 5
    WITHDRAWN = 6


class Approval(Record, frozen=True, kw_only=True):
    """A request for a deed.

    subject: what it is done to, as the audit trail names it. params: what exactly; before: how it
    stood when it was asked for. maker, decided_by: as the audit trail names people. answer: what
    was said when it was decided. collect_until: the end of what is collected. outcome: what came
    of it. No secret stands in any of these.
    """

    approval_id: int
    deed: Deed
    subject: str
    params: Mapping[str, object]
    before: Mapping[str, object]
    why: str
    maker: str
    made_at: datetime
    expires_at: datetime
    state: ApprovalState = ApprovalState.WAITING
    decided_by: str | None = None
    decided_at: datetime | None = None
    collect_until: datetime | None = None
    answer: str = ""
    done_at: datetime | None = None
    outcome: Mapping[str, object] = MappingProxyType({})

    @property
    def rule(self) -> DeedRule:
        """Return who may ask for it and agree to it."""
        return DEEDS[self.deed]

    def is_open(self, now: datetime) -> bool:
        """Say whether somebody may still decide it."""
        return self.state is ApprovalState.WAITING and now < self.expires_at

    def is_collectable(self, now: datetime) -> bool:
        """Say whether the maker may still collect what was agreed to."""
        until = self.collect_until
        return self.state is ApprovalState.APPROVED and until is not None and now < until

    def word(self, now: datetime) -> str:
        """Return how it stands, in one word: a state's, or `expired`."""
        ends = {
            ApprovalState.WAITING: self.expires_at,
            ApprovalState.APPROVED: self.collect_until,
        }
        end = ends.get(self.state)
        return "expired" if end is not None and now >= end else self.state.name.lower()


def expiry(now: datetime) -> datetime:
    """Return the end of a request, or of what was agreed to and waits for its maker."""
    return now + timedelta(hours=APPROVAL_HOURS)


def require_may_ask(deed: Deed, permissions: Collection[Permission]) -> None:
    """Refuse whoever may not ask for a deed. Raises PermissionMissing."""
    if DEEDS[deed].permission not in permissions:
        raise PermissionMissing


def may_decide(approval: Approval, who: str, permissions: Collection[Permission]) -> bool:
    """Say whether somebody is one of the two that it takes, and not the one who asked."""
    return who != approval.maker and approval.rule.permission in permissions


def approve(
    approval: Approval, who: str, permissions: Collection[Permission], answer: str, now: datetime
) -> Approval:
    """Return the request agreed to. A reason may be given and need not be.

    Raises ApprovalOwn, PermissionMissing, ApprovalOver.
    """
    return _decide(approval, who, permissions, answer, now, ApprovalState.APPROVED)


def decline(
    approval: Approval, who: str, permissions: Collection[Permission], answer: str, now: datetime
) -> Approval:
    """Return the request declined. The maker is told why.

    Raises ApprovalOwn, PermissionMissing, ApprovalOver, ReasonMissing.
    """
    if not answer.strip():
        raise ReasonMissing
    return _decide(approval, who, permissions, answer, now, ApprovalState.DECLINED)


def withdraw(approval: Approval, who: str, now: datetime) -> Approval:
    """Return the request taken back by its maker. Raises PermissionMissing, ApprovalOver."""
    if who != approval.maker:
        raise PermissionMissing
    _require_open(approval, now)
    return replace(approval, state=ApprovalState.WITHDRAWN, decided_at=now)


def require_collectable(approval: Approval, who: str, now: datetime) -> None:
    """Refuse to hand out what was not agreed to, or is over.

    Raises PermissionMissing, ApprovalWaiting, ApprovalOver.
    """
    if who != approval.maker:
        raise PermissionMissing
    if approval.is_open(now):
        raise ApprovalWaiting
    if not approval.is_collectable(now):
        raise ApprovalOver(state=approval.word(now))


def finish(
    approval: Approval, outcome: Mapping[str, object], now: datetime, *, failed: bool = False
) -> Approval:
    """Return the request with what came of it."""
    state = ApprovalState.FAILED if failed else ApprovalState.DONE
    return replace(approval, state=state, outcome=outcome, done_at=now)


def _decide(
    approval: Approval,
    who: str,
    permissions: Collection[Permission],
    answer: str,
    now: datetime,
    state: ApprovalState,
) -> Approval:
    if who == approval.maker:
        raise ApprovalOwn
    if not may_decide(approval, who, permissions):
        raise PermissionMissing
    _require_open(approval, now)
    collected = state is ApprovalState.APPROVED and approval.rule.is_collected
    return replace(
        approval,
        state=state,
        decided_by=who,
        decided_at=now,
        collect_until=expiry(now) if collected else None,
        answer=answer.strip(),
    )


def _require_open(approval: Approval, now: datetime) -> None:
    if not approval.is_open(now):
        raise ApprovalOver(state=approval.word(now))
