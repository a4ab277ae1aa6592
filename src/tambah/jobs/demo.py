"""What a demo starts with: 500 lines in every state and language, a partner, cards, shops.

Everything is made by the same commands as in production. The numbers are of a range that the
demo's operator calls its own; nobody's name is used.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

import tambah
from tambah.domain.actor import Actor
from tambah.domain.care_commands import AllowReactivation
from tambah.domain.commands import (
    AdjustCredit,
    FundPartner,
    ImportLine,
    PersonRecord,
    RedeemVoucher,
    ReverseTopUp,
    TopUp,
)
from tambah.domain.guessing import Audience
from tambah.domain.line import LANGUAGE_BY_TAG, Language, LineState, grace_after
from tambah.domain.money import MICROS_PER_RINGGIT
from tambah.domain.tariff import STANDARD
from tambah.engine.administer import SCOPES, KeyRequest, add_key, add_partner
from tambah.engine.identities import mint_owner_ids
from tambah.engine.importing.people import seal_person
from tambah.engine.points import PointsRequest, import_points
from tambah.engine.publishing import publish_articles, read_articles
from tambah.engine.tariffs import TariffRequest, load_tariff
from tambah.engine.vouchers import BatchRequest, change_batch, generate
from tambah.jobs.demo_shops import DemoCard, DemoSeller, make_cards, open_shops
from tambah.jobs.demo_sims import demo_iccid, is_esim, make_sims
from tambah.jobs.demo_staff import DemoStaff, hire_staff
from tambah.jobs.demo_tickets import make_tickets
from tambah.jobs.demo_usage import use_some_credit
from tambah.store.stamps import read_stamps, write_stamp
from tambah.store.tariffs import list_sheets
from tambah.store.views.codes import live_digests
from tambah.store.views.lines import find_line_id
from tambah.web.site import Sandbox, Site

LINES = 500
FILE = "demo.json"
ARTICLES = Path(tambah.__file__).with_name("demo_articles.toml")
TARIFF = Path(tambah.__file__).with_name("demo_tariff.csv")
_FIRST_NUMBER = 60_191_230_000
_CODES_AT_HAND = 60
_USERS = 60  # the last active lines, which scripts take up last
_LIVED = 4  # lines with a history, one of each language
_MISTAKE = 3  # after a card and RM30, the RM5
_POINTS = Path(__file__).with_name("demo_points.csv")
_ACTOR = Actor(who="demo", why="demo data")

_STATES: tuple[tuple[str, int], ...] = (
    ("active", 360),
    ("grace", 40),
    ("pre_active", 30),
    ("expired", 20),
    ("quarantined", 15),
    ("terminated", 10),
    ("barred", 15),
    ("suspended", 10),
)


class DemoLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """A demo line as demo.json lists it. state: as when it was made. esim: on an eSIM."""

    msisdn: str
    state: str
    language: str
    esim: bool = False


class DemoFile(msgspec.Struct, kw_only=True):
    """demo.json: what a script needs to play with a demo.

    switch_key: of a partner that speaks for lines, as a switch does: it buys packages for them.
    """

    url: str = ""
    api_key: str
    switch_key: str = ""
    partner_id: int
    codes: list[str]
    lines: list[DemoLine]
    pages: dict[str, str] = {}
    staff: list[DemoStaff] = []
    sellers: list[DemoSeller] = []
    cards: list[DemoCard] = []


async def seed_demo(site: Site, data_dir: Path) -> Sandbox:
    """Make the demo's data where it is missing, or take up what is there; return the sandbox.

    The key is the same after a restart; codes that were redeemed are replaced by new ones.
    """
    path = data_dir / FILE
    stamps = await read_stamps(site.database)
    if stamps.get("demo_seeded") == "yes" and path.exists():
        demo = msgspec.json.decode(path.read_bytes(), type=DemoFile)
    else:
        demo = await _make_everything(site)
    if not await list_sheets(site.database, limit=1):
        await _load_rates(site)
        active = [line.msisdn for line in demo.lines if line.state == "active"]
        await use_some_credit(site, active[-_USERS:])
    if not demo.staff:
        demo.staff = await hire_staff(site)
    if not demo.sellers:
        demo.sellers = await open_shops(site)
    if not demo.cards:
        demo.cards = await make_cards(site)
    demo.codes = await _live_codes(site, demo.codes)
    if len(demo.codes) < _CODES_AT_HAND // 2:
        demo.codes += await _more_codes(site)
    _write(path, demo)
    await write_stamp(site.database, "demo_seeded", "yes")
    first_active = next(line.msisdn for line in demo.lines if line.state == "active")
    return Sandbox(
        api_key=demo.api_key,
        codes=tuple(demo.codes),
        msisdn=first_active,
        cards={one.serial: one.code for one in demo.cards},
        sellers=tuple((one.shop, one.number, one.pin) for one in demo.sellers),
    )


def write_demo_file(data_dir: Path, url: str) -> DemoFile:
    """Say in demo.json where the demo is served, now that it is; return its content."""
    path = data_dir / FILE
    demo = msgspec.json.decode(path.read_bytes(), type=DemoFile)
    demo.url = url
    demo.pages = {
        "portal": f"{url}/",
        "points": f"{url}/points",
        "rates": f"{url}/rates",
        "codes": f"{url}/sandbox/codes",
        "sms": f"{url}/sandbox/sms",
        "phone": f"{url}/sandbox/phone",
        "api_docs": f"{url}/docs",
        "console": f"{url}/console",
        "shop": f"{url}/shop",
    }
    _write(path, demo)
    return demo


async def _load_rates(site: Site) -> None:
    """Load the rates as if that had been a week ago: by them yesterday's use is charged."""
    request = TariffRequest(
        path=TARIFF,
        tariff=STANDARD,
        actor=_ACTOR,
        now=site.clock.now() - timedelta(days=7),
        zones=site.operator.tariffs.zones,
    )
    await load_tariff(site.database, request)


