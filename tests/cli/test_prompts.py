"""tambah prompts: what to record, drafts beforehand, recordings checked. No database is asked."""

from __future__ import annotations

import csv
import io
import wave
from pathlib import Path

import pytest
from click.testing import CliRunner

from tambah.channels.ivr import prompts as prompts_module
from tambah.channels.ivr.sound import wav
from tambah.cli import _root
from tambah.cli import prompts as prompts_command
from tambah.i18n import LANGUAGES
from tambah.i18n.spoken import every_clip

from .conftest import Said

RECORDABLE = {tag: [c for c in every_clip(tag) if not c.is_silent] for tag in LANGUAGES}


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAMBAH_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("TAMBAH_RECORDINGS_DIR", raising=False)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setattr(prompts_module, "draft", lambda _tag, _text: wav([1000.0] * 8))
    monkeypatch.setattr(prompts_command, "is_installed", lambda: True)


def tambah(*arguments: str) -> Said:
    result = CliRunner().invoke(_root(), ["prompts", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Said(result.exit_code, result.stdout, result.stderr)


def record(folder: Path, name: str, *, rate: int = 8000) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"\x07\x07" * 800)


def test_the_list_is_a_table_for_a_studio() -> None:
    rows = list(csv.DictReader(io.StringIO(tambah("list").out)))
    assert len(rows) == sum(len(clips) for clips in RECORDABLE.values())
    assert {row["language"] for row in rows} == set(LANGUAGES)
    by_file = {row["file"]: row for row in rows}
    assert len(by_file) == len(rows)
    assert by_file["ta/num.21.wav"]["text"] == "இருபத்தொரு"
    assert by_file["en/menu_topup.wav"] == {
        "language": "en",
        "file": "en/menu_topup.wav",
        "text": "To top up, press 1.",
        "within": "",
    }
    piece = by_file["ms/credited_stands.1.wav"]
    assert piece["text"] == "Baki anda ialah"
    assert piece["within"].startswith("Baki anda ialah {balance_micros}. Talian anda")


def test_the_list_of_one_language_as_a_document() -> None:
    listed = tambah("list", "--language", "zh-Hans", "--json").document["prompts"]
    assert len(listed) == len(RECORDABLE["zh-Hans"])
    assert {"language": "zh-Hans", "file": "zh-Hans/two.wav", "text": "两", "within": ""} in listed


def test_drafts_are_rendered_once(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "prompts"
    number = len(every_clip("ms"))
    said = tambah("render", "--language", "ms")
    assert said.out == f"{number} drafts made; all {number} are in {folder}.\n"
    assert len(list((folder / "ms").iterdir())) == number
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o711
    again = tambah("render", "--language", "ms", "--json").document
    assert again == {"folder": str(folder), "made": 0, "drafts": number}


def test_rendering_without_espeak_ng_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("TAMBAH_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    said = tambah("render", "--json")
    assert (said.status, said.error) == (1, "configuration")
    assert "apt-get install espeak-ng" in said.err


def test_check_says_what_is_there_missing_wrong_and_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAMBAH_RECORDINGS_DIR", str(tmp_path))
    record(tmp_path, "ms/menu_topup.wav")
    record(tmp_path, "ms/pause.wav")
    assert tambah("check").status == 0
    record(tmp_path, "ms/num.12.wav", rate=44_100)
    record(tmp_path, "ms/menu_top_up.wav")

    said = tambah("check", "--language", "ms")
    missing = len(RECORDABLE["ms"]) - 2
    lines = said.out.splitlines()
    assert said.status == 1
    assert lines[:4] == [
        f"ms: 1 recorded, {missing} missing, 1 unusable, 1 unknown",
        "  ms/num.12.wav: 44100 samples a second, not 8000",
        "  ms/menu_top_up.wav: no prompt has this name",
        f"  ms/{next(c.name for c in RECORDABLE['ms'] if c.name != 'menu_topup')}.wav: missing",
    ]
    assert lines[-1] == f"  and {missing - 10} more missing; --json has them all"

    document = tambah("check", "--json").document
    assert document["folder"] == str(tmp_path)
    assert document["languages"]["ms"]["unknown"] == ["menu_top_up.wav"]
    assert len(document["languages"]["ta"]["missing"]) == len(RECORDABLE["ta"])


def test_check_of_a_complete_language_needs_no_drafts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAMBAH_RECORDINGS_DIR", str(tmp_path))
    monkeypatch.setattr(prompts_command, "is_installed", lambda: False)
    for clip in RECORDABLE["en"]:
        record(tmp_path, f"en/{clip.name}.wav")
    said = tambah("check", "--language", "en")
    assert said.status == 0
    assert said.out.startswith(f"en: {len(RECORDABLE['en'])} recorded, 0 missing, 0 unusable")


def test_check_is_wrong_when_what_is_missing_cannot_be_drafted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert tambah("check").status == 0
    monkeypatch.setattr(prompts_command, "is_installed", lambda: False)
    said = tambah("check")
    assert said.status == 1
    assert said.out.splitlines()[-2:] == [
        "TAMBAH_RECORDINGS_DIR is not set: drafts are spoken.",
        "espeak-ng is not installed: what is missing cannot be drafted.",
    ]
