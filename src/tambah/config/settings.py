"""What the environment says: prefix TAMBAH_, each with a _FILE twin."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec


class ConfigError(Exception):
    """The configuration cannot be used; the text says what to change."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the environment says.

    database_url: a PostgreSQL of the operator's; empty means the embedded one under data_dir.
    owner_database_url: the same database as a role that may create tables; empty means the same.
    pepper: the peppers' text; empty lets a demo make its own in data_dir. stripe_api_url,
    paypal_api_url: other than the live service, for tests. bank_folder: watched for statements.
    recordings_dir: what the hotline says, recorded by people; empty means drafts alone.
    """

    database_url: str = ""
    owner_database_url: str = ""
    data_dir: str = ""
    listen: str = "127.0.0.1:8000"
    public_url: str = ""
    pepper: str = ""
    trusted_proxies: str = ""
    operator_file: str = ""
    queue_limit: int = 2000
    lanes: int = 1
    log_level: str = "info"
    listen_anywhere: str = ""
    stripe_secret_key: str = ""
    stripe_webhook_secret: str = ""
    stripe_api_url: str = ""
    paypal_client_id: str = ""
    paypal_client_secret: str = ""
    paypal_webhook_id: str = ""
    paypal_api_url: str = ""
    bank_folder: str = ""
    recordings_dir: str = ""
    sso_client_secret: str = ""


SECRET_SETTINGS = frozenset(
    {
        "pepper",
        "database_url",
        "owner_database_url",
        "stripe_secret_key",
        "stripe_webhook_secret",
        "paypal_client_secret",
        "sso_client_secret",
    }
)


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read TAMBAH_* and TAMBAH_*_FILE. Raises ConfigError."""
    values: dict[str, str] = {}
    for name in Settings.__struct_fields__:
        value = read_variable(f"TAMBAH_{name.upper()}", environ)
        if value is not None:
            values[name] = value
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"environment: {error}") from error


def read_variable(variable: str, environ: Mapping[str, str]) -> str | None:
    """Return a variable, or what the file of its twin holds; None when neither is set."""
    path = environ.get(f"{variable}_FILE")
    if variable in environ and path:
        raise ConfigError(f"set {variable} or {variable}_FILE, not both")
    if not path:
        return environ.get(variable)
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"{variable}_FILE: cannot read {path}: {error}") from error
