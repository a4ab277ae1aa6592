"""Packages by hand: one bought for a subscriber from their credit, an unused one taken back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from tambah.console.acts import (
    Act,
    Input,
    actor_for,
    draw_act,
    is_confirmed,
    reason_input,
    typed,
)
from tambah.console.facts import LINES, Fact, Wording
from tambah.console.guard import reaches, signed_in
from tambah.console.lines import require_line
from tambah.console.pages import ConsolePages
from tambah.console.proving import require_fresh
from tambah.desks.packages import buyable
from tambah.domain.package import Package, find_package
from tambah.domain.package_commands import BuyPackage, RefundPackage
from tambah.domain.refusals import FieldMissing, PackageNotRunning, Refusal
from tambah.domain.staff import Permission
from tambah.store.views.lines import LineView
from tambah.store.views.subscriptions import Running, read_running
from tambah.web.forms import read_form
from tambah.web.pages import AnyRequest


def package_act_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of packages that staff buy and take back."""
    desk = PackageActs(pages)
    path, opt = f"{LINES}/{{msisdn:str}}/packages", reaches(Permission.CREDIT_WRITE)
    back = f"{path}/{{number:int}}/refund"

    @get(path, opt=opt, include_in_schema=False)
    async def ask_package(request: AnyRequest, msisdn: FromPath[str]) -> Response[Any]:
        require_fresh(request)
        view = await require_line(pages.site, msisdn)
        return draw_act(pages, request, await desk.buying_form(request, view, {}))

    @post(path, status_code=200, opt=opt, include_in_schema=False)
    async def buy_package(request: AnyRequest, msisdn: FromPath[str]) -> Response[Any]:
        require_fresh(request)
        view, fields = await require_line(pages.site, msisdn), await read_form(request)
        try:
            return await desk.buy(request, view, fields)
        except Refusal as refusal:
            form = await desk.buying_form(request, view, fields)
            return draw_act(pages, request, form, refusal)

    @get(back, opt=opt, include_in_schema=False)
    async def ask_package_back(
        request: AnyRequest, msisdn: FromPath[str], number: FromPath[int]
    ) -> Response[Any]:
        require_fresh(request)
        view = await require_line(pages.site, msisdn)
        one = await desk.running(view, number)
        return draw_act(pages, request, desk.refund_form(request, view, one, {}))

    @post(back, status_code=200, opt=opt, include_in_schema=False)
    async def take_package_back(
        request: AnyRequest, msisdn: FromPath[str], number: FromPath[int]
    ) -> Response[Any]:
        require_fresh(request)
        view, fields = await require_line(pages.site, msisdn), await read_form(request)
        one = await desk.running(view, number)
        try:
            return await desk.take_back(request, view, one, fields)
        except Refusal as refusal:
            form = desk.refund_form(request, view, one, fields)
            return draw_act(pages, request, form, refusal)

    return [ask_package, buy_package, ask_package_back, take_package_back]


class PackageActs:
    """Draws what would happen, and has it done."""

    def __init__(self, pages: ConsolePages) -> None:
        self._pages = pages

    async def running(self, view: LineView, number: int) -> Running:
        """Return what runs under a number. Raises PackageNotRunning."""
        found = await read_running(self._pages.site.database, view.line.line_id, view.at)
        for one in found:
            if one.subscription.number == number:
                return one
        raise PackageNotRunning

    async def buying_form(
        self, request: AnyRequest, view: LineView, fields: Mapping[str, str]
    ) -> Act:
        """Return the form: what the line may buy as it stands."""
        site, say = self._pages.site, self._say(request)
        running = await read_running(site.database, view.line.line_id, view.at)
        found = buyable(site.packages, view, running)
        return Act(
            word="buy_package",
            name=say.number(view.line.msisdn),
            path=_path(view),
            facts=_credit(view, say),
            inputs=[
                Input(
                    word="package",
                    kind="radio",
                    choices=[(one.code, self._in_words(say, one)) for one in found],
                    chosen=[fields.get("package", "")],
                ),
                reason_input(fields),
            ],
        )

    async def buy(
        self, request: AnyRequest, view: LineView, fields: Mapping[str, str]
    ) -> Response[Any]:
        """Say what is bought; when that was seen, buy it. Raises what the rules refuse."""
        site, say = self._pages.site, self._say(request)
        if not fields.get("package"):
            raise FieldMissing(field="package")
        package = find_package(site.packages, fields["package"][:16], site.clock.now())
        actor = actor_for(signed_in(request).staff, fields)
        if not is_confirmed(self._pages, fields):
            act = Act(
                word="buy_package",
                name=say.number(view.line.msisdn),
                path=_path(view),
                facts=[
                    Fact("package", self._in_words(say, package)),
                    *_credit(view, say),
                    Fact("why", actor.why),
                ],
                carried={one: typed(fields, one) for one in ("package", "reason")},
                is_sure=True,
            )
            return draw_act(self._pages, request, act)
        await site.engine.submit(
            BuyPackage(
                caller=actor.who,
                request_key=fields["token"],
                msisdn=view.line.msisdn,
                package=package.code,
                auto_renew=False,
                actor=actor,
            )
        )
        return self._pages.redirect(request, _path(view))

    def refund_form(
        self, request: AnyRequest, view: LineView, one: Running, fields: Mapping[str, str]
    ) -> Act:
        """Return the page that says what taking a package back would do."""
        say = self._say(request)
        return Act(
            word="refund_package",
            name=say.number(view.line.msisdn),
            path=_path(view),
            facts=[
                Fact("package", one.subscription.names[say.texts.tag]),
                Fact("price", say.money(one.subscription.price_micros)),
                *_credit(view, say),
            ],
            inputs=[reason_input(fields)],
            is_sure=True,
        )

    async def take_back(
        self, request: AnyRequest, view: LineView, one: Running, fields: Mapping[str, str]
    ) -> Response[Any]:
        """Take a package back. Raises ReasonMissing, FormExpired, PackageUsed."""
        actor = actor_for(signed_in(request).staff, fields)
        if not is_confirmed(self._pages, fields):
            form = self.refund_form(request, view, one, fields)
            return draw_act(self._pages, request, form)
        number = one.subscription.number
        await self._pages.site.engine.submit(
            RefundPackage(
                caller=actor.who,
                # A package is taken back once: a repeat gets the first answer.
                request_key=f"refund package:{number}",
                msisdn=view.line.msisdn,
                number=number,
                actor=actor,
            )
        )
        return self._pages.redirect(request, _path(view))

    def _in_words(self, say: Wording, one: Package) -> str:
        return f"{one.names[say.texts.tag]} · {say.money(one.price_micros)}"

    def _say(self, request: AnyRequest) -> Wording:
        return Wording(self._pages.site, self._pages.speak(request))


def _credit(view: LineView, say: Wording) -> list[Fact]:
    facts = [Fact("credit", say.money(view.main_micros))]
    if view.bonus_micros:
        facts.append(Fact("bonus", say.money(view.bonus_micros)))
    return facts


def _path(view: LineView) -> str:
    return f"{LINES}/{view.line.msisdn}"
