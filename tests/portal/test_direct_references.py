"""A signed-in subscriber reaches nothing of another's by any id, number or reference, anywhere."""

from __future__ import annotations

import html
import io
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from PIL import Image

from tambah.config import SignInEntry, TicketsEntry
from tambah.desks import tickets as ticket_desk
from tambah.domain.actor import Actor
from tambah.domain.commands import AdjustCredit, TopUp
from tambah.domain.esim import parse_activation_code
from tambah.domain.payment import show_reference
from tambah.domain.sign_in_rule import SignInRule
from tambah.domain.sim import Sim, SimKind
from tambah.domain.sim_commands import ReplaceSim
from tambah.domain.ticket import show_ticket
from tambah.domain.voucher import format_serial
from tambah.engine.engine import Engine
from tambah.engine.importing.people import seal_person
from tambah.engine.publishing import publish_articles, read_articles
from tambah.engine.secret_params import open_params
from tambah.engine.sims import seal_code
from tambah.engine.tickets import note_for_staff
from tambah.payments.names import payment_id
from tambah.payments.sandbox import Ending
from tambah.portal import routes as portal
from tambah.portal import signing_in
from tambah.portal.history import write_cursor
from tambah.portal.routes import routes
from tambah.store.database import Database
from tambah.store.ledger import sims
from tambah.store.views.history import Place
from tambah.web.forms import mint_token
from tambah.web.site import Site
from tests.engine.books import RM, add_line, add_partner
from tests.engine.publishing.writing import article_toml, put

from .conftest import ALICE, CODES, TYPED_NUMBER, client_of, field, top_up
from .paying import check_form, open_shop, press_pay, replace_struct
from .signing import sign_in
from .walk import WALK, Address, Reach

BOB, BOBS_NUMBER = 60198765432, "019-876 5432"
STAFF = Actor(who="aminah", why="Ticket 7")
BOBS_PLAN, BOBS_OFFER = "tourist", "for-bobs-plan"
ALICES_ESIM, BOBS_ESIM, BOBS_IMSI = (
    "8960000000000000007",
    "8960000000000000023",
    "502990000000023",
)
BOBS_CODE = "LPA:1$SMDP.EXAMPLE.COM$QX7F2-9KLM4-Z8W3T"
ALICES_CODE = "LPA:1$SMDP.EXAMPLE.NET$AAAA2-BBBB4-CCCC3"
BOBS_SERIAL, BOBS_DIGITS = format_serial(1, 1), "12345678??123456"
BOBS_NOTE, STAFFS_NOTE = "The scratched card of my aunt", "He was rude when he rang"
FIELDS_AT_ONCE = 40
"""More than fifty fields make a form that is refused before it is looked at."""

PORTAL = Path(portal.__file__).parent
Marks = dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class House:
    """A site in which Alice and Bob have lines, and what is Bob's.

    values: what Alice puts wherever something can be put, by group; marks: what must not come
    back, by group, unless it was sent. bobs: what rows are Bob's by, column and value.
    """

    site: Site
    bobs: Mapping[str, int | str]
    values: Marks
    marks: Marks
    bobs_addresses: tuple[str, ...]
    alices_ticket: str


def keys_of(site: Site) -> set[str]:
    """Return every address of the portal as WALK names it."""
    return {
        f"{method} {path}"
        for handler in routes(site)
        for path in handler.paths
        for method in handler.http_methods - {"OPTIONS", "HEAD"}
    }


@cache
def field_names() -> frozenset[str]:
    """Return every field and query parameter that the portal's templates and handlers name."""
    found: set[str] = set()
    for path in chain(PORTAL.rglob("*.html"), PORTAL.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".html":
            found.update(
                re.findall(r'<(?:input|select|textarea|button)\b[^>]*\bname="(\w+)"', text)
            )
        else:
            found.update(re.findall(r'\.get\("(\w+)"', text))
    more = {"line_id", "msisdn", "topup_no", "payment_no", "session", "id", "iccid", "imsi"}
    return frozenset(found | more)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing_in, "WRONG_ANSWER_SECONDS", 0.0)
    monkeypatch.setattr(ticket_desk, "WRONG_ANSWER_SECONDS", 0.0)


