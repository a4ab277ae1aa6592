"""400 days of one number, read like a story: pages, messages, customer care, the next owner.

The product's own pages in process, a real PostgreSQL, the sweep, the notifier with the sandbox's
inbox, and a clock that is moved. Every night at one minute past twelve and every morning at one
minute past ten the sweep runs, now and then two of them at once.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest

from tambah.api.rest import Api
from tambah.channels.notifier import Notifier
from tambah.channels.sandbox_gateway import SandboxGateway
from tambah.config import Brand
from tambah.domain.actor import Actor
from tambah.domain.care_commands import AllowReactivation
from tambah.domain.commands import ImportLine
from tambah.domain.line import Language
from tambah.domain.rules import Rules
from tambah.domain.sign_in_rule import SignInRule
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.engine.verifying import verify
from tambah.jobs.sweep import sweep_once
from tambah.store.database import Database
from tambah.store.views.sandbox import latest_sms
from tambah.web.site import Site
from tests.api import conftest as api
from tests.engine.books import add_cards, add_partner
from tests.portal.conftest import CODES, TYPED_NUMBER, client_of, make_site, text_of, top_up

RM = 1_000_000
NUMBER = 60123456789
MONDAY = date(2027, 1, 4)
"""Day 0."""


class Story:
    """A house with one number in it, and the days that go by."""

    def __init__(self, site: Site, notifier: Notifier) -> None:
        self.site = site
        self.notifier = notifier
        self.day = 0

    def move(self, day: int, hour: int, minute: int = 1) -> None:
        """Make it that time of that day."""
        self.day = day
        start = self.site.rules.validity.start_of(MONDAY + timedelta(days=day))
        self.site.clock.offset = start + timedelta(hours=hour, minutes=minute) - datetime.now(UTC)

    async def live_until(self, last: int) -> None:
        """Let days go by, to the end of the `last`."""
        for day in range(self.day + 1, last + 1):
            for hour in (0, 10):
                self.move(day, hour)
                sweeps = 2 if day % 7 == 0 else 1
                await asyncio.gather(*(self._sweep() for _ in range(sweeps)))
                await self.notifier.deliver_once()

    async def _sweep(self) -> None:
        site = self.site
        await sweep_once(site.engine, site.database, site.clock.now())

    async def inbox(self) -> list[tuple[int, str]]:
        """Return every message so far: the day on which it came, and what it says."""
        await self.notifier.deliver_once()
        zone = self.site.rules.validity.zone
        return [
            ((sms.at.astimezone(zone).date() - MONDAY).days, sms.body.removeprefix("RM0.00 "))
            for sms in reversed(await latest_sms(self.site.database, 500, NUMBER))
        ]

    async def sign_in(self, browser: httpx.AsyncClient) -> httpx.Response:
        """Sign in with the password that came by SMS; return the account's page."""
        await browser.post("/account/sign-in", data={"number": TYPED_NUMBER})
        _, body = (await self.inbox())[-1]
        code = re.search(r"\d{6}", body)
        assert code is not None
        await browser.post("/account/sign-in/code", data={"code": code[0]})
        return await browser.get("/account")


@pytest.fixture
def rules(rules: Rules) -> Rules:
    """Return rules with a fee of RM5 for coming back, and sessions that would outlive a line."""
    sessions = SignInRule(session_hours=24 * 500, idle_minutes=60 * 24 * 500)
    life = replace(rules.life, reactivation_fee_micros=5 * RM)
    return replace(rules, life=life, signing_in=sessions)


@pytest.fixture
async def story(database: Database, rules: Rules, keys: Keys) -> AsyncIterator[Story]:
    """Open the house."""
    clock = Clock()
    engine = Engine(database, rules=rules, keys=keys, clock=clock)
    await engine.start()
    site = replace(make_site(engine, database, rules, keys), clock=clock)
    brand = Brand(name="Testel", short_name="Testel")
    gateway, zone = SandboxGateway(database), rules.validity.zone
    notifier = Notifier(database, brand, gateway, zone, clock, keys=keys)
    yield Story(site, notifier)
    await notifier.close()
    await engine.stop()


def active_through(day: int, rules: Rules) -> datetime:
    """Return the instant at which a line ends whose last active day that is."""
    return rules.validity.start_of(MONDAY + timedelta(days=day + 1))


async def import_line(story: Story, line_id: int, last: int, language: Language) -> None:
    """Bring the number along, as a line of its own that is active through day `last`."""
    await story.site.engine.submit(
        ImportLine(
            line_id=line_id,
            msisdn=NUMBER,
            digest=str(line_id).encode(),
            language=language,
            plan="standard",
            activated_at=story.site.clock.now(),
            active_until=active_through(last, story.site.rules),
        )
    )


