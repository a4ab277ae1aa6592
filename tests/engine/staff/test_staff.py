"""Accounts on a real database: invited once, signed in with both proofs, locked, disabled."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tambah.domain.actor import Actor
from tambah.domain.refusals import (
    AuthenticatorCodeWrong,
    FieldMissing,
    InvitationUnknown,
    PasswordTooWeak,
    ReasonMissing,
    Refusal,
    StaffNameTaken,
    StaffSignInWrong,
    StaffUnknown,
)
from tambah.domain.staff import Role, StaffRule
from tambah.engine.keys import Keys
from tambah.engine.staff import (
    Proof,
    Try,
    accept_invitation,
    change_roles,
    disable,
    find_invited,
    invite,
    invite_again,
    prove_again,
    session_digest,
    sign_in,
    sign_out,
    sign_out_everywhere,
    totp_address,
)
from tambah.engine.verifying import verify
from tambah.store.database import ConstraintViolation, Database
from tambah.store.staff import list_staff, read_account
from tambah.store.staff_sessions import Seated, prune_staff_sessions, read_seated

from .people import ADMIN, PASSWORD, Person, hire

NOW = datetime.now(UTC)
RULE = StaffRule(ladder=((3, 15), (6, 60)))


async def enter(
    database: Database, keys: Keys, person: Person, *, now: datetime = NOW, **typed: Any
) -> bytes:
    """Sign somebody in; return the session's digest."""
    tried = {"name": person.name, "password": person.password, "code": person.code(now)}
    session = session_digest(keys, f"secret {now} {tried | typed}")
    await sign_in(database, keys, RULE, Try(**(tried | typed)), session=session, now=now)
    return session


async def seated(database: Database, digest: bytes) -> Seated:
    """Return a session that is there."""
    found = await read_seated(database, digest)
    assert found is not None
    return found


async def actions(database: Database) -> list[tuple[str, str, str]]:
    """Return what the audit trail says was done, by whom and to whom."""
    rows = await database.fetch("SELECT who, action, subject FROM audit ORDER BY day, seq")
    return [(row[0], row[1], row[2]) for row in rows]


async def test_somebody_is_invited_accepts_signs_in_and_out(
    database: Database, keys: Keys
) -> None:
    mina = await hire(database, keys, "mina", [Role.CARE], now=NOW)
    digest = await enter(database, keys, mina)
    found = await seated(database, digest)

    assert (found.staff.name, found.staff.roles) == ("mina", (Role.CARE,))
    assert found.session.expires_at == NOW + timedelta(hours=10)
    assert len(set(mina.codes)) == 8
    await sign_out(database, found)
    assert await read_seated(database, digest) is None
    mine = "staff:mina"
    assert await actions(database) == [
        ("cli:test", "InviteStaff", mine),
        (mine, "AcceptInvitation", mine),
        (mine, "SignIn", mine),
        (mine, "SignOut", mine),
    ]


async def test_no_secret_stands_in_the_database(
    database: Database, keys: Keys, fresh: Any
) -> None:
    path = await invite(database, keys, "mina", [Role.CARE], actor=ADMIN)
    secret = path.rpartition("/")[2]
    invited = await find_invited(database, keys, secret, NOW)
    offered = await everything(database)
    person = Person(name="mina", totp=invited.totp)
    person.codes = await accept_invitation(
        database, keys, invited, password=PASSWORD, code=person.code(NOW, -1), now=NOW
    )
    await enter(database, keys, person)

    said = offered + await everything(database)
    secrets = [secret, person.totp, PASSWORD, *person.codes, person.code(NOW)]
    assert [one for one in secrets if one in said or one.encode().hex() in said] == []


async def everything(database: Database) -> str:
    """Return all rows about staff, and of the audit trail, as one text."""
    rows = await database.fetch(
        """
        SELECT staff::text FROM staff UNION ALL SELECT staff_session::text FROM staff_session
        UNION ALL SELECT staff_invitation::text FROM staff_invitation
        UNION ALL SELECT staff_recovery::text FROM staff_recovery
        UNION ALL SELECT audit::text FROM audit
        """
    )
    return "\n".join(row[0] for row in rows)


