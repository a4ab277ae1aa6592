"""tambah migrate, verify, config: keeping an installation in order."""

from __future__ import annotations

from pathlib import Path

import click
import rich_click

import tambah.store.migrations
from tambah.app import Base
from tambah.cli.desk import with_base
from tambah.cli.frame import Answer, answering, run
from tambah.cli.proving import prove
from tambah.config import (
    SECRET_SETTINGS,
    Settings,
    gateway_secret,
    read_gateway_secrets,
    read_operator,
    read_settings,
    secret_variable,
)
from tambah.store.embedded import default_data_dir
from tambah.store.migrate import HEAD, current_version
from tambah.store.migrate import migrate as bring_up_to_date


@click.command(cls=rich_click.RichCommand)
@click.option("--plan", is_flag=True, help="Only say what would be done.")
@answering
def migrate(plan: bool) -> Answer:
    """Bring the database to this version's tables, partitions and grants."""

    async def work(base: Base) -> Answer:
        """Look at the version, then migrate unless only the plan is asked for."""
        before = await current_version(base.owner_dsn)
        pending = _pending(before)
        if not plan:
            await bring_up_to_date(base.owner_dsn, base.dsn)
        document = {"before": before, "target": HEAD, "pending": pending, "done": not plan}
        return Answer(document=document, text=_told(before, pending, plan=plan))

    return with_base(lambda base: run(work(base)))


def _pending(version: str | None) -> list[str]:
    """Return the migrations that come after a version, in their order."""
    folder = Path(tambah.store.migrations.__path__[0])
    names = sorted(path.stem for path in folder.glob("[0-9]*.sql"))
    return [name for name in names if version is None or name[: len(HEAD)] > version]


def _told(before: str | None, pending: list[str], *, plan: bool) -> str:
    if not pending:
        return f"The database is at version {before} already; partitions and grants are renewed."
    verb = "Would apply" if plan else "Applied"
    return f"{verb}: {', '.join(pending)}."


@click.command(cls=rich_click.RichCommand)
@click.option("--full", is_flag=True, help="From the first transfer on, not the last closing.")
@answering
def verify(full: bool) -> Answer:
    """Prove the books: every balance, sequence, voucher and audit row. Exit 1 if any is wrong."""
    return with_base(lambda base: run(prove(base, full=full)))


@click.group(cls=rich_click.RichGroup)
def config() -> None:
    """Look at the configuration."""


@config.command(cls=rich_click.RichCommand)
@answering
def show() -> Answer:
    """Show every setting, where it comes from TAMBAH_… and what holds; secrets are masked."""
    settings = read_settings()
    shown = {name: _value(settings, name) for name in settings.__struct_fields__}
    gateways = _gateways(settings)
    lines = [f"TAMBAH_{name.upper()}={value}" for name, value in shown.items()]
    lines += [f"{one['secret_variable']}={one['secret']}" for one in gateways]
    return Answer(document={**shown, "gateways": gateways}, text="\n".join(lines))


def _gateways(settings: Settings) -> list[dict[str, object]]:
    """Return operator.toml's gateways and whether each has its secret; none without the file."""
    if not settings.operator_file:
        return []
    secrets = read_gateway_secrets()
    return [
        {
            "name": entry.name,
            "kind": entry.kind,
            "trusted": entry.trusted,
            "secret_variable": secret_variable(entry.name),
            "secret": "(set, not shown)" if gateway_secret(entry, secrets) else "",
        }
        for entry in read_operator(Path(settings.operator_file)).gateways
    ]


def _value(settings: Settings, name: str) -> object:
    value: object = getattr(settings, name)
    if name in SECRET_SETTINGS:
        return "(set, not shown)" if value else ""
    if name == "data_dir" and not value:
        return str(default_data_dir())
    return value
