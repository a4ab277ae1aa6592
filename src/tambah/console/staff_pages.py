"""`/console/staff`: who works here, and what is asked for of their access."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from tambah.console.acts import (
    Act,
    Input,
    actor_for,
    ask_once,
    draw_act,
    is_confirmed,
    reason_input,
    typed,
)
from tambah.console.facts import Fact, Wording
from tambah.console.guard import reaches, signed_in
from tambah.console.pages import ConsolePages
from tambah.console.proving import require_fresh
from tambah.console.request_facts import wanted_facts
from tambah.console.sessions import HOME
from tambah.domain.refusals import FieldMissing, Refusal, StaffNameTaken, StaffUnknown
from tambah.domain.staff import Permission, Role, Staff
from tambah.engine.approving import Wanted
from tambah.engine.approving.asks import ask_invitation, ask_roles
from tambah.engine.staff import disable
from tambah.store.staff import list_staff, read_account
from tambah.web.forms import read_fields, read_form
from tambah.web.pages import AnyRequest
from tambah.web.site import Site

STAFF = f"{HOME}/staff"


def staff_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of staff and their access."""
    desk = StaffActs(pages)
    return [*_reading_routes(desk), *_changing_routes(desk)]


def _reading_routes(desk: StaffActs) -> list[Any]:
    opt = reaches(Permission.STAFF_WRITE)

    @get(STAFF, opt=opt, include_in_schema=False)
    async def list_everybody(request: AnyRequest) -> Response[Any]:
        everybody, now = await list_staff(desk.site.database), desk.site.clock.now()
        return desk.pages.draw(
            request,
            "staff.html",
            everybody=everybody,
            locked={one.staff_id for one in everybody if one.is_locked(now)},
            own=signed_in(request).staff.staff_id,
        )

    @get(f"{STAFF}/invite", opt=opt, include_in_schema=False)
    async def ask_to_invite(request: AnyRequest) -> Response[Any]:
        require_fresh(request)
        return draw_act(desk.pages, request, desk.invite_form(request, {}, ()))

    @get(f"{STAFF}/{{name:str}}/roles", opt=opt, include_in_schema=False)
    async def ask_to_change_roles(request: AnyRequest, name: FromPath[str]) -> Response[Any]:
        require_fresh(request)
        staff = await desk.require(name)
        return draw_act(desk.pages, request, desk.roles_form(request, staff, {}, staff.roles))

    @get(f"{STAFF}/{{name:str}}/disable", opt=opt, include_in_schema=False)
    async def ask_to_disable(request: AnyRequest, name: FromPath[str]) -> Response[Any]:
        require_fresh(request)
        return draw_act(desk.pages, request, desk.disable_form(await desk.require(name), {}))

    return [list_everybody, ask_to_invite, ask_to_change_roles, ask_to_disable]


def _changing_routes(desk: StaffActs) -> list[Any]:
    opt = reaches(Permission.STAFF_WRITE)

    @post(f"{STAFF}/invite", status_code=200, opt=opt, include_in_schema=False)
    async def file_invitation(request: AnyRequest) -> Response[Any]:
        require_fresh(request)
        fields, roles = await _read(request)
        try:
            return await desk.file_invitation(request, fields, roles)
        except Refusal as refusal:
            form = desk.invite_form(request, fields, roles)
            return draw_act(desk.pages, request, form, refusal)

    @post(f"{STAFF}/{{name:str}}/roles", status_code=200, opt=opt, include_in_schema=False)
    async def file_roles(request: AnyRequest, name: FromPath[str]) -> Response[Any]:
        require_fresh(request)
        staff = await desk.require(name)
        fields, roles = await _read(request)
        try:
            return await desk.file_roles(request, staff, fields, roles)
        except Refusal as refusal:
            form = desk.roles_form(request, staff, fields, roles)
            return draw_act(desk.pages, request, form, refusal)

    @post(f"{STAFF}/{{name:str}}/disable", status_code=200, opt=opt, include_in_schema=False)
    async def keep_out(request: AnyRequest, name: FromPath[str]) -> Response[Any]:
        """Keep somebody out at once: that takes no second person, for it may be urgent."""
        require_fresh(request)
        staff, fields = await desk.require(name), await read_form(request)
        try:
            actor = actor_for(signed_in(request).staff, fields)
            if is_confirmed(desk.pages, fields):
                await disable(desk.site.database, staff.name, actor=actor)
                return desk.pages.redirect(request, STAFF)
        except Refusal as refusal:
            return draw_act(desk.pages, request, desk.disable_form(staff, fields), refusal)
        return draw_act(desk.pages, request, desk.disable_form(staff, fields))

    return [file_invitation, file_roles, keep_out]


