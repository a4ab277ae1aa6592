"""tambah prompts …: what the hotline says, what is to be recorded, and what is wrong with it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
import rich_click

from tambah.channels.ivr.drafts import is_installed
from tambah.channels.ivr.prompts import DRAFTS, Prompts, fault_of_recording
from tambah.cli.frame import Answer, answering
from tambah.cli.progress import progress
from tambah.config import Settings, read_settings
from tambah.i18n import LANGUAGES
from tambah.i18n.spoken import Clip, contexts, every_clip
from tambah.store.embedded import default_data_dir

_Function = TypeVar("_Function", bound=Callable[..., Any])
# Of one kind, before a list of files only says how many more there are.
_MOST_LISTED = 10


def _of_language(function: _Function) -> _Function:
    return click.option(
        "--language", type=click.Choice(list(LANGUAGES)), help="Only of this language."
    )(function)


@click.group(cls=rich_click.RichGroup)
def prompts() -> None:
    """List what the hotline says, draft it, check recordings of it."""


@prompts.command("list", cls=rich_click.RichCommand)
@_of_language
@answering
def list_command(language: str | None) -> Answer:
    """List what there is to record, as CSV: language, file, text, and the whole text it is in.

    Put the files where TAMBAH_RECORDINGS_DIR says, in a folder for each language. They are WAV
    files of 8000 samples a second, one channel, 16 bits.
    """
    rows = [row for tag in _tags(language) for row in _to_record(tag)]
    file = io.StringIO()
    out = csv.DictWriter(file, ["language", "file", "text", "within"], lineterminator="\n")
    out.writeheader()
    out.writerows(rows)
    return Answer(document={"prompts": rows}, text=file.getvalue().rstrip("\n"))


@prompts.command("render", cls=rich_click.RichCommand)
@_of_language
@answering
def render_command(language: str | None) -> Answer:
    """Make every draft that is missing, so that no caller waits for one. Takes espeak-ng."""
    settings = read_settings()
    folder = _drafts(settings)
    # As the service makes it: others may pass through it to the drafts, but not look around.
    folder.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    drafted = Prompts(recordings=None, drafts=folder)
    wanted = [(tag, clip) for tag in _tags(language) for clip in every_clip(tag)]
    missing = [(tag, clip) for tag, clip in wanted if not drafted.draft_path(tag, clip).exists()]
    with progress("Drafts") as advance:
        for done, (tag, clip) in enumerate(missing, 1):
            drafted.path(tag, clip)
            advance(done, len(missing))
    return Answer(
        document={"folder": str(folder), "made": len(missing), "drafts": len(wanted)},
        text=f"{len(missing)} drafts made; all {len(wanted)} are in {folder}.",
    )


@prompts.command("check", cls=rich_click.RichCommand)
@_of_language
@answering
def check_command(language: str | None) -> Answer:
    """Say which recordings are there, which are missing, and which cannot be played.

    Status 1 when one cannot be played or is no prompt's, or when something that is missing cannot
    be drafted either.
    """
    settings = read_settings()
    recordings = Path(settings.recordings_dir) if settings.recordings_dir else None
    checked = [_check(tag, recordings) for tag in _tags(language)]
    can_draft = is_installed()
    lines = [line for one in checked for line in _lines(one)]
    if recordings is None:
        lines.append("TAMBAH_RECORDINGS_DIR is not set: drafts are spoken.")
    if not can_draft:
        lines.append("espeak-ng is not installed: what is missing cannot be drafted.")
    is_wrong = any(
        one.unusable or one.unknown or (one.missing and not can_draft) for one in checked
    )
    document = {
        "folder": str(recordings) if recordings else None,
        "can_draft": can_draft,
        "languages": {one.tag: _document(one) for one in checked},
    }
    return Answer(document=document, text="\n".join(lines), is_wrong=is_wrong)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checked:
    """A language's recordings by file name. unusable: with why. unknown: no prompt has them."""

    tag: str
    recorded: list[str]
    missing: list[str]
    unusable: dict[str, str]
    unknown: list[str]


def _check(tag: str, recordings: Path | None) -> _Checked:
    """Look at every recording that a language has or lacks."""
    folder = recordings / tag if recordings else None
    there = {path.name: path for path in folder.glob("*")} if folder else {}
    wanted = [_file(clip) for clip in _recordable(tag)]
    # A pause may be recorded too, but need not be.
    known = {_file(clip) for clip in every_clip(tag)}
    faults = {name: fault_of_recording(there[name]) for name in sorted(known & there.keys())}
    return _Checked(
        tag=tag,
        recorded=[name for name in wanted if faults.get(name) == ""],
        missing=[name for name in wanted if name not in there],
        unusable={name: fault for name, fault in faults.items() if fault},
        unknown=sorted(there.keys() - known),
    )


def _document(checked: _Checked) -> dict[str, object]:
    return {
        "recorded": checked.recorded,
        "missing": checked.missing,
        "unusable": checked.unusable,
        "unknown": checked.unknown,
    }


def _lines(checked: _Checked) -> Iterator[str]:
    yield (
        f"{checked.tag}: {len(checked.recorded)} recorded, {len(checked.missing)} missing,"
        f" {len(checked.unusable)} unusable, {len(checked.unknown)} unknown"
    )
    for name, fault in checked.unusable.items():
        yield f"  {checked.tag}/{name}: {fault}"
    for name in checked.unknown:
        yield f"  {checked.tag}/{name}: no prompt has this name"
    if checked.recorded:
        for name in checked.missing[:_MOST_LISTED]:
            yield f"  {checked.tag}/{name}: missing"
        if more := checked.missing[_MOST_LISTED:]:
            yield f"  and {len(more)} more missing; --json has them all"


def _to_record(tag: str) -> Iterator[dict[str, str]]:
    whole = contexts(tag)
    for clip in _recordable(tag):
        within = whole.get(clip.name, "")
        yield {
            "language": tag,
            "file": f"{tag}/{_file(clip)}",
            "text": clip.text,
            "within": within if within != clip.text else "",
        }


def _recordable(tag: str) -> list[Clip]:
    return [clip for clip in every_clip(tag) if not clip.is_silent]


def _file(clip: Clip) -> str:
    return f"{clip.name}.wav"


def _tags(language: str | None) -> list[str]:
    return [language] if language else list(LANGUAGES)


def _drafts(settings: Settings) -> Path:
    return (Path(settings.data_dir) if settings.data_dir else default_data_dir()) / DRAFTS
