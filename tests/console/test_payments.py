"""The payments desk: what a provider said, asking again, refunds whose consequences come first."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from tambah.config import BankEntry, ConsoleEntry
from tambah.console.proving import FRESH, PROVE
from tambah.domain.actor import Actor
from tambah.domain.commands import AdjustCredit, NewsKind, OpenPayment, PaymentNews, PaymentStands
from tambah.domain.floats import float_reference
from tambah.domain.payment import PaymentState, ProviderId, RefundState, show_reference
from tambah.domain.staff import Role
from tambah.engine.verifying import verify
from tambah.i18n import LANGUAGES
from tambah.payments.bank import BankDesk
from tambah.payments.sandbox import Ending
from tambah.store.bank import EntryState, queued_entries
from tambah.store.database import Database
from tambah.store.views.payments import PaymentView, read_payment
from tests.conftest import KUALA_LUMPUR
from tests.engine.dealers.tree import plant
from tests.payments.bank.made import ACCOUNT, Line, mt940
from tests.payments.house import House, open_house
from tests.portal.conftest import field, text_of

from .conftest import ALICE, World

RM = 1_000_000


@pytest.fixture
async def shop(world: World) -> AsyncIterator[House]:
    """Give the world a payment desk with the sandbox, where one person may send RM100 back."""
    site = world.site
    entry = ConsoleEntry(alone_up_to="100.00")
    operator = msgspec.structs.replace(site.operator, console=entry)
    async with open_house(site.database, site.rules, site.keys) as house:
        world.site = dataclasses.replace(site, payments=house.desk, operator=operator)
        yield house


@pytest.fixture(autouse=True)
async def books_are_proved(database: Database) -> AsyncIterator[None]:
    """Prove the books after each test."""
    yield
    assert (await verify(database, full=True)).findings == ()


async def paid(shop: House, token: str = "form") -> PaymentView:
    """Return a payment of RM30 that was paid and credited."""
    opened = await shop.open(token, 30, ALICE)
    await shop.press(opened, Ending.PAID)
    return await shop.view(opened)


async def spend(world: World, amount_micros: int) -> None:
    """Take credit from Alice's line."""
    actor = Actor(who="test", why="spent")
    await world.site.engine.submit(
        AdjustCredit(
            caller="t", request_key="s", msisdn=ALICE, amount_micros=-amount_micros, actor=actor
        )
    )


async def reread(world: World, view: PaymentView) -> PaymentView:
    """Return a payment as it stands."""
    found = await read_payment(world.site.database, view.line_id, view.payment_no)
    assert found is not None
    return found


def form_of(page: httpx.Response, **typed: str) -> dict[str, str]:
    """Return the form that a page of consequences has, filled in."""
    hidden = {name: field(page, name) for name in ("token", "shown")}
    return hidden | {"why": "paid twice"} | typed


async def test_a_payment_says_what_its_provider_told_and_is_asked_again(
    world: World, shop: House
) -> None:
    opened = await shop.open("late", 30, ALICE)
    await shop.press(opened, Ending.WEBHOOK_TWICE)
    view = await shop.view(opened)
    path = f"/console/payments/{view.reference}"
    async with await world.enter(await world.hire("mina", Role.FINANCE)) as browser:
        for tag in LANGUAGES:
            page = await browser.get(f"{path}?lang={tag}")
            assert page.status_code == 200
        said = text_of(await browser.get(f"{path}?lang=en"))
        for part in ("RM30.00", "Sandbox", "Credited as", "came 2 times", "Refund"):
            assert part in said, part
        asked = await browser.post(f"{path}/ask")
        assert asked.headers["location"] == f"{path}?asked=credited"
        told = text_of(await browser.get(asked.headers["location"]))
        assert "What came of it: credited" in told
        assert "staff:mina: asked the provider again" in told
        forged = await browser.get(f"{path}?asked=<b>paid</b>")
        assert "What came of it" not in text_of(forged)


async def test_a_refund_says_what_it_does_before_it_does_it(world: World, shop: House) -> None:
    view = await paid(shop)
    path = f"/console/payments/{view.reference}/refund"
    async with await world.enter(await world.hire("mina", Role.FINANCE)) as browser:
        ahead = await browser.get(path)
        said = text_of(ahead)
        for part in ("Goes back to the payer RM30.00", "Credit now RM30.00"):
            assert part in said, part
        assert "Credit afterwards RM0.00" in said
        assert (await reread(world, view)).refunds == ()

        unexplained = await browser.post(path, data=form_of(ahead, why=" "))
        assert unexplained.status_code == 422
        form = form_of(ahead)
        done = await browser.post(path, data=form)
        assert done.headers["location"] == f"/console/payments/{view.reference}#refunds"
        # Pressed twice: one refund all the same.
        assert (await browser.post(path, data=form)).status_code == 303
        page = text_of(await browser.get(f"/console/payments/{view.reference}"))
        assert "gone back" in page
        assert "staff:mina: refunded the payment" in page
        assert "paid twice" in page
        assert "Show what would happen" not in page

    after = await reread(world, view)
    assert after.state is PaymentState.REFUNDED
    assert [one.state for one in after.refunds] == [RefundState.DONE]


