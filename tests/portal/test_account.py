"""What a signed-in subscriber sees of the line: dates, outlook, history, receipts, settings."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from tambah.desks.history_words import GROUPS, NOBODYS_BUSINESS, WORDS
from tambah.domain.actor import Actor
from tambah.domain.care_commands import AllowReactivation
from tambah.domain.commands import (
    AdjustCredit,
    BarLine,
    RedeemVoucher,
    ReverseTopUp,
    TopUp,
)
from tambah.domain.guessing import Audience
from tambah.domain.ledger import TransferKind
from tambah.domain.line import Language, LineState
from tambah.engine.engine import Engine
from tambah.engine.verifying.bookings import BOOKINGS
from tambah.i18n import LANGUAGES, texts
from tambah.portal.account import SECTIONS
from tambah.portal.history import months_until, read_cursor, write_cursor
from tambah.portal.outlook import Ahead, outlook
from tambah.store.database import Database
from tambah.store.views.history import Place
from tambah.store.views.lines import line_now, read_line_of
from tambah.web.site import Site
from tests.engine.books import RM, add_line, add_partner

from .conftest import ALICE, CODES, TYPED_NUMBER, client_of, field, text_of
from .paying import open_shop
from .signing import sign_in
from .test_pages import MOST_BYTES, Addresses

BOB = 60112345678
STAFF = Actor(who="aminah", why="Ticket 7")


@pytest.fixture
async def mine(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """Return Alice's browser, signed in."""
    async with client_of(site) as client:
        yield await sign_in(site, client)


async def line_id_of(site: Site, msisdn: int = ALICE) -> int:
    return await site.database.fetch_value("SELECT line_id FROM number WHERE msisdn = $1", msisdn)


async def top_up(site: Site, partner_id: int, amount: int, key: str) -> Any:
    return await site.engine.submit(
        TopUp(
            caller="shop",
            request_key=key,
            msisdn=ALICE,
            partner_id=partner_id,
            amount_micros=amount * RM,
            reference=f"SHOP-{key}",
        )
    )


async def adjust(site: Site, ringgit: int, key: str) -> None:
    await site.engine.submit(
        AdjustCredit(
            caller="console",
            request_key=key,
            msisdn=ALICE,
            amount_micros=ringgit * RM,
            actor=STAFF,
        )
    )


async def redeem(site: Site, code: str) -> Any:
    return await site.engine.submit(
        RedeemVoucher(
            caller="web", request_key=code, msisdn=ALICE, digits=code, audience=Audience.OWN
        )
    )


def entries(page: httpx.Response) -> list[str]:
    """Return the history's entries as text, in their order."""
    found = re.findall(r"<li>\n(.*?)</li>", page.text.partition('class="entries"')[2], re.DOTALL)
    return [" ".join(re.sub("<[^>]+>", " ", one).split()) for one in found]


def whats(page: httpx.Response) -> list[str]:
    """Return what each entry is called, in their order."""
    found = page.text.partition('class="entries"')[2]
    return re.findall(r"<li>\n<p>(?:<a [^>]+>)?([^<]+)<", found)


# The line itself


async def test_the_three_dates_stand_apart(site: Site, mine: httpx.AsyncClient) -> None:
    shop = await add_partner(site.database)
    topped = await top_up(site, shop, 30, "1")
    page = await mine.get("/account")
    said, last_day = texts("en"), site.rules.validity.last_day
    text = text_of(page)
    bonus_until = last_day(site.rules.validity.end_of_day(topped.at, 30))
    assert f"Bonus credit RM2.00 until {said.date(bonus_until)}" in text
    assert f"Active until {said.date(last_day(topped.active_until))}" in text
    assert f"Grace period until {said.date(last_day(topped.grace_until))}" in text
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["content-language"] == "en"


@pytest.mark.parametrize(
    ("ended_days_ago", "state", "what"),
    [
        (-10, "Active", ["bonus", "grace", "expired"]),
        (20, "In the grace period", ["expired", "given_up"]),
        (60, "Expired", ["given_up"]),
    ],
)
async def test_a_state_says_what_comes_next(
    site: Site, mine: httpx.AsyncClient, ended_days_ago: int, state: str, what: list[str]
) -> None:
    now = datetime.now(UTC)
    await site.database.execute(
        """
        UPDATE line SET active_until = $1, grace_until = $2, last_at = last_at - interval '1 day'
        """,
        now - timedelta(days=ended_days_ago),
        now - timedelta(days=ended_days_ago - 50),
    )
    if "bonus" in what:
        await site.database.execute(
            "INSERT INTO bucket VALUES ($1, 2, 2, 2000000, $2)",
            await line_id_of(site),
            now + timedelta(days=5),
        )
    page = await mine.get("/account")
    account = await read_line_of(site.database, await line_id_of(site))
    assert account is not None
    ahead = outlook(line_now(account, site.rules, now), site.rules)
    assert state in text_of(page)
    assert [one.what for one in ahead] == what
    for one in ahead:
        words = texts("en").get(f"account.next.{one.what}", amount="RM2.00")
        assert f"{texts('en').date(one.day)} {words}" in text_of(page)


