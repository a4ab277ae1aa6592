"""What is under way and in the way: for those who run the service."""

from __future__ import annotations

from datetime import timedelta

from tambah.domain.commands import NewsKind, OpenPayment, PaymentNews, TopUp
from tambah.domain.payment import ProviderId
from tambah.domain.staff import Role
from tambah.i18n import LANGUAGES
from tambah.store.views.lines import find_line_id
from tests.conftest import RM
from tests.engine.books import add_partner
from tests.portal.conftest import text_of

from .conftest import ALICE, World
from .test_finding import ask


async def trouble(world: World) -> None:
    """Make something of everything that operations shows."""
    site = world.site
    line_id = await find_line_id(site.database, ALICE)
    await site.database.execute(
        """
        INSERT INTO outbox (line_id, number, at, template, params, language, msisdn, state,
                            attempts, due_at, gateway, reason)
        VALUES ($1, 901, now() - interval '9 minutes', 'credited', '{}', 1, $2, 1, 3, now(),
                'smsc-a', 'throttled'),
               ($1, 902, now() - interval '2 hours', 'credited', '{}', 1, $2, 4, 9, now(),
                'smsc-b', 'absent')
        """,
        line_id,
        ALICE,
    )
    await site.database.execute(
        """
        INSERT INTO attempt (at, source, audience, line_id)
        SELECT now() - interval '30 seconds', decode('abcdef0123456789', 'hex'), 2, $1
          FROM generate_series(1, 7)
        """,
        line_id,
    )
    await site.database.execute(
        "UPDATE line SET guest_wrong = 7, guest_locked_until = now() + interval '9 minutes'"
    )
    opened = await site.engine.submit(
        OpenPayment(
            caller="t",
            request_key="p",
            msisdn=ALICE,
            amount_micros=30 * RM,
            provider=ProviderId.SANDBOX,
            method="sandbox",
        )
    )
    await site.engine.submit(
        PaymentNews(line_id=opened.line_id, payment_no=opened.payment_no, kind=NewsKind.UNKNOWN)
    )


async def test_operations_tell_what_is_in_the_way(world: World) -> None:
    await trouble(world)
    async with await world.enter_as(Role.NETWORK) as browser:
        for tag in LANGUAGES:
            assert (await browser.get(f"/console/operations?lang={tag}")).status_code == 200
        page = await browser.get("/console/operations?lang=en")
    said = text_of(page)
    for part in (
        "smsc-a waiting 1",
        "smsc-b failed 1",
        "throttled",
        "012-345 6789 guests 7",
        "abcdef01 0 7",
        "Sandbox 1 0 0 1",
        "The engine can write yes",
    ):
        assert part in said, part
    assert "abcdef0123" not in page.text


async def test_who_may_not_see_lines_learns_only_how_many_are_locked(world: World) -> None:
    await trouble(world)
    async with await world.enter_as(Role.ADMINISTRATOR) as browser:
        said = text_of(await browser.get("/console/operations"))

    assert "1 line waits after wrong codes." in said
    assert "012-345 6789" not in said


async def test_nothing_in_the_way_is_said_so(world: World) -> None:
    async with await world.enter_as(Role.NETWORK) as browser:
        said = text_of(await browser.get("/console/operations"))

    for part in ("None waits, none failed", "0 lines wait", "None in the last day."):
        assert part in said, part


async def test_the_odds_are_worked_out_when_asked(world: World) -> None:
    async with await world.enter_as(Role.NETWORK) as browser:
        for tag in LANGUAGES:
            assert (await browser.get(f"/console/operations/odds?lang={tag}")).status_code == 200
        said = text_of(await browser.get("/console/operations/odds?lang=en"))
    assert "Cards that redeem now 3" in said
    assert "One guess finds a card 1 in " in said
    await world.site.database.execute("UPDATE voucher SET state = 5")
    async with await world.enter_as(Role.NETWORK) as browser:
        assert "none: no card redeems" in text_of(await browser.get("/console/operations/odds"))


