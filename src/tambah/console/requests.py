"""`/console/requests`: what takes two people: the queue, a request, and what somebody decides."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from tambah.console.acts import typed
from tambah.console.facts import REQUESTS, Wording
from tambah.console.guard import Reach, reaches, signed_in
from tambah.console.pages import ConsolePages
from tambah.console.proving import require_fresh
from tambah.console.request_facts import outcome_facts, request_facts
from tambah.console.sessions import SignedIn
from tambah.desks.deeds import means_of
from tambah.domain.approval import Approval, Deed, may_decide
from tambah.domain.refusals import ApprovalUnknown, PermissionMissing, Refusal
from tambah.domain.staff import Permission
from tambah.engine.approving import agree, carry_out, collect, refuse, take_back
from tambah.engine.staff import actor_of
from tambah.store.approvals import latest_approvals, read_approval, waiting_approvals
from tambah.web.forms import read_form
from tambah.web.pages import AnyRequest
from tambah.web.site import Site
from tambah.web.status import status_of

_A_PAGE = 50
_MOST_ID = 2**62
_LONG = frozenset({Deed.GENERATE_BATCH})
"""What is made by whoever works in the background: it may take minutes."""


def request_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of requests."""
    return [*_reading_routes(pages), *_deciding_routes(pages), *_maker_routes(pages)]


def _reading_routes(pages: ConsolePages) -> list[Any]:
    site = pages.site

    @get(REQUESTS, opt=reaches(Reach.STAFF), include_in_schema=False)
    async def list_requests(request: AnyRequest) -> Response[Any]:
        me, now = signed_in(request), site.clock.now()
        who = actor_of(me.staff).who
        waiting = await waiting_approvals(site.database, now)
        text = request.query_params.get("before", "")
        before_id = int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None
        latest = await latest_approvals(site.database, before_id=before_id, limit=_A_PAGE)
        return pages.draw(
            request,
            "requests.html",
            mine=[one for one in waiting if one.maker == who],
            decidable=[
                one
                for one in waiting
                if one.is_open(now) and may_decide(one, who, me.staff.permissions)
            ],
            latest=[one for one in latest if _may_see(one, me)],
            older=latest[-1].approval_id if len(latest) == _A_PAGE else None,
            is_first=before_id is None,
            now=now,
        )

    @get(f"{REQUESTS}/{{number:int}}", opt=reaches(Reach.STAFF), include_in_schema=False)
    async def show_request(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
        approval = await require_visible(site, number, signed_in(request))
        return _draw(pages, request, approval)

    return [list_requests, show_request]


def _deciding_routes(pages: ConsolePages) -> list[Any]:
    site, path, opt = pages.site, f"{REQUESTS}/{{number:int}}", reaches(Reach.STAFF)
    means = means_of(site)

    @post(f"{path}/approve", status_code=200, opt=opt, include_in_schema=False)
    async def approve_request(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
        require_fresh(request, f"{REQUESTS}/{number}")

        async def step(me: SignedIn, answer: str) -> None:
            agreed = await agree(site.database, number, me.staff, answer, site.clock.now())
            if agreed.deed not in _LONG and not agreed.rule.is_collected:
                await carry_out(means, number)

        return await _go(pages, request, number, step)

    @post(f"{path}/decline", status_code=200, opt=opt, include_in_schema=False)
    async def decline_request(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
        async def step(me: SignedIn, answer: str) -> None:
            await refuse(site.database, number, me.staff, answer, site.clock.now())

        return await _go(pages, request, number, step)

    return [approve_request, decline_request]


def _maker_routes(pages: ConsolePages) -> list[Any]:
    site, path, opt = pages.site, f"{REQUESTS}/{{number:int}}", reaches(Reach.STAFF)

    @post(f"{path}/withdraw", status_code=200, opt=opt, include_in_schema=False)
    async def withdraw_request(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
        async def step(me: SignedIn, _: str) -> None:
            await take_back(site.database, number, actor_of(me.staff), site.clock.now())

        return await _go(pages, request, number, step)

    @post(f"{path}/invitation", status_code=200, opt=opt, include_in_schema=False)
    async def show_invitation_once(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
        """Make the invitation that two agreed to, and show it to its maker, once."""
        require_fresh(request, f"{REQUESTS}/{number}")
        me = signed_in(request)
        approval = await require_visible(site, number, me)
        if approval.deed is not Deed.INVITE_STAFF:
            raise ApprovalUnknown
        try:
            invitation = await collect(
                site.database, site.keys, number, actor_of(me.staff).who, site.clock.now()
            )
        except Refusal as refusal:
            return _draw(pages, request, approval, refusal)
        address = f"{site.public_url}{invitation}"
        return pages.draw(request, "invited.html", name=approval.params["name"], address=address)

    return [withdraw_request, show_invitation_once]


async def _go(
    pages: ConsolePages,
    request: AnyRequest,
    number: int,
    step: Callable[[SignedIn, str], Awaitable[None]],
) -> Response[Any]:
    """Take a step with a request and show it anew, or why not. step: by whom, what they said."""
    me, fields = signed_in(request), await read_form(request)
    approval = await require_visible(pages.site, number, me)
    try:
        await step(me, typed(fields, "answer"))
    except Refusal as refusal:
        return _draw(pages, request, approval, refusal)
    return pages.redirect(request, f"{REQUESTS}/{number}")


async def require_visible(site: Site, number: int, me: SignedIn) -> Approval:
    """Return a request that somebody may see. Raises ApprovalUnknown, PermissionMissing."""
    approval = await read_approval(site.database, number) if 0 < number < _MOST_ID else None
    if approval is None:
        raise ApprovalUnknown
    if not _may_see(approval, me):
        raise PermissionMissing
    return approval


def _may_see(approval: Approval, me: SignedIn) -> bool:
    is_maker = approval.maker == actor_of(me.staff).who
    return is_maker or me.may(approval.rule.permission) or me.may(Permission.AUDIT_READ)


def _draw(
    pages: ConsolePages, request: AnyRequest, approval: Approval, refusal: Refusal | None = None
) -> Response[Any]:
    me, now = signed_in(request), pages.site.clock.now()
    who, say = actor_of(me.staff).who, Wording(pages.site, pages.speak(request))
    return pages.draw(
        request,
        "request.html",
        status=status_of(refusal) if refusal else 200,
        approval=approval,
        state=approval.word(now),
        facts=request_facts(approval, say),
        outcome=outcome_facts(approval, say),
        may_decide=approval.is_open(now) and may_decide(approval, who, me.staff.permissions),
        is_own=approval.maker == who,
        is_open=approval.is_open(now),
        is_collectable=approval.is_collectable(now),
        is_running=approval.word(now) == "approved" and not approval.rule.is_collected,
        refusal=refusal,
    )
