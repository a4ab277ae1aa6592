"""tambah bank …: in this process, on a fresh database."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tambah.app import DEMO_OPERATOR, read_keys, read_rules
from tambah.config import read_settings
from tambah.domain.commands import OpenPayment, PaymentStands
from tambah.domain.payment import ProviderId
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.store.database import Database
from tests.conftest import Fresh
from tests.engine.books import add_line
from tests.payments.bank.made import ACCOUNT, Line, camt, mt940

from .conftest import Tambah

MSISDN = 60123456789


@pytest.fixture
def bank_operator(tambah: Tambah, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the demo's operator an account."""
    text = DEMO_OPERATOR.read_text(encoding="utf-8")
    head, found, _ = text.partition("[bank]")
    path = tmp_path / "operator.toml"
    path.write_text(
        f'{head if found else text}\n[bank]\naccount_name = "Contoh"\n'
        f'account_number = "{ACCOUNT}"\nbank_name = "Bank Contoh"\n',
        encoding="utf-8",
    )
    monkeypatch.setenv("TAMBAH_OPERATOR_FILE", str(path))


@pytest.fixture
def payments(bank_operator: None, fresh: Fresh) -> list[PaymentStands]:
    """Open three payments of RM30 by bank transfer."""

    async def work() -> list[PaymentStands]:
        settings = read_settings()
        _, rules = read_rules(settings)
        keys = read_keys(settings, Path(), make=False)
        database = Database(fresh.dsn)
        await database.open(readers=1)
        engine = Engine(database, rules=rules, keys=keys, clock=Clock())
        await engine.start()
        await add_line(engine, database, MSISDN)
        opened = [
            await engine.submit(
                OpenPayment(
                    caller="t",
                    request_key=f"{n}",
                    msisdn=MSISDN,
                    amount_micros=30_000_000,
                    provider=ProviderId.BANK,
                    method="bank",
                )
            )
            for n in range(3)
        ]
        await engine.stop()
        await database.close()
        return opened

    return asyncio.run(work())


def test_import_queue_match_ignore(
    tambah: Tambah, payments: list[PaymentStands], tmp_path: Path
) -> None:
    one, two, _ = (payment.reference for payment in payments)
    typo = two[:9] + ("2" if two[9] != "2" else "3")
    day, bad = tmp_path / "day.xml", tmp_path / "bad.xml"
    day.write_bytes(
        camt(Line(text=one, ref="R1"), Line(text=typo, ref="R2"), Line(text="rent", ref="R3"))
    )
    bad.write_bytes(b"<a/>")

    imported = tambah("bank", "import", day, bad, day, "--json")

    assert (imported.status, imported.err) == (1, "")
    first, refused, again = imported.document["files"]
    assert first == {
        "file": str(day),
        "form": "camt.053.001.08",
        "again": False,
        "entries": 3,
        "new": 3,
        "settled": 3,
        "queued": {"no_reference": 2},
        "matched": {"paid": 1},
        "ignored": {},
    }
    assert (refused["file"], refused["refused"]["code"]) == (str(bad), "statement_malformed")
    assert (again["again"], again["new"]) == (True, 0)

    waiting = tambah("bank", "queue", "--json").document
    assert waiting["waiting"] == 2
    near, rent = waiting["items"]
    assert (near["amount"], near["currency"], near["direction"], near["reason"]) == (
        "30.00", "MYR", "in", "no_reference",
    )  # fmt: skip
    assert (near["texts"], near["bank_ref"], rent["bank_ref"]) == ([typo], "R2", "R3")
    assert (near["suggestions"][0]["reference"], near["suggestions"][0]["why"]) == (
        two,
        "near_reference",
    )

    unreasoned = tambah("bank", "match", near["entry"], two, "--json")
    assert (unreasoned.status, unreasoned.error) == (1, "reason_missing")
    matched = tambah("bank", "match", near["entry"], two, "--reason", "slip seen", "--json")
    assert matched.document == {
        "entry": near["entry"],
        "reference": two,
        "state": "credited",
        "total": "30.00",
        "received": "30.00",
        "refunded": "0.00",
    }
    assert tambah("bank", "match", near["entry"], two, "--reason", "x", "--json").error == (
        "bank_entry_done"
    )
    ignored = tambah("bank", "ignore", rent["entry"], "--reason", "own money", "--json")
    assert (ignored.document["state"], ignored.document["reason"]) == ("ignored", "by_hand")
    assert tambah("bank", "ignore", "f" * 12, "--reason", "x", "--json").error == (
        "bank_entry_unknown"
    )
    assert tambah("bank", "queue", "--json").document == {"waiting": 0, "items": []}
    assert tambah("verify", "--json").status == 0


