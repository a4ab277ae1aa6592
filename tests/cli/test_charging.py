"""Commands of charging against a real database, in this process."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tambah.charging.nchf import TOKEN_PURPOSE
from tambah.engine.keys import parse_peppers

from .conftest import Tambah

NUMBER = "60123456789"
WHY = ("--reason", "Switch 1", "--json")


def test_a_token_is_shown_with_the_digest_that_operator_toml_has(tambah: Tambah) -> None:
    made = tambah("charging", "token", "--json").document
    keys = parse_peppers("ab" * 32)
    assert made["digest"] == keys.digest(TOKEN_PURPOSE, made["token"]).hex()
    other = tambah("charging", "token")
    assert other.out.startswith("Token, for the network function: ")
    assert made["token"] not in other.out


def test_call_records_are_imported_and_what_is_wrong_with_them_is_said(
    tambah: Tambah, tmp_path: Path
) -> None:
    lines, calls, report = (tmp_path / name for name in ("lines.csv", "calls.csv", "bad.jsonl"))
    lines.write_text(f"msisdn,active_until\n{NUMBER},2099-12-31\n")
    assert tambah("lines", "import", lines, *WHY).status == 0
    at = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    calls.write_text(
        "id,msisdn,service,to,began_at,units\n"
        f"a,{NUMBER},fax,60111111111,{at},60\nb,60199999999,voice,60111111111,{at},60\n"
    )

    tried = tambah("usage", "import", calls, "--dry-run")
    assert tried.out.splitlines() == [
        "Nothing was imported from calls.csv. It would be: 0 charged, 0 unchanged, 2 refused.",
        "line 2: service cannot be read. Write voice, sms, mms or data. (field_malformed)",
        "line 3: The number is no line of this operator. (number_unknown)",
    ]
    assert tambah("usage", "import", calls, "--json").error == "reason_missing"
    done = tambah("usage", "import", calls, "--report", report, *WHY)
    assert (done.status, done.document["refused"]) == (0, 2)
    assert [json.loads(line)["line"] for line in report.read_text().splitlines()] == [2, 3]
    whole = tambah("usage", "import", calls, "--all-or-nothing", *WHY)
    assert (whole.status, whole.document["is_written"]) == (1, False)
    calls.write_text("id,msisdn\n")
    assert tambah("usage", "import", calls, *WHY).error == "file_malformed"
