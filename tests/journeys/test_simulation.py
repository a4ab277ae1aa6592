"""A simulated day on a running demo, over its HTTP API; the books are proved after it."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from .conftest import Demo

TAMBAH = Path(sys.executable).with_name("tambah")
USERS = 40


def test_a_day_of_subscribers_adds_up(demo: Demo, tmp_path: Path) -> None:
    told = json.loads(Path(demo.environment["TAMBAH_DATA_DIR"], "demo.json").read_text())
    # Those that no other journey takes up.
    active = [line["msisdn"] for line in told["lines"] if line["state"] == "active"]
    numbers = tmp_path / "numbers"
    numbers.write_text("\n".join(active[-USERS:]))
    ran = subprocess.run(
        [
            TAMBAH, "simulate", "--json", "--url", demo.url, "--numbers", numbers,
            "--minutes", "0", "--seed", "3", "--picture", tmp_path / "day.svg",
        ],
        env=demo.environment | {"TAMBAH_API_KEY": told["switch_key"]},
        capture_output=True,
        check=True,
    )  # fmt: skip
    report = json.loads(ran.stdout)

    assert all(report["acts"][kind] > 0 for kind in ("call", "text", "browse", "top_up"))
    assert float(report["revenue"]) > 0
    assert set(report["refused"]) <= {
        "credit_too_low", "line_in_grace", "package_already_running", "package_not_for_you",
    }  # fmt: skip
    assert ElementTree.parse(tmp_path / "day.svg").getroot().tag.endswith("svg")
    proved = subprocess.run(
        [TAMBAH, "verify", "--json"], env=demo.environment, capture_output=True, check=True
    )
    assert json.loads(proved.stdout)["findings"] == []