@pytest.fixture
async def house(site: Site, database: Database, tmp_path: Path) -> AsyncIterator[House]:
    """Open a demo that takes payments, patient with whoever tries often."""
    rules = replace(site.rules, signing_in=SignInRule(asks_hourly=10**6, ladder=((10**6, 1),)))
    many = 10**6
    entry = SignInEntry(source_asks_hourly=many, source_wrong_hourly=many, all_wrong_hourly=many)
    tickets = TicketsEntry(
        most_open=many,
        source_hourly=many,
        all_hourly=many,
        source_wrong_hourly=many,
        all_wrong_hourly=many,
    )
    engine = Engine(database, rules=rules, keys=site.keys, clock=site.clock)
    await engine.start()
    patient = replace(site, engine=engine)
    shop = open_shop(patient, rules, look_ups_hourly=many, show_masked_name=False)
    operator = replace_struct(shop.site.operator, sign_in=entry, tickets=tickets)
    shop = replace(shop, site=replace(shop.site, operator=operator))
    offers = put(tmp_path, article_toml(BOBS_OFFER, "Touring", plans=f'["{BOBS_PLAN}"]'))
    articles = read_articles(offers, ("standard", BOBS_PLAN))
    await publish_articles(database, articles, STAFF, site.clock.now())
    yield await furnish(shop, database)
    await shop.desk.close()
    await engine.stop()


async def furnish(shop: Any, database: Database) -> House:
    """Give Bob a line with a name, credit, receipts, payments, a session, a password sent.

    And an eSIM whose code was not shown, and a ticket with notes and a photo. Alice has an eSIM
    and a ticket too.
    """
    site: Site = shop.site
    await put_on_esims(site)
    line_id = await add_line(site.engine, database, BOB, plan=BOBS_PLAN, iccid=BOBS_ESIM)
    person = seal_person(site.keys, line_id, {"name": "Bobby Contoh"})
    await database.execute(
        "INSERT INTO person VALUES ($1, $2, $3, now())", line_id, person.sealed, person.key_id
    )
    partner_id = await add_partner(database)
    for amount, key in ((30, "BOB-1"), (50, "BOB-2")):
        await site.engine.submit(
            TopUp(
                caller="shop",
                request_key=key,
                msisdn=BOB,
                partner_id=partner_id,
                amount_micros=amount * RM,
                reference=f"SHOP-{key}",
            )
        )
    await site.engine.submit(
        AdjustCredit(
            caller="c", request_key="1", msisdn=BOB, amount_micros=-2_690_000, actor=STAFF
        )
    )
    async with client_of(site) as bob:
        paid = await press_pay(bob, await check_form(bob, number=BOBS_NUMBER))
        credited_at = await shop.end(paid, Ending.PAID)
        await press_pay(bob, await check_form(bob, "50.00", "bank", number=BOBS_NUMBER))
        by_code = (await top_up(bob, CODES[0], BOBS_NUMBER)).headers["location"]
        await sign_in(site, bob, BOBS_NUMBER)
        cookie = bob.cookies["session"]
    async with client_of(site) as another:
        await another.post("/account/sign-in", data={"number": BOBS_NUMBER})
        ticket_at = await open_ticket(another, BOBS_NUMBER, BOBS_NOTE)
        await open_ticket(another, TYPED_NUMBER, "Please look")
    reference = await ticket_of(site, line_id)
    await note_for_staff(
        database, site.keys, reference, STAFFS_NOTE, actor=STAFF, now=site.clock.now()
    )
    return await describe(site, line_id, cookie, (credited_at, by_code, ticket_at))


async def put_on_esims(site: Site) -> None:
    """Have an eSIM for Bob in stock, and Alice on another."""
    connection = await site.database.connect_writer()
    stock: list[Sim] = []
    for iccid, text in ((ALICES_ESIM, ALICES_CODE), (BOBS_ESIM, BOBS_CODE)):
        code = parse_activation_code(text)
        sealed = seal_code(site.keys, iccid, code)
        imsi = BOBS_IMSI if iccid == BOBS_ESIM else None
        stock.append(
            Sim(
                iccid=iccid,
                imsi=imsi,
                kind=SimKind.ESIM,
                smdp_address=code.smdp_address,
                sealed=sealed,
            )
        )
    async with connection.transaction():
        await sims.insert_sims(connection, stock)
    await connection.close()
    await site.engine.submit(
        ReplaceSim(caller="c", request_key="2", msisdn=ALICE, iccid=ALICES_ESIM, actor=STAFF)
    )
    await site.database.execute("UPDATE line SET hold_until = NULL")


