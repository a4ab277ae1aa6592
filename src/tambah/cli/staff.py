"""tambah staff …: who may use the console."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
import rich_click

from tambah.cli.asking import ask_for, takes_two
from tambah.cli.desk import Desk, actor, at_desk
from tambah.cli.frame import Answer, answering
from tambah.cli.options import reason
from tambah.domain.approval import Deed
from tambah.domain.staff import INVITATION_HOURS, Role, Staff, fold_name
from tambah.engine.approving.asks import ask_invitation, ask_roles
from tambah.engine.staff import change_roles, invite, invite_again
from tambah.engine.staff import disable as disable_staff
from tambah.store.staff import list_staff

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _takes_roles(function: _Function) -> _Function:
    """Add --role, which may be given several times."""
    return click.option(
        "--role",
        "roles",
        type=click.Choice([role.value for role in Role]),
        multiple=True,
        required=True,
        help="What they are; may be given several times.",
    )(function)


@click.group(cls=rich_click.RichGroup)
def staff() -> None:
    """Give staff access to the console, and take it away. NAME is what they sign in with."""


@staff.command("add", cls=rich_click.RichCommand)
@click.argument("name")
@_takes_roles
@reason
@answering
def add(name: str, roles: tuple[str, ...], reason: str) -> Answer:
    """Add NAME and print the path of the invitation, once."""

    async def work(desk: Desk) -> Answer:
        """Invite them, or ask for it."""
        chosen, who = [Role(role) for role in roles], actor(reason)
        if await takes_two(desk, Deed.INVITE_STAFF):
            return await ask_for(desk, ask_invitation(name, chosen), who)
        path = await invite(desk.database, desk.keys, name, chosen, actor=who)
        return _invited(desk, name, path)

    return at_desk(work)


@staff.command("invite-again", cls=rich_click.RichCommand)
@click.argument("name")
@reason
@answering
def again(name: str, reason: str) -> Answer:
    """Let NAME choose password and authenticator anew; the old ones end at once."""

    async def work(desk: Desk) -> Answer:
        """Invite them again."""
        path = await invite_again(desk.database, desk.keys, name, actor=actor(reason))
        return _invited(desk, name, path)

    return at_desk(work)


@staff.command("list", cls=rich_click.RichCommand)
@answering
def list_command() -> Answer:
    """List everybody, those disabled too."""

    async def work(desk: Desk) -> Answer:
        """Read them."""
        everybody = await list_staff(desk.database)
        document = [_document(one, is_locked=one.is_locked(desk.now)) for one in everybody]
        lines = [
            f"{one.name}  {one.state.name.lower()}  {', '.join(one.roles)}"
            f"{'  WAITS' if one.is_locked(desk.now) else ''}"
            for one in everybody
        ]
        return Answer(document={"items": document}, text="\n".join(lines) or "There is nobody.")

    return at_desk(work)


@staff.command("roles", cls=rich_click.RichCommand)
@click.argument("name")
@_takes_roles
@reason
@answering
def roles_command(name: str, roles: tuple[str, ...], reason: str) -> Answer:
    """Give NAME these roles instead of those before."""

    async def work(desk: Desk) -> Answer:
        """Change them, or ask for it."""
        chosen = [Role(role) for role in roles]
        if await takes_two(desk, Deed.CHANGE_ROLES):
            wanted = await ask_roles(desk.database, name, chosen)
            return await ask_for(desk, wanted, actor(reason))
        after = await change_roles(desk.database, name, chosen, actor=actor(reason))
        return Answer(
            document=_document(after, is_locked=after.is_locked(desk.now)),
            text=f"{after.name} is {', '.join(after.roles)} now.",
        )

    return at_desk(work)


@staff.command("disable", cls=rich_click.RichCommand)
@click.argument("name")
@reason
@answering
def disable(name: str, reason: str) -> Answer:
    """Keep NAME out from now on."""

    async def work(desk: Desk) -> int:
        """Disable them."""
        return await disable_staff(desk.database, name, actor=actor(reason))

    ended = at_desk(work)
    folded = fold_name(name)
    return Answer(
        document={"name": folded, "sessions_ended": ended},
        text=f"{folded} is disabled; {ended} sessions ended.",
    )


def _invited(desk: Desk, name: str, path: str) -> Answer:
    """Say where to go, whole where the settings say what people call us."""
    folded, ours = fold_name(name), desk.base.settings.public_url.rstrip("/")
    where = f"{ours}{path}"
    text = (
        f"Give {folded} this address{'' if ours else ', on your own site,'} and nobody else; it is"
        f" shown only now:\n{where}\nIt is good for {INVITATION_HOURS} hours."
    )
    return Answer(document={"name": folded, "invitation": where}, text=text)


def _document(one: Staff, *, is_locked: bool) -> dict[str, object]:
    return {
        "name": one.name,
        "roles": list(one.roles),
        "state": one.state,
        "locked": is_locked,
        "created_at": one.created_at,
    }