async def test_what_is_spent_is_said_and_only_forgiven_when_asked(
    world: World, shop: House
) -> None:
    view = await paid(shop)
    await spend(world, 12 * RM)
    path = f"/console/payments/{view.reference}/refund"
    async with await world.enter_as(Role.FINANCE) as browser:
        plain = text_of(await browser.get(path))
        assert "Goes back to the payer RM18.00" in plain
        assert "Of the payment, not sent back RM12.00" in plain
        too_much = await browser.get(f"{path}?amount=20")
        assert too_much.status_code == 409
        assert "RM18.00" in text_of(too_much)
        assert 'name="token"' not in too_much.text
        malformed = await browser.get(f"{path}?amount=lots")
        assert malformed.status_code == 422
        part = await browser.get(f"{path}?amount=5.00")
        assert "Credit afterwards RM13.00" in text_of(part)
        whole = await browser.get(f"{path}?forgive=yes")
        assert "Spent already, at our own cost RM12.00" in text_of(whole)
        done = await browser.post(path, data=form_of(whole, forgive="yes"))
        assert done.status_code == 303

    refund = (await reread(world, view)).refunds[0]
    assert (refund.amount_micros, refund.spent_micros) == (30 * RM, 12 * RM)


async def test_a_refund_that_would_do_something_else_by_now_does_nothing(
    world: World, shop: House
) -> None:
    view = await paid(shop)
    path = f"/console/payments/{view.reference}/refund"
    async with await world.enter_as(Role.FINANCE) as browser:
        ahead = await browser.get(path)
        await spend(world, 1 * RM)
        changed = await browser.post(path, data=form_of(ahead))
        assert changed.status_code == 409
        assert "has changed since you looked" in text_of(changed)
        assert "Goes back to the payer RM29.00" in text_of(changed)
        forged = await browser.post(path, data=form_of(changed, token="x" * 40))
        assert forged.status_code == 422
    assert (await reread(world, view)).refunds == ()


async def test_money_goes_back_only_after_a_fresh_proof(world: World, shop: House) -> None:
    view = await paid(shop)
    path = f"/console/payments/{view.reference}/refund"
    async with await world.enter_as(Role.FINANCE) as browser:
        ahead = await browser.get(path)
        world.clock.ahead = FRESH
        for sent in (await browser.get(path), await browser.post(path, data=form_of(ahead))):
            assert sent.status_code == 303
            assert sent.headers["location"].startswith(f"{PROVE}?back=")
    assert (await reread(world, view)).refunds == ()


# Bank entries


@pytest.fixture
async def bank(world: World) -> BankDesk:
    """Give the world an account; return the desk that reads its statements."""
    site = world.site
    operator: Any = site.operator
    entry = BankEntry(bank_name="Demo Bank", account_name="Testel", account_number=ACCOUNT)
    world.site = dataclasses.replace(
        site, operator=type(operator)(brand=operator.brand, denominations=(), bank=entry)
    )
    return BankDesk(site.database, site.engine.submit, zone=KUALA_LUMPUR, account_number=ACCOUNT)


async def await_transfer(world: World) -> PaymentStands:
    """Open a payment of RM30 by bank transfer."""
    opened = await world.site.engine.submit(
        OpenPayment(
            caller="portal",
            request_key="bank",
            msisdn=ALICE,
            amount_micros=30 * RM,
            provider=ProviderId.BANK,
            method="bank",
        )
    )
    return await world.site.engine.submit(
        PaymentNews(
            line_id=opened.line_id,
            payment_no=opened.payment_no,
            kind=NewsKind.BEGUN,
            provider_ref=opened.reference,
        )
    )


