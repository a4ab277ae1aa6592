"""Commands against a real database, in this process."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import click
import pyrage
import pytest

from tambah.cli import _COMMANDS, _root
from tests.conftest import Fresh

from .conftest import Tambah

LINES = "msisdn,active_until,balance\n60123456789,2099-12-31,10.00\n60123456780,,\n"


@pytest.fixture
def lines_file(tmp_path: Path) -> Path:
    """Return a file of an active line with RM10 and one that is not activated yet."""
    path = tmp_path / "lines.csv"
    path.write_text(LINES)
    return path


def execute(dsn: str, sql: str) -> Any:
    """Run a statement; return its first row."""

    async def run() -> Any:
        connection: Any = await asyncpg.connect(dsn)
        try:
            return await connection.fetchrow(sql)
        finally:
            await connection.close()

    return asyncio.run(run())


def every_command() -> list[click.Command]:
    """Return all commands, those of groups too."""
    found: list[click.Command] = []
    root = _root()
    for name in _COMMANDS:
        command = root._load(name)
        if isinstance(command, click.Group):
            found.extend(command.commands.values())
        else:
            found.append(command)
    return found


def test_every_command_has_json_and_help() -> None:
    commands = every_command()

    assert len(commands) > 40  # the walk went everywhere; commands.md has the list
    assert [c.name for c in commands if "as_json" not in {p.name for p in c.params}] == []
    assert [c.name for c in commands if not c.help] == []


def test_vouchers_from_making_to_void(tambah: Tambah, tmp_path: Path) -> None:
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    why = ("--reason", "launch", "--json")

    made = tambah("vouchers", "generate", "10.00", 20, "--recipient", recipient, *why)
    assert (made.status, made.err) == (0, "")
    assert made.document["first_serial"] == "0001-00000001"
    released = tambah("vouchers", "release", 1, *why)
    assert released.document == {"batch": 1, "before": "generated", "after": "released"}
    again = tambah("vouchers", "release", 1, *why)
    assert (again.status, again.out, again.error) == (1, "", "batch_state_wrong")
    moved = tambah("vouchers", "activate", "0001-00000001..0001-00000010", *why)
    assert moved.document == {"batch": 1, "changed": 10, "unchanged": {}}
    shown = tambah("vouchers", "show", 1, "--json").document
    assert (shown["price"], shown["state"]) == ("10.00", "released")
    assert shown["vouchers"]["active"] == 10
    card = tambah("vouchers", "show", "0001-00000011", "--json").document
    assert (card["state"], card["not_usable"]) == ("generated", "not_activated")
    file = tmp_path / "cards.age"
    assert tambah("vouchers", "export", 1, file, *why).document["bytes"] == file.stat().st_size
    assert tambah("vouchers", "export", 1, tmp_path / "b", *why).error == "batch_state_wrong"
    assert tambah("vouchers", "lock", "0001-00000001", *why).document["changed"] == 1
    assert tambah("vouchers", "lock", 1, *why).document["after"] == "locked"
    assert tambah("vouchers", "void", 1, *why).document["after"] == "void"
    assert tambah("vouchers", "show", "9999-00000001", "--json").error == "voucher_unknown"


def test_staff_actions_need_a_reason(tambah: Tambah, lines_file: Path) -> None:
    for arguments in (
        ("vouchers", "generate", "10.00", 1),
        ("vouchers", "release", 1),
        ("vouchers", "void", "0001-00000001"),
        ("lines", "import", lines_file),
        ("lines", "reactivate", "0123456789"),
        ("partners", "add", "Shop"),
    ):
        said = tambah(*arguments, "--json")
        assert (said.status, said.out, said.error) == (1, "", "reason_missing")


def test_lines_from_import_to_reversal(tambah: Tambah, lines_file: Path) -> None:
    why = ("--reason", "ticket 12", "--json")

    imported = tambah("lines", "import", lines_file, *why)
    assert (imported.status, imported.document["created"]) == (0, 2)
    assert tambah("lines", "show", "012-345 6789", "--json").document["balance"] == "10.00"
    assert tambah("lines", "adjust", "0123456789", "-2.50", *why).document["balance"] == "7.50"
    keyed = [
        tambah("lines", "adjust", "0123456789", "1.00", "--key", "one", *why).document["balance"]
        for _ in range(2)
    ]
    assert keyed == ["8.50", "8.50"]
    assert tambah("lines", "adjust", "0123456789", "-99", *why).error == "credit_too_low"
    assert tambah("lines", "bar", "0123456789", *why).status == 0
    assert tambah("lines", "show", "0123456789", "--json").document["barred"] is True
    assert tambah("lines", "unbar", "0123456789", *why).status == 0
    assert tambah("lines", "suspend", "0123456789", *why).status == 0
    assert tambah("lines", "resume", "0123456789", *why).status == 0
    shown = tambah("lines", "show", "0123456789", "--json").document
    assert (shown["barred"], shown["suspended"], shown["state"]) == (False, False, "active")
    activated = tambah("lines", "activate", "0123456780", "--days", 30, *why)
    assert activated.document["state"] == "active"
    assert tambah("lines", "reverse", "0123456789", 1, *why).error == "topup_unknown"
    assert tambah("lines", "show", "0199999999", "--json").error == "number_unknown"


def test_an_expired_line_is_let_back_after_a_check(tambah: Tambah, tmp_path: Path) -> None:
    file, why = tmp_path / "lines.csv", ("--reason", "identity card seen", "--json")
    today = datetime.now(ZoneInfo("Asia/Kuala_Lumpur")).date()
    last, grace = today - timedelta(days=60), today - timedelta(days=10)
    file.write_text(
        f"msisdn,active_until,grace_until\n60123456789,{last},{grace}\n60123456780,{today},\n"
    )
    assert tambah("lines", "import", file, *why).document["created"] == 2

    before = tambah("lines", "show", "0123456789", "--json").document
    allowed = tambah("lines", "reactivate", "0123456789", *why)
    said = tambah("lines", "reactivate", "0123456789", "--reason", "again").out
    after = tambah("lines", "show", "0123456789", "--json").document
    shown = tambah("lines", "show", "0123456789").out

    assert (before["state"], before["reactivation_until"]) == ("expired", None)
    assert allowed.document["reactivation_until"] == after["reactivation_until"] is not None
    assert f"to the end of {today + timedelta(days=2)}" in said
    free = today + timedelta(days=20 + 183 + 1)
    assert f"expired to the end of {today + timedelta(days=20)}, number free from {free}" in shown
    assert f"identity checked: a top-up brings it back, to the end of {today + timedelta(2)}" in (
        shown
    )
    assert tambah("lines", "reactivate", "0123456780", *why).error == "line_already_active"
    assert tambah("lines", "reactivate", "0199999999", *why).error == "number_unknown"


def test_import_reports_bad_rows(tambah: Tambah, tmp_path: Path) -> None:
    file, report = tmp_path / "lines.csv", tmp_path / "report.jsonl"
    file.write_text("msisdn\n" + "nobody\n" * 150 + "60123456789\n")

    said = tambah("lines", "import", file, "--reason", "x", "--report", report, "--json")
    nothing = tambah("lines", "import", file, "--reason", "x", "--all-or-nothing", "--json")

    assert (said.status, said.document["created"], said.document["refused"]) == (0, 1, 150)
    assert (len(said.document["rows"]), said.document["rows_left_out"]) == (100, 50)
    rows = [json.loads(line) for line in report.read_text().splitlines()]
    assert [row["line"] for row in rows] == list(range(2, 152))
    assert report.stat().st_mode & 0o777 == 0o600
    assert (nothing.status, nothing.document["is_written"]) == (1, False)


def test_import_refuses_an_unknown_column(tambah: Tambah, tmp_path: Path) -> None:
    file = tmp_path / "lines.csv"
    file.write_text("msisdn,colour\n1,2\n")

    said = tambah("lines", "import", file, "--reason", "x")

    assert (said.status, said.out) == (1, "")
    assert said.err.startswith("There is no column colour.")


def test_partners_are_added_and_funded_once(tambah: Tambah) -> None:
    why = ("--reason", "contract", "--json")
    partner = tambah("partners", "add", "Kedai", "--credit-limit", "5.00", *why).document[
        "partner"
    ]

    funded = [
        tambah("partners", "fund", partner, "100.00", "--reference", "bank 1", *why).document
        for _ in range(2)
    ]
    other = tambah("partners", "fund", partner, "7.00", "--reference", "bank 1", *why)

    assert funded == [{"partner": partner, "amount": "100.00", "float": "100.00"}] * 2
    assert other.error == "idempotency_key_reused"
    assert tambah("partners", "fund", 12345, "7.00", "--reference", "r", *why).error == (
        "partner_unknown"
    )
    key = tambah("keys", "add", partner, "--scope", "lines:read", *why).document
    assert (key["scopes"], key["key"][:8]) == (["lines:read"], "tk_live_")
    assert tambah("keys", "revoke", key["prefix"], *why).document["revoked"] == 1
    assert tambah("keys", "revoke", key["prefix"], *why).error == "key_unknown"


def test_who_acts_stands_in_the_audit_trail(tambah: Tambah, fresh: Fresh) -> None:
    tambah("partners", "add", "Kedai", "--reason", "contract")

    row = execute(fresh.dsn, "SELECT who, why FROM audit")

    assert row["who"].startswith("cli:")
    assert row["why"] == "contract"


def test_verify_exits_with_1_when_the_books_disagree(
    tambah: Tambah, lines_file: Path, fresh: Fresh
) -> None:
    tambah("lines", "import", lines_file, "--reason", "x")
    clean = tambah("verify", "--json")
    execute(fresh.owner_dsn, "UPDATE bucket SET remaining_micros = remaining_micros + 1")

    wrong = tambah("verify", "--full", "--json")

    assert (clean.status, clean.document["clean"]) == (0, True)
    assert (wrong.status, wrong.document["clean"]) == (1, False)
    assert wrong.document["findings"]


def test_doctor_is_content_with_a_sound_installation(
    tambah: Tambah, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tambah("init", tmp_path, "--name", "Gunung")
    monkeypatch.setenv("TAMBAH_OPERATOR_FILE", str(tmp_path / "operator.toml"))

    said = tambah("doctor", "--json")

    assert [check for check in said.document["checks"] if not check["is_good"]] == []
    assert said.status == 0
    assert said.document["odds"]["live_vouchers"] == 0


def test_doctor_names_what_is_wrong(
    tambah: Tambah, fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    tambah("doctor")
    monkeypatch.setenv("TAMBAH_PEPPER", "cd" * 32)
    monkeypatch.setenv("TAMBAH_TRUSTED_PROXIES", "0.0.0.0/0")
    monkeypatch.setenv("TAMBAH_DATABASE_URL", fresh.owner_dsn)
    execute(fresh.owner_dsn, "DROP TABLE transfer_202712")
    execute(
        fresh.owner_dsn,
        "INSERT INTO outbox SELECT 1, 1, now(), 'x', '{}', 1, 1, 1, 0, now() - interval '1 hour'",
    )

    said = tambah("doctor", "--json")

    assert said.status == 1
    wrong = [check["name"] for check in said.document["checks"] if not check["is_good"]]
    assert wrong == ["proxies", "rights", "outbox", "examples", "pepper"]


def test_migrate_plans_then_does(
    tambah: Tambah, empty: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAMBAH_DATABASE_URL", empty.dsn)
    monkeypatch.setenv("TAMBAH_OWNER_DATABASE_URL", empty.owner_dsn)

    refused = tambah("lines", "show", "0123456789", "--json")
    plan = tambah("migrate", "--plan", "--json").document
    done = tambah("migrate", "--json").document
    after = tambah("migrate", "--plan", "--json").document

    assert refused.error == "schema_version"
    assert (plan["before"], plan["pending"][0], plan["done"]) == (None, "0001_first", False)
    assert done["done"] is True
    assert (after["before"], after["pending"]) == (done["target"], [])


def test_backup_is_restored_into_an_empty_database_only(
    tambah: Tambah,
    lines_file: Path,
    tmp_path: Path,
    empty: Fresh,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tambah("lines", "import", lines_file, "--reason", "x")
    file = tmp_path / "books.dump"

    backed_up = tambah("backup", file, "--json").document
    assert tambah("backup", file, "--json").error == "file"
    assert tambah("restore", file, "--json").error == "database_not_empty"
    monkeypatch.setenv("TAMBAH_DATABASE_URL", empty.dsn)
    monkeypatch.setenv("TAMBAH_OWNER_DATABASE_URL", empty.owner_dsn)
    restored = tambah("restore", file, "--json")

    assert (backed_up["bytes"], backed_up["pepper"]) == (file.stat().st_size, False)
    assert file.stat().st_mode & 0o777 == 0o600
    assert ("ab" * 32).encode() not in file.read_bytes()
    assert (restored.status, restored.document["verify"]["clean"]) == (0, True)
    assert restored.document["verify"]["proved"]["owners"] == 2
    assert tambah("lines", "show", "0123456789", "--json").document["balance"] == "10.00"
    wrong = [c["name"] for c in tambah("doctor", "--json").document["checks"] if not c["is_good"]]
    assert wrong == ["examples"]


def test_restore_of_a_broken_file_leaves_the_database_empty(
    tambah: Tambah, tmp_path: Path, empty: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "books.dump"
    tambah("backup", file)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 3])
    monkeypatch.setenv("TAMBAH_DATABASE_URL", empty.dsn)
    monkeypatch.setenv("TAMBAH_OWNER_DATABASE_URL", empty.owner_dsn)

    said = tambah("restore", file, "--json")

    assert said.error == "postgres_failed"
    assert (
        execute(empty.owner_dsn, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")[0]
        == 0
    )


def test_config_show_masks_secrets(tambah: Tambah, fresh: Fresh) -> None:
    said = tambah("config", "show", "--json")

    assert said.document["pepper"] == "(set, not shown)"
    assert said.document["database_url"] == "(set, not shown)"
    assert "ab" * 32 not in said.out
    assert fresh.dsn not in said.out


@pytest.mark.parametrize(
    ("variable", "value", "start"),
    [
        ("LC_ALL", "ms_MY.UTF-8", "Tiada"),
        ("LC_ALL", "C", "No "),
        ("LANG", "ms_MY.UTF-8", "Tiada"),
    ],
)
def test_refusals_speak_the_language_of_the_environment(
    tambah: Tambah, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, start: str
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, value)

    said = tambah("lines", "show", "0199999999")

    assert said.err.startswith(start)
    assert said.err.endswith("(number_unknown)\n")


def test_wrong_usage_is_2(tambah: Tambah) -> None:
    for arguments in (
        ("vouchers", "generate", "ten", 1),
        ("vouchers", "generate", "10.00", 0),
        ("vouchers", "generate", "10.00", 1, "--redeem-until", "2026-02-30"),
        ("lines", "import", "/nowhere.csv"),
        ("partners", "fund", 1, "-5.00", "--reference", "x"),
        ("nothing",),
    ):
        assert tambah(*arguments).status == 2


def test_an_unreachable_database_is_said_without_its_password(
    tambah: Tambah, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAMBAH_DATABASE_URL", "postgresql://me:hunter22@127.0.0.1:1/x")
    monkeypatch.setenv("TAMBAH_OWNER_DATABASE_URL", "postgresql://me:hunter22@127.0.0.1:1/x")

    said = tambah("lines", "show", "0123456789", "--json")
    backup = tambah("backup", "/nowhere/at/all", "--json")

    assert (said.status, said.error) == (1, "unavailable")
    assert "hunter22" not in said.err + backup.err


def test_points_are_imported_and_listed(tambah: Tambah, tmp_path: Path) -> None:
    path, report = tmp_path / "points.csv", tmp_path / "bad.jsonl"
    path.write_text(
        "code;name;kind;address;town;state;postcode;latitude;longitude;sells_cards\n"
        "A1;Demo Store;other;1 Jalan Satu;Ipoh;Perak;30000;4.5975;101.0901;yes\n"
        "A2;Demo Store;other;2 Jalan Dua;Ipoh;Perak;3000;4.5975;101.0901;yes\n"
    )

    unsaid = tambah("points", "import", path, "--json")
    assert (unsaid.status, unsaid.error) == (1, "reason_missing")
    done = tambah("points", "import", path, "--report", report, "--reason", "list of June")
    assert done.status == 0
    assert done.out == (
        "Imported points.csv: 1 new, 0 changed, 0 unchanged, 0 withdrawn, 1 refused.\n"
        "line 3: postcode cannot be read. Write its five digits. (field_malformed)\n"
    )
    assert json.loads(report.read_text())["line"] == 3
    stopped = tambah("points", "import", path, "--all-or-nothing", "--reason", "x", "--json")
    assert (stopped.status, stopped.document["is_written"]) == (1, False)
    listed = tambah("points", "list", "--town", "ipoh", "--json").document["points"]
    assert [(one["code"], one["latitude"], one["kind"]) for one in listed] == [
        ("A1", 4.5975, "other")
    ]
    assert tambah("points", "list", "--town", "Kluang").out == "0 points\n"
