"""Sound for the telephone: 8,000 samples a second, one channel, 16 bits, in WAV files.

In plain Python: drafts are made once, a second of speech takes some 50 ms.
"""

from __future__ import annotations

import io
import math
import wave
from array import array
from collections.abc import Sequence
from functools import cache
from operator import mul
from pathlib import Path

RATE = 8000
_SAMPLE_BYTES = 2
_FULL_SCALE = 32767
# A telephone line carries up to 3,400 Hz; whatever is above 4,000 Hz would come back as noise.
_CUT_OFF_HZ = 3600
# Samples on each side of the low-pass filter: at espeak-ng's rate it falls by 50 dB from 3,150 to
# 4,050 Hz.
_REACH = 40
_FRAME = RATE // 50
# Speech lies within 30 dB of its loudest frame; below 40 dB is what is cut off at both ends.
_SPEECH_RATIO = 10 ** (-30 / 20)
_EDGE_RATIO = 10 ** (-40 / 20)
# 20 dB below full scale while somebody speaks, as announcements are levelled; peaks stay clear.
TARGET_RMS = _FULL_SCALE * 10 ** (-20 / 20)
MOST_PEAK = _FULL_SCALE * 10 ** (-2 / 20)
_FADE = RATE // 200


class SoundBroken(Exception):
    """A file holds no sound that the telephone can play; the text says why."""


def read_wav(path: Path) -> tuple[int, list[int]]:
    """Return the rate and the samples of a WAV file of one channel and 16 bits.

    Raises SoundBroken.
    """
    try:
        with wave.open(str(path), "rb") as file:
            if file.getnchannels() != 1:
                raise SoundBroken(f"{file.getnchannels()} channels, not one (mono)")
            if file.getsampwidth() != _SAMPLE_BYTES:
                raise SoundBroken(f"{file.getsampwidth() * 8} bits a sample, not 16")
            return file.getframerate(), list(array("h", file.readframes(file.getnframes())))
    except (wave.Error, EOFError, ValueError) as error:
        raise SoundBroken(f"not a WAV file of plain samples (PCM): {error}") from error
    except OSError as error:
        raise SoundBroken(f"cannot be read: {error.strerror or error}") from error


def fault_of(path: Path) -> str:
    """Return why a recording cannot be played on the telephone; nothing when it can."""
    try:
        rate, samples = read_wav(path)
    except SoundBroken as broken:
        return str(broken)
    if rate != RATE:
        return f"{rate} samples a second, not {RATE}"
    if not any(samples):
        return "nothing is heard on it"
    return ""


def wav(samples: Sequence[float]) -> bytes:
    """Return a WAV file of samples at the telephone's rate."""
    plain = array("h", (max(-_FULL_SCALE, min(_FULL_SCALE, round(x))) for x in samples))
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(_SAMPLE_BYTES)
        out.setframerate(RATE)
        out.writeframes(plain.tobytes())
    return file.getvalue()


def silence(seconds: float) -> list[float]:
    """Return samples of nothing."""
    return [0.0] * round(RATE * seconds)


def for_telephone(rate: int, samples: Sequence[float], *, pause_seconds: float) -> list[float]:
    """Return speech as the telephone plays it: resampled, without silence around it, levelled.

    pause_seconds: of silence after it, before whatever is said next.
    """
    spoken = _trim(resample(rate, samples))
    if not spoken:
        return silence(pause_seconds)
    return [*_fade(_level(spoken)), *silence(pause_seconds)]


def resample(rate: int, samples: Sequence[float]) -> list[float]:
    """Return samples at the telephone's rate, low-passed below half of it."""
    step = math.gcd(rate, RATE)
    up, down = RATE // step, rate // step
    padded = [*([0.0] * (_REACH - 1)), *samples, *([0.0] * (_REACH + 1))]
    filters = _filters(rate, up)
    resampled: list[float] = []
    for n in range(len(samples) * up // down):
        first, phase = divmod(n * down, up)
        resampled.append(sum(map(mul, filters[phase], padded[first : first + 2 * _REACH])))
    return resampled


@cache
def _filters(rate: int, up: int) -> list[list[float]]:
    """Return the low-pass filter at each place that a new sample may have between two old ones."""
    share = 2 * min(_CUT_OFF_HZ, rate / 2) / rate
    filters: list[list[float]] = []
    for phase in range(up):
        taps: list[float] = []
        for tap in range(1 - _REACH, _REACH + 1):
            at = tap - phase / up
            window = 0.54 + 0.46 * math.cos(math.pi * at / _REACH)
            angle = math.pi * share * at
            taps.append(share * window * (math.sin(angle) / angle if angle else 1.0))
        filters.append(taps)
    return filters


def speech_rms(samples: Sequence[float]) -> float:
    """Return how loud speech is while it lasts: pauses within it are left out."""
    frames = _frame_levels(samples)
    loudest = max(frames, default=0.0)
    spoken = [level for level in frames if level >= loudest * _SPEECH_RATIO]
    return math.sqrt(sum(level * level for level in spoken) / len(spoken)) if spoken else 0.0


def _level(samples: list[float]) -> list[float]:
    rms, peak = speech_rms(samples), max(map(abs, samples))
    gain = min(TARGET_RMS / rms, MOST_PEAK / peak) if rms and peak else 1.0
    return [sample * gain for sample in samples]


def _trim(samples: list[float]) -> list[float]:
    """Cut off the silence at both ends, but for a frame."""
    frames = _frame_levels(samples)
    least = max(frames, default=0.0) * _EDGE_RATIO
    heard = [n for n, level in enumerate(frames) if level > least]
    if not heard:
        return []
    return samples[max(0, heard[0] - 1) * _FRAME : (heard[-1] + 2) * _FRAME]


def _frame_levels(samples: Sequence[float]) -> list[float]:
    """Return the RMS of each fiftieth of a second."""
    frames = (samples[at : at + _FRAME] for at in range(0, len(samples), _FRAME))
    return [math.sqrt(sum(map(mul, frame, frame)) / len(frame)) for frame in frames]


def _fade(samples: list[float]) -> list[float]:
    """Let both ends begin from nothing, so that no click is heard where clips meet."""
    faded = samples.copy()
    for n in range(min(_FADE, len(faded))):
        faded[n] *= n / _FADE
        faded[-1 - n] *= n / _FADE
    return faded
