"""Commands of SIMs against a real database, in this process."""

from __future__ import annotations

import json
from pathlib import Path

from tambah.domain.numbering import luhn_remainder

from .conftest import Tambah

NUMBER, OTHER = "60123456789", "60123456780"
SECRET = "K2ABC-D1234"
WHY = ("--reason", "Ticket 7", "--json")


def iccid(place: int) -> str:
    """Return a well-formed SIM number of the demo operator's."""
    stem = f"896099{place:012d}"
    return next(stem + d for d in "0123456789" if luhn_remainder(stem + d) == 0)


def fill(tambah: Tambah, folder: Path) -> None:
    """Import two lines, one not activated yet, and three SIMs, one an eSIM."""
    lines, sims = folder / "lines.csv", folder / "sims.csv"
    lines.write_text(f"msisdn,iccid,active_until\n{NUMBER},{iccid(9)},2099-12-31\n{OTHER},,\n")
    sims.write_text(
        "iccid,imsi,activation_code\n"
        f"{iccid(1)},502990000000001,\n{iccid(2)},,\n"
        f"{iccid(3)},,LPA:1$SMDP.EXAMPLE.COM${SECRET}\n"
    )
    assert tambah("lines", "import", lines, *WHY).status == 0
    assert tambah("sims", "import", sims, *WHY).document["created"] == 3


def test_a_delivery_is_tried_and_taken_in(tambah: Tambah, tmp_path: Path) -> None:
    path, report = tmp_path / "sims.csv", tmp_path / "bad.jsonl"
    path.write_text(f"iccid\n{iccid(1)}\n8960000000000000007\n{iccid(2)}\n")

    tried = tambah("sims", "import", path, "--dry-run")
    assert (tried.status, tried.out.splitlines()[0]) == (
        0,
        "Nothing was imported from sims.csv. It would be: 2 new, 0 unchanged, 1 refused.",
    )
    assert tambah("sims", "import", path, "--json").error == "reason_missing"
    whole = tambah("sims", "import", path, "--all-or-nothing", *WHY)
    assert (whole.status, whole.document["is_written"]) == (1, False)
    assert tambah("sims", "list", "--json").document == {"counts": [], "items": []}
    assert tambah("sims", "list").out == "There are no SIMs.\n"

    done = tambah("sims", "import", path, "--report", report, "--reason", "delivery")
    assert done.out.splitlines() == [
        "Imported sims.csv: 2 new, 0 unchanged, 1 refused.",
        "line 3: iccid cannot be read. It is none of the operator's: see iccid_prefixes of"
        " operator.toml. (field_malformed)",
    ]
    assert json.loads(report.read_text())["line"] == 3
    assert tambah("sims", "import", path, *WHY).document["unchanged"] == 2


def test_sims_are_shown_with_whom_they_serve_and_without_their_codes(
    tambah: Tambah, tmp_path: Path
) -> None:
    fill(tambah, tmp_path)
    listed = tambah("sims", "list", "--state", "in_stock", "--limit", 2, "--json")
    assert [sim["iccid"] for sim in listed.document["items"]] == [iccid(1), iccid(2)]
    assert {(c["state"], c["kind"], c["count"]) for c in listed.document["counts"]} == {
        ("in_stock", "physical", 2),
        ("in_stock", "esim", 1),
        ("assigned", "physical", 1),
    }
    assert f"{iccid(3)}  in_stock  esim" in tambah("sims", "list").out
    shown = tambah("sims", "show", iccid(9), "--json").document
    assert (shown["state"], shown["msisdn"]) == ("assigned", NUMBER)
    esim = tambah("sims", "show", iccid(3))
    assert "smdp address: SMDP.EXAMPLE.COM" in esim.out
    assert SECRET not in esim.out
    assert tambah("sims", "show", iccid(8), "--json").error == "sim_unknown"
    assert tambah("sims", "show", "123", "--json").error == "field_malformed"


def test_a_line_is_activated_on_a_sim_and_put_on_another(tambah: Tambah, tmp_path: Path) -> None:
    fill(tambah, tmp_path)
    begun = tambah("lines", "activate", OTHER, "--days", 5, "--sim", iccid(1), *WHY)
    assert (begun.status, begun.document["state"]) == (0, "active")
    assert tambah("lines", "show", OTHER, "--json").document["iccid"] == iccid(1)
    taken = tambah("lines", "replace-sim", NUMBER, iccid(1), *WHY)
    assert (taken.status, taken.error) == (1, "sim_not_usable")

    replaced = tambah("lines", "replace-sim", NUMBER, iccid(3), "--lost", *WHY)
    assert replaced.document["old_iccid"] == iccid(9)
    assert replaced.document["hold_until"] is not None
    again = tambah("lines", "replace-sim", NUMBER, iccid(3), "--lost", "--reason", "Ticket 7")
    assert again.out.startswith(
        f"012-345 6789: on {iccid(3)} instead of {iccid(9)}, on hold until"
    )
    assert tambah("sims", "show", iccid(9), "--json").document["state"] == "lost"


def test_a_reported_esim_has_its_code_erased(tambah: Tambah, tmp_path: Path) -> None:
    fill(tambah, tmp_path)
    early = tambah("sims", "installed", iccid(3), *WHY)
    assert (early.status, early.error) == (1, "sim_not_usable")
    tambah("lines", "replace-sim", NUMBER, iccid(3), *WHY)
    done = tambah("sims", "installed", iccid(3), "--reason", "told by the network")
    assert done.out == f"{iccid(3)}: installed, its code is erased\n"
    assert tambah("sims", "show", iccid(3), "--json").document["has_code"] is False


def test_a_sim_is_taken_out_of_the_stock(tambah: Tambah, tmp_path: Path) -> None:
    fill(tambah, tmp_path)
    lost = tambah("sims", "retire", iccid(1), "--lost", *WHY)
    assert lost.document == {"iccid": iccid(1), "state": "lost"}
    retired = tambah("sims", "retire", iccid(2), "--reason", "bent")
    assert retired.out == f"{iccid(2)}: retired\n"
    assert tambah("sims", "retire", iccid(9), *WHY).error == "sim_not_usable"
    assert tambah("verify", "--full").status == 0