async def test_the_day_of_a_stage_is_the_one_after_the_last_of_the_one_before(site: Site) -> None:
    account = await read_line_of(site.database, await line_id_of(site))
    assert account is not None
    line = replace_line(account.line, datetime(2027, 5, 2, 16, tzinfo=UTC))
    view = replace(line_now(account, site.rules, site.clock.now()), line=line)
    assert outlook(view, site.rules)[0] == Ahead(what="grace", day=date(2027, 5, 3))


def replace_line(line: Any, active_until: datetime) -> Any:
    fields = {name: getattr(line, name) for name in line.__struct_fields__}
    until = {"active_until": active_until, "grace_until": active_until + timedelta(days=50)}
    return type(line)(**{**fields, **until})


async def test_a_line_that_is_not_active_yet_has_nothing_ahead(
    site: Site, database: Database, engine: Engine
) -> None:
    never = {"activated_at": None, "active_until": None, "grace_until": None}
    line_id = await add_line(engine, database, BOB, **never)
    account = await read_line_of(database, line_id)
    assert account is not None
    assert outlook(line_now(account, site.rules, site.clock.now()), site.rules) == []
    async with client_of(site) as bob:
        page = await (await sign_in(site, bob, "011-234 5678")).get("/account")
    assert "Not activated yet" in text_of(page)
    assert "Top up this number" not in page.text


async def test_bonus_that_outlives_the_line_is_said_with_the_amount_that_mends_it(
    site: Site, mine: httpx.AsyncClient
) -> None:
    until = site.rules.validity.end_of_day(site.clock.now(), 25)
    await site.database.execute(
        "INSERT INTO bucket VALUES ($1, 2, 2, 2000000, $2)", await line_id_of(site), until
    )
    shop = open_shop(site)
    async with client_of(shop.site) as client:
        client.cookies = mine.cookies
        page = await client.get("/account")
        amount, own = field(page, "amount"), field(page, "own")
        assert f"Top up RM{own.removesuffix('.00')} and your line is active until" in text_of(page)
        form = await client.post("/", data={"number": TYPED_NUMBER, "amount": amount, "own": own})
    assert f'value="{amount}" checked' in form.text
    await site.engine.submit(
        TopUp(
            caller="shop",
            request_key="1",
            msisdn=ALICE,
            partner_id=await add_partner(site.database),
            amount_micros=int(own.removesuffix(".00")) * RM,
            reference="1",
        )
    )
    mended = await mine.get("/account")
    assert "longer than your line is active" not in text_of(mended)
    await shop.desk.close()


async def test_an_expired_line_whose_owner_was_checked_is_told_until_when_and_the_fee(
    site: Site, mine: httpx.AsyncClient
) -> None:
    now = datetime.now(UTC)
    await site.database.execute(
        "UPDATE line SET active_until = $1, grace_until = $2, state = 4",
        now - timedelta(days=60),
        now - timedelta(days=10),
    )
    assert "Top up this number" not in text_of(await mine.get("/account"))
    await site.engine.submit(
        AllowReactivation(caller="c", request_key="1", line_id=await line_id_of(site), actor=STAFF)
    )
    page = text_of(await mine.get("/account"))
    until = await site.database.fetch_value("SELECT reactivation_until FROM line")
    last_day = texts("en").date(site.rules.validity.last_day(until))
    assert f"Your identity was checked: a top-up until {last_day} reactivates your line." in page
    assert "Top up this number" in page


@pytest.mark.parametrize("stopped", ["barred", "suspended"])
async def test_a_stopped_line_says_so_and_offers_no_top_up(
    site: Site, mine: httpx.AsyncClient, stopped: str
) -> None:
    await site.engine.submit(
        BarLine(caller="c", request_key="1", msisdn=ALICE, actor=STAFF, **{stopped: True})
    )
    page = await mine.get("/account")
    assert texts("en").get(f"account.is.{stopped}") in text_of(page)
    assert "Top up this number" not in page.text


