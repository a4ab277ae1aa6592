"""A signed-in subscriber reaches nothing of another's by any id, number or reference, anywhere."""

from __future__ import annotations

import html
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

from tambah.config import SignInEntry
from tambah.domain.actor import Actor
from tambah.domain.commands import AdjustCredit, TopUp
from tambah.domain.payment import show_reference
from tambah.domain.sign_in_rule import SignInRule
from tambah.engine.engine import Engine
from tambah.engine.importing.people import seal_person
from tambah.engine.secret_params import open_params
from tambah.payments.names import payment_id
from tambah.payments.sandbox import Ending
from tambah.portal import routes as portal
from tambah.portal import signing_in
from tambah.portal.history import write_cursor
from tambah.portal.routes import routes
from tambah.store.database import Database
from tambah.store.views.history import Place
from tambah.web.forms import mint_token
from tambah.web.site import Site
from tests.engine.books import RM, add_line, add_partner

from .conftest import ALICE, CODES, TYPED_NUMBER, client_of, top_up
from .paying import check_form, open_shop, press_pay, replace_struct
from .signing import sign_in
from .walk import WALK, Address, Reach

BOB, BOBS_NUMBER = 60198765432, "019-876 5432"
STAFF = Actor(who="aminah", why="Ticket 7")
PORTAL = Path(portal.__file__).parent
Marks = dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class House:
    """A site in which Alice and Bob have lines, and what is Bob's.

    values: what Alice puts wherever something can be put, by group; marks: what must not come
    back, by group, unless it was sent.
    """

    site: Site
    bobs_line_id: int
    values: Marks
    marks: Marks
    bobs_addresses: tuple[str, ...]


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
    return frozenset(found | {"line_id", "msisdn", "topup_no", "payment_no", "session", "id"})


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing_in, "WRONG_ANSWER_SECONDS", 0.0)


@pytest.fixture
async def house(site: Site, database: Database) -> AsyncIterator[House]:
    """Open a demo that takes payments, patient with whoever tries often."""
    rules = replace(site.rules, signing_in=SignInRule(asks_hourly=10**6, ladder=((10**6, 1),)))
    many = 10**6
    entry = SignInEntry(source_asks_hourly=many, source_wrong_hourly=many, all_wrong_hourly=many)
    engine = Engine(database, rules=rules, keys=site.keys, clock=site.clock)
    await engine.start()
    patient = replace(site, engine=engine)
    shop = open_shop(patient, rules, look_ups_hourly=many, show_masked_name=False)
    operator = replace_struct(shop.site.operator, sign_in=entry)
    shop = replace(shop, site=replace(shop.site, operator=operator))
    yield await furnish(shop, database)
    await shop.desk.close()
    await engine.stop()


async def furnish(shop: Any, database: Database) -> House:
    """Give Bob a line with a name, credit, receipts, payments, a session, a password sent."""
    site: Site = shop.site
    line_id = await add_line(site.engine, database, BOB)
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
    return await describe(site, line_id, cookie, (credited_at, by_code))


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
    }
    marks: Marks = {
        "number": (str(BOB), str(BOB)[2:], BOBS_NUMBER, "9876 5432", "876 5432"),
        "name": ("Bobby", "B***y"),
        "receipt": values["receipt"],
        "payment": values["payment"],
        "balance": ("117.31",),
        "address": own_addresses,
        "session": (cookie.partition(".")[2], session),
    }
    return House(site, line_id, values, marks, own_addresses)


async def snapshot(house: House) -> dict[str, list[dict[str, Any]]]:
    """Return every row that names Bob's line or number, table by table."""
    columns = await house.site.database.fetch(
        """
        SELECT relname AS name, attname AS by
          FROM pg_class
          JOIN pg_attribute ON attrelid = pg_class.oid
         WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
           AND NOT relispartition AND attname IN ('line_id', 'owner_id', 'msisdn')
        """
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for name, by in ((row["name"], row["by"]) for row in columns):
        rows = await house.site.database.fetch(
            f"SELECT to_jsonb(t) FROM {name} AS t WHERE {by} = $1 ORDER BY to_jsonb(t)::text",  # type: ignore[arg-type]
            BOB if by == "msisdn" else house.bobs_line_id,
        )
        found.setdefault(name, []).extend(json.loads(row[0]) for row in rows)
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
    address = WALK[key]
    before = settled(await snapshot(house), address)
    assert before["bucket"]
    assert before["topup"]
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
    token = mint_token(house.site.keys, house.site.clock.now())
    forms = [
        {name: one.format(number=TYPED_NUMBER, token=token) for name, one in form.items()}
        for form in address.forms
    ]
    for group, values in house.values.items():
        if group == "address" and address.reach is Reach.BEARER:
            continue
        for value in values:
            for form in forms:
                others = (field_names() | set(named)) - set(form)
                yield {**dict.fromkeys(others, value), **form}
                yield {**dict.fromkeys(named, value), **form}
                for name in form:
                    yield {**dict.fromkeys(named, value), **form, name: value}


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
    method, _, path = key.partition(" ")
    before = settled(await snapshot(house), WALK[key])
    async with client_of(house.site) as alice:
        await sign_in(house.site, alice)
        for token in house.bobs_addresses:
            answer = await alice.request(method, path.replace("{token:str}", token))
            said = said_by(answer)
            for group in ("number", "name", "balance", "session"):
                assert [mark for mark in house.marks[group] if mark in said] == []
    assert settled(await snapshot(house), WALK[key]) == before


async def test_the_walk_would_notice(house: House) -> None:
    """What the walk looks for is there to be found: Bob himself sees it."""
    async with client_of(house.site) as bob:
        await sign_in(house.site, bob, BOBS_NUMBER)
        pages = [await bob.get(path) for path in ("/account", "/account/history")]
        said = "".join(said_by(page) for page in pages)
    assert BOBS_NUMBER in said
    assert "117.31" in said
    assert all(receipt in said for receipt in house.marks["receipt"][:2])
    assert ALICE != BOB
