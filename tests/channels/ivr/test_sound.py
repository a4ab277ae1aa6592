"""Sound for the telephone: resampled without aliases, levelled, trimmed, read with care."""

from __future__ import annotations

import math
import wave
from array import array
from pathlib import Path

import pytest

from tambah.channels.ivr.sound import (
    MOST_PEAK,
    RATE,
    TARGET_RMS,
    SoundBroken,
    fault_of,
    for_telephone,
    read_wav,
    resample,
    silence,
    speech_rms,
    wav,
)


def tone(hertz: float, *, rate: int = 22_050, seconds: float = 0.5, peak: float = 10_000):
    return [peak * math.sin(2 * math.pi * hertz * n / rate) for n in range(round(rate * seconds))]


def decibels(samples: list[float], reference: float) -> float:
    """Return how loud the middle of a sound is."""
    middle = samples[len(samples) // 4 : -len(samples) // 4]
    rms = math.sqrt(sum(x * x for x in middle) / len(middle))
    return 20 * math.log10(max(rms, 1e-9) / (reference / math.sqrt(2)))


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050, 44_100])
@pytest.mark.parametrize("hertz", [300, 1000, 2500])
def test_resampling_keeps_what_a_telephone_carries(rate: int, hertz: int) -> None:
    if rate < 2 * hertz:
        pytest.skip("no such tone at that rate")
    resampled = resample(rate, tone(hertz, rate=rate))

    assert len(resampled) == pytest.approx(RATE / 2, abs=1)
    assert abs(decibels(resampled, 10_000)) < 0.2
    expected = tone(hertz, rate=RATE)
    middle = slice(RATE // 8, RATE // 4)
    assert max(abs(a - b) for a, b in zip(resampled[middle], expected[middle], strict=True)) < 200


@pytest.mark.parametrize("hertz", [4200, 5000, 6000, 8000, 10_500])
def test_resampling_leaves_out_what_would_come_back_as_noise(hertz: int) -> None:
    assert decibels(resample(22_050, tone(hertz)), 10_000) < -45


@pytest.mark.parametrize("peak", [300, 3000, 30_000])
def test_speech_comes_out_equally_loud(peak: float) -> None:
    quiet = [0.0] * 11_025
    made = for_telephone(22_050, [*quiet, *tone(500, peak=peak), *quiet], pause_seconds=0.25)

    assert speech_rms(made) == pytest.approx(TARGET_RMS, rel=0.05)
    assert len(made) / RATE == pytest.approx(0.5 + 0.25, abs=0.07)
    assert made[0] == 0
    assert made[-RATE // 5 :] == [0.0] * (RATE // 5)


def test_a_sound_with_sharp_peaks_stays_below_full_scale() -> None:
    crackle = [30_000.0 if n % 441 == 0 else 10.0 for n in range(22_050)]
    made = for_telephone(22_050, crackle, pause_seconds=0)
    assert max(map(abs, made)) <= MOST_PEAK


def test_nothing_spoken_is_a_pause() -> None:
    assert for_telephone(22_050, [0] * 22_050, pause_seconds=0.2) == silence(0.2)
    assert for_telephone(22_050, [], pause_seconds=0.2) == silence(0.2)


def test_a_wav_file_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "one.wav"
    path.write_bytes(wav([0.4, -1.6, 40_000.0, -40_000.0]))
    assert read_wav(path) == (RATE, [0, -2, 32_767, -32_767])


def write(path: Path, *, rate: int = RATE, channels: int = 1, width: int = 2, loud: bool = True):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes((b"\x07" if loud else b"\x00") * 1600 * channels * width)


def test_a_recording_for_the_telephone_has_no_fault(tmp_path: Path) -> None:
    write(tmp_path / "right.wav")
    assert fault_of(tmp_path / "right.wav") == ""


@pytest.mark.parametrize(
    ("format", "fault"),
    [
        ({"rate": 44_100}, "44100 samples a second, not 8000"),
        ({"channels": 2}, "2 channels, not one (mono)"),
        ({"width": 1}, "8 bits a sample, not 16"),
        ({"width": 3}, "24 bits a sample, not 16"),
        ({"loud": False}, "nothing is heard on it"),
    ],
)
def test_a_recording_of_another_format_says_of_which(
    tmp_path: Path, format: dict[str, int], fault: str
) -> None:
    write(tmp_path / "wrong.wav", **format)
    assert fault_of(tmp_path / "wrong.wav") == fault


@pytest.mark.parametrize(
    "content", [b"", b"RIFF", b"ID3\x04 an MP3 in truth", wav([1.0] * 100)[:30]]
)
def test_a_file_that_is_no_wav_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.wav"
    path.write_bytes(content)
    assert fault_of(path).startswith("not a WAV file of plain samples (PCM): ")
    with pytest.raises(SoundBroken):
        read_wav(path)


def test_a_wav_that_is_cut_off_is_none(tmp_path: Path) -> None:
    path = tmp_path / "cut.wav"
    path.write_bytes(wav([1000.0] * 100)[:-51])
    assert "PCM" in fault_of(path)


def test_other_codecs_are_refused(tmp_path: Path) -> None:
    plain = bytearray(wav([1000.0] * 100))
    plain[20:22] = array("H", [7]).tobytes()  # G.711 mu-law
    path = tmp_path / "mulaw.wav"
    path.write_bytes(plain)
    assert fault_of(path) == "not a WAV file of plain samples (PCM): unknown format: 7"


def test_a_folder_in_a_recordings_place_cannot_be_read(tmp_path: Path) -> None:
    assert fault_of(tmp_path) == "cannot be read: Is a directory"
