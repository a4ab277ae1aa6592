"""Prompts: the operator's recording first, then a draft, made once, whole, and listened to."""

from __future__ import annotations

import asyncio
import itertools
import stat
import subprocess
import sys
import wave
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from tambah.channels.ivr import drafts, prompts
from tambah.channels.ivr.drafts import VOICES, DraftsUnavailable, digest, draft, is_installed
from tambah.channels.ivr.prompts import Prompts, fault_of_recording
from tambah.channels.ivr.sound import MOST_PEAK, RATE, TARGET_RMS, read_wav, speech_rms, wav
from tambah.i18n import LANGUAGES
from tambah.i18n.spoken import Clip, every_clip

HELLO = Clip("hello", "Hello.")
speaks = pytest.mark.skipif(
    not is_installed(), reason="espeak-ng is NOT installed: run tools/setup-speech"
)


@pytest.fixture(autouse=True)
def fresh_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts, "log", structlog.get_logger())


@pytest.fixture
def spoken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have drafts made without espeak-ng; return the texts that were."""
    texts: list[str] = []

    def draft(tag: str, text: str) -> bytes:
        texts.append(f"{tag}: {text}")
        return wav([1000.0] * 800)

    monkeypatch.setattr(prompts, "draft", draft)
    return texts


def record(folder: Path, tag: str, name: str, *, rate: int = RATE) -> Path:
    path = folder / tag / f"{name}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"\x07\x07" * 800)
    return path


def test_a_recording_goes_before_a_draft(tmp_path: Path, spoken: list[str]) -> None:
    found = Prompts(recordings=tmp_path / "ours", drafts=tmp_path / "drafts")
    first = found.path("en", HELLO)
    assert first.parent == tmp_path / "drafts" / "en"

    recording = record(tmp_path / "ours", "en", "hello")
    assert found.path("en", HELLO) == recording
    assert found.path("ms", HELLO).parent == tmp_path / "drafts" / "ms"

    recording.unlink()
    assert found.path("en", HELLO) == first
    assert spoken == ["en: Hello.", "ms: Hello."]


def test_a_recording_of_another_format_is_passed_over_and_complained_of_once(
    tmp_path: Path, spoken: list[str]
) -> None:
    recording = record(tmp_path, "en", "hello", rate=44_100)
    found = Prompts(recordings=tmp_path, drafts=tmp_path / "drafts")
    with capture_logs() as logs:
        assert [found.path("en", HELLO).parent.parent.name for _ in range(3)] == ["drafts"] * 3
    assert logs == [
        {
            "event": "recording passed over",
            "log_level": "warning",
            "file": str(recording),
            "reason": "44100 samples a second, not 8000",
        }
    ]
    record(tmp_path, "en", "hello")
    assert found.path("en", HELLO) == recording


def test_a_recording_that_goes_away_meanwhile_has_a_fault(tmp_path: Path) -> None:
    assert fault_of_recording(tmp_path / "gone.wav") == "cannot be read: No such file or directory"


def test_another_text_is_drafted_anew(tmp_path: Path, spoken: list[str]) -> None:
    found = Prompts(recordings=None, drafts=tmp_path)
    paths = {
        found.path("en", HELLO),
        found.path("en", HELLO),
        found.path("en", HELLO._replace(text="Good morning.")),
    }
    assert len(paths) == 2
    assert spoken == ["en: Hello.", "en: Good morning."]


def test_another_way_of_speaking_is_another_draft(monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest("ms", "PIN")
    faster = drafts.Voice(name="ms", speed=150, spelt=VOICES["ms"].spelt)
    monkeypatch.setattr(drafts, "VOICES", {**VOICES, "ms": faster})
    assert digest("ms", "PIN") != before


async def test_prompts_asked_for_at_once_are_drafted_once(
    tmp_path: Path, spoken: list[str]
) -> None:
    found = Prompts(recordings=None, drafts=tmp_path)
    clips = [HELLO, Clip("bye", "Goodbye."), HELLO]
    ready = await asyncio.gather(*(found.ready("en", clips) for _ in range(20)))
    assert all(paths == ready[0] for paths in ready)
    assert [path.name.partition(".")[0] for path in ready[0]] == ["hello", "bye", "hello"]
    assert sorted(spoken) == ["en: Goodbye.", "en: Hello."]


def test_a_draft_is_there_whole_and_for_others_to_read(tmp_path: Path, spoken: list[str]) -> None:
    path = Prompts(recordings=None, drafts=tmp_path).path("en", HELLO)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(path.parent.iterdir()) == [path]


def test_a_draft_that_fails_leaves_nothing_and_is_tried_again(
    tmp_path: Path, spoken: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Prompts(recordings=None, drafts=tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
        with pytest.raises(OSError, match="full"):
            found.path("en", HELLO)
    assert list((tmp_path / "en").iterdir()) == []
    assert found.path("en", HELLO).exists()


def test_without_espeak_ng_it_is_said_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DraftsUnavailable, match=r"not installed.*apt-get install espeak-ng"):
        Prompts(recordings=None, drafts=tmp_path).path("en", HELLO)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'no such voice' >&2; exit 1", r"cannot speak with the voice en-gb: no such voice"),
        ("exit 0", r"wrote no sound: cannot be read"),
    ],
)
def test_an_espeak_ng_that_does_not_speak_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    program = tmp_path / "espeak-ng"
    program.write_text(f"#!/bin/sh\ncat >/dev/null\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(DraftsUnavailable, match=reason):
        draft("en", "Hello.")


def test_a_pause_needs_no_voice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for tag, mark in itertools.product(LANGUAGES, ",.，。"):
        path = tmp_path / "pause.wav"
        path.write_bytes(draft(tag, mark))
        rate, samples = read_wav(path)
        assert 0.1 < len(samples) / rate < 0.5
        assert not any(samples)


# With espeak-ng


def listened(tag: str) -> list[Clip]:
    """Return clips of every kind, but not all: each takes a moment."""
    clips = [clip for clip in every_clip(tag) if not clip.is_silent]
    return [*clips[:80:16], *clips[80::40]]


@speaks
@pytest.mark.parametrize("tag", LANGUAGES)
def test_drafts_sound_as_a_telephone_wants_them(tag: str, tmp_path: Path) -> None:
    found = Prompts(recordings=None, drafts=tmp_path)
    for clip in listened(tag):
        path = found.path(tag, clip)
        with wave.open(str(path)) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        _, samples = read_wav(path)
        # As loud as all others; what is very peaked a little less, so that it does not clip.
        assert 0.7 * TARGET_RMS < speech_rms(samples) < 1.05 * TARGET_RMS, clip
        assert max(map(abs, samples)) <= MOST_PEAK + 1, clip
        # From 4 to 25 letters a second; a character of Chinese is a syllable.
        letters = len(clip.text) * (3 if tag == "zh-Hans" else 1)
        assert letters / 25 < len(samples) / RATE < 0.6 + letters / 4, clip
        assert fault_of_recording(path) == ""


@speaks
@pytest.mark.parametrize("tag", LANGUAGES)
def test_each_language_has_a_voice_of_its_own(tag: str) -> None:
    """A voice that lacks a language's letters spells them out, or says nothing."""
    said = subprocess.run(
        ["espeak-ng", "-v", VOICES[tag].name, "-q", "-x", "--stdin"],
        input=" ".join(clip.text for clip in every_clip(tag) if not clip.is_silent),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    # espeak-ng marks words that it reads by another language's rules: (en)lon(ms).
    foreign = {"en": 0, "ms": 0, "zh-Hans": 0, "ta": 0}
    assert said.count("(en)") == foreign[tag]


@speaks
def test_processes_that_draft_the_same_do_not_disturb_each_other(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from tambah.channels.ivr.prompts import Prompts\n"
        "from tambah.i18n.spoken import every_clip\n"
        "found = Prompts(recordings=None, drafts=Path(sys.argv[1]))\n"
        "for clip in every_clip('en')[90:100]: print(found.path('en', clip))\n"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    said = [process.communicate()[0].splitlines() for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    assert said[0] == said[1] == said[2]
    assert {str(path) for path in (tmp_path / "en").iterdir()} == set(said[0])
    assert [path for path in said[0] if fault_of_recording(Path(path))] == []
