"""A group of commands whose modules are loaded when one of them is called."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import rich_click as click


class LazyGroup(click.RichGroup):
    """Lists its commands from a table, and imports only the one that is called."""

    targets: Mapping[str, tuple[str, str]]

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[Any, Any, list[str]]:
        """Load the command that is called in place of its stand-in."""
        if args and args[0] in self.targets:
            self.add_command(self._load(args[0]), args[0])
        return super().resolve_command(ctx, args)

    def _load(self, name: str) -> click.Command:
        module, _, attribute = self.targets[name][0].partition(":")
        return getattr(import_module(module), attribute)


def lazy_group(targets: Mapping[str, tuple[str, str]], **settings: Any) -> LazyGroup:
    """Return a group. targets: by name, where the command is (`module:name`) and its help."""
    group = LazyGroup(name="tambah", **settings)
    group.targets = targets
    for name, (_, text) in targets.items():
        group.add_command(click.RichCommand(name=name, help=text), name)
    return group
