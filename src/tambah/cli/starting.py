"""tambah init: the files that a new installation stands on."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path

import click
import rich_click

import tambah
from tambah.cli.frame import Answer, answering
from tambah.config import ConfigError, parse_operator
from tambah.engine.keys import new_pepper

_START = Path(tambah.__file__).parent / "operator_start.toml"
_NOT_IN_QUOTES = frozenset('"$`\\\n')


@click.command(cls=rich_click.RichCommand)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--name", required=True, help="Your brand, as pages show it.")
@click.option("--short-name", default="", help="As messages show it, 11 characters at most.")
@click.option("--hotline", default="", help="The number that subscribers call.")
@click.option("--colour", default="#0b5d57", show_default=True, help="Pages are drawn in it.")
@click.option("--public-url", default="", help="The address that the world uses.")
@answering
def init(
    folder: Path, name: str, short_name: str, hotline: str, colour: str, public_url: str
) -> Answer:
    """Write operator.toml, a new pepper and the environment of a new installation to FOLDER.

    Nothing that is there already is touched.
    """
    folder = folder.expanduser().absolute()
    brand = {"name": name, "short_name": short_name, "hotline": hotline, "colour": colour}
    operator = _operator(brand)
    parse_operator(operator, folder / "operator.toml")
    texts = {
        folder / "operator.toml": operator,
        folder / "pepper": new_pepper(),
        folder / "environment": _environment(folder, public_url),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for path in texts:
        if path.exists():
            raise FileExistsError(errno.EEXIST, "There already; nothing was written", str(path))
    for path, text in texts.items():
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
    return Answer(document={"files": [str(path) for path in texts]}, text=_next(folder))


def _operator(brand: Mapping[str, str]) -> str:
    """Return the text of operator.toml with a brand in it."""
    lines = _START.read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(_filled(line, brand) for line in lines)


def _filled(line: str, brand: Mapping[str, str]) -> str:
    """Put a value in its line; a string of TOML is written as one of JSON is."""
    entry, equals, what = line.partition(" = ")
    if not equals or not what.startswith(entry.upper()):
        return line
    return f"{entry} = {json.dumps(brand[entry], ensure_ascii=False)}{what[len(entry) :]}"


def _environment(folder: Path, public_url: str) -> str:
    """Return what a shell and systemd's EnvironmentFile both read."""
    values = {
        "TAMBAH_DATA_DIR": folder / "data",
        "TAMBAH_OPERATOR_FILE": folder / "operator.toml",
        "TAMBAH_PEPPER_FILE": folder / "pepper",
        "TAMBAH_LISTEN": "127.0.0.1:8000",
        "TAMBAH_PUBLIC_URL": public_url,
    }
    said = {name: str(value) for name, value in values.items() if str(value)}
    for name, value in said.items():
        if set(value) & _NOT_IN_QUOTES:
            raise ConfigError(f"{name}: {value!r} cannot be written between quotes")
    return "".join(f'{name}="{value}"\n' for name, value in said.items())


def _next(folder: Path) -> str:
    return "\n".join(
        [
            f"Written to {folder}: operator.toml, pepper, environment.",
            "Copy the pepper to a second safe place: without it no card can ever be redeemed.",
            "Write what you sell into operator.toml. Then, in this shell or in the unit:",
            f'  set -a; . "{folder / "environment"}"; set +a',
            "  tambah serve &",
            "  tambah doctor",
        ]
    )
