"""Packages in operator.toml: read as people write them, refused by name."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

import tambah
from tambah.config import ConfigError, Operator, read_operator
from tambah.domain.balance import BucketKind
from tambah.domain.package import Package, PackageAllowance, Stacking
from tambah.engine.operator import operator_rules

OPERATOR = 'plans = ["standard", "tourist"]\ndenominations = []\n[brand]\nname = "Testel"\n'
NAMES = 'names = { en = "A", ms = "B", zh-Hans = "C", ta = "D" }\n'
WHAT = 'allowances = [{ amount = 1, unit = "GB" }]\n'
LEAST = f'code = "DATA"\nprice = "5.00"\n{NAMES}'


def packages(text: str) -> tuple[Package, ...]:
    """Return the rules that packages in operator.toml make."""
    content = tomllib.loads(f"{OPERATOR}[[packages]]\n{text}")
    return operator_rules(msgspec.convert(content, Operator)).packages


def test_a_package_is_read_as_it_is_written() -> None:
    (read,) = packages(
        LEAST
        + """
        terms = { en = "a", ms = "b", zh-Hans = "c", ta = "d" }
        days = 30
        recurring = true
        auto_renew = true
        stacking = "extend"
        main_only = true
        on_sale_from = "2026-12-01"
        on_sale_until = "2027-01-01"
        plans = ["tourist"]
        activated_within_days = 30
        needs = ["DATA"]
        forbids = ["DATA"]
        allowances = [
            { amount = 2, unit = "GB", classes = ["social", "internet"] },
            { amount = 60, unit = "minutes", classes = ["idd-1"] },
            { amount = 20, unit = "messages" },
        ]
        """
    )

    assert read == Package(
        code="DATA",
        names={"en": "A", "ms": "B", "zh-Hans": "C", "ta": "D"},
        terms={"en": "a", "ms": "b", "zh-Hans": "c", "ta": "d"},
        price_micros=5_000_000,
        allowances=(
            PackageAllowance(kind=BucketKind.BYTES, amount=2**31, scope="internet social"),
            PackageAllowance(kind=BucketKind.SECONDS, amount=3600, scope="idd-1"),
            PackageAllowance(kind=BucketKind.MESSAGES, amount=20),
        ),
        days=30,
        recurring=True,
        auto_renew=True,
        stacking=Stacking.EXTEND,
        main_only=True,
        on_sale_from=datetime(2026, 11, 30, 16, tzinfo=UTC),
        on_sale_until=datetime(2026, 12, 31, 16, tzinfo=UTC),
        plans=("tourist",),
        within_days=30,
        needs=("DATA",),
        forbids=("DATA",),
    )


def test_a_new_price_is_a_new_entry_of_the_same_code() -> None:
    first = f'{LEAST}{WHAT}on_sale_until = "2027-01-01"\n'
    second = f'[[packages]]\n{LEAST}{WHAT}on_sale_from = "2027-01-01"\n'

    assert [one.code for one in packages(first + second)] == ["DATA", "DATA"]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (f'code = "data"\nprice = "5.00"\n{NAMES}{WHAT}', "'data' is no code"),
        (f'code = "TOOLONG99"\nprice = "5.00"\n{NAMES}{WHAT}', "is no code"),
        (f'code = "DATA"\nprice = "0.00"\n{NAMES}{WHAT}', "packages.DATA.price"),
        (f'code = "DATA"\nprice = "x"\n{NAMES}{WHAT}', "packages.DATA.price"),
        (f'code = "DATA"\nprice = "5.00"\nnames = {{ en = "A" }}\n{WHAT}', "packages.DATA.names"),
        (
            f'{LEAST}{WHAT}terms = {{ en = "", ms = "b", zh-Hans = "c", ta = "d" }}',
            "packages.DATA.terms.en",
        ),
        (f"{LEAST}allowances = []", "packages.DATA.allowances"),
        (f'{LEAST}allowances = [{{ amount = 0, unit = "GB" }}]', "allowances.amount"),
        (f'{LEAST}allowances = [{{ amount = 1, unit = "TB" }}]', "allowances.unit"),
        (
            f'{LEAST}allowances = [{{ amount = 1, unit = "GB", classes = ["A B"] }}]',
            "allowances.classes",
        ),
        (f"{LEAST}{WHAT}days = 1\nhours = 1", "days or hours"),
        (f"{LEAST}{WHAT}days = -1", "packages.DATA.days"),
        (f"{LEAST}{WHAT}hours = 100000", "packages.DATA.hours"),
        (f"{LEAST}{WHAT}recurring = true", "packages.DATA.recurring"),
        (f'{LEAST}{WHAT}stacking = "extend"', "packages.DATA.stacking"),
        (f'{LEAST}{WHAT}stacking = "pile"', "packages.DATA.stacking"),
        (f"{LEAST}{WHAT}days = 3\nauto_renew = true", "packages.DATA.auto_renew"),
        (f"{LEAST}{WHAT}activated_within_days = -1", "activated_within_days"),
        (f'{LEAST}{WHAT}plans = ["gold"]', "there is no gold"),
        (f'{LEAST}{WHAT}needs = ["BASE"]', "there is no BASE"),
        (
            f'{LEAST}{WHAT}on_sale_from = "2027-01-01"\non_sale_until = "2026-01-01"',
            "on_sale_until",
        ),
        (f"{LEAST}{WHAT}[[packages]]\n{LEAST}{WHAT}", "there twice at one time"),
    ],
)
def test_what_is_wrong_is_named(text: str, where: str) -> None:
    with pytest.raises(ConfigError, match=where):
        packages(text)


def test_the_demos_packages_are_read() -> None:
    demo = read_operator(Path(tambah.__file__).parent / "demo_operator.toml")

    assert len(operator_rules(demo).packages) == 8