async def test_an_invitation_is_good_once_and_for_three_days(
    database: Database, keys: Keys
) -> None:
    path = await invite(database, keys, "Mina", [Role.CARE], actor=ADMIN)
    secret = path.rpartition("/")[2]
    late = datetime.now(UTC) + timedelta(hours=72)
    with pytest.raises(InvitationUnknown):
        await find_invited(database, keys, secret, late)
    with pytest.raises(InvitationUnknown):
        await find_invited(database, keys, "0" * 32, NOW)
    invited = await find_invited(database, keys, secret, NOW)
    person = Person(name="mina", totp=invited.totp)
    assert "Testel" in totp_address(invited.totp, name="mina", issuer="Testel")

    async def accept(password: str = PASSWORD, steps: int = -1) -> object:
        try:
            code = person.code(NOW, steps)
            return await accept_invitation(
                database, keys, invited, password=password, code=code, now=NOW
            )
        except Refusal as refusal:
            return type(refusal)

    assert await accept("too short") is PasswordTooWeak
    assert await accept("mina mina mina 7") is PasswordTooWeak
    assert await accept(steps=9) is AuthenticatorCodeWrong
    both = await asyncio.gather(accept(), accept())
    assert InvitationUnknown in both
    assert any(isinstance(one, list) for one in both)
    with pytest.raises(InvitationUnknown):
        await find_invited(database, keys, secret, NOW)


async def test_a_code_works_once(database: Database, keys: Keys) -> None:
    mina = await hire(database, keys, "mina", [Role.CARE], now=NOW)

    for steps in (-1, 0, 0, -1, 1):
        code, expected = mina.code(NOW, steps), steps >= 0
        if steps == 0:
            used = await tried(database, keys, mina, code=code)
            assert used is True
            expected = False
        assert await tried(database, keys, mina, code=code) is expected
        if steps == 0:
            break
    assert await tried(database, keys, mina, code=mina.code(NOW, 1)) is True


async def tried(database: Database, keys: Keys, person: Person, **typed: Any) -> bool:
    """Say whether signing in with something else than what is right worked."""
    try:
        await enter(database, keys, person, **typed)
    except StaffSignInWrong:
        return False
    return True


async def test_a_code_used_by_two_at_once_lets_one_in(database: Database, keys: Keys) -> None:
    mina = await hire(database, keys, "mina", [Role.CARE], now=NOW)

    both = await asyncio.gather(*(tried(database, keys, mina) for _ in range(4)))

    assert sorted(both) == [False, False, False, True]


async def test_a_recovery_code_works_once_and_only_with_the_password(
    database: Database, keys: Keys
) -> None:
    mina = await hire(database, keys, "mina", [Role.CARE], now=NOW)
    code = mina.codes[3]

    assert not await tried(database, keys, mina, code=code, password="another password")
    assert await tried(database, keys, mina, code=f" {code.upper().replace('-', ' ')} ")
    assert not await tried(database, keys, mina, code=code)
    assert await tried(database, keys, mina, code=mina.codes[4])


@pytest.mark.parametrize(
    "typed",
    [
        {"name": "nobody"},
        {"name": "<b>"},
        {"password": "not the password"},
        {"password": ""},
        {"code": "000000"},
        {"code": "௧௨௩"},
        {"code": ""},
    ],
)
async def test_whatever_is_wrong_is_answered_alike(
    database: Database, keys: Keys, typed: dict[str, str]
) -> None:
    mina = await hire(database, keys, "mina", [Role.CARE], now=NOW)

    assert not await tried(database, keys, mina, **typed)
    assert await tried(database, keys, mina, name=" MINA ")


async def test_wrong_tries_lock_the_account_whoever_makes_them(
    database: Database, keys: Keys
) -> None:
    mina = await hire(database, keys, "mina", [Role.CARE], now=NOW)
    wrong = [tried(database, keys, mina, password=f"wrong password {n}") for n in range(10)]

    assert set(await asyncio.gather(*wrong)) == {False}
    account = await read_account(database, "mina")
    assert account is not None
    # Those who came while it was locked were not counted, and the right one waits as well.
    assert account.staff.wrong == 3
    assert not await tried(database, keys, mina)
    later = NOW + timedelta(minutes=15)
    assert await tried(database, keys, mina, now=later)
    locks = [one for one in await actions(database) if one[1] == "LockStaff"]
    assert locks == [("staff:mina", "LockStaff", "staff:mina")]