async def _make_everything(site: Site) -> DemoFile:
    await make_sims(site, LINES)
    lines = await _make_lines(site)
    partner_id, api_key = await _make_partner(site, "Demo partner")
    _, switch_key = await _make_partner(site, "Demo switch", speaks_for_lines=True)
    codes = await _more_codes(site)
    await _use_some(site, codes, lines)
    await _let_one_back(site, lines)
    await _live_a_little(site, partner_id, lines)
    await _publish(site)
    await import_points(site.database, PointsRequest(path=_POINTS, actor=_ACTOR))
    await make_tickets(site, [line for line in lines if line.state == "active"])
    return DemoFile(
        api_key=api_key,
        switch_key=switch_key,
        partner_id=partner_id,
        codes=codes,
        lines=lines,
    )


async def _make_lines(site: Site) -> list[DemoLine]:
    """Import the lines; a number that is there already (an interrupted start) stays as it is."""
    wanted = list(_plan(site))
    ids = await mint_owner_ids(site.database, len(wanted))
    await asyncio.gather(
        *(
            site.engine.submit(
                replace(line, line_id=line_id, person=_person(site, line_id, place))
            )
            for place, ((_, line), line_id) in enumerate(zip(wanted, ids, strict=True))
        )
    )
    return [
        DemoLine(
            msisdn=str(line.msisdn), state=state, language=line.language.tag, esim=is_esim(place)
        )
        for place, (state, line) in enumerate(wanted)
    ]


def _plan(site: Site) -> Iterator[tuple[str, ImportLine]]:
    """Lay out the lines: every state, every language in turn, dates spread over each stage."""
    languages = list(Language)
    now = site.clock.now()
    states = [state for state, count in _STATES for _ in range(count)]
    for place, state in enumerate(states):
        active_until, grace_until = _dates(site, state, place, now)
        msisdn = _FIRST_NUMBER + place * 17
        yield (
            state,
            ImportLine(
                line_id=0,
                msisdn=msisdn,
                digest=site.keys.digest("demo", str(msisdn)),
                language=languages[place % len(languages)],
                plan=site.operator.plans[place % 7 == 0 and len(site.operator.plans) > 1],
                iccid=demo_iccid(place),
                activated_at=None if active_until is None else now - timedelta(days=300),
                active_until=active_until,
                grace_until=grace_until,
                opening_micros=(place % 23) * MICROS_PER_RINGGIT if active_until else 0,
                barred=state == "barred",
                suspended=state == "suspended",
            ),
        )


def _person(site: Site, line_id: int, place: int) -> PersonRecord:
    """Return who a line is registered to: plainly nobody, with the next line as other number."""
    person = {
        "name": f"Demo Person {place}",
        "document": f"DEMO{place:04d}",
        "birth_date": f"{1950 + place % 50}-01-01",
        "contact": str(_FIRST_NUMBER + (place + 1) % LINES * 17),
    }
    return seal_person(site.keys, line_id, person)


def _dates(
    site: Site, state: str, place: int, now: datetime
) -> tuple[datetime | None, datetime | None]:
    """Return dates that put a line in the middle of its stage."""
    life, validity = site.rules.life, site.rules.validity
    days = {
        LineState.GRACE.name.lower(): -1 - place % max(1, life.grace_days - 1),
        LineState.EXPIRED.name.lower(): -life.grace_days - 2 - place % 10,
        LineState.QUARANTINED.name.lower(): -life.grace_days - life.reactivation_days - 20,
        LineState.TERMINATED.name.lower(): -life.grace_days
        - life.reactivation_days
        - life.quarantine_days
        - 20,
    }
    if state == LineState.PRE_ACTIVE.name.lower():
        return None, None
    active_until = validity.end_of_day(now, days.get(state, 1 + place % 90))
    return active_until, grace_after(active_until, life, validity)


