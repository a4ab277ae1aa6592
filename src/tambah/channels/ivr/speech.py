"""What the dialogue says, as sound files in their order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from itertools import groupby
from pathlib import Path
from typing import Protocol

from tambah.channels.ivr.prompts import Prompts
from tambah.channels.talk import Utterance, Value
from tambah.domain.numbering import NumberPlan, national_digits
from tambah.i18n import texts
from tambah.i18n.spoken.clips import Clip, speak

NUMBER = "number_digits"
"""The param that is a telephone number (E.164)."""


class Speech(Protocol):
    """Turns utterances into sound files."""

    async def files(self, tag: str, say: Sequence[Utterance]) -> list[Path]:
        """Return the files of what is said in a language, but for what says its own."""
        ...


class PromptSpeech:
    """Speaks in prompts: recorded, or drafted.

    zone: whose days the dates are; plan: numbers are spoken as they are dialled at home.
    """

    def __init__(self, prompts: Prompts, zone: tzinfo, plan: NumberPlan) -> None:
        self._prompts = prompts
        self._zone = zone
        self._plan = plan

    async def files(self, tag: str, say: Sequence[Utterance]) -> list[Path]:
        """Return the files of what is said. Raises DraftsUnavailable."""
        files: list[Path] = []
        for spoken, together in groupby(say, lambda utterance: utterance.tag or tag):
            clips = [clip for utterance in together for clip in self._clips(spoken, utterance)]
            files += await self._prompts.ready(spoken, clips)
        return files

    def _clips(self, tag: str, utterance: Utterance) -> tuple[Clip, ...]:
        params = {name: self._spoken(name, value) for name, value in utterance.params.items()}
        return speak(texts(tag), utterance.key, params, zone=self._zone)

    def _spoken(self, name: str, value: Value) -> Value:
        return national_digits(int(value), self._plan) if name == NUMBER else value
