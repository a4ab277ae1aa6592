"""tambah requests …: what takes two people, as far as the command line goes."""

from __future__ import annotations

from pathlib import Path

import click
import rich_click

from tambah.cli.asking import document_of
from tambah.cli.desk import Desk, actor, at_desk
from tambah.cli.frame import Answer, CommandRefused, answering, language_tag
from tambah.console.facts import Fact, Wording
from tambah.console.request_facts import outcome_facts, request_facts
from tambah.domain.approval import Approval, Deed
from tambah.domain.refusals import ApprovalUnknown
from tambah.engine.approving import collect, take_back
from tambah.engine.approving.handing_out import collect_file
from tambah.i18n import texts
from tambah.store.approvals import latest_approvals, read_approval

_LISTED = 100
_HERE = "collected at the command line"


@click.group(cls=rich_click.RichGroup)
def requests() -> None:
    """See what takes two people, and collect what was approved. Approving is the console's."""


@requests.command("list", cls=rich_click.RichCommand)
@answering
def list_command() -> Answer:
    """List the last hundred requests, the newest first."""

    async def work(desk: Desk) -> Answer:
        """Read them."""
        found = await latest_approvals(desk.database, before_id=None, limit=_LISTED)
        lines = [
            f"{one.approval_id}  {one.word(desk.now)}  {one.deed.value}  {one.subject}"
            f"  {one.maker}: {one.why}"
            for one in found
        ]
        return Answer(
            document={"items": [document_of(one, desk) for one in found], "next": None},
            text="\n".join(lines) or "There is none.",
        )

    return at_desk(work)


@requests.command(cls=rich_click.RichCommand)
@click.argument("number", type=int)
@answering
def show(number: int) -> Answer:
    """Show the request NUMBER."""

    async def work(desk: Desk) -> Answer:
        """Read it."""
        found = await _require(desk, number)
        return Answer(document=document_of(found, desk), text=_in_words(found, desk))

    return at_desk(work)


@requests.command(cls=rich_click.RichCommand)
@click.argument("number", type=int)
@answering
def withdraw(number: int) -> Answer:
    """Take the request NUMBER back: it was asked for here."""

    async def work(desk: Desk) -> Answer:
        """Take it back."""
        found = await take_back(desk.database, number, actor("withdrawn"), desk.now)
        return Answer(document=document_of(found, desk), text=f"Request {number} is withdrawn.")

    return at_desk(work)


@requests.command("collect", cls=rich_click.RichCommand)
@click.argument("number", type=int)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@answering
def collect_command(number: int, file: Path | None) -> Answer:
    """Collect what the request NUMBER, asked for here, was approved for: once.

    An invitation is printed. A print file is written to FILE.
    """

    async def work(desk: Desk) -> Answer:
        """Make the invitation, or write the file."""
        found, who = await _require(desk, number), actor(_HERE).who
        if found.deed is Deed.EXPORT_BATCH:
            if file is None:
                raise CommandRefused("file", "A print file needs a FILE to be written to.")
            done = await collect_file(desk.database, number, who, file, desk.now)
            document = {"file": done.path, "bytes": done.size, "sha256": done.digest}
            text = f"{done.path}: {done.size} bytes, SHA-256 {done.digest.hex()}"
            return Answer(document=document, text=text)
        path = await collect(desk.database, desk.keys, number, who, desk.now)
        return Answer(document={"invitation": path}, text=path)

    return at_desk(work)


def _in_words(found: Approval, desk: Desk) -> str:
    """Describe a request as the console does: what is asked for, by whom, what came of it."""
    say = Wording(desk, texts(language_tag()))
    get = say.texts.get
    people = [
        Fact("asked_by", found.maker),
        Fact("made_at", say.when(found.made_at)),
        Fact("why", found.why),
    ]
    if found.is_open(desk.now):
        people.append(Fact("ends_at", say.when(found.expires_at)))
    elif found.is_collectable(desk.now):
        people.append(Fact("ends_at", say.when(found.collect_until)))
    if found.decided_by:
        people.append(Fact("decided_by", f"{found.decided_by}, {say.when(found.decided_at)}"))
    if found.answer:
        people.append(Fact("answer", found.answer))
    facts = [*request_facts(found, say), *people, *outcome_facts(found, say)]
    title = f"{get(f'acts.{found.deed.value}')} #{found.approval_id}"
    lines = [
        f"{get(f'console.fact.{one.word}')}: {f'{one.was} → ' if one.was else ''}{one.value}"
        for one in facts
    ]
    return "\n".join([f"{title}: {get(f'requests.{found.word(desk.now)}')}", *lines])


async def _require(desk: Desk, number: int) -> Approval:
    found = await read_approval(desk.database, number)
    if found is None:
        raise ApprovalUnknown
    return found