def test_people_are_told_in_sentences(
    tambah: Tambah, payments: list[PaymentStands], tmp_path: Path
) -> None:
    one, two, _ = (payment.reference for payment in payments)
    file = tmp_path / "day.sta"
    file.write_bytes(mt940(Line(text=one, ref="R1"), Line(text=two, amount="31.00", ref="R2")))

    imported = tambah("bank", "import", file)
    waiting = tambah("bank", "queue")
    again = tambah("bank", "import", file)

    assert imported.out.splitlines() == [
        f"{file}: mt940, 2 entries, 2 of them new.",
        "  queued: 1 overpaid",
        "  matched: 1 paid",
    ]
    head, *texts, names = waiting.out.splitlines()
    assert head.endswith("  2026-11-23  MYR 31.00  overpaid")
    assert texts == [f"    {two}", "    NONREF"]
    assert names == f"    names {two[:5]}-{two[5:]} (RM30.00, RM0.00 received)"
    assert again.out == f"{file}: read before, nothing changed.\n"


def test_refund_that_came_back_is_suggested_with_what_to_do(
    tambah: Tambah, payments: list[PaymentStands], tmp_path: Path
) -> None:
    one = payments[0].reference
    paid, sent, back = tmp_path / "paid.xml", tmp_path / "sent.xml", tmp_path / "back.xml"
    paid.write_bytes(camt(Line(text=one, ref="R1")))
    sent.write_bytes(camt(Line(text=f"{one}-1", way="D", ref="R2")))
    back.write_bytes(camt(Line(text=f"{one}-1", ref="R3")))
    assert tambah("bank", "import", paid).status == 0
    assert tambah("refund", one, "--yes", "--reason", "ticket 9").status == 0
    assert tambah("bank", "import", sent, back).status == 0

    (waiting,) = tambah("bank", "queue", "--json").document["items"]
    text = tambah("bank", "queue").out

    assert waiting["reason"] == "refund_returned"
    assert waiting["returned_refunds"] == [{"reference": one, "refund": 1}]
    shown = f"{one[:5]}-{one[5:]}"
    assert text.splitlines()[-1] == (
        f"    if refund 1 came back: tambah payments resolve-refund {shown} 1 --failed"
    )


def test_a_link_that_somebody_names_is_read(
    tambah: Tambah, payments: list[PaymentStands], tmp_path: Path
) -> None:
    file, link = tmp_path / "day.sta", tmp_path / "link.sta"
    file.write_bytes(mt940(Line(text="hello", ref="R1")))
    link.symlink_to(file)

    assert tambah("bank", "import", link).out.splitlines()[0] == (
        f"{link}: mt940, 1 entries, 1 of them new."
    )


def test_too_large_a_file_is_refused(tambah: Tambah, bank_operator: None, tmp_path: Path) -> None:
    file = tmp_path / "huge.xml"
    with file.open("wb") as opened:
        opened.truncate(200 * 1024 * 1024)

    said = tambah("bank", "import", file, "--json")

    assert said.status == 1
    refused: dict[str, Any] = said.document["files"][0]["refused"]
    assert (refused["code"], refused["most_mb"]) == ("statement_too_large", 20)


def test_without_an_account_there_is_no_desk(
    tambah: Tambah, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "operator.toml"
    head, _, _ = DEMO_OPERATOR.read_text(encoding="utf-8").partition("[bank]")
    path.write_text(head, encoding="utf-8")
    monkeypatch.setenv("TAMBAH_OPERATOR_FILE", str(path))

    said = tambah("bank", "queue", "--json")

    assert (said.status, said.error) == (1, "configuration")


def test_a_file_that_is_not_there_is_said(
    tambah: Tambah, bank_operator: None, tmp_path: Path
) -> None:
    said = tambah("bank", "import", tmp_path / "none.xml", "--json")

    assert (said.status, said.error) == (1, "file")
