"""Pages of single records: a card, a SIM. Each leads on to its line."""

from __future__ import annotations

from typing import Any

from litestar import Response, get
from litestar.params import FromPath

from tambah.console.facts import LINES, SIMS, VOUCHERS, Fact, Wording
from tambah.console.guard import reaches
from tambah.console.pages import ConsolePages
from tambah.domain.numbering import fold_iccid
from tambah.domain.refusals import SimUnknown, VoucherUnknown
from tambah.domain.staff import Permission
from tambah.domain.voucher import format_serial, parse_serial
from tambah.store.views.console import number_of_line, redeemer_of
from tambah.store.views.sims import SimView, read_sim
from tambah.store.views.stock import CardView, read_card
from tambah.web.pages import AnyRequest
from tambah.web.site import Site


def record_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of records."""
    return [*_card_routes(pages), *_sim_routes(pages)]


def _card_routes(pages: ConsolePages) -> list[Any]:
    site = pages.site

    @get(
        f"{VOUCHERS}/{{serial:str}}",
        opt=reaches(Permission.VOUCHERS_READ),
        include_in_schema=False,
    )
    async def show_voucher(request: AnyRequest, serial: FromPath[str]) -> Response[Any]:
        say = Wording(site, pages.speak(request))
        place = parse_serial(serial)
        card = await read_card(site.database, place, site.rules.numbers, site.clock.now())
        if card is None:
            raise VoucherUnknown
        state = say.texts.get(f"voucher_state.{card.state.name.lower()}")
        return _draw(
            pages, request, "voucher", format_serial(*place), state, await _card(site, card, say)
        )

    return [show_voucher]


def _sim_routes(pages: ConsolePages) -> list[Any]:
    site = pages.site

    @get(f"{SIMS}/{{iccid:str}}", opt=reaches(Permission.SIMS_READ), include_in_schema=False)
    async def show_sim(request: AnyRequest, iccid: FromPath[str]) -> Response[Any]:
        say = Wording(site, pages.speak(request))
        sim = await read_sim(site.database, fold_iccid(iccid))
        if sim is None:
            raise SimUnknown
        state = say.texts.get(f"sim_not_usable.{sim.state.name.lower()}")
        return _draw(pages, request, "sim", sim.iccid, state, await _sim(site, sim, say))

    return [show_sim]


def _draw(
    pages: ConsolePages,
    request: AnyRequest,
    kind: str,
    title: str,
    state: str,
    facts: list[Fact],
) -> Response[Any]:
    return pages.draw(request, "record.html", kind=kind, name=title, state=state, facts=facts)


async def _card(site: Site, card: CardView, say: Wording) -> list[Fact]:
    facts = [Fact("price", say.money(card.price_micros))]
    if card.not_usable:
        facts.append(Fact("why_not", say.texts.get(f"console.why.{card.not_usable}")))
    batch_state = say.texts.get(f"batch_state.{card.batch_state.name.lower()}")
    facts += [
        Fact("batch", f"{card.batch_id} · {batch_state}"),
        Fact("sold", say.texts.get("console.yes" if card.activated else "console.no")),
        Fact("redeem_until", say.last_day(card.redeem_before)),
    ]
    redeemer = await redeemer_of(site.database, card.batch_id, card.number)
    if redeemer is not None:
        path = f"{LINES}/{redeemer.msisdn}" if redeemer.is_current else ""
        facts += [
            Fact("redeemed_at", say.when(card.redeemed_at)),
            Fact("redeemed_by", say.number(redeemer.msisdn), path),
        ]
    return facts


async def _sim(site: Site, sim: SimView, say: Wording) -> list[Fact]:
    facts = [
        Fact("sim_kind", say.texts.get(f"sims.kind.{sim.kind.name.lower()}")),
        Fact("imsi", sim.imsi or "–"),
        Fact("assigned", say.when(sim.assigned_at)),
        Fact("ended", say.when(sim.ended_at)),
    ]
    msisdn = await number_of_line(site.database, sim.line_id) if sim.line_id else None
    if msisdn is not None:
        facts.insert(0, Fact("number", say.number(msisdn), f"{LINES}/{msisdn}"))
    return facts