async def test_topping_up_takes_the_number_along_but_not_in_an_address(
    mine: httpx.AsyncClient,
) -> None:
    page = await mine.get("/account")
    assert "6789" not in "".join(re.findall(r'(?:href|action)="([^"]*)"', page.text))
    form = await mine.post("/", data={"number": "012-345 6789"})
    assert 'name="number"' in form.text
    assert 'value="012-345 6789"' in form.text


async def test_the_account_leads_to_what_is_there_and_to_nothing_else(
    mine: httpx.AsyncClient,
) -> None:
    page = await mine.get("/account")
    leads = re.findall(r'<li><a href="(/account/[a-z-]+)">', page.text)
    assert leads[:2] == list(SECTIONS[:2])
    for path in leads:
        assert (await mine.get(path)).status_code == 200


async def test_pages_speak_the_lines_language_unless_another_was_chosen(
    site: Site, mine: httpx.AsyncClient
) -> None:
    await site.database.execute("UPDATE line SET language = 4")
    for path in ("/account", "/account/history", "/account/settings"):
        assert (await mine.get(path)).headers["content-language"] == "ta"
    assert (await mine.get("/account?lang=ms")).headers["content-language"] == "ms"
    assert (await mine.get("/account")).headers["content-language"] == "ms"


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_pages_are_light_and_need_nothing_from_elsewhere(
    site: Site, mine: httpx.AsyncClient, tag: str
) -> None:
    for code in CODES:
        await redeem(site, code)
    for number in range(20):
        await adjust(site, 1, str(number))
    for path in ("/account", "/account/history", "/account/receipts/1", "/account/settings"):
        page = await mine.get(f"{path}?lang={tag}")
        found = Addresses(page)
        assert [address for address in found.loaded if not address.startswith("/static/")] == []
        assert found.inline == []
        assert len(found.ids) == len(set(found.ids))
        assert "{" not in text_of(page)
        sent = page.num_bytes_downloaded
        for address in found.loaded:
            if not address.endswith(".js"):
                sent += (await mine.get(address)).num_bytes_downloaded
        assert sent < MOST_BYTES


# Its history


async def test_the_history_tells_everything_newest_first(
    site: Site, mine: httpx.AsyncClient
) -> None:
    shop = await add_partner(site.database)
    first = await redeem(site, CODES[0])
    await top_up(site, shop, 30, "1")
    await adjust(site, -4, "2")
    await site.engine.submit(
        ReverseTopUp(caller="c", request_key="3", msisdn=ALICE, topup_no=2, actor=STAFF)
    )
    page = await mine.get("/account/history")
    assert whats(page) == [
        "Top-up reversed",
        "Bonus of a reversed top-up",
        "Adjustment: credit taken off",
        "Bonus credit",
        "Top-up at a dealer",
        "Top-up with a recharge card",
        "Line activated",
    ]
    said = entries(page)
    assert f"Reference {first.receipt}" in said[5]
    assert "+RM10.00" in said[5]
    assert "RM10.00 left" in said[5]
    assert "−RM4.00" in said[2]
    assert re.search(r"Entry \d+", said[2])
    assert re.findall(r"/account/receipts/(\d+)", page.text) == ["2", "1"]


async def test_every_booking_has_a_word_or_is_none_of_the_subscribers() -> None:
    """A new kind of transfer fails here until somebody says how subscribers are told of it."""
    assert {kind for kind, _, _ in WORDS} | NOBODYS_BUSINESS == set(TransferKind)
    assert {kind for kind, _, _ in WORDS} & NOBODYS_BUSINESS == set()
    assert set(WORDS) <= BOOKINGS
    own_moves = {b for b in BOOKINGS if {1, 2} & {b[1], b[2]}}
    assert own_moves <= set(WORDS)
    for tag in LANGUAGES:
        for word in WORDS.values():
            assert texts(tag).get(f"account.did.{word.name}")
            assert word.group in GROUPS


async def test_the_history_is_narrowed_by_group_and_month(
    site: Site, mine: httpx.AsyncClient
) -> None:
    await redeem(site, CODES[0])
    await adjust(site, -4, "2")
    narrowed = {
        "top_ups": ["Top-up with a recharge card"],
        "corrections": ["Adjustment: credit taken off"],
        "line": ["Line activated"],
        "charges": [],
    }
    for group, wanted in narrowed.items():
        assert whats(await mine.get("/account/history", params={"group": group})) == wanted
    today = site.rules.validity.local_day(site.clock.now())
    this, before = months_until(today)[:2]
    this_month = {"from": this.isoformat()[:7], "to": this.isoformat()[:7]}
    assert whats(await mine.get("/account/history", params=this_month))[:2] == [
        "Adjustment: credit taken off",
        "Top-up with a recharge card",
    ]
    until_before = await mine.get("/account/history", params={"to": before.isoformat()[:7]})
    assert "Top-up with a recharge card" not in whats(until_before)
    nothing = await mine.get("/account/history", params={"group": "charges"})
    assert "Nothing is on record" in text_of(nothing)


