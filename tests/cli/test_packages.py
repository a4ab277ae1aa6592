"""`tambah packages`: listed, bought, stopped, taken back; each deed with a reason."""

from __future__ import annotations

from pathlib import Path

from .conftest import Tambah

LINES = "msisdn,active_until,balance\n60123456789,2099-12-31,40.00\n"
NUMBER = "0123456789"


def test_packages_from_the_list_to_the_refund(tambah: Tambah, tmp_path: Path) -> None:
    why = ("--reason", "ticket 12", "--json")
    file = tmp_path / "lines.csv"
    file.write_text(LINES)
    assert tambah("lines", "import", file, *why).status == 0

    listed = tambah("packages", "list", "--json").document
    assert [one["code"] for one in listed][:2] == ["DATA30", "DATA7"]
    assert "DATA30: on sale, RM30.00, 30 days; 10 GB" in tambah("packages", "list").out
    assert tambah("packages", "list", NUMBER).out.strip() == "Nothing runs."

    without = tambah("packages", "buy", NUMBER, "DATA30", "--json")
    assert without.error == "reason_missing"
    bought = [
        tambah("packages", "buy", NUMBER, "DATA30", "--key", "one", *why).document
        for _ in range(2)
    ]
    assert bought[0] == bought[1]
    assert (bought[0]["balance"], bought[0]["renews"]) == ("10.00", True)
    assert tambah("packages", "buy", NUMBER, "DATA30", *why).error == "credit_too_low"
    assert tambah("packages", "buy", NUMBER, "NONE", *why).error == "package_unknown"

    assert tambah("packages", "stop", NUMBER, 1, *why).document["renews"] is False
    assert tambah("packages", "start", NUMBER, 1, *why).document["renews"] is True
    shown = tambah("packages", "list", NUMBER).out
    assert shown.startswith("1. DATA30: 10 GB of data left")
    assert "renewed then" in shown
    back = tambah("packages", "refund", NUMBER, 1, *why).document
    assert (back["main"], back["balance"]) == ("30.00", "40.00")
    assert tambah("packages", "stop", NUMBER, 1, *why).error == "package_not_running"
    assert tambah("packages", "list", NUMBER, "--json").document == []
    assert tambah("packages", "list", "0199999999", "--json").error == "number_unknown"
    assert tambah("verify", "--json").status == 0