async def _make_partner(
    site: Site, name: str, *, speaks_for_lines: bool = False
) -> tuple[int, str]:
    """Add a partner of the demo's with an ample float; return its id and key."""
    partner_id = await add_partner(
        site.database,
        name=name,
        actor=_ACTOR,
        speaks_for_lines=speaks_for_lines,
        limits_micros=(MICROS_PER_RINGGIT, 500 * MICROS_PER_RINGGIT, None),
    )
    await site.engine.submit(
        FundPartner(
            caller="demo",
            request_key=f"demo-float-{partner_id}",
            partner_id=partner_id,
            amount_micros=100_000_000 * MICROS_PER_RINGGIT,
            reference="demo float",
            actor=_ACTOR,
        )
    )
    wanted = KeyRequest(partner_id=partner_id, label="demo", scopes=SCOPES, is_test=True)
    api_key = await add_key(site.database, site.keys, wanted, _ACTOR)
    return partner_id, api_key


async def _more_codes(site: Site) -> list[str]:
    """Make and release a small batch for each denomination on sale; return all its codes."""
    now = site.clock.now()
    codes: list[str] = []
    denominations = site.rules.catalog.on_sale(now)
    for denomination in denominations:
        made = await generate(
            site.database,
            site.keys,
            site.rules.catalog,
            BatchRequest(
                price_micros=denomination.price_micros,
                quantity=-(-_CODES_AT_HAND // len(denominations)),
                now=now,
                actor=_ACTOR,
                operator=site.operator.brand.name,
                born_active=True,
                keep_codes=True,
            ),
        )
        await change_batch(site.database, made.batch_id, "release", _ACTOR, now)
        codes += made.codes
    return codes


async def _use_some(site: Site, codes: list[str], lines: list[DemoLine]) -> None:
    """Redeem a few codes, so that the SMS inbox is not empty on the first look."""
    active = [line for line in lines if line.state == "active"]
    for place in range(4):
        line = active[place]
        code = codes.pop(place * 7)
        await site.engine.submit(
            RedeemVoucher(
                caller="demo",
                # The code is in it: a start that was cut short comes again with other codes.
                request_key=site.keys.digest("demo", line.msisdn, code).hex(),
                msisdn=int(line.msisdn),
                digits=code,
                audience=Audience.OWN,
                language=LANGUAGE_BY_TAG[line.language],
            )
        )


async def _let_one_back(site: Site, lines: list[DemoLine]) -> None:
    """Check the owner of an expired line, so that a top-up shows what coming back is like."""
    expired = [line for line in lines if line.state == "expired"]
    line_id = await find_line_id(site.database, int(expired[-1].msisdn))
    assert line_id is not None, "it has just been imported"
    command = AllowReactivation(
        caller="demo", request_key=f"back:{line_id}", line_id=line_id, actor=_ACTOR
    )
    await site.engine.submit(command)


async def _publish(site: Site) -> None:
    """Publish the demo's offers and news, as an operator does from a file."""
    articles = read_articles(ARTICLES, site.operator.plans)
    await publish_articles(site.database, articles, _ACTOR, site.clock.now())


async def _live_a_little(site: Site, partner_id: int, lines: list[DemoLine]) -> None:
    """Give one line of each language a history to look at: a bonus, a charge, a mistake mended."""
    active = [line for line in lines if line.state == "active"]
    for line in active[:_LIVED]:
        msisdn = int(line.msisdn)
        for ringgit in (30, 5):
            await site.engine.submit(
                TopUp(
                    caller="demo",
                    # A start that was cut short comes again with another partner.
                    request_key=f"demo-{partner_id}-{msisdn}-{ringgit}",
                    msisdn=msisdn,
                    partner_id=partner_id,
                    amount_micros=ringgit * MICROS_PER_RINGGIT,
                    reference=f"DEMO-{ringgit}",
                )
            )
        await site.engine.submit(
            AdjustCredit(
                caller="demo",
                request_key=f"demo-{msisdn}-spent",
                msisdn=msisdn,
                amount_micros=-3_500_000,
                actor=_ACTOR,
            )
        )
        await site.engine.submit(
            ReverseTopUp(
                caller="demo",
                request_key=f"demo-{msisdn}-reversed",
                msisdn=msisdn,
                topup_no=_MISTAKE,
                actor=_ACTOR,
            )
        )


async def _live_codes(site: Site, codes: list[str]) -> list[str]:
    """Return those of the codes that can still be redeemed."""
    digests = {site.keys.code_digest(code, site.keys.current_id): code for code in codes}
    live = await live_digests(site.database, list(digests))
    return [code for digest, code in digests.items() if digest in live]


def _write(path: Path, demo: DemoFile) -> None:
    """Write demo.json whole or not at all, for the owner alone: it holds a key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".demo-")
    with open(handle, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(demo), indent=2))
        file.flush()
        os.fsync(file.fileno())
    Path(name).replace(path)