async def test_months_are_the_operators_local_ones(site: Site, mine: httpx.AsyncClient) -> None:
    await redeem(site, CODES[0])
    # One minute past midnight in Kuala Lumpur is still the month before in UTC.
    today = site.rules.validity.local_day(site.clock.now())
    this, before = months_until(today)[:2]
    at = site.rules.validity.start_of(this) + timedelta(minutes=1)
    await site.database.execute("UPDATE line SET activated_at = $1", at)
    only = {"group": "line", "from": this.isoformat()[:7]}
    assert whats(await mine.get("/account/history", params=only)) == ["Line activated"]
    until = {"group": "line", "to": before.isoformat()[:7]}
    assert whats(await mine.get("/account/history", params=until)) == []


async def test_a_walk_through_the_pages_meets_each_entry_once(
    site: Site, mine: httpx.AsyncClient
) -> None:
    for number in range(45):
        await adjust(site, 1, str(number))
    seen: list[str] = []
    path = "/account/history?group=corrections"
    for _ in range(5):
        page = await mine.get(path)
        seen += re.findall(r"Entry (\d+)", text_of(page))
        older = re.search(r'href="([^"]+)" rel="next"', page.text)
        if older is None:
            break
        path = older[1].replace("&amp;", "&")
        await adjust(site, 1, f"meanwhile {path}")
    assert seen == [str(number) for number in range(45, 0, -1)]


@pytest.mark.parametrize("after", ["", "x", "AAAA", "____________________", "é", "A" * 18])
async def test_a_cursor_that_is_none_shows_a_page_all_the_same(
    mine: httpx.AsyncClient, after: str
) -> None:
    assert (await mine.get("/account/history", params={"after": after})).status_code == 200


def test_a_cursor_stands_for_its_place() -> None:
    place = Place(datetime(2026, 11, 29, 1, 2, 3, 456789, tzinfo=UTC), 1, 77)
    assert read_cursor(write_cursor(place)) == place


