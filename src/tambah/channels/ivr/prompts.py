"""Where a prompt's sound is: the operator's recording if there is one, else a draft."""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import structlog

from tambah.channels.ivr.drafts import digest, draft, is_installed
from tambah.channels.ivr.sound import fault_of
from tambah.i18n import LANGUAGES
from tambah.i18n.spoken import Clip, every_clip

log = structlog.get_logger(__name__)
DRAFTS = "prompts"
"""The drafts' folder within the data directory."""


class Prompts:
    """The sound files of every language: `<recordings>/ms/num.21.wav`, or a draft of ours.

    Recordings are looked up whenever they are played: a file put there, or taken away, counts
    from the next call on. One that the telephone cannot play is passed over, which is logged once.
    """

    def __init__(self, *, recordings: Path | None, drafts: Path) -> None:
        self._recordings = recordings
        self._drafts = drafts
        self._guard = threading.Lock()
        self._making: dict[Path, threading.Lock] = {}
        self._complained: set[tuple[Path, str]] = set()

    async def ready(self, tag: str, clips: Sequence[Clip]) -> list[Path]:
        """Return the clips' files in their order; drafts that are missing are made first.

        Raises DraftsUnavailable.
        """
        return await asyncio.to_thread(self._paths, tag, clips)

    def path(self, tag: str, clip: Clip) -> Path:
        """Return a clip's file; a draft that is missing is made first. Blocks meanwhile.

        Raises DraftsUnavailable.
        """
        recording = self.recording(tag, clip)
        if recording is not None:
            fault = fault_of_recording(recording)
            if not fault:
                return recording
            self._complain(recording, fault)
        made = self.draft_path(tag, clip)
        if not made.exists():
            self._make(tag, clip, made)
        return made

    async def warm(self) -> None:
        """Make every draft that may be spoken, one by one, so that no caller waits for one."""
        for tag in LANGUAGES:
            for clip in every_clip(tag):
                await self.ready(tag, (clip,))

    def require_all(self) -> None:
        """Refuse to go without sound. Raises DraftsUnavailable, which says what is missing."""
        if not is_installed():
            for tag in LANGUAGES:
                self._paths(tag, [clip for clip in every_clip(tag) if not clip.is_silent])

    def recording(self, tag: str, clip: Clip) -> Path | None:
        """Return the operator's file of a clip, playable or not; None when there is none."""
        if self._recordings is None:
            return None
        path = self._recordings / tag / f"{clip.name}.wav"
        return path if path.exists() else None

    def draft_path(self, tag: str, clip: Clip) -> Path:
        """Return where a clip's draft is once it is made: another text has another file."""
        return self._drafts / tag / f"{clip.name}.{digest(tag, clip.text)}.wav"

    def _paths(self, tag: str, clips: Sequence[Clip]) -> list[Path]:
        return [self.path(tag, clip) for clip in clips]

    def _make(self, tag: str, clip: Clip, path: Path) -> None:
        """Make a draft, once in this process; another process may make the same beside it."""
        with self._guard:
            making = self._making.setdefault(path, threading.Lock())
        with making:
            if not path.exists():
                _write(path, draft(tag, clip.text))
        with self._guard:
            self._making.pop(path, None)

    def _complain(self, recording: Path, fault: str) -> None:
        with self._guard:
            if (recording, fault) in self._complained:
                return
            self._complained.add((recording, fault))
        log.warning("recording passed over", file=str(recording), reason=fault)


def fault_of_recording(path: Path) -> str:
    """Return why a recording cannot be played, nothing when it can; looked at once a version."""
    try:
        found = path.stat()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return _fault_of_version(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=10_000)
def _fault_of_version(path: Path, _changed_ns: int, _bytes: int) -> str:
    return fault_of(path)


def _write(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all, for whoever plays it to read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, unfinished = tempfile.mkstemp(prefix=".unfinished-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        # Asterisk plays it, as a user of its own.
        Path(unfinished).chmod(0o644)
        Path(unfinished).replace(path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
