"""What every command has in common: `--json`, its answer, its refusals, its exit status."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn, ParamSpec, TypeVar, cast

import click
import uvloop

from tambah.cli.instants import operator_zone
from tambah.cli.redaction import redact
from tambah.config import ConfigError
from tambah.domain.refusals import Refusal, Unavailable
from tambah.engine.importing import FileRefused
from tambah.engine.vouchers import PrintFailed, PrintFileDamaged, TemplateBroken
from tambah.i18n import texts
from tambah.i18n.negotiation import DEFAULT_TAG, match
from tambah.i18n.zones import name_zone
from tambah.store.database import CONNECTION_LOST
from tambah.store.embedded import EmbeddedFailed, EmbeddedRefused

_Arguments = ParamSpec("_Arguments")
_Value = TypeVar("_Value")
_INTERRUPTED = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command says. document: for `--json`; text: for people. is_wrong: exit status 1."""

    document: object
    text: str
    is_wrong: bool = False


class CommandRefused(Exception):
    """The command line itself says no; the text says what to do. code: for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def answering(function: Callable[_Arguments, Answer]) -> Callable[..., None]:
    """Make a command of a function that returns an Answer: add --json, turn errors into refusals.

    Standard output carries the answer and nothing else.
    """

    @click.option("--json", "as_json", is_flag=True, help="Answer with one JSON document.")
    @wraps(function)
    def command(as_json: bool, *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> None:
        try:
            answer = function(*args, **kwargs)
        except _EXPECTED as error:
            refuse(error, as_json=as_json)
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            sys.exit(_INTERRUPTED)
        say(answer, as_json=as_json)
        if answer.is_wrong:
            sys.exit(1)

    return command


def say(answer: Answer, *, as_json: bool) -> None:
    """Write an answer to standard output."""
    text = to_json(answer.document) if as_json else answer.text
    click.echo(text)


def refuse(error: BaseException, *, as_json: bool) -> NoReturn:
    """Write why not to standard error and end with status 1."""
    code, message = describe(error)
    if as_json:
        click.echo(to_json({"error": {"code": code, "message": message}}), err=True)
    else:
        click.echo(f"{message} ({code})", err=True)
    sys.exit(1)


def describe(error: BaseException) -> tuple[str, str]:
    """Return an expected error's code, and its sentence in the language of the environment."""
    if isinstance(error, Refusal):
        return error.code, sentence(error)
    if isinstance(error, CommandRefused):
        return error.code, str(error)
    if isinstance(error, FileRefused):
        return error.code, str(error)
    if isinstance(error, PrintFailed | PrintFileDamaged):
        return "print_file_failed", str(error) or (type(error).__doc__ or "")
    if isinstance(error, TemplateBroken):
        return "template_broken", str(error)
    if isinstance(error, EmbeddedRefused | EmbeddedFailed | ConfigError):
        return "configuration", redact(str(error))
    if isinstance(
        error, FileNotFoundError | FileExistsError | PermissionError | IsADirectoryError
    ):
        return "file", redact(f"{error.strerror or error}: {error.filename or ''}".rstrip(": "))
    return Unavailable.code, sentence(Unavailable())


def sentence(refusal: Refusal) -> str:
    """Return a refusal's sentences in the language of LC_ALL, LC_MESSAGES or LANG."""
    try:
        said = texts(language_tag()).refusal(refusal, zone := operator_zone())
    except KeyError:
        return (type(refusal).__doc__ or refusal.code).partition("\n")[0]
    tells_time = any(isinstance(value, datetime) for value in refusal.params.values())
    return f"{said} ({name_zone(str(zone))})" if tells_time else said


def language_tag() -> str:
    """Return the tag of LANGUAGES that the environment asks for, English when it does not."""
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(variable):
            return match(value.partition(".")[0]) or DEFAULT_TAG
    return DEFAULT_TAG


def run(work: Coroutine[Any, Any, _Value]) -> _Value:
    """Run a coroutine to its end on uvloop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def to_json(document: object) -> str:
    """Write a document: instants in ISO 8601, enumerations by name, digests in hexadecimal."""
    return json.dumps(_plain(document), ensure_ascii=False, indent=2)


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.name.lower()
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, object]", value).items()
        return {name: _plain(item) for name, item in pairs}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in cast("list[object]", value)]
    raise TypeError(f"no JSON for {type(value).__name__}")


_OF_FILES = (FileNotFoundError, FileExistsError, PermissionError, IsADirectoryError)
_EXPECTED = (
    Refusal,
    CommandRefused,
    ConfigError,
    FileRefused,
    PrintFailed,
    PrintFileDamaged,
    TemplateBroken,
    EmbeddedRefused,
    EmbeddedFailed,
    *CONNECTION_LOST,
)
