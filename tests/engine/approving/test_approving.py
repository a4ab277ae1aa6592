"""Requests on a real database: asked, agreed to by another, done once, whatever dies between."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from tambah.domain.actor import Actor
from tambah.domain.approval import Approval, ApprovalState, Deed
from tambah.domain.commands import TopUp
from tambah.domain.refusals import (
    ApprovalOver,
    ApprovalOwn,
    ApprovalUnknown,
    ApprovalWaiting,
    Busy,
    PermissionMissing,
)
from tambah.domain.rules import Rules
from tambah.domain.staff import Role, Staff, StaffState
from tambah.engine.approving import (
    Means,
    Wanted,
    agree,
    carry_out,
    carry_out_all,
    collect,
    file,
    refuse,
    take_back,
)
from tambah.engine.approving.asks import (
    BatchWanted,
    ask_activation,
    ask_batch,
    ask_batch_deed,
    ask_credit,
    ask_funding,
    ask_invitation,
    ask_reversal,
    ask_roles,
)
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.engine.verifying import verify
from tambah.engine.vouchers import SerialRange, SheetDesign
from tambah.store.approvals import read_approval, take_up
from tambah.store.database import ConstraintViolation, Database
from tambah.store.staff import list_staff
from tests.conftest import Fresh
from tests.engine.books import RM, add_line, add_partner

ALICE = 60123456789
NOW = datetime.now(UTC)


def person(name: str, *roles: Role) -> Staff:
    """Return somebody who works here."""
    return Staff(
        staff_id=len(name), name=name, roles=roles, state=StaffState.ACTIVE, created_at=NOW
    )


MINA = person("mina", Role.CARE, Role.WAREHOUSE, Role.FINANCE, Role.ADMINISTRATOR)
RAVI = person("ravi", Role.CARE, Role.WAREHOUSE, Role.FINANCE, Role.ADMINISTRATOR)
AS_MINA = Actor(who="staff:mina", why="call dropped")


@pytest.fixture
def means(engine: Engine, database: Database, keys: Keys, rules: Rules) -> Means:
    """Return what deeds are done with."""
    return Means(
        engine=engine,
        database=database,
        keys=keys,
        rules=rules,
        clock=Clock(),
        operator_name="Testel",
        design=lambda *_: SheetDesign(kinds=(), facts={}),
    )


async def done(means: Means, wanted: Wanted) -> Approval:
    """Have Mina ask, Ravi agree, and it carried out; return the request."""
    asked = await file(means.database, wanted, AS_MINA, NOW)
    await agree(means.database, asked.approval_id, RAVI, "fine", NOW)
    found = await carry_out(means, asked.approval_id)
    assert found is not None
    return found


async def trail(database: Database) -> list[tuple[str, str, str, str]]:
    """Return the audit trail but for its hashes."""
    rows = await database.fetch("SELECT who, action, subject, why FROM audit ORDER BY day, seq")
    return [(row[0], row[1], row[2], row[3]) for row in rows]


async def test_credit_that_two_agree_on_is_there_once(means: Means) -> None:
    database = means.database
    line_id = await add_line(means.engine, database, ALICE)

    found = await done(means, ask_credit(line_id, ALICE, 50 * RM, 0))

    assert (found.state, found.outcome) == (ApprovalState.DONE, {"balance_micros": 50 * RM})
    assert await carry_out(means, found.approval_id) is None
    number = found.approval_id
    assert await trail(database) == [
        ("staff:mina", "AskApproval", f"approval:{number}", "call dropped"),
        ("staff:ravi", "Approve", f"approval:{number}", "fine"),
        (
            "staff:mina",
            "AdjustCredit",
            f"line:{line_id}",
            f"call dropped (request {number}, agreed by staff:ravi)",
        ),
        (
            "staff:mina",
            "CarryOut",
            f"approval:{number}",
            f"call dropped (request {number}, agreed by staff:ravi)",
        ),
    ]
    assert (await verify(database)).findings == ()


async def test_one_who_died_after_the_money_moved_is_finished_without_moving_it_again(
    means: Means,
) -> None:
    database = means.database
    line_id = await add_line(means.engine, database, ALICE)
    asked = await file(database, ask_credit(line_id, ALICE, 5 * RM, 0), AS_MINA, NOW)
    await agree(database, asked.approval_id, RAVI, "", NOW)
    # The first one takes it up, moves the money, and dies before it says so.
    first = await carry_out(means, asked.approval_id)
    assert first is not None
    await database.execute(
        "UPDATE approval SET state = 2, done_at = NULL WHERE approval_id = $1", asked.approval_id
    )

    assert await carry_out_all(means) == 1

    again = await read_approval(database, asked.approval_id)
    assert again is not None
    assert (again.state, again.outcome) == (ApprovalState.DONE, {"balance_micros": 5 * RM})
    moved = await database.fetch_value(
        "SELECT sum(amount_micros) FROM transfer WHERE owner_id = $1", line_id
    )
    assert moved == 5 * RM


async def test_what_cannot_be_done_just_now_is_done_later(means: Means) -> None:
    database = means.database
    line_id = await add_line(means.engine, database, ALICE)
    asked = await file(database, ask_credit(line_id, ALICE, 5 * RM, 0), AS_MINA, NOW)
    await agree(database, asked.approval_id, RAVI, "", NOW)

    class FullEngine:
        async def submit(self, _command: object) -> object:
            raise Busy

    busy: Any = FullEngine()
    assert await carry_out(replace(means, engine=busy), asked.approval_id) is None
    assert await carry_out_all(means) == 0  # held for a while yet
    await database.execute("UPDATE approval SET held_until = now()")
    assert await carry_out_all(means) == 1

    found = await read_approval(database, asked.approval_id)
    assert found is not None
    assert found.outcome == {"balance_micros": 5 * RM}


async def test_nobody_else_takes_up_what_somebody_is_doing(means: Means) -> None:
    database = means.database
    line_id = await add_line(means.engine, database, ALICE)
    asked = await file(database, ask_credit(line_id, ALICE, 5 * RM, 0), AS_MINA, NOW)
    await agree(database, asked.approval_id, RAVI, "", NOW)

    now = datetime.now(UTC)
    assert await take_up(database, asked.approval_id, now) == 1
    assert await carry_out(means, asked.approval_id) is None
    assert await carry_out_all(means) == 0
    assert await take_up(database, asked.approval_id, now + timedelta(minutes=3)) == 2


async def test_the_maker_cannot_agree_and_nobody_without_the_role(means: Means) -> None:
    database = means.database
    asked = await file(database, ask_credit(1, ALICE, 5 * RM, 0), AS_MINA, NOW)

    with pytest.raises(ApprovalOwn):
        await agree(database, asked.approval_id, MINA, "", NOW)
    with pytest.raises(PermissionMissing):
        await agree(database, asked.approval_id, person("amy", Role.MARKETING), "", NOW)
    with pytest.raises(ApprovalUnknown):
        await agree(database, 999, RAVI, "", NOW)
    declined = await refuse(database, asked.approval_id, RAVI, "not theirs", NOW)
    assert declined.state is ApprovalState.DECLINED
    with pytest.raises(ApprovalOver):
        await take_back(database, asked.approval_id, AS_MINA, NOW)
    assert await carry_out(means, asked.approval_id) is None


async def test_the_maker_takes_it_back(means: Means) -> None:
    asked = await file(means.database, ask_credit(1, ALICE, 5 * RM, 0), AS_MINA, NOW)

    await take_back(means.database, asked.approval_id, AS_MINA, NOW)

    with pytest.raises(ApprovalOver):
        await agree(means.database, asked.approval_id, RAVI, "", NOW)


async def test_a_refusal_is_what_came_of_it(means: Means) -> None:
    line_id = await add_line(means.engine, means.database, ALICE)

    found = await done(means, ask_credit(line_id, ALICE, -5 * RM, 0))

    assert found.state is ApprovalState.FAILED
    assert found.outcome["refusal"] == "credit_too_low"


async def test_a_number_that_is_anothers_by_now_gets_nothing(means: Means) -> None:
    line_id = await add_line(means.engine, means.database, ALICE)

    found = await done(means, ask_credit(line_id + 1, ALICE, 5 * RM, 0))

    assert (found.state, found.outcome["refusal"]) == (ApprovalState.FAILED, "number_unknown")


async def test_a_float_a_reversal_and_roles(means: Means, database: Database, keys: Keys) -> None:
    partner_id = await add_partner(database)
    funded = await done(means, await ask_funding(database, partner_id, 70 * RM, "BANK-1"))
    assert funded.outcome == {"float_micros": 70 * RM}

    line_id = await add_line(means.engine, database, ALICE)
    await means.engine.submit(
        TopUp(
            caller="test",
            request_key="1",
            msisdn=ALICE,
            partner_id=partner_id,
            amount_micros=10 * RM,
            reference="R1",
        )
    )
    reversal = await done(means, ask_reversal(line_id, ALICE, 1, 10 * RM, 10 * RM))
    assert reversal.outcome == {"taken_micros": 10 * RM, "spent_micros": 0, "balance_micros": 0}
    again = await done(means, ask_reversal(line_id, ALICE, 1, 10 * RM, 10 * RM))
    assert again.outcome["refusal"] == "already_reversed"
    assert (await verify(database)).findings == ()


async def test_a_batch_is_made_released_and_activated_by_two(means: Means) -> None:
    database = means.database
    made = await done(
        means,
        ask_batch(BatchWanted(price_micros=10 * RM, quantity=20), means.engine.rules.catalog, NOW),
    )
    batch_id: Any = made.outcome["batch"]
    assert made.outcome["last_serial"] == f"{batch_id:04d}-00000020"

    released = await done(means, await ask_batch_deed(database, Deed.RELEASE_BATCH, batch_id))
    assert released.before == {"batch_state": "generated"}
    cards = SerialRange(batch_id=batch_id, first=1, last=5)
    activated = await done(means, await ask_activation(database, cards))

    assert activated.outcome == {"changed": 5, "unchanged": {}}
    assert await database.fetch_value("SELECT count(*) FROM voucher WHERE state = 2") == 5


async def test_a_batch_that_broke_off_is_not_made_twice(means: Means) -> None:
    database = means.database
    wanted = ask_batch(
        BatchWanted(price_micros=10 * RM, quantity=20), means.engine.rules.catalog, NOW
    )
    asked = await file(database, wanted, AS_MINA, NOW)
    await agree(database, asked.approval_id, RAVI, "", NOW)
    assert await take_up(database, asked.approval_id, NOW - timedelta(hours=1)) == 1

    await carry_out_all(means)

    found = await read_approval(database, asked.approval_id)
    assert found is not None
    assert found.state is ApprovalState.FAILED
    assert await database.fetch_value("SELECT count(*) FROM voucher_batch") == 0


async def test_an_invitation_is_shown_to_its_maker_once(means: Means) -> None:
    database = means.database
    asked = await file(database, ask_invitation("Amy", [Role.CARE]), AS_MINA, NOW)
    with pytest.raises(ApprovalWaiting):
        await collect(database, means.keys, asked.approval_id, "staff:mina", NOW)
    await agree(database, asked.approval_id, RAVI, "", NOW)
    assert await carry_out(means, asked.approval_id) is None

    with pytest.raises(PermissionMissing):
        await collect(database, means.keys, asked.approval_id, "staff:ravi", NOW)
    path = await collect(database, means.keys, asked.approval_id, "staff:mina", NOW)

    assert path.startswith("/console/invitation/")
    with pytest.raises(ApprovalOver):
        await collect(database, means.keys, asked.approval_id, "staff:mina", NOW)
    assert [(one.name, one.roles) for one in await list_staff(database)] == [("amy", (Role.CARE,))]
    await done(means, await ask_roles(database, "amy", [Role.AUDITOR]))
    assert [one.roles for one in await list_staff(database)] == [(Role.AUDITOR,)]
    assert path.rpartition("/")[2] not in str(await trail(database))


async def test_not_even_by_sql_as_the_application(means: Means, fresh: Fresh) -> None:
    database = means.database
    asked = await file(database, ask_credit(1, ALICE, 5 * RM, 0), AS_MINA, NOW)
    number = asked.approval_id

    with pytest.raises(ConstraintViolation):
        await database.execute(
            "UPDATE approval SET state = 2, decided_by = maker WHERE approval_id = $1", number
        )
    with pytest.raises(ConstraintViolation):
        await database.execute("UPDATE approval SET state = 2 WHERE approval_id = $1", number)
    for statement in (
        "UPDATE approval SET maker = 'staff:ravi' WHERE approval_id = $1",
        "UPDATE approval SET params = '{}' WHERE approval_id = $1",
        "DELETE FROM approval WHERE approval_id = $1",
        "INSERT INTO approval (deed, subject, params, before, why, maker, made_at, expires_at,"
        " state, decided_by) SELECT deed, subject, params, before, why, maker, made_at,"
        " expires_at, 2, 'staff:ravi' FROM approval WHERE approval_id = $1",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await database.execute(statement, number)
    assert fresh.dsn != fresh.owner_dsn
