"""Draft prompts, spoken by espeak-ng: for demos, tests, and until somebody has recorded them.

espeak-ng is under the GPL 3: it is run as a program of its own, and no part of ours.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tambah.channels.ivr.sound import SoundBroken, for_telephone, read_wav, silence, wav
from tambah.config import ConfigError

PROGRAM = "espeak-ng"
# Part of every draft's name: a change of how drafts are made makes them anew.
_MAKING = "1"
_LONGEST_SECONDS = 60
# Pauses by the mark that a text ends with; a mark alone is nothing but its pause.
_PAUSES = {".": 0.35, "。": 0.35, "?": 0.35, "？": 0.35, ",": 0.15, "，": 0.15, ":": 0.15}
_NO_PAUSE = 0.03


class DraftsUnavailable(ConfigError):
    """A prompt was neither recorded nor can it be drafted; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """How espeak-ng speaks a language. speed: words a minute, below its 175: lines are narrow.

    gap: between words, in units of 10 ms. spelt: what it would else read wrongly, for drafts only.
    """

    name: str
    speed: int
    pitch: int = 50
    gap: int = 1
    spelt: tuple[tuple[str, str], ...] = ()


VOICES: Mapping[str, Voice] = {
    "en": Voice(name="en-gb", speed=150),
    # Capitals would be read letter by letter.
    "ms": Voice(name="ms", speed=140, spelt=(("PIN", "pin"),)),
    # The plain `cmn` reads most characters' sounds as if they were English words. 重 is read
    # zhòng, 行 xíng wherever they stand.
    "zh-Hans": Voice(
        name="cmn-latn-pinyin",
        speed=145,
        spelt=(("重听", "虫听"), ("重新", "虫新"), ("银行", "银航")),
    ),
    "ta": Voice(name="ta", speed=130),
}


def is_installed() -> bool:
    """Return whether drafts can be made here."""
    return shutil.which(PROGRAM) is not None


def digest(tag: str, text: str) -> str:
    """Return a short digest of all that a draft's sound hangs on."""
    return _digest(VOICES[tag], text)


@lru_cache(maxsize=10_000)  # asked for each time that a clip is played
def _digest(voice: Voice, text: str) -> str:
    parts = (_MAKING, voice.name, voice.speed, voice.pitch, voice.gap, _spell(voice, text))
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:12]


def draft(tag: str, text: str) -> bytes:
    """Return a text spoken in a language, as a WAV file for the telephone.

    Raises DraftsUnavailable.
    """
    pause_seconds = _PAUSES.get(text[-1:], _NO_PAUSE)
    if not any(character.isalnum() for character in text):
        return wav(silence(pause_seconds))
    rate, samples = _speak(VOICES[tag], text)
    return wav(for_telephone(rate, samples, pause_seconds=pause_seconds))


def _speak(voice: Voice, text: str) -> tuple[int, list[int]]:
    program = shutil.which(PROGRAM)
    if program is None:
        raise DraftsUnavailable(
            f"{PROGRAM} is not installed, and the prompt {text!r} was not recorded: install it "
            f"(Debian: apt-get install {PROGRAM}), or record what `tambah prompts list` lists"
        )
    with tempfile.TemporaryDirectory(prefix="tambah-draft-") as folder:
        made = Path(folder, "draft.wav")
        done = subprocess.run(
            [program, *_options(voice), "-w", str(made), "--stdin"],
            # On standard input a text that begins with a dash is no option.
            input=_spell(voice, text).encode(),
            capture_output=True,
            timeout=_LONGEST_SECONDS,
            check=False,
        )
        said = done.stderr.decode(errors="replace").strip()
        if done.returncode:
            raise DraftsUnavailable(f"{PROGRAM} cannot speak with the voice {voice.name}: {said}")
        try:
            return read_wav(made)
        except SoundBroken as broken:
            raise DraftsUnavailable(f"{PROGRAM} wrote no sound: {broken} {said}") from broken


def _options(voice: Voice) -> list[str]:
    """Return the options of a voice: UTF-8 comes in, and no pause follows."""
    manner = ["-s", str(voice.speed), "-p", str(voice.pitch), "-g", str(voice.gap)]
    return ["-v", voice.name, *manner, "-b", "1", "-z"]


def _spell(voice: Voice, text: str) -> str:
    for written, heard in voice.spelt:
        text = text.replace(written, heard)
    return text
