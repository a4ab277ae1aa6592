"""From nothing to an installation: `tambah init`, and what doctor says of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tambah.app import DEMO_OPERATOR
from tambah.config import read_operator
from tambah.engine.operator import operator_rules
from tests.cli.conftest import Tambah
from tests.cli.test_commands import execute
from tests.conftest import Fresh

BRAND = ("--name", 'Gunung "Satu"', "--short-name", "Gunung", "--hotline", "1300 22 3344")


def test_init_writes_what_serves(tambah: Tambah, tmp_path: Path) -> None:
    folder = tmp_path / "new"

    said = tambah("init", folder, *BRAND, "--public-url", "https://topup.example.com", "--json")

    assert said.status == 0
    operator = read_operator(folder / "operator.toml")
    assert (operator.brand.name, operator.brand.short_name) == ('Gunung "Satu"', "Gunung")
    assert (operator.brand.hotline, operator.brand.colour) == ("1300 22 3344", "#0b5d57")
    assert operator_rules(operator).catalog.denominations
    files = [folder / "operator.toml", folder / "pepper", folder / "environment"]
    assert said.document["files"] == [str(path) for path in files]
    assert [path.stat().st_mode & 0o777 for path in files] == [0o600] * 3
    assert f'TAMBAH_PEPPER_FILE="{folder}/pepper"\n' in (folder / "environment").read_text()
    assert 'TAMBAH_PUBLIC_URL="https://topup.example.com"\n' in files[2].read_text()
    assert files[1].read_text().split(": ")[1].strip() not in said.out


def test_each_pepper_is_another(tambah: Tambah, tmp_path: Path) -> None:
    for name in ("one", "two"):
        tambah("init", tmp_path / name, *BRAND)

    assert (tmp_path / "one/pepper").read_text() != (tmp_path / "two/pepper").read_text()


def test_init_touches_nothing_that_is_there(tambah: Tambah, tmp_path: Path) -> None:
    (tmp_path / "pepper").write_text("precious")

    said = tambah("init", tmp_path, *BRAND, "--json")

    assert (said.status, said.error) == (1, "file")
    assert [path.name for path in tmp_path.iterdir()] == ["pepper"]
    assert (tmp_path / "pepper").read_text() == "precious"


@pytest.mark.parametrize(
    "wrong",
    [
        ("--name", "Kampung Telecommunications"),
        ("--name", "Gunung", "--colour", "purple"),
        ("--name", "Gunung", "--public-url", 'https://example.com/"; rm x'),
    ],
)
def test_init_refuses_before_it_writes(
    tambah: Tambah, tmp_path: Path, wrong: tuple[str, ...]
) -> None:
    said = tambah("init", tmp_path / "new", *wrong, "--json")

    assert (said.status, said.error) == (1, "configuration")
    assert not (tmp_path / "new").exists()


def test_doctor_is_content_with_what_init_writes(
    tambah: Tambah, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tambah("init", tmp_path, *BRAND)
    monkeypatch.setenv("TAMBAH_OPERATOR_FILE", str(tmp_path / "operator.toml"))

    checks = tambah("doctor", "--json").document["checks"]

    assert [one["name"] for one in checks if not one["is_good"]] == []
    assert [one["name"] for one in checks if one["is_advice"]] == ["gateways"]


def test_doctor_says_what_serve_refuses(
    tambah: Tambah, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = DEMO_OPERATOR.read_text(encoding="utf-8")
    path = tmp_path / "operator.toml"
    monkeypatch.setenv("TAMBAH_OPERATOR_FILE", str(path))
    found: list[tuple[list[str], list[str]]] = []
    for before, after in (
        ('"#0b5d57"', '"purple"'),
        ('methods = ["bank"]', 'methods = ["card"]'),
        ('methods = ["bank"]', 'methods = ["paypal"]'),
        ("[bank]\n", "[bank]\n# ours\n"),
        ('account_number = "0000 0000 0000"', 'account_number = "1234 5678"'),
    ):
        path.write_text(text.replace(before, after, 1), encoding="utf-8")
        checks = tambah("doctor", "--json").document["checks"]
        wrong = [one["name"] for one in checks if not one["is_good"]]
        found.append((wrong, [one["name"] for one in checks if one["is_advice"]]))
        assert wrong == ["operator"] or found[-1][1].pop() == "gateways"

    assert found == [
        (["operator"], []),
        (["examples", "payments"], ["examples"]),
        (["examples", "payments"], ["examples"]),
        (["examples"], ["examples"]),
        ([], ["examples"]),
    ]


def test_doctor_checks_the_gateways_of_a_demo_too(
    tambah: Tambah, tmp_path: Path, fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(fresh.owner_dsn, "INSERT INTO stamp VALUES ('demo', 'yes')")
    path = tmp_path / "operator.toml"
    monkeypatch.setenv("TAMBAH_OPERATOR_FILE", str(path))
    text = DEMO_OPERATOR.read_text(encoding="utf-8")
    path.write_text(text, encoding="utf-8")
    sound = tambah("doctor")
    unfit = '[[gateways]]\nname = "one"\nkind = "agi"\n'
    path.write_text(text.replace("gateways = []\n", "") + unfit, encoding="utf-8")

    wrong = tambah("doctor")

    assert (sound.status, "ok     gateways: none\n" in sound.out) == (0, True)
    assert (wrong.status, "WRONG  gateways: gateway one: listen is missing" in wrong.out) == (
        1,
        True,
    )


def test_doctor_names_plans_that_were_dropped(
    tambah: Tambah, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = tmp_path / "lines.csv"
    lines.write_text("msisdn,plan,active_until\n60123456789,tourist,2099-12-31\n")
    assert tambah("lines", "import", lines, "--reason", "x").status == 0
    tambah("init", tmp_path, *BRAND)
    with_it = tambah("doctor").out
    monkeypatch.setenv("TAMBAH_OPERATOR_FILE", str(tmp_path / "operator.toml"))

    without = tambah("doctor").out

    assert "plans" not in with_it
    assert "look   plans: lines have tourist, which operator.toml does not name" in without


def test_doctor_names_a_proxy_that_is_not_named(
    tambah: Tambah, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAMBAH_PUBLIC_URL", "https://topup.example.com")
    alone = tambah("doctor").out
    monkeypatch.setenv("TAMBAH_TRUSTED_PROXIES", "127.0.0.1")
    named = tambah("doctor").out

    assert "look   proxies: nobody's forwarded address is believed" in alone
    assert "ok     proxies: 1 trusted" in named
