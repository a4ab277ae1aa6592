"""Promotions in operator.toml: read as people write them, refused by name."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

import tambah
from tambah.config import ConfigError, Operator, read_promotions
from tambah.domain.balance import BucketKind
from tambah.domain.line import LineState
from tambah.domain.promotion import Allowance, Promotion
from tambah.domain.state import TopUpSource
from tambah.engine.operator import operator_rules

OPERATOR = 'plans = ["standard", "tourist"]\ndenominations = []\n[brand]\nname = "Testel"\n'
LEAST = 'name = "p"\nsince = "2026-12-01"\n'


def promotions(text: str) -> tuple[Promotion, ...]:
    """Return the rules that one promotion in operator.toml makes."""
    content = tomllib.loads(f"{OPERATOR}[[promotions]]\n{text}")
    return operator_rules(msgspec.convert(content, Operator)).promotions


def test_a_promotion_is_read_as_it_is_written() -> None:
    (read,) = promotions(
        LEAST
        + """
        until = "2027-01-01"
        group = "bonus"
        extra_permille = 100
        bonus = "3.00"
        bonus_days = 10
        extra_days = 5
        allowances = [
            { amount = 2, unit = "GB", days = 7 },
            { amount = 500, unit = "MB", days = 1 },
            { amount = 60, unit = "minutes", days = 7 },
            { amount = 20, unit = "messages", days = 0 },
        ]
        first_topup = true
        activated_within_days = 30
        denominations = ["10.00", "30.00"]
        least = "5.00"
        sources = ["voucher", "payment"]
        states = ["active", "grace"]
        plans = ["tourist"]
        """
    )

    assert read == Promotion(
        name="p",
        since=datetime(2026, 11, 30, 16, tzinfo=UTC),
        until=datetime(2026, 12, 31, 16, tzinfo=UTC),
        group="bonus",
        extra_permille=100,
        bonus_micros=3_000_000,
        bonus_days=10,
        extra_days=5,
        allowances=(
            Allowance(kind=BucketKind.BYTES, amount=2 * 2**30, days=7),
            Allowance(kind=BucketKind.BYTES, amount=500 * 2**20, days=1),
            Allowance(kind=BucketKind.SECONDS, amount=3600, days=7),
            Allowance(kind=BucketKind.MESSAGES, amount=20, days=0),
        ),
        first_topup=True,
        activated_within_days=30,
        denominations=(10_000_000, 30_000_000),
        least_micros=5_000_000,
        sources=(TopUpSource.VOUCHER, TopUpSource.PAYMENT),
        states=(LineState.ACTIVE, LineState.GRACE),
        plans=("tourist",),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LEAST, "promotions.p: it gives nothing"),
        (LEAST + 'bonus = "1"\nuntil = "2026-12-01"', "promotions.p.until"),
        (LEAST + 'bonus = "1"\nuntil = "December"', "promotions.p.until"),
        (LEAST + 'bonus = "-1"', "promotions.p.bonus"),
        (LEAST + "extra_permille = -1", "promotions.p.extra_permille"),
        (LEAST + "extra_permille = 10001", "promotions.p.extra_permille"),
        (LEAST + "extra_days = 5000", "promotions.p.extra_days"),
        (LEAST + 'bonus = "1"\nbonus_days = -1', "promotions.p.bonus_days"),
        (LEAST + 'bonus = "1"\nactivated_within_days = -1', "promotions.p.activated_within"),
        (LEAST + 'bonus = "1"\nsources = ["shop"]', "promotions.p.sources: of voucher, partner"),
        (LEAST + 'bonus = "1"\nstates = ["pre_active"]', "promotions.p.states: of active, grace"),
        (LEAST + 'bonus = "1"\nplans = ["gold"]', "promotions.p.plans: there is no gold"),
        (LEAST + 'bonus = "1"\nleast = "x"', "promotions.p.least"),
        (LEAST + 'bonus = "1"\ndenominations = ["x"]', "promotions.p.denominations"),
        (
            LEAST + 'allowances = [{ amount = 1, unit = "TB", days = 1 }]',
            "promotions.p.allowances.unit: one of seconds",
        ),
        (
            LEAST + 'allowances = [{ amount = 0, unit = "GB", days = 1 }]',
            "promotions.p.allowances.amount",
        ),
        (
            LEAST + 'allowances = [{ amount = 1, unit = "GB", days = -1 }]',
            "promotions.p.allowances.days",
        ),
        ('name = " "\nsince = "2026-12-01"\nbonus = "1"', "promotions: each has a name"),
        (LEAST + f'bonus = "1"\n[[promotions]]\n{LEAST}bonus = "2"', "'p' is there twice"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        promotions(text)

    assert said in str(refused.value)


def test_a_file_of_promotions_alone_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "next.toml"
    file.write_text(f'[[promotions]]\n{LEAST}bonus = "1.00"\n', encoding="utf-8")

    assert [entry.name for entry in read_promotions(file)] == ["p"]


@pytest.mark.parametrize("content", ["promotions = 3", "[[promotions", '[[promotions]]\nx = "'])
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "next.toml"
    file.write_text(content, encoding="utf-8")

    with pytest.raises(ConfigError, match=r"next\.toml"):
        read_promotions(file)


def test_an_entry_that_does_not_exist_is_told_with_the_one_that_was_meant(tmp_path: Path) -> None:
    file = tmp_path / "next.toml"
    file.write_text(f'[[promotions]]\n{LEAST}bonuss = "1.00"\n', encoding="utf-8")

    with pytest.raises(ConfigError, match=r"promotions\[0\]: .*'bonuss'; did you mean 'bonus'\?"):
        read_promotions(file)


def test_the_demo_operators_promotions_can_be_used() -> None:
    demo = Path(tambah.__file__).parent / "demo_operator.toml"
    content = tomllib.loads(demo.read_text(encoding="utf-8"))

    rules = operator_rules(msgspec.convert(content, Operator))

    assert [one.name for one in rules.promotions] == ["first-topup", "data-with-30"]