async def open_ticket(browser: httpx.AsyncClient, number: str, text: str) -> str:
    """Open a ticket about a damaged card, with a photo; return the path of its page."""
    photo = io.BytesIO()
    Image.new("RGB", (30, 20), "red").save(photo, "PNG")
    form = {
        "token": field(await browser.get("/help/ticket"), "token"),
        "number": number,
        "category": "damaged_card",
        "serial": BOBS_SERIAL if number == BOBS_NUMBER else "",
        "readable": BOBS_DIGITS if number == BOBS_NUMBER else "",
        "text": text,
    }
    photos = {"photo": ("card.png", photo.getvalue(), "image/png")}
    opened = await browser.post("/help/ticket", data=form, files=photos)
    assert opened.status_code == 303
    return opened.headers["location"]


async def ticket_of(site: Site, line_id: int) -> str:
    """Return the reference of a line's only ticket."""
    rows = await site.database.fetch("SELECT reference FROM ticket WHERE line_id = $1", line_id)
    (row,) = rows
    return row["reference"]


async def describe(site: Site, line_id: int, cookie: str, addresses: tuple[str, ...]) -> House:
    """Collect what is Bob's: to be sent, and not to be seen."""
    database = site.database
    receipts = await database.fetch("SELECT topup_no, receipt, at FROM topup ORDER BY topup_no")
    payments = await database.fetch(
        "SELECT payment_no, reference FROM payment ORDER BY payment_no"
    )
    session = await database.fetch_value("SELECT encode(digest, 'hex') FROM session")
    sealed = await database.fetch_value(
        "SELECT sealed FROM outbox WHERE template = 'sign_in_code' ORDER BY number DESC LIMIT 1"
    )
    balance = await database.fetch_value(
        "SELECT remaining_micros FROM bucket WHERE owner_id = $1 AND bucket_id = 1", line_id
    )
    assert balance == (30 + 50 + 30 + 10) * RM - 2_690_000
    named = [payment_id(site.keys, line_id, row["payment_no"]) for row in payments]
    own_addresses = tuple(path.partition("?")[0].rpartition("/")[2] for path in addresses) + tuple(
        named
    )
    references = [row["reference"] for row in payments]
    ticket = await ticket_of(site, line_id)
    alice = await database.fetch_value("SELECT line_id FROM number WHERE msisdn = $1", ALICE)
    values: Marks = {
        "line": (str(line_id),),
        "number": (str(BOB), BOBS_NUMBER),
        "receipt": tuple(row["receipt"] for row in receipts),
        "topup": tuple(str(row["topup_no"]) for row in receipts),
        "payment": (*references, *(show_reference(one) for one in references)),
        "address": own_addresses,
        "session": (cookie, cookie.partition(".")[0], session),
        "password": (open_params(site.keys, sealed)["code"],),
        "cursor": (write_cursor(Place(receipts[-1]["at"], 1, 99)),),
        "name": ("Bobby Contoh",),
        "ticket": (ticket, show_ticket(ticket)),
        "serial": (BOBS_SERIAL,),
        "sim": (BOBS_ESIM, BOBS_IMSI),
        "offer": (BOBS_OFFER,),
    }
    marks: Marks = {
        "number": (str(BOB), str(BOB)[2:], BOBS_NUMBER, "9876 5432", "876 5432"),
        "name": ("Bobby", "B***y"),
        "receipt": values["receipt"],
        "payment": values["payment"],
        "balance": ("117.31",),
        "address": own_addresses,
        "session": (cookie.partition(".")[2], session),
        "ticket": values["ticket"],
        "note": (BOBS_NOTE,),
        "photo": ("JFIF",),
        "serial": values["serial"],
        "digits": (BOBS_DIGITS, BOBS_DIGITS[:8]),
        "staff": (STAFFS_NOTE,),
        "sim": (BOBS_ESIM, BOBS_IMSI, f"ends in {BOBS_ESIM[-4:]}"),
        "code": tuple(BOBS_CODE.split("$")[1:]),
        "offer": (BOBS_OFFER, "Touring"),
    }
    bobs: dict[str, int | str] = {
        "line_id": line_id,
        "owner_id": line_id,
        "msisdn": BOB,
        "iccid": BOBS_ESIM,
        "reference": ticket,
    }
    alices_ticket = show_ticket(await ticket_of(site, alice))
    return House(site, bobs, values, marks, own_addresses, alices_ticket)