async def test_a_bank_entry_is_matched_after_its_consequences_were_shown(
    world: World, bank: BankDesk
) -> None:
    stands = await await_transfer(world)
    await bank.import_file(
        "a.sta", mt940(Line(text="MUM PAYS", ref="R1"), Line(amount="5.00", text="CAKE", ref="R2"))
    )
    waiting, _ = await queued_entries(world.site.database, limit=9)
    name = next(row.name for row in waiting if row.amount_micros == 30 * RM)
    other = next(row.name for row in waiting if row.amount_micros == 5 * RM)
    async with await world.enter(await world.hire("mina", Role.FINANCE)) as browser:
        listed = text_of(await browser.get("/console/bank"))
        assert "2 bank entries wait" in text_of(await browser.get("/console/payments"))
        for part in (name, "MUM PAYS", "no reference", "+RM30.00", "2 of 2"):
            assert part in listed, part
        for tag in LANGUAGES:
            shown = await browser.get(f"/console/bank/{name}?lang={tag}")
            assert shown.status_code == 200
        unfit = await browser.get(f"/console/bank/{other}?lang=en&reference={stands.reference}")
        assert unfit.status_code == 409
        assert "Match it</button>" not in unfit.text
        ahead = await browser.get(f"/console/bank/{name}?reference={stands.reference}")
        assert "Credit RM30.00" in text_of(ahead)

        form = {"reference": stands.reference}
        assert (await browser.post(f"/console/bank/{name}/match", data=form)).status_code == 422
        done = await browser.post(f"/console/bank/{name}/match", data=form | {"why": "mum rang"})
        assert done.headers["location"] == f"/console/payments/{stands.reference}"
        again = await browser.post(f"/console/bank/{name}/match", data=form | {"why": "twice"})
        assert again.status_code == 409

        aside = await browser.post(f"/console/bank/{other}/ignore", data={"why": "a cake"})
        assert aside.headers["location"] == "/console/bank"
        assert "Nothing waits." in text_of(await browser.get("/console/bank"))

    view = await read_payment(world.site.database, stands.line_id, stands.payment_no)
    assert view is not None
    assert view.state is PaymentState.CREDITED
    rows = await world.site.database.fetch(
        "SELECT state FROM bank_entry ORDER BY amount_micros DESC"
    )
    assert [row[0] for row in rows] == [EntryState.MATCHED, EntryState.IGNORED]
    acts = await world.site.database.fetch(
        "SELECT action, who, why FROM audit WHERE subject LIKE 'bank entry %' ORDER BY day, seq"
    )
    assert [tuple(row) for row in acts] == [
        ("bank_match", "staff:mina", "mum rang"),
        ("bank_ignore", "staff:mina", "a cake"),
    ]


async def test_bank_entries_want_a_fresh_proof_and_the_permission(
    world: World, bank: BankDesk
) -> None:
    await bank.import_file("a.sta", mt940(Line(text="MUM PAYS", ref="R1")))
    waiting, _ = await queued_entries(world.site.database, limit=9)
    path = f"/console/bank/{waiting[0].name}"
    async with await world.enter_as(Role.CARE) as browser:
        assert "MUM PAYS" in text_of(await browser.get("/console/bank"))
        assert (await browser.get(path)).status_code == 403
    async with await world.enter_as(Role.FINANCE) as browser:
        world.clock.ahead = FRESH
        sent = await browser.post(f"{path}/ignore", data={"why": "stale"})
        assert sent.headers["location"] == f"{PROVE}?back={path.replace('/', '%2F')}"
    assert (await queued_entries(world.site.database, limit=9))[1] == 1


async def test_without_an_account_there_is_no_queue(world: World) -> None:
    async with await world.enter_as(Role.FINANCE) as browser:
        assert (await browser.get("/console/bank")).status_code == 404
        assert "/console/bank" not in (await browser.get("/console/payments")).text


async def test_a_bank_entry_is_taken_for_a_dealers_float(world: World, bank: BankDesk) -> None:
    database, tree = world.site.database, await plant(world.site.database)
    await bank.import_file(
        "a.sta",
        mt940(
            Line(amount="9.00", text="KEDAI", ref="R1"), Line(amount="90.00", text="X", ref="R2")
        ),
    )
    waiting, _ = await queued_entries(database, limit=9)
    little, much = (row.name for row in sorted(waiting, key=lambda row: row.amount_micros))
    reference = show_reference(float_reference(tree.till))
    async with await world.enter(await world.hire("mina", Role.FINANCE)) as browser:
        for tag in LANGUAGES:
            path = f"/console/bank/{little}?lang={tag}&dealer={reference}"
            assert (await browser.get(path)).status_code == 200
        unknown = await browser.get(f"/console/bank/{little}?lang=en&dealer=999999")
        assert (unknown.status_code, "Add to the float" in unknown.text) == (404, False)
        ahead = text_of(await browser.get(f"/console/bank/{little}?dealer={tree.till}"))
        assert "RM9.00" in ahead
        form = {"dealer": str(tree.till), "why": "till rang"}
        unexplained = await browser.post(f"/console/bank/{little}/assign", data=form | {"why": ""})
        assert unexplained.status_code == 422

        done = await browser.post(f"/console/bank/{little}/assign", data=form)
        assert done.headers["location"] == f"/console/dealers/{tree.shop}"
        again = await browser.post(f"/console/bank/{little}/assign", data=form)
        assert again.status_code == 409
        asked = await browser.post(f"/console/bank/{much}/assign", data=form)
    assert asked.headers["location"].startswith("/console/requests/")
    async with await world.enter(await world.hire("omar", Role.FINANCE)) as other:
        request = asked.headers["location"].partition("?")[0]
        assert "RM99.00" in text_of(await other.get(f"{request}?lang=en"))
        await other.post(f"{request}/approve", data={"answer": ""})
    held = "SELECT remaining_micros FROM bucket WHERE owner_id = $1"
    assert await database.fetch_value(held, tree.shop) == 99 * RM
    assert (await verify(database, full=True)).findings == ()