async def test_proving_again_takes_a_password_or_a_fresh_code(
    database: Database, keys: Keys
) -> None:
    mina = await hire(database, keys, "mina", [Role.CARE], now=NOW)
    found = await seated(database, await enter(database, keys, mina))
    later = NOW + timedelta(minutes=20)

    async def prove(proof: str) -> bool:
        try:
            await prove_again(database, keys, RULE, found, Proof(shown=proof), now=later)
        except StaffSignInWrong:
            return False
        return (await seated(database, found.session.digest)).session.proved_at == later

    assert not await prove("not the password")
    assert not await prove(mina.code(NOW))
    assert not await prove("")
    assert not await prove(PASSWORD), "locked by three wrong ones"
    later += timedelta(minutes=15)
    assert await prove(PASSWORD)
    later += timedelta(minutes=15)
    assert await prove(mina.code(later))
    assert not await prove(mina.code(later))


async def test_disabling_ends_everything_at_once(database: Database, keys: Keys) -> None:
    mina = await hire(database, keys, "mina", [Role.CARE], now=NOW)
    digest = await enter(database, keys, mina)

    assert await disable(database, "mina", actor=ADMIN) == 1

    assert await read_seated(database, digest) is None
    assert not await tried(database, keys, mina, code=mina.code(NOW, 1))


async def test_inviting_again_takes_the_old_secrets(database: Database, keys: Keys) -> None:
    mina = await hire(database, keys, "mina", [Role.CARE], now=NOW)
    digest = await enter(database, keys, mina)
    first = await invite_again(database, keys, "mina", actor=ADMIN)
    second = await invite_again(database, keys, "mina", actor=ADMIN)

    assert await read_seated(database, digest) is None
    assert not await tried(database, keys, mina, code=mina.code(NOW, 1))
    assert not await tried(database, keys, mina, code=mina.codes[0])
    with pytest.raises(InvitationUnknown):
        await find_invited(database, keys, first.rpartition("/")[2], NOW)
    invited = await find_invited(database, keys, second.rpartition("/")[2], NOW)
    assert invited.totp != mina.totp


async def test_signing_out_everywhere_ends_the_others_too(database: Database, keys: Keys) -> None:
    mina = await hire(database, keys, "mina", [Role.CARE], now=NOW)
    one = await enter(database, keys, mina)
    other = await enter(database, keys, mina, code=mina.codes[0])

    await sign_out_everywhere(database, await seated(database, one))

    assert [await read_seated(database, digest) for digest in (one, other)] == [None, None]


async def test_what_administrators_get_wrong_is_refused(database: Database, keys: Keys) -> None:
    await invite(database, keys, "mina", [Role.CARE], actor=ADMIN)
    silent = Actor(who="cli:test", why=" ")

    with pytest.raises(StaffNameTaken):
        await invite(database, keys, "MINA", [Role.CARE], actor=ADMIN)
    with pytest.raises(FieldMissing):
        await invite(database, keys, "other", [], actor=ADMIN)
    with pytest.raises(FieldMissing):
        await change_roles(database, "mina", [], actor=ADMIN)
    with pytest.raises(StaffUnknown):
        await disable(database, "other", actor=ADMIN)
    with pytest.raises(ReasonMissing):
        await invite(database, keys, "third", [Role.CARE], actor=silent)
    with pytest.raises(ReasonMissing):
        await disable(database, "mina", actor=silent)

    after = await change_roles(database, "mina", [Role.FINANCE, Role.CARE], actor=ADMIN)
    assert after.roles == (Role.CARE, Role.FINANCE)
    assert [one.name for one in await list_staff(database)] == ["mina"]


async def test_the_database_lets_nobody_be_active_without_both_proofs(
    database: Database, keys: Keys
) -> None:
    await invite(database, keys, "mina", [Role.CARE], actor=ADMIN)

    with pytest.raises(ConstraintViolation, match="staff_active_has_both_proofs"):
        await database.execute("UPDATE staff SET state = 2")


async def test_what_ended_is_forgotten_and_the_trail_is_unbroken(
    database: Database, keys: Keys
) -> None:
    mina = await hire(database, keys, "mina", [Role.CARE], now=NOW)
    await enter(database, keys, mina)
    await invite(database, keys, "other", [Role.CARE], actor=ADMIN)

    assert await prune_staff_sessions(database, NOW) == 0
    assert await prune_staff_sessions(database, NOW + timedelta(days=4)) == 2
    assert (await verify(database, full=True)).findings == ()
