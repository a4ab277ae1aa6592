"""Commands of staff against a real database, in this process."""

from __future__ import annotations

import re

import pytest

from .conftest import Tambah

WHY = ("--reason", "hired", "--json")


def test_staff_are_added_listed_changed_and_disabled(tambah: Tambah) -> None:
    assert tambah("staff", "list").out == "There is nobody.\n"
    added = tambah("staff", "add", "Mina", "--role", "care", "--role", "finance", *WHY)
    assert added.document["name"] == "mina"
    assert re.fullmatch(r"/console/invitation/[0-9a-f]{32}", added.document["invitation"])

    listed = tambah("staff", "list", "--json").document["items"]
    assert [(one["name"], one["roles"], one["state"], one["locked"]) for one in listed] == [
        ("mina", ["care", "finance"], "invited", False)
    ]
    assert tambah("staff", "roles", "mina", "--role", "auditor", "--reason", "moved").out == (
        "mina is auditor now.\n"
    )
    again = tambah("staff", "invite-again", "mina", "--reason", "lost the paper")
    assert "/console/invitation/" in again.out
    assert added.document["invitation"] not in again.out
    assert tambah("staff", "disable", "mina", *WHY).document == {
        "name": "mina",
        "sessions_ended": 0,
    }
    assert tambah("staff", "list").out == "mina  disabled  auditor\n"


def test_what_is_wrong_is_refused(tambah: Tambah) -> None:
    assert tambah("staff", "add", "mina", "--role", "king", *WHY).status == 2
    assert tambah("staff", "add", "mina", *WHY).status == 2
    silent = tambah("staff", "add", "mina", "--role", "care", "--json")
    assert (silent.status, silent.error) == (1, "reason_missing")
    assert tambah("staff", "add", "7", "--role", "care", *WHY).error == "field_malformed"
    assert tambah("staff", "disable", "mina", *WHY).error == "staff_unknown"
    assert tambah("staff", "add", "mina", "--role", "care", *WHY).status == 0
    assert tambah("staff", "add", "mina", "--role", "care", *WHY).error == "staff_name_taken"


def test_an_invitation_is_a_whole_address_where_ours_is_known(
    tambah: Tambah, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAMBAH_PUBLIC_URL", "https://topup.example.com/")
    added = tambah("staff", "add", "noor", "--role", "care", *WHY)
    assert re.fullmatch(
        r"https://topup\.example\.com/console/invitation/[0-9a-f]{32}",
        added.document["invitation"],
    )