async def test_counters_are_those_of_a_role_and_told_to_its_script(world: World) -> None:
    site = world.site
    partner_id = await add_partner(site.database)
    await site.engine.submit(
        TopUp(
            caller="shop",
            request_key="1",
            msisdn=ALICE,
            partner_id=partner_id,
            amount_micros=30 * RM,
            reference="till-1",
        )
    )
    await trouble(world)
    await site.database.execute("UPDATE payment SET created_at = now() - interval '11 minutes'")
    await ask(world)
    expected = {
        Role.CARE: {"topups": "1", "pending": "1", "tickets": "1", "late": "1"},
        Role.NETWORK: {"topups": "1", "wrong_codes": "7", "messages": "2"},
        Role.MARKETING: {},
    }
    for role, counts in expected.items():
        async with await world.enter_as(role) as browser:
            told = (await browser.get("/console/live")).json()
            home = await browser.get("/console")
        # The queue has what the top-up itself told the subscriber as well.
        assert told == counts
        assert ("data-live" in home.text) == bool(counts)
        for word, count in counts.items():
            assert f'data-count="{word}">{count}</dd>' in home.text


async def test_counting_does_not_keep_a_session_alive(world: World) -> None:
    async with await world.enter_as(Role.CARE) as browser:
        for minutes in (10, 20, 29):
            world.clock.ahead = timedelta(minutes=minutes)
            assert (await browser.get("/console/live")).status_code == 200
        world.clock.ahead = timedelta(minutes=31)
        assert (await browser.get("/console/live")).status_code == 303

    async with await world.enter_as(Role.CARE) as browser:
        began = world.clock.ahead
        for minutes in (20, 40):
            world.clock.ahead = began + timedelta(minutes=minutes)
            assert (await browser.get("/console")).status_code == 200


async def states(world: World) -> dict[int, int]:
    """Return the states of the stuck messages, by number."""
    rows = await world.site.database.fetch(
        "SELECT number, state, attempts FROM outbox WHERE number > 900 ORDER BY number"
    )
    return {row["number"]: row["state"] * 10 + row["attempts"] for row in rows}


async def test_stuck_messages_are_tried_again_by_who_runs_the_network(world: World) -> None:
    await trouble(world)
    line_id = await find_line_id(world.site.database, ALICE)
    path = "/console/operations/retry"
    assert await states(world) == {901: 13, 902: 49}
    async with await world.enter_as(Role.ADMINISTRATOR) as browser:
        assert path not in (await browser.get("/console/operations")).text
        assert (await browser.get(path)).status_code == 403
    async with await world.enter_as(Role.NETWORK) as browser:
        assert path in (await browser.get("/console/operations")).text
        page = await browser.get(path)
        assert f"{line_id}/902" in text_of(page)
        assert "absent" in text_of(page)
        assert str(ALICE) not in page.text
        wanted = {"messages": [f"{line_id}-902"], "reason": "the gateway is back"}

        without = await browser.post(path, data=wanted | {"reason": ""})
        assert without.status_code == 422
        nothing = await browser.post(path, data={"reason": "the gateway is back"})
        assert nothing.status_code in (400, 422)
        odd = await browser.post(path, data=wanted | {"messages": ["902; DROP TABLE outbox"]})
        assert odd.status_code in (400, 422)
        assert await states(world) == {901: 13, 902: 49}

        done = await browser.post(path, data=wanted)
        assert (done.status_code, done.headers["location"]) == (303, "/console/operations")
        again = await browser.post(path, data=wanted)
        assert again.status_code == 303
    assert await states(world) == {901: 13, 902: 10}
    row = await world.site.database.fetch_row(
        "SELECT action, subject, why FROM audit WHERE action = 'RetryMessage'"
    )
    assert row is not None
    assert (row["subject"], row["why"]) == (f"message:{line_id}-902", "the gateway is back")


async def test_where_nothing_is_stuck_nothing_is_asked(world: World) -> None:
    async with await world.enter_as(Role.NETWORK) as browser:
        page = text_of(await browser.get("/console/operations/retry"))
    assert "No message can be tried again" in page