class Counting:
    """A database that counts what is asked of it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        if name in ("fetch", "fetch_row", "fetch_value", "execute"):
            self.asked += 1
        return getattr(self._database, name)


@pytest.mark.parametrize("path", ["/account", "/account/history", "/account/settings"])
async def test_a_page_asks_the_same_of_the_database_for_one_row_and_for_three(
    site: Site, path: str
) -> None:
    counting = Counting(site.database)
    watched = replace(site, database=counting)  # type: ignore[arg-type]
    asked: list[int] = []
    for codes in (CODES[:1], CODES[1:]):
        for code in codes:
            await redeem(site, code)
        async with client_of(watched) as browser:
            await sign_in(watched, browser)
            counting.asked = 0
            page = await browser.get(path)
        assert page.status_code == 200
        asked.append(counting.asked)
    assert asked[0] == asked[1]


# Receipts


async def test_a_receipt_is_the_lines_own_in_the_readers_language(
    site: Site, mine: httpx.AsyncClient
) -> None:
    credited = await redeem(site, CODES[0])
    for tag in LANGUAGES:
        page = await mine.get(f"/account/receipts/1?lang={tag}")
        said = text_of(page)
        assert page.headers["cache-control"] == "no-store"
        assert credited.receipt in said
        assert texts(tag).get("account.from.voucher") in said
        assert TYPED_NUMBER.replace("  ", " ") in said
    for nothing in ("2", "0", "-1", "99999999999999999999", "x"):
        assert (await mine.get(f"/account/receipts/{nothing}")).status_code == 404


async def test_a_reversed_top_ups_receipt_says_so(site: Site, mine: httpx.AsyncClient) -> None:
    await redeem(site, CODES[0])
    await site.engine.submit(
        ReverseTopUp(caller="c", request_key="1", msisdn=ALICE, topup_no=1, actor=STAFF)
    )
    page = await mine.get("/account/receipts/1")
    assert "Top-up reversed" in text_of(page)
    assert "Then active until" not in text_of(page)


# Settings


async def test_the_chosen_language_is_the_lines_and_the_pages(
    site: Site, mine: httpx.AsyncClient
) -> None:
    await mine.get("/account?lang=en")
    form = {"language": "ta", "reminds": "yes", "low": "below", "below": "RM 7.50"}
    saved = await mine.post("/account/settings", data=form)
    assert (saved.status_code, saved.headers["location"]) == (303, "/account/settings?saved=yes")
    page = await mine.get(saved.headers["location"])
    assert page.headers["content-language"] == "ta"
    assert texts("ta").get("account.settings.saved") in text_of(page)
    account = await read_line_of(site.database, await line_id_of(site))
    assert account is not None
    line = account.line
    assert (line.language, line.reminds, line.low_credit_micros) == (Language.TA, True, 7_500_000)
    await redeem(site, CODES[0])
    told = await site.database.fetch_value(
        "SELECT language FROM outbox WHERE template = 'credited'"
    )
    assert told == Language.TA


async def test_reminders_and_low_credit_are_switched_off_and_the_page_keeps_its_language(
    site: Site, mine: httpx.AsyncClient
) -> None:
    await mine.get("/account?lang=ms")
    saved = await mine.post("/account/settings", data={"language": "en", "low": "never"})
    assert "set-cookie" not in saved.headers
    account = await read_line_of(site.database, await line_id_of(site))
    assert account is not None
    assert (account.line.reminds, account.line.low_credit_micros) == (False, 0)
    assert (await mine.get("/account/settings")).headers["content-language"] == "ms"


@pytest.mark.parametrize("below", ["", "much", "5.001", "-1", "6000"])
async def test_an_amount_that_is_none_is_refused_and_nothing_is_kept(
    site: Site, mine: httpx.AsyncClient, below: str
) -> None:
    form = {"language": "ms", "low": "below", "below": below}
    page = await mine.post("/account/settings", data=form)
    assert page.status_code == 422
    assert "Nothing has been saved." in text_of(page)
    assert 'aria-invalid="true"' in page.text
    kept = await site.database.fetch_row("SELECT language, low_credit_micros FROM line")
    assert tuple(kept or ()) == (Language.EN, 0)


async def test_a_language_that_is_none_of_ours_is_refused(mine: httpx.AsyncClient) -> None:
    assert (await mine.post("/account/settings", data={"language": "fr"})).status_code == 422


async def test_another_sites_form_changes_nothing(site: Site, mine: httpx.AsyncClient) -> None:
    form = {"language": "ta", "reminds": "yes"}
    headers = {"sec-fetch-site": "cross-site"}
    answer = await mine.post("/account/settings", data=form, headers=headers)
    assert answer.status_code == 422
    assert await site.database.fetch_value("SELECT language FROM line") == Language.EN


async def test_the_settings_list_who_is_signed_in(site: Site, mine: httpx.AsyncClient) -> None:
    async with client_of(site) as other:
        await sign_in(site, other)
        page = await mine.get("/account/settings")
        assert text_of(page).count("This browser") == 1
        assert text_of(page).count("Another browser, last used") == 1
        await other.post("/account/sign-out", data={"everywhere": "yes"})
    assert (await mine.get("/account/settings")).headers["location"] == "/account/sign-in"


async def test_sessions_that_are_over_are_not_listed(site: Site, mine: httpx.AsyncClient) -> None:
    idle_minutes = site.rules.signing_in.idle_minutes
    await site.database.execute(
        """
        INSERT INTO session (line_id, digest, proved_at, seen_at, expires_at)
        SELECT line_id, decode(name, 'hex'), proved_at, seen_at - idle, expires_at - ended
          FROM session
          JOIN (VALUES ('aa', make_interval(mins => $1::integer), interval '0'),
                       ('bb', interval '0', interval '2 days')) AS over (name, idle, ended)
            ON true
        """,
        idle_minutes,
    )
    page = await mine.get("/account/settings")
    assert text_of(page).count("Since ") == 1


@pytest.mark.parametrize("path", [*SECTIONS[:2], "/account", "/account/receipts/1"])
async def test_who_is_not_signed_in_is_sent_to_sign_in(site: Site, path: str) -> None:
    async with client_of(site) as stranger:
        answer = await stranger.get(f"{path}?lang=ms")
    assert answer.headers["location"] == "/account/sign-in?lang=ms"


def test_states_have_words() -> None:
    for tag in LANGUAGES:
        for state in LineState:
            if state < LineState.QUARANTINED:
                assert texts(tag).get(f"account.is.{state.name.lower()}")
