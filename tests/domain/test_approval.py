"""Two people for a deed: who may ask, who may agree, and for how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tambah.domain.approval import (
    DEEDS,
    Approval,
    ApprovalState,
    Deed,
    approve,
    decline,
    expiry,
    finish,
    may_decide,
    require_collectable,
    require_may_ask,
    withdraw,
)
from tambah.domain.records import replace
from tambah.domain.refusals import (
    ApprovalOver,
    ApprovalOwn,
    ApprovalWaiting,
    PermissionMissing,
    ReasonMissing,
)
from tambah.domain.staff import Permission

NOW = datetime(2026, 11, 30, 2, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
TOO_LATE = NOW + timedelta(hours=24)
CREDIT = {Permission.CREDIT_WRITE}
ASKED = Approval(
    approval_id=12,
    deed=Deed.ADJUST_CREDIT,
    subject="line:7",
    params={"amount_micros": 50_000_000},
    before={},
    why="call dropped",
    maker="staff:mina",
    made_at=NOW,
    expires_at=expiry(NOW),
)
PRINT = replace(ASKED, deed=Deed.EXPORT_BATCH)


def test_every_deed_says_who_may() -> None:
    assert set(DEEDS) == set(Deed)


def test_another_agrees_and_it_is_done() -> None:
    agreed = approve(ASKED, "staff:ravi", CREDIT, " yes ", LATER)

    assert (agreed.state, agreed.decided_by, agreed.decided_at, agreed.answer) == (
        ApprovalState.APPROVED,
        "staff:ravi",
        LATER,
        "yes",
    )
    assert agreed.collect_until is None
    done = finish(agreed, {"balance_micros": 1}, LATER)
    assert (done.state, done.outcome, done.done_at) == (
        ApprovalState.DONE,
        {"balance_micros": 1},
        LATER,
    )
    assert finish(agreed, {}, LATER, failed=True).word(LATER) == "failed"


def test_the_maker_never_agrees_nor_declines() -> None:
    with pytest.raises(ApprovalOwn):
        approve(ASKED, "staff:mina", CREDIT, "", LATER)
    with pytest.raises(ApprovalOwn):
        decline(ASKED, "staff:mina", CREDIT, "no", LATER)
    assert not may_decide(ASKED, "staff:mina", CREDIT)
    assert may_decide(ASKED, "staff:ravi", CREDIT)


@pytest.mark.parametrize("permissions", [set[Permission](), {Permission.LINES_READ}])
def test_nor_does_anybody_without_the_permission(permissions: set[Permission]) -> None:
    with pytest.raises(PermissionMissing):
        approve(ASKED, "staff:ravi", permissions, "", LATER)
    with pytest.raises(PermissionMissing):
        require_may_ask(Deed.ADJUST_CREDIT, permissions)
    require_may_ask(Deed.ADJUST_CREDIT, CREDIT)


def test_declining_says_why() -> None:
    with pytest.raises(ReasonMissing):
        decline(ASKED, "staff:ravi", CREDIT, "  ", LATER)

    declined = decline(ASKED, "staff:ravi", CREDIT, "wrong line", LATER)
    assert (declined.state, declined.answer) == (ApprovalState.DECLINED, "wrong line")


def test_what_nobody_decided_in_time_is_over() -> None:
    with pytest.raises(ApprovalOver) as refused:
        approve(ASKED, "staff:ravi", CREDIT, "", TOO_LATE)
    assert refused.value.params == {"state": "expired"}
    assert (ASKED.word(LATER), ASKED.word(TOO_LATE)) == ("waiting", "expired")


def test_only_the_maker_withdraws_and_then_nobody_agrees() -> None:
    with pytest.raises(PermissionMissing):
        withdraw(ASKED, "staff:ravi", LATER)

    withdrawn = withdraw(ASKED, "staff:mina", LATER)
    assert withdrawn.state is ApprovalState.WITHDRAWN
    with pytest.raises(ApprovalOver) as refused:
        approve(withdrawn, "staff:ravi", CREDIT, "", LATER)
    assert refused.value.params == {"state": "withdrawn"}
    with pytest.raises(ApprovalOver):
        withdraw(withdrawn, "staff:mina", LATER)


def test_what_is_collected_waits_for_its_maker_for_a_day() -> None:
    agreed = approve(PRINT, "staff:ravi", {Permission.BATCHES_WRITE}, "", LATER)

    require_collectable(agreed, "staff:mina", LATER)
    with pytest.raises(PermissionMissing):
        require_collectable(agreed, "staff:ravi", LATER)
    assert agreed.is_collectable(TOO_LATE)
    end = LATER + timedelta(hours=24)
    assert agreed.word(end) == "expired"
    with pytest.raises(ApprovalOver):
        require_collectable(agreed, "staff:mina", end)


def test_what_nobody_agreed_to_yet_is_not_collected() -> None:
    with pytest.raises(ApprovalWaiting):
        require_collectable(PRINT, "staff:mina", LATER)
    with pytest.raises(ApprovalOver) as refused:
        require_collectable(PRINT, "staff:mina", TOO_LATE)
    assert refused.value.params == {"state": "expired"}


def test_what_is_not_collected_cannot_be() -> None:
    agreed = approve(ASKED, "staff:ravi", CREDIT, "", LATER)

    with pytest.raises(ApprovalOver) as refused:
        require_collectable(agreed, "staff:mina", LATER)
    assert refused.value.params == {"state": "approved"}
