"""tambah backup, restore: the database as a file, by PostgreSQL's own programs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import click
import rich_click

from tambah.app import Base
from tambah.cli.desk import with_base
from tambah.cli.frame import Answer, CommandRefused, answering, run
from tambah.cli.proving import prove
from tambah.cli.redaction import redact
from tambah.store.embedded import EmbeddedRefused, bin_dir
from tambah.store.migrate import HEAD, current_version, migrate
from tambah.store.views.server import has_tables, major_version

_NO_PEPPER = (
    "The pepper is not in it. Keep a copy of the pepper file elsewhere: without it, no recharge"
    " code of this backup can be redeemed."
)
_PEPPER_NEEDED = (
    "Put the pepper file of that database in its place before serving: TAMBAH_PEPPER_FILE, or"
    " `pepper` in the data directory."
)


@click.command(cls=rich_click.RichCommand)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@answering
def backup(file: Path) -> Answer:
    """Write the database to FILE, readable by its owner alone. The pepper is left out."""
    if file.exists():
        raise CommandRefused("file", f"{file} is there already; choose another name.")
    size = with_base(lambda base: _dump(base, file))
    document = {"file": file, "bytes": size, "pepper": False}
    return Answer(document=document, text=f"{file}: {size} bytes.\n{_NO_PEPPER}")


def _dump(base: Base, file: Path) -> int:
    """Write a dump beside its final name, and rename it when it is whole and on the disk."""
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as output:
            dsn, environ = _without_password(base.owner_dsn)
            command = [
                _program(base, "pg_dump"),
                "--format=custom",
                "--no-password",
                "--dbname",
                dsn,
            ]
            done = subprocess.run(
                command, stdout=output, stderr=subprocess.PIPE, env=environ, check=False
            )
            _insist(done)
            output.flush()
            os.fsync(output.fileno())
        part.rename(file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return file.stat().st_size


@click.command(cls=rich_click.RichCommand)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@answering
def restore(file: Path) -> Answer:
    """Read the backup FILE into an empty database, then prove its books."""

    def work(base: Base) -> Answer:
        if run(has_tables(base.owner_dsn)):
            raise CommandRefused(
                "database_not_empty",
                "The database has tables already; a backup is read into an empty one only.",
            )
        _load(base, file)
        return run(_finish(base, file))

    return with_base(work)


def _load(base: Base, file: Path) -> None:
    dsn, environ = _without_password(base.owner_dsn)
    command = [
        _program(base, "pg_restore"),
        "--single-transaction",
        "--exit-on-error",
        "--no-password",
    ]
    # Roles may be called otherwise here: who owns and who may is settled by `migrate`.
    command += ["--no-owner", "--no-privileges", "--dbname", dsn, str(file)]
    _insist(
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environ)
    )


async def _finish(base: Base, file: Path) -> Answer:
    version = await current_version(base.owner_dsn)
    if version is None or version > HEAD:
        raise CommandRefused(
            "schema_version", f"The backup is of version {version}; this program knows {HEAD}."
        )
    await migrate(base.owner_dsn, base.dsn)
    proof = await prove(base, full=True)
    document = {"file": file, "restored": True, "verify": proof.document}
    text = f"{file} is restored.\n{proof.text}\n{_PEPPER_NEEDED}"
    return Answer(document=document, text=text, is_wrong=proof.is_wrong)


def _program(base: Base, name: str) -> str:
    """Return PostgreSQL's program: the system's where it is of the server's version, else ours.

    A newer pg_restore sends settings that an older server does not know, and an older pg_dump
    does not read a newer server.
    """
    found = shutil.which(name)
    if base.embedded is None and found is not None:
        said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
        version = re.search(r"([0-9]+)\.", said.stdout)
        if version is not None and int(version[1]) == run(major_version(base.owner_dsn)):
            return found
    try:
        return str(bin_dir() / name)
    except EmbeddedRefused:
        if found is None:
            raise CommandRefused(
                "program_missing", f"{name} is not there: install PostgreSQL's client programs."
            ) from None
    return found


def _without_password(dsn: str) -> tuple[str, dict[str, str]]:
    """Return the address, and the environment with its password: command lines can be seen."""
    parts = urlsplit(dsn)
    account, at, host = parts.netloc.rpartition("@")
    user, _, password = account.partition(":")
    environ = dict(os.environ)
    if password:
        environ["PGPASSWORD"] = unquote(password)
    return urlunsplit(parts._replace(netloc=f"{user}{at}{host}")), environ


def _insist(done: subprocess.CompletedProcess[bytes]) -> None:
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()[-3:]
        raise CommandRefused("postgres_failed", redact("PostgreSQL says: " + " / ".join(said)))