async def snapshot(house: House) -> dict[str, list[dict[str, Any]]]:
    """Return every row that names Bob's line, number, SIM or ticket, table by table.

    What names his ticket alone is apart, as `ticket_note by reference`.
    """
    columns = await house.site.database.fetch(
        """
        SELECT relname AS name, attname AS by
          FROM pg_class
          JOIN pg_attribute ON attrelid = pg_class.oid
         WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
           AND NOT relispartition AND attname = ANY($1)
        """,
        list(house.bobs),
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for name, by in ((row["name"], row["by"]) for row in columns):
        rows = await house.site.database.fetch(
            f"SELECT to_jsonb(t) FROM {name} AS t WHERE {by} = $1 ORDER BY to_jsonb(t)::text",  # type: ignore[arg-type]
            house.bobs[by],
        )
        place = f"{name} by {by}" if by == "reference" else name
        found.setdefault(place, []).extend(json.loads(row[0]) for row in rows)
    return found


def settled(
    state: Mapping[str, list[dict[str, Any]]], address: Address
) -> dict[str, list[dict[str, Any]]]:
    """Return a snapshot without what an address may set off for whom it names."""
    kept = {name: rows for name, rows in state.items() if name not in address.sets_off}
    if "line" in address.sets_off:
        told = ("message_seq", "last_at", "due_at")
        kept["line"] = [
            {name: value for name, value in row.items() if name not in told}
            for row in state["line"]
        ]
    return kept


async def test_every_address_is_classified(house: House) -> None:
    """A new address fails here until WALK says how it is tried."""
    assert keys_of(house.site) == set(WALK)


@pytest.mark.parametrize("key", [k for k, one in WALK.items() if one.reach is not Reach.LAID_OPEN])
async def test_nothing_of_anothers_is_told_or_changed(house: House, key: str) -> None:
    # The address itself is not among what is sent to where it would open something.
    address = WALK[key]
    if address.reach is Reach.BEARER:
        address = replace(address, tells=frozenset(), sets_off=frozenset())
    before = settled(await snapshot(house), address)
    assert before["bucket"]
    assert before["topup"]
    assert before["sim"]
    assert len(before["ticket_note by reference"]) == 2
    async with client_of(house.site) as alice:
        await sign_in(house.site, alice)
        async for sent, answer in walk(house, alice, key, address):
            said = said_by(answer)
            allowed = {*groups_of(house, sent), *address.tells}
            told = [
                mark
                for group, marks in house.marks.items()
                if group not in allowed
                for mark in marks
                if mark in said
            ]
            assert told == [], (key, sent, answer.status_code)
            assert answer.status_code < 500, (key, sent)
    assert settled(await snapshot(house), address) == before


def groups_of(house: House, sent: Mapping[str, str]) -> set[str]:
    """Return the groups of what was sent: a page may say again what somebody typed there."""
    texts = set(sent.values())
    return {group for group, values in house.values.items() if texts & set(values)}


def said_by(answer: httpx.Response) -> str:
    """Return all that an answer says, its headers included."""
    headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.multi_items())
    return html.unescape(f"{headers}\n{answer.text}")


async def walk(
    house: House, alice: httpx.AsyncClient, key: str, address: Address
) -> AsyncIterator[tuple[dict[str, str], httpx.Response]]:
    """Send everything of Bob's to one address, wherever something can be put."""
    method, _, path = key.partition(" ")
    cookies, held = dict(alice.cookies), await held_session(house.site)
    for sent in tries(house, path, address):
        await hold_session(house.site, held)
        alice.cookies.update(cookies)
        named = re.findall(r"\{(\w+):\w+\}", path)
        where = path
        for name in named:
            where = re.sub(rf"\{{{name}:\w+\}}", quote(sent.get(name, "1"), safe=""), where)
        rest = {name: value for name, value in sent.items() if name not in named}
        if method == "GET":
            yield sent, await alice.get(where, params=rest)
        else:
            if path.startswith("/account/sign-in/code"):
                # What she asked for in her own browser is a password for Bob's number.
                await alice.post("/account/sign-in", data={"number": BOBS_NUMBER})
            yield sent, await alice.post(where, data=rest)
    await hold_session(house.site, held)
    alice.cookies.update(cookies)
    assert (await alice.get("/account")).status_code == 200


