"""Roles, passwords, codes that work once, the ladder of wrong tries, sessions that end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tambah.domain.records import replace
from tambah.domain.refusals import FieldMalformed, PasswordTooWeak
from tambah.domain.staff import (
    PERMISSIONS,
    Permission,
    Role,
    Staff,
    StaffRule,
    StaffSession,
    StaffState,
    count_wrong_try,
    fold_name,
    forget_wrong_tries,
    permissions_of,
    require_password,
    usable_steps,
)

NOW = datetime(2026, 11, 30, 2, tzinfo=UTC)
RULE = StaffRule(ladder=((2, 15), (4, 60)), session_hours=10, idle_minutes=30)
MINA = Staff(staff_id=7, name="mina", roles=(Role.CARE,), state=StaffState.ACTIVE, created_at=NOW)


def test_every_role_says_what_it_may() -> None:
    assert set(PERMISSIONS) == set(Role)


@pytest.mark.parametrize(
    ("roles", "may"),
    [
        ([], set[Permission]()),
        ([Role.MARKETING], {Permission.CONTENT_WRITE}),
        (
            [Role.MARKETING, Role.NETWORK],
            {
                Permission.CONTENT_WRITE,
                Permission.LINES_READ,
                Permission.SIMS_READ,
                Permission.OPERATIONS_READ,
                Permission.OPERATIONS_WRITE,
            },
        ),
    ],
)
def test_roles_add_up(roles: list[Role], may: set[Permission]) -> None:
    assert permissions_of(roles) == may
    assert replace(MINA, roles=tuple(roles)).permissions == may


@pytest.mark.parametrize(
    ("typed", "name"), [(" Mina ", "mina"), ("MINA.TAN-2", "mina.tan-2"), ("ｍｉｎａ", "mina")]
)
def test_names_are_folded(typed: str, name: str) -> None:
    assert fold_name(typed) == name


@pytest.mark.parametrize("typed", ["", "m", "2mina", "mi na", "mina<b>", "a" * 32, "மீனா"])
def test_what_is_no_name_is_refused(typed: str) -> None:
    with pytest.raises(FieldMalformed):
        fold_name(typed)


@pytest.mark.parametrize(
    "password",
    [
        "short-but-1!",
        "correct horse battery",
        "நல்ல கடவுச்சொல் 7",
    ],
)
def test_good_passwords_are_taken(password: str) -> None:
    require_password(password, "mina")


@pytest.mark.parametrize(
    "password",
    [
        "elevenchars",
        "x" * 12,
        "abababababab",
        "Password-1234",
        "PASSWORDPASSWORD",
        "my name is Mina Tan",
        "long " * 30,
    ],
)
def test_poor_passwords_are_refused(password: str) -> None:
    with pytest.raises(PasswordTooWeak) as refused:
        require_password(password, "mina")
    assert refused.value.params == {"least": 12}


def test_a_code_is_good_once_and_an_older_one_never_again() -> None:
    step = int(NOW.timestamp()) // 30

    assert usable_steps(MINA, NOW) == (step - 1, step, step + 1)
    assert usable_steps(replace(MINA, totp_step=step), NOW) == (step + 1,)
    assert usable_steps(replace(MINA, totp_step=step + 1), NOW) == ()


def test_wrong_tries_climb_the_ladder_and_a_right_one_forgets_them() -> None:
    staff, locked = MINA, list[int]()
    for _ in range(5):
        staff = count_wrong_try(staff, RULE, NOW)
        until = staff.locked_until or NOW
        locked.append((until - NOW) // timedelta(minutes=1))

    assert locked == [0, 15, 0, 60, 60]
    assert staff.is_locked(NOW)
    assert staff.is_locked(NOW + timedelta(minutes=59, seconds=59))
    assert not staff.is_locked(NOW + timedelta(minutes=60))
    assert forget_wrong_tries(staff) == MINA


@pytest.mark.parametrize(
    ("idle_minutes", "age_hours", "holds"),
    [(0, 0, True), (29, 1, True), (30, 1, False), (0, 9, True), (0, 10, False)],
)
def test_a_session_ends_by_the_clock_and_by_doing_nothing(
    idle_minutes: int, age_hours: int, holds: bool
) -> None:
    began = NOW - timedelta(hours=age_hours)
    session = StaffSession(
        staff_id=7,
        digest=b"",
        proved_at=began,
        seen_at=NOW - timedelta(minutes=idle_minutes),
        expires_at=began + timedelta(hours=RULE.session_hours),
    )

    assert session.holds(RULE, NOW) is holds
