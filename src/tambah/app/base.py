"""What every command of ours stands on: the data's place, the database, keys, rules."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import tambah
from tambah.config import (
    ConfigError,
    Operator,
    Settings,
    read_operator,
)
from tambah.domain.rules import Rules
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys, new_pepper, parse_peppers
from tambah.engine.operator import operator_rules
from tambah.store.database import Database
from tambah.store.embedded import EmbeddedRefused, EmbeddedServer, default_data_dir
from tambah.store.stamps import read_stamps, write_stamp

DEMO_OPERATOR = Path(tambah.__file__).with_name("demo_operator.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What every command of ours stands on: where the data is, and the database itself.

    owner_dsn: the role that may create tables. embedded: our own server, None for the operator's.
    """

    settings: Settings
    data_dir: Path
    dsn: str
    owner_dsn: str
    embedded: EmbeddedServer | None

    def database(self) -> Database:
        """Return the database, not yet opened; a dead embedded server is revived by it."""
        return Database(self.dsn, self.embedded.ensure_running if self.embedded else None)

    def engine(self, database: Database, rules: Rules, keys: Keys, clock: Clock) -> Engine:
        """Return an engine on the database as the settings want it, not yet started."""
        return Engine(
            database,
            rules=rules,
            keys=keys,
            clock=clock,
            lanes=self.settings.lanes,
            queue_limit=self.settings.queue_limit,
        )

    def close(self) -> None:
        """Stop the embedded server, if this process started it."""
        if self.embedded is not None:
            self.embedded.stop()


def find_base(settings: Settings) -> Base:
    """Find the database that the settings name, starting the embedded one if need be. Blocks.

    Call it in the main thread: the server it starts ends with the thread that did.
    Raises ConfigError.
    """
    data_dir = Path(settings.data_dir) if settings.data_dir else default_data_dir()
    if settings.database_url:
        owner_dsn = settings.owner_database_url or settings.database_url
        return Base(
            settings=settings,
            data_dir=data_dir,
            dsn=settings.database_url,
            owner_dsn=owner_dsn,
            embedded=None,
        )
    try:
        server = EmbeddedServer.start(data_dir)
    except EmbeddedRefused as refused:
        raise ConfigError(str(refused)) from refused
    return Base(
        settings=settings,
        data_dir=data_dir,
        dsn=server.dsn,
        owner_dsn=server.owner_dsn,
        embedded=server,
    )


def read_keys(settings: Settings, data_dir: Path, *, make: bool) -> Keys:
    """Return the peppers: from the settings, else from data_dir/pepper, made there if `make`.

    Raises ConfigError.
    """
    path = data_dir / "pepper"
    try:
        if settings.pepper:
            return parse_peppers(settings.pepper)
        if not path.exists() and make:
            data_dir.mkdir(parents=True, exist_ok=True)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(new_pepper())
        return parse_peppers(path.read_text(encoding="ascii"))
    except FileNotFoundError as error:
        raise ConfigError(
            "there is no pepper: set TAMBAH_PEPPER_FILE to a file made with"
            " `openssl rand -hex 32`, kept apart from the database and its backups"
        ) from error
    except ValueError as error:
        raise ConfigError(f"the pepper cannot be used: {error}") from error


def read_rules(settings: Settings, *, demo: bool = False) -> tuple[Operator, Rules]:
    """Return operator.toml and the rules it makes. Raises ConfigError."""
    if settings.operator_file:
        path = Path(settings.operator_file)
    elif demo:
        path = DEMO_OPERATOR
    else:
        raise ConfigError(
            "set TAMBAH_OPERATOR_FILE to your operator.toml; `tambah init` writes one to begin"
            " with"
        )
    operator = read_operator(path)
    return operator, operator_rules(operator)


async def check_peppers(database: Database, keys: Keys) -> None:
    """Notice a wrong pepper: each leaves a canary in the database when first used.

    Raises ConfigError.
    """
    stamps = await read_stamps(database)
    for key_id in keys.peppers:
        stamped = stamps.get(f"pepper:{key_id}")
        if stamped is None:
            await write_stamp(database, f"pepper:{key_id}", keys.canary(key_id))
        elif stamped != keys.canary(key_id):
            raise ConfigError(
                f"pepper {key_id} is not the one that this database was made with; no code would"
                " be found. Restore the right pepper file"
            )
