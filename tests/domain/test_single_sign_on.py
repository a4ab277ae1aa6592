"""Single sign-on's rules: whose an address is, what a provider's word is worth, how old it is."""

from datetime import UTC, datetime, timedelta

import pytest

from tambah.domain.records import replace
from tambah.domain.single_sign_on import (
    CLOCKS_APART,
    SingleSignOnRule,
    Told,
    is_proved_since,
    name_told,
    proves_second_factor,
)
from tambah.domain.staff import Role, Staff, StaffRule, StaffState

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
RULE = SingleSignOnRule(
    issuer="https://id.testel.example", client_id="tambah", domains=frozenset({"testel.example"})
)


@pytest.mark.parametrize(
    ("email", "name"),
    [
        ("mina@testel.example", "mina"),
        ("Mina@Testel.Example", "mina"),
        ("mina.tan@testel.example", "mina.tan"),
        ("mina@evil.example", None),
        ("mina@testel.example@evil.example", None),
        ("evil@x@testel.example", None),
        ("@testel.example", None),
        ("mina", None),
        ("", None),
    ],
)
def test_an_address_of_our_domain_names_the_account(email: str, name: str | None):
    assert name_told(RULE, Told(subject="1", email=email)) == name


@pytest.mark.parametrize(
    ("trusts", "methods", "told", "proves"),
    [
        (False, {"mfa"}, ("mfa",), False),
        (False, set[str](), ("mfa",), False),
        (True, {"mfa"}, ("pwd", "mfa"), True),
        (True, {"mfa"}, ("pwd",), False),
        (True, {"mfa"}, (), False),
        (True, set[str](), (), True),
    ],
)
def test_a_second_factor_of_the_providers_counts_where_it_is_trusted(
    trusts: bool, methods: set[str], told: tuple[str, ...], proves: bool
):
    rule = SingleSignOnRule(
        issuer="i", client_id="c", trusts_second_factor=trusts, methods=frozenset(methods)
    )
    assert proves_second_factor(rule, Told(subject="1", methods=told)) is proves


@pytest.mark.parametrize(
    ("at", "fresh"),
    [
        (NOW, True),
        (NOW - CLOCKS_APART, True),
        (NOW - CLOCKS_APART - timedelta(seconds=1), False),
        (None, False),
    ],
)
def test_a_proof_before_the_asking_is_none(at: datetime | None, fresh: bool):
    assert is_proved_since(Told(subject="1", authenticated_at=at), NOW) is fresh


def test_a_password_may_be_for_administrators_alone():
    mina = Staff(
        staff_id=1, name="mina", roles=(Role.CARE,), state=StaffState.ACTIVE, created_at=NOW
    )
    chief = replace(mina, roles=(Role.ADMINISTRATOR, Role.CARE))
    open_door, shut = StaffRule(), StaffRule(passwords_for_administrators_alone=True)

    assert [open_door.takes_password(one) for one in (mina, chief)] == [True, True]
    assert [shut.takes_password(one) for one in (mina, chief)] == [False, True]