class StaffActs:
    """Draws what is asked for of somebody's access, and files it."""

    def __init__(self, pages: ConsolePages) -> None:
        self.pages = pages

    @property
    def site(self) -> Site:
        """Return the site that the pages are of."""
        return self.pages.site

    async def require(self, name: str) -> Staff:
        """Return somebody who works here. Raises StaffUnknown."""
        account = await read_account(self.site.database, name)
        if account is None:
            raise StaffUnknown
        return account.staff

    def invite_form(
        self, request: AnyRequest, fields: Mapping[str, str], roles: tuple[str, ...]
    ) -> Act:
        """Return the form for somebody to be given access."""
        name = Input(word="name", value=typed(fields, "name"), hint=True)
        return Act(
            word="invite_staff",
            name="",
            path=STAFF,
            inputs=[name, self._roles(request, roles), reason_input(fields)],
        )

    def roles_form(
        self,
        request: AnyRequest,
        staff: Staff,
        fields: Mapping[str, str],
        roles: tuple[str, ...],
    ) -> Act:
        """Return the form for other roles."""
        return Act(
            word="change_roles",
            name=staff.name,
            path=STAFF,
            inputs=[self._roles(request, roles), reason_input(fields)],
        )

    def disable_form(self, staff: Staff, fields: Mapping[str, str]) -> Act:
        """Return the page that keeps somebody out."""
        return Act(
            word="disable_staff",
            name=staff.name,
            path=STAFF,
            inputs=[reason_input(fields)],
            is_sure=True,
        )

    async def file_invitation(
        self, request: AnyRequest, fields: Mapping[str, str], roles: tuple[str, ...]
    ) -> Response[Any]:
        """Ask for somebody to be invited, once that was seen to be meant.

        Raises FieldMalformed, FieldMissing, StaffNameTaken, ReasonMissing.
        """
        wanted = ask_invitation(typed(fields, "name"), _chosen(roles))
        taken = await read_account(self.site.database, str(wanted.params["name"]))
        if taken is not None:
            raise StaffNameTaken
        return await self._confirm(request, fields, wanted)

    async def file_roles(
        self,
        request: AnyRequest,
        staff: Staff,
        fields: Mapping[str, str],
        roles: tuple[str, ...],
    ) -> Response[Any]:
        """Ask for other roles, once that was seen to be meant."""
        wanted = await ask_roles(self.site.database, staff.name, _chosen(roles))
        return await self._confirm(request, fields, wanted)

    async def _confirm(
        self, request: AnyRequest, fields: Mapping[str, str], wanted: Wanted
    ) -> Response[Any]:
        actor = actor_for(signed_in(request).staff, fields)
        if is_confirmed(self.pages, fields):
            return await ask_once(self.pages, request, wanted, actor, fields)
        say = Wording(self.site, self.pages.speak(request))
        roles: Any = wanted.params["roles"]
        act = Act(
            word=wanted.deed,
            name="",
            path=STAFF,
            facts=[
                *wanted_facts(wanted.deed, wanted.params, wanted.before, say),
                Fact("why", actor.why),
            ],
            carried={
                "name": str(wanted.params["name"]),
                "role": ",".join(roles),
                "reason": actor.why,
            },
            takes_two=True,
            is_sure=True,
        )
        return draw_act(self.pages, request, act)

    def _roles(self, request: AnyRequest, chosen: tuple[str, ...]) -> Input:
        say = self.pages.speak(request)
        return Input(
            word="role",
            kind="checkbox",
            choices=[(role.value, say.get(f"console.role.{role.value}")) for role in Role],
            chosen=chosen,
        )


async def _read(request: AnyRequest) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return what was typed, and the roles that were ticked or carried along."""
    every = await read_fields(request)
    roles = tuple(one for text in every.get("role", ()) for one in text.split(","))
    return {name: values[0] for name, values in every.items()}, roles


def _chosen(roles: tuple[str, ...]) -> list[Role]:
    """Return the roles that were chosen. Raises FieldMissing."""
    known = {role.value for role in Role}
    chosen = [Role(one) for one in roles if one in known]
    if not chosen:
        raise FieldMissing(field="role")
    return chosen
