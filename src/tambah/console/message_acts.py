"""`/console/operations/retry`: stuck messages, tried again by those who run the network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Response, get, post

from tambah.console.acts import Act, Input, actor_for, draw_act, reason_input
from tambah.console.drafting import read_ticked
from tambah.console.guard import reaches, signed_in
from tambah.console.operations import OPERATIONS
from tambah.console.pages import ConsolePages
from tambah.domain.refusals import FieldMalformed, FieldMissing, Refusal
from tambah.domain.staff import Permission
from tambah.engine.messages import retry_messages
from tambah.i18n import Texts
from tambah.store.views.messages import MessageView, list_stuck
from tambah.web.pages import AnyRequest

RETRY = f"{OPERATIONS}/retry"
_OPT = reaches(Permission.OPERATIONS_WRITE)
_MOST = 200
"""As many as one page has room for; what is left is there when it is opened again."""


def message_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of messages that are tried again."""
    desk = MessageDesk(pages)

    @get(RETRY, opt=_OPT, include_in_schema=False)
    async def ask_retry(request: AnyRequest) -> Response[Any]:
        return draw_act(pages, request, await desk.form(request, {}))

    @post(RETRY, status_code=200, opt=_OPT, include_in_schema=False)
    async def retry(request: AnyRequest) -> Response[Any]:
        fields = await read_ticked(request, ("messages",))
        try:
            return await desk.retry(request, fields)
        except Refusal as refusal:
            return draw_act(pages, request, await desk.form(request, fields), refusal)

    return [ask_retry, retry]


class MessageDesk:
    """Draws what is stuck, and puts back what is chosen."""

    def __init__(self, pages: ConsolePages) -> None:
        self.pages = pages

    async def form(self, request: AnyRequest, fields: Mapping[str, str]) -> Act:
        """Return the form: what is stuck and may be tried again, all of it chosen at first."""
        site, texts = self.pages.site, self.pages.speak(request)
        stuck = await list_stuck(site.database, site.clock.now(), _MOST)
        able = [one for one in stuck if one.can_be_retried]
        named = {_name(one): _in_words(one, texts) for one in able}
        typed_before = "messages" in fields or "reason" in fields
        chosen = fields.get("messages", "").split(",") if typed_before else list(named)
        inputs = [
            Input(word="messages", kind="checkbox", choices=list(named.items()), chosen=chosen),
            reason_input(fields),
        ]
        return Act(
            word="retry_messages" if able else "retry_nothing",
            name=texts.get("console.to.operations"),
            path=OPERATIONS,
            inputs=inputs if able else (),
            is_sure=bool(able),
        )

    async def retry(self, request: AnyRequest, fields: Mapping[str, str]) -> Response[Any]:
        """Put messages back at the head of what is due. Pressing twice does it once.

        Raises FieldMissing, FieldMalformed (messages), ReasonMissing.
        """
        site = self.pages.site
        wanted = [_read(one) for one in fields.get("messages", "").split(",") if one]
        actor = actor_for(signed_in(request).staff, fields)
        if not wanted:
            raise FieldMissing(field="messages")
        await retry_messages(site.database, wanted, actor=actor, offset=site.clock.offset)
        return self.pages.redirect(request, OPERATIONS)


def _name(one: MessageView) -> str:
    return f"{one.line_id}-{one.number}"


def _read(name: str) -> tuple[int, int]:
    line_id, _, number = name.partition("-")
    if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in (line_id, number)):
        raise FieldMalformed(field="messages")
    return int(line_id), int(number)


def _in_words(one: MessageView, texts: Texts) -> str:
    """Say which it is and why it is stuck, never what it says or to whom."""
    state = texts.get(f"console.sms.{one.state.name.lower()}")
    told = (f"{one.line_id}/{one.number}", one.template, state, one.reason)
    return " · ".join(part for part in told if part)