def tries(house: House, path: str, address: Address) -> Iterator[dict[str, str]]:
    """Return what is sent: each value in all fields that a form lacks, and in each it has."""
    named = re.findall(r"\{(\w+):\w+\}", path)
    forms = forms_of(house, address)
    for group, values in house.values.items():
        if group == "address" and address.reach is Reach.BEARER:
            continue
        for value in values:
            placed = dict.fromkeys(named, value)
            for form in forms:
                others = sorted(field_names() - set(form) - set(named))
                for start in range(0, len(others), FIELDS_AT_ONCE):
                    some = dict.fromkeys(others[start : start + FIELDS_AT_ONCE], value)
                    yield {**some, **form, **placed}
                yield {**form, **placed}
                for name in form:
                    yield {**form, name: value, **placed}


def forms_of(house: House, address: Address) -> list[dict[str, str]]:
    """Return an address's forms, filled in with what is Alice's."""
    token = mint_token(house.site.keys, house.site.clock.now())
    given = {"number": TYPED_NUMBER, "ticket": house.alices_ticket, "token": token}
    return [{name: one.format_map(given) for name, one in form.items()} for form in address.forms]


async def held_session(site: Site) -> Any:
    """Return Alice's session, the latest."""
    row = await site.database.fetch_row("SELECT * FROM session ORDER BY proved_at DESC LIMIT 1")
    assert row is not None
    return tuple(row)


async def hold_session(site: Site, held: Any) -> None:
    """Have Alice signed in again where she signed out."""
    await site.database.execute(
        """
        INSERT INTO session (line_id, digest, proved_at, seen_at, expires_at)
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
        """,
        *held,
    )


@pytest.mark.parametrize("key", [k for k, one in WALK.items() if one.reach is Reach.BEARER])
async def test_an_address_tells_its_bearer_neither_number_nor_balance(
    house: House, key: str
) -> None:
    """Nor anything else but what WALK says: of a payment its page, of a ticket its thread."""
    method, _, path = key.partition(" ")
    address, reached = WALK[key], 0
    before = settled(await snapshot(house), address)
    async with client_of(house.site) as alice:
        await sign_in(house.site, alice)
        for token in house.bobs_addresses:
            where = path.replace("{token:str}", token).replace("{photo_no:int}", "1")
            for form in forms_of(house, address):
                answer = await alice.request(method, where, data=form or None)
                reached += answer.status_code != 404
                said = said_by(answer)
                for group in house.marks.keys() - address.tells:
                    marks = set(house.marks[group]) - {token}
                    assert [mark for mark in marks if mark in said] == [], where
    assert reached
    assert settled(await snapshot(house), address) == before


async def test_the_walk_would_notice(house: House) -> None:
    """What the walk looks for is there to be found: Bob himself sees it."""
    async with client_of(house.site) as bob:
        await sign_in(house.site, bob, BOBS_NUMBER)
        paths = ("/account", "/account/history", "/account/tickets", "/account/sim", "/offers")
        pages = [await bob.get(path) for path in paths]
        pages.append(await bob.post("/account/sim/code"))
        pages += [await bob.get(f"/help/ticket/{token}") for token in house.bobs_addresses]
        pages += [await bob.get(f"/help/ticket/{token}/photo/1") for token in house.bobs_addresses]
        said = "".join(said_by(page) for page in pages)
    assert BOBS_NUMBER in said
    assert "117.31" in said
    assert all(receipt in said for receipt in house.marks["receipt"][:2])
    for group in ("ticket", "note", "photo", "serial", "code", "offer"):
        assert any(mark in said for mark in house.marks[group]), group
    assert house.marks["sim"][-1] in said
    # Neither he nor whoever has the address is told what staff wrote, nor the digits he typed.
    for group in ("staff", "digits"):
        assert not any(mark in said for mark in house.marks[group]), group
    assert ALICE != BOB
