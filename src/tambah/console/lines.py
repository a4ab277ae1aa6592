"""`/console/lines/{msisdn}`: everything about a line, as far as the reader's roles go."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litestar import Response, get
from litestar.params import FromPath

from tambah.console.actions import name_action
from tambah.console.facts import LINES, SIMS, Fact, Wording
from tambah.console.guard import reaches, signed_in
from tambah.console.pages import ConsolePages
from tambah.console.running import running_facts
from tambah.console.sessions import SignedIn
from tambah.console.timeline import read_timeline
from tambah.domain.line import LineState, stage_ends
from tambah.domain.numbering import fold_msisdn
from tambah.domain.payment import Payment, show_reference
from tambah.domain.refusals import NumberUnknown
from tambah.domain.staff import Permission
from tambah.domain.ticket import Ticket, TicketState, show_ticket
from tambah.store.tickets import tickets_of_line
from tambah.store.views.console import payments_of_line, sign_in_lock
from tambah.store.views.lines import LineView, line_now, read_line
from tambah.store.views.sims import SimView, read_sim_of
from tambah.store.views.subscriptions import read_running
from tambah.web.pages import AnyRequest
from tambah.web.site import Site

_PAYMENTS = 10
_OVER = (TicketState.CLOSED, TicketState.ERASED)


def line_routes(pages: ConsolePages) -> list[Any]:
    """Return the handler of a line's page."""

    @get(f"{LINES}/{{msisdn:str}}", opt=reaches(Permission.LINES_READ), include_in_schema=False)
    async def show_line(request: AnyRequest, msisdn: FromPath[str]) -> Response[Any]:
        site, me = pages.site, signed_in(request)
        view = await require_line(site, msisdn)
        line, texts = view.line, pages.speak(request)
        say = Wording(site, texts)
        locked_until = await sign_in_lock(site.database, line.line_id)
        return pages.draw(
            request,
            "line.html",
            number=say.number(line.msisdn),
            view=view,
            state=view.state.name.lower(),
            facts=_facts(site, view, say),
            running=running_facts(
                say, texts, await read_running(site.database, line.line_id, view.at)
            ),
            sells=bool(site.packages),
            locks=_locks(view, say, locked_until),
            events=await read_timeline(site, line.line_id, view.at),
            sim=_sim_facts(await _sim(site, me, line.line_id), say),
            tickets=await _tickets(site, me, line.line_id),
            payments=await _payments(site, me, line.line_id),
            may={permission.name.lower() for permission in me.staff.permissions},
            name_action=name_action,
            show_ticket=show_ticket,
            show_reference=show_reference,
            now=site.clock.now(),
        )

    return [show_line]


async def require_line(site: Site, typed: str) -> LineView:
    """Return a number's line as it stands now. Raises NumberMalformed, NumberUnknown."""
    account = await read_line(site.database, fold_msisdn(typed, site.rules.numbers))
    if account is None:
        raise NumberUnknown
    return line_now(account, site.rules, site.clock.now())


def _facts(site: Site, view: LineView, say: Wording) -> list[Fact]:
    """Return what is true of a line: money, the dates apart, plan and language."""
    line, rules = view.line, site.rules
    facts = [Fact("credit", say.money(view.main_micros))]
    for one in view.bonuses:
        facts.append(Fact("bonus", _until(say.money(one.remaining_micros), one.expires_at, say)))
    for one in view.allowances:
        held = say.texts.allowance(one.kind.name.lower(), one.remaining_micros)
        facts.append(Fact("allowance", _until(held, one.expires_at, say)))
    ends = stage_ends(line, rules.life, rules.validity)
    facts += [
        Fact("active_until", say.last_day(line.active_until)),
        Fact("grace_until", say.last_day(line.grace_until)),
        Fact("expired_until", say.last_day(ends.get(LineState.EXPIRED))),
    ]
    if line.reactivation_until:
        facts.append(Fact("reactivation_until", say.last_day(line.reactivation_until)))
    if line.hold_until and line.hold_until > view.at:
        facts.append(Fact("hold_until", say.when(line.hold_until)))
    return [
        *facts,
        Fact("activated", say.when(line.activated_at)),
        Fact("plan", line.plan),
        Fact("language", say.texts.get(f"console.language.{line.language.name.lower()}")),
    ]


def _until(held: str, end: datetime | None, say: Wording) -> str:
    return say.texts.get("console.held_until", held=held, day=say.last_day(end)) if end else held


def _locks(view: LineView, say: Wording, sign_in_until: datetime | None) -> list[Fact]:
    """Return what keeps somebody out of the line, or is about to."""
    line, facts = view.line, list[Fact]()
    doors = (
        ("own_codes", line.own_wrong, line.own_locked_until),
        ("guest_codes", line.guest_wrong, line.guest_locked_until),
    )
    for word, wrong, until in doors:
        if until is not None and until > view.at:
            facts.append(Fact(word, say.texts.get("console.locked", time=say.when(until))))
        elif wrong:
            facts.append(Fact(word, say.texts.plural("console.wrong", wrong)))
    if sign_in_until is not None and sign_in_until > view.at:
        locked = say.texts.get("console.locked", time=say.when(sign_in_until))
        facts.append(Fact("sign_in", locked))
    return facts


async def _sim(site: Site, me: SignedIn, line_id: int) -> SimView | None:
    if not me.may(Permission.SIMS_READ):
        return None
    return await read_sim_of(site.database, line_id)


def _sim_facts(sim: SimView | None, say: Wording) -> list[Fact]:
    if sim is None:
        return []
    kind = say.texts.get(f"sims.kind.{sim.kind.name.lower()}")
    return [
        Fact("iccid", sim.iccid, f"{SIMS}/{sim.iccid}"),
        Fact("sim_kind", kind),
        Fact("assigned", say.when(sim.assigned_at)),
    ]


async def _tickets(site: Site, me: SignedIn, line_id: int) -> list[Ticket]:
    if not me.may(Permission.TICKETS_READ):
        return []
    found = await tickets_of_line(site.database, line_id)
    return [ticket for ticket in found if ticket.state not in _OVER]


async def _payments(site: Site, me: SignedIn, line_id: int) -> list[Payment]:
    if not me.may(Permission.PAYMENTS_READ):
        return []
    return await payments_of_line(site.database, line_id, _PAYMENTS)
