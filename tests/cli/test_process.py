"""The program as a process: what it prints where, how it ends, how soon help is there."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import tambah

DEMO_OPERATOR = Path(tambah.__file__).parent / "demo_operator.toml"
PROGRAM = [sys.executable, "-c", "from tambah.cli import main; main()"]


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the program with nothing but the given TAMBAH_ variables."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("TAMBAH_", "LC_", "LANG"))}
    return subprocess.run(
        [*PROGRAM, *arguments],
        capture_output=True,
        text=True,
        env={**environ, **variables},
        check=False,
    )


def test_help_is_quick() -> None:
    spent: list[float] = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        said = run("--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
        assert said.returncode == 0

    assert min(spent) < 0.3


def test_exit_status_and_streams() -> None:
    shown = run("config", "show", "--json", TAMBAH_PEPPER="ab" * 32)
    refused = run("config", "show", "--json", TAMBAH_LANES="many")
    misused = run("config", "show", "--jsom")

    assert (shown.returncode, shown.stderr) == (0, "")
    assert json.loads(shown.stdout)["pepper"] == "(set, not shown)"
    assert (refused.returncode, refused.stdout) == (1, "")
    assert json.loads(refused.stderr)["error"]["code"] == "configuration"
    assert (misused.returncode, misused.stdout) == (2, "")


def test_demo_runs_until_told_and_shares_its_database(tmp_path: Path) -> None:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("TAMBAH_")}
    variables = {"TAMBAH_DATA_DIR": str(tmp_path / "demo"), "TAMBAH_LISTEN": "127.0.0.1:0"}
    tmp_path.chmod(0o755)
    demo = subprocess.Popen(
        [*PROGRAM, "demo", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**environ, **variables},
    )
    try:
        places = _first_document(demo)
        listed = json.loads(Path(places["demo_file"]).read_text())
        with urllib.request.urlopen(f"{places['portal']}/readyz", timeout=30) as answer:
            ready = answer.status
        shown = run("lines", "show", listed["lines"][0]["msisdn"], "--json", **variables)
        served = run("serve", TAMBAH_OPERATOR_FILE=str(DEMO_OPERATOR), **variables)
    finally:
        demo.send_signal(signal.SIGTERM)
        out, err = demo.communicate(timeout=60)

    assert (demo.returncode, out, ready) == (0, "", 200)
    assert listed["url"] == places["portal"]
    assert json.loads(shown.stdout)["state"] == "active"
    assert (served.returncode, served.stdout) == (1, "")
    assert "made by `tambah demo`" in served.stderr
    assert [json.loads(line)["level"] for line in err.splitlines() if line].count("error") == 0
    assert listed["api_key"] not in err


def test_demo_refuses_to_be_seen_from_elsewhere(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    said = run(
        "demo",
        "--anywhere",
        TAMBAH_DATA_DIR=str(tmp_path / "demo"),
        TAMBAH_LISTEN="0.0.0.0:0",
    )

    assert (said.returncode, said.stdout) == (1, "")
    assert "TAMBAH_LISTEN_ANYWHERE" in said.stderr


def _first_document(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if line.startswith("}"):
            return json.loads(text)
    raise AssertionError("the demo ended without a word")
