"""What the dialogue says, as sound files in their order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from itertools import groupby
from pathlib import Path
from typing import Protocol

from tambah.channels.ivr.prompts import Prompts
from tambah.channels.talk import Utterance
from tambah.i18n import texts
from tambah.i18n.spoken.clips import speak


class Speech(Protocol):
    """Turns utterances into sound files."""

    async def files(self, tag: str, say: Sequence[Utterance]) -> list[Path]:
        """Return the files of what is said in a language, but for what says its own."""
        ...


class PromptSpeech:
    """Speaks in prompts: recorded, or drafted. zone: whose days the dates are."""

    def __init__(self, prompts: Prompts, zone: tzinfo) -> None:
        self._prompts = prompts
        self._zone = zone

    async def files(self, tag: str, say: Sequence[Utterance]) -> list[Path]:
        """Return the files of what is said. Raises DraftsUnavailable."""
        files: list[Path] = []
        for spoken, together in groupby(say, lambda utterance: utterance.tag or tag):
            clips = [
                clip
                for one in together
                for clip in speak(texts(spoken), one.key, one.params, zone=self._zone)
            ]
            files += await self._prompts.ready(spoken, clips)
        return files