async def test_four_hundred_days_of_a_number(story: Story) -> None:
    site, rules = story.site, story.site.rules
    await add_cards(site.database, site.keys, CODES)
    partner_id = await add_partner(site.database)
    await api.add_key(site.database, site.keys, api.KEY, partner_id, api.SCOPES)
    owner, passer_by = client_of(site), client_of(site)

    # Day 0, a Monday. The line is active for ten more days.
    story.move(0, 9)
    await import_line(story, 5001, 10, Language.EN)
    await story.live_until(7)
    assert await story.inbox() == [
        (3, "Testel: Your line is active until 14 Jan 2027. Top up by then to keep using it."),
        (7, "Testel: Your line is active until 14 Jan 2027. Top up by then to keep using it."),
    ]

    # On day 8 its owner signs in, and tops up with a card of RM10: ten days more.
    story.move(8, 12)
    account = await story.sign_in(owner)
    assert "012-345 6789" in text_of(account)
    done = await top_up(owner, CODES[0])
    receipt_page = done.headers["location"]
    assert (await story.inbox())[-1][1].startswith(
        "Testel: Top-up of RM10.00 successful. Balance RM10.00. Active until 24 Jan 2027."
    )

    # The reminders have moved with it; then nobody tops up. Grace, its reminders, its end.
    await story.live_until(74)
    assert (await story.inbox())[4:] == [
        (13, "Testel: Your line is active until 24 Jan 2027. Top up by then to keep using it."),
        (17, "Testel: Your line is active until 24 Jan 2027. Top up by then to keep using it."),
        (19, "Testel: Your line is active until 24 Jan 2027. Top up by then to keep using it."),
        (
            21,
            "Testel: Your line is in its grace period. Top up by 15 Mar 2027 to keep your number"
            " and your credit.",
        ),
        (
            56,
            "Testel: Your grace period ends on 15 Mar 2027. Top up by then, or your credit"
            " expires and your line stops.",
        ),
        (
            67,
            "Testel: Your grace period ends on 15 Mar 2027. Top up by then, or your credit"
            " expires and your line stops.",
        ),
        (
            71,
            "Testel: Your line's grace period is over and its credit has expired. To keep your"
            " number, ask customer care to reactivate it.",
        ),
    ]

    # A card alone does not bring it back, and stays good.
    refused = await top_up(passer_by, CODES[1])
    assert refused.status_code == 422
    assert "grace period is over" in text_of(refused)

    # Day 75: customer care has seen an identity card. The same card brings the line back.
    story.move(75, 15)
    await site.engine.submit(
        AllowReactivation(
            caller="care",
            request_key="seen",
            line_id=5001,
            actor=Actor(who="aminah", why="Identity card seen at the counter"),
        )
    )
    came_back = await top_up(passer_by, CODES[1])
    page = text_of(await passer_by.get(came_back.headers["location"]))
    assert "Reactivation fee RM5.00" in page
    messages = [body for _, body in (await story.inbox())[-2:]]
    assert messages[0] == (
        "Testel: Your identity was checked. Top up by 22 Mar 2027 to reactivate your line."
        " The fee is RM5.00 of that credit."
    )
    assert messages[1].startswith(
        "Testel: Line reactivated. Top-up RM10.00, fee RM5.00, balance RM5.00."
        " Active until 30 Mar 2027."
    )

    # Nobody tops up again. It goes through all its stages to the end, and says so.
    before = len(await story.inbox())
    await story.live_until(348)
    told = [(day, body.split(": ", 1)[1][:24]) for day, body in (await story.inbox())[before:]]
    assert told == [
        (78, "Your line is active unti"),
        (82, "Your line is active unti"),
        (84, "Your line is active unti"),
        (86, "Your line is in its grac"),
        (121, "Your grace period ends o"),
        (132, "Your grace period ends o"),
        (136, "Your line's grace period"),
        (158, "You can keep your number"),
    ]
    # Quarantined since day 166: nobody's. Its owner is signed out.
    assert (await owner.get("/account")).headers["location"] == "/account/sign-in"
    assert await site.database.fetch_value("SELECT state FROM line") == 5

    # Day 349: six months are over; the number is free. A day later it is somebody else's.
    await story.live_until(350)
    assert await site.database.fetch_value("SELECT state FROM line") == 6
    story.move(350, 12)
    await import_line(story, 7001, 365, Language.EN)
    before = len(await story.inbox())

    # Nothing of the old line shows: not to the old owner …
    assert (await owner.get("/account")).headers["location"] == "/account/sign-in"
    old_receipt = text_of(await owner.get(receipt_page))
    assert "012-345 6789" not in old_receipt
    assert "6789" in old_receipt, "masked"
    # … nor to the new one …
    new_owner = client_of(site)
    account = text_of(await story.sign_in(new_owner))
    assert "RM0.00" in account
    assert "RM10.00" not in account
    assert "RM5.00" not in account
    # … nor to programs.
    async with api.client_of(Api(site)) as program:
        line = (await program.get(f"/api/v1/lines/{NUMBER}")).json()
        transfers = (await program.get(f"/api/v1/lines/{NUMBER}/transfers")).json()
    assert line["balances"]["main"]["amount"] == "0.00"
    assert transfers["items"] == []
    # An old card that was used says what it says to a stranger.
    stranger = text_of(await top_up(new_owner, CODES[0]))
    assert "You used this code before" not in stranger

    # To day 400: the new owner is told of the new line, and of nothing else.
    await story.live_until(400)
    told = [
        (day, body.split(": ", 1)[1][:24]) for day, body in (await story.inbox())[before + 1 :]
    ]
    assert told == [
        (358, "Your line is active unti"),
        (362, "Your line is active unti"),
        (364, "Your line is active unti"),
        (366, "Your line is in its grac"),
    ]
    assert (await verify(site.database)).findings == ()
    assert rules.life.quarantine_days == 183
