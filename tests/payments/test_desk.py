"""The desk on real books: every ending of the sandbox, failing providers, webhooks."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

import tambah.payments.desk
from tambah.domain import refusals as no
from tambah.domain.actor import Actor
from tambah.domain.commands import BarLine, NewsKind, RefundPayment
from tambah.domain.payment import Payment, PaymentState, ProviderId, RefundState
from tambah.domain.rules import Rules
from tambah.engine.keys import Keys
from tambah.engine.verifying import verify
from tambah.jobs.payments import poll_once
from tambah.payments.desk import OpenRequest
from tambah.payments.names import payment_id, read_payment_id, read_refund_id, refund_id
from tambah.payments.provider import (
    Begun,
    Notice,
    Order,
    ProviderRefuses,
    ProviderSilent,
    RefundOrder,
    RefundStage,
    RefundStanding,
    Stage,
    Standing,
    WebhookForged,
)
from tambah.payments.rerun import rerun
from tambah.payments.sandbox import LATE_SECONDS, Ending
from tambah.store.database import Database
from tambah.store.payment_inbox import Done, claim_events, finish_events
from tambah.store.views.payments import list_payments
from tests.engine.books import add_line

from .house import NUMBER, RM, House, open_house

STAFF = Actor(who="aisyah", why="Ticket 7")
PAID_30 = Standing(stage=Stage.PAID, provider_ref="cs_1", amount_micros=30 * RM)
PAID = {Ending.PAID, Ending.WEBHOOK_FIRST, Ending.WEBHOOK_TWICE, Ending.REFUND_FAILS}


@pytest.fixture
async def house(database: Database, rules: Rules, keys: Keys) -> AsyncIterator[House]:
    """Return a desk with the sandbox and one line."""
    async with open_house(database, rules, keys) as house:
        await add_line(house.engine, database, NUMBER)
        yield house


async def poll(house: House, later: float = 0) -> int:
    """Let some seconds pass and have the poller see to what is due."""
    house.clock.offset += timedelta(seconds=later)
    return await poll_once(house.desk, house.database, house.clock)


async def proved(house: House) -> None:
    """Assert that the books hold."""
    verdict = await verify(house.database, full=True)
    assert verdict.findings == ()


@pytest.mark.parametrize("ending", sorted(PAID))
async def test_a_paid_ending_is_one_credit_and_one_message(house: House, ending: Ending) -> None:
    opened = await house.open()
    assert (await house.press(opened, ending)).startswith("http://shop.test/topup/result/")
    assert (await house.view(opened)).state is PaymentState.CREDITED
    assert await house.balance(opened) == 30 * RM
    assert await house.messages() == ["credited_with_bonus"]
    assert await poll(house, 3600) == 0
    await proved(house)


@pytest.mark.parametrize("ending", [Ending.DECLINED, Ending.CANCELLED])
async def test_an_unpaid_ending_fails_and_says_why(house: House, ending: Ending) -> None:
    opened = await house.open()
    await house.press(opened, ending)
    payment = (await house.view(opened)).payment
    assert (payment.state, payment.reason) == (PaymentState.FAILED, str(ending))
    assert await house.balance(opened) == 0
    assert await house.messages() == []


async def test_money_that_comes_late_is_found_by_the_poller(house: House) -> None:
    opened = await house.open()
    await house.press(opened, Ending.PAID_LATE)
    await poll(house, 31)
    assert (await house.view(opened)).state is PaymentState.CREDITED
    await proved(house)


async def test_before_it_comes_the_poller_keeps_asking(house: House) -> None:
    opened = await house.open()
    await house.press(opened, Ending.PAID_LATE)
    await house.desk.glance((await house.view(opened)).payment)
    assert (await house.view(opened)).state is PaymentState.AWAITING
    await poll(house, LATE_SECONDS + 1)
    assert (await house.view(opened)).state is PaymentState.CREDITED


async def test_a_silent_provider_leaves_it_unknown_and_is_asked_again(house: House) -> None:
    opened = await house.open()
    await house.press(opened, Ending.NEVER_ANSWERS)
    for later in (31, 10, 10, 20):
        assert await poll(house, later) == 1
        assert (await house.view(opened)).state is PaymentState.UNKNOWN
    await poll(house, 24 * 3600)
    assert (await house.view(opened)).state is PaymentState.UNKNOWN, "never failed by guesswork"


async def test_a_payer_who_never_came_back_is_given_up_in_the_end(house: House) -> None:
    opened = await house.open()
    assert await poll(house, 31) == 1
    assert (await house.view(opened)).state is PaymentState.AWAITING
    await poll(house, 2 * 3600)
    assert (await house.view(opened)).state is PaymentState.EXPIRED
    assert await poll(house, 3601) == 1, "its page may outlive it"
    assert await poll(house, 24 * 3600) == 1
    assert await poll(house, 24 * 3600) == 0


async def test_pressing_pay_twice_is_one_payment(house: House) -> None:
    first, second = await asyncio.gather(house.open(), house.open())
    third = await house.open()
    assert first == second == third
    assert await house.database.fetch_value("SELECT count(*) FROM payment") == 1
    await house.press(first, Ending.WEBHOOK_FIRST)
    assert (await house.open()).pay_url is None, "paid: there is nowhere to go but the result"
    await proved(house)


async def test_a_method_that_nobody_offers_is_refused(house: House) -> None:
    house.desk.providers = type(house.desk.providers)()
    with pytest.raises(no.PaymentMethodUnavailable):
        await house.open()


# Refunds


async def refund(house: House, opened: Any) -> int:
    """Have a payment sent back by hand; return the refund's number."""
    stands = await house.engine.submit(
        RefundPayment(
            caller="cli",
            request_key="undo",
            line_id=opened.stands.line_id,
            payment_no=opened.stands.payment_no,
            actor=STAFF,
        )
    )
    assert stands.refund_no is not None
    return stands.refund_no


async def test_a_refund_is_sent_by_the_poller(house: House) -> None:
    opened = await house.open()
    await house.press(opened, Ending.WEBHOOK_FIRST)
    await refund(house, opened)
    assert await poll(house) == 1
    view = await house.view(opened)
    assert view.state is PaymentState.REFUNDED
    assert view.refunds[0].state is RefundState.DONE
    assert await house.balance(opened) == 0
    assert await poll(house, 3600) == 0
    await proved(house)


async def test_a_refused_refund_waits_for_a_person(house: House) -> None:
    opened = await house.open()
    await house.press(opened, Ending.REFUND_FAILS)
    number = await refund(house, opened)
    key = (opened.stands.line_id, opened.stands.payment_no)
    assert await house.desk.send_refund(*key, number) is RefundStage.FAILED
    view = await house.view(opened)
    assert (view.state, view.refunds[0].state) == (PaymentState.REFUNDING, RefundState.FAILED)
    assert await house.desk.send_refund(*key, number) is None
    assert await poll(house, 3600) == 0
    await proved(house)


async def test_a_line_barred_meanwhile_gets_its_money_back(house: House) -> None:
    opened = await house.open()
    await house.engine.submit(
        BarLine(caller="t", request_key="b", msisdn=NUMBER, barred=True, actor=STAFF)
    )
    await house.press(opened, Ending.WEBHOOK_FIRST)
    view = await house.view(opened)
    assert (view.state, view.refunds[0].reason) == (PaymentState.REFUNDING, "line_barred")
    await poll(house)
    assert (await house.view(opened)).state is PaymentState.REFUNDED
    assert await house.messages() == ["payment_refunding", "payment_refunded"]
    await proved(house)


# A provider that fails in the middle


class Moody:
    """A provider that does as the test says, and counts what it was asked."""

    provider_id = ProviderId.STRIPE
    methods = ("card",)
    origins = ()

    def __init__(self) -> None:
        self.begun: Begun | Exception = Begun(provider_ref="cs_1", pay_url="https://pay.test/1")
        self.standing: Standing | Exception = Standing(stage=Stage.OPEN)
        self.refunded: RefundStanding | Exception = RefundStanding(stage=RefundStage.PENDING)
        self.notices: list[Notice] | Exception = []
        self.orders: list[Order] = []
        self.asked = 0

    async def begin(self, order: Order) -> Begun:
        self.orders.append(order)
        return self._say(self.begun)

    async def look(self, order: Order) -> Standing:
        self.asked += 1
        return self._say(self.standing)

    async def refund(self, order: Order, refund: RefundOrder) -> RefundStanding:
        return self._say(self.refunded)

    async def read_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Notice]:
        return self._say(self.notices)

    async def settled(self, first: Any, last: Any) -> AsyncIterator[Any]:
        return
        yield

    async def close(self) -> None:
        """Have nothing to let go of."""

    @staticmethod
    def _say(answer: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def moody() -> Moody:
    """Return the moody provider."""
    return Moody()


@pytest.fixture
async def shop(database: Database, rules: Rules, keys: Keys, moody: Moody) -> AsyncIterator[House]:
    """Return a desk at which the moody provider takes cards."""
    async with open_house(database, rules, keys, moody) as house:
        await add_line(house.engine, database, NUMBER)
        yield house


async def pay_by_card(shop: House, token: str = "form 1") -> Any:
    """Open a card payment."""
    request = {"token": token, "msisdn": NUMBER, "amount_micros": 30 * RM, "tag": "en"}
    return await shop.desk.open(OpenRequest(**request, method="card", result_token="r"))


async def the_payment(shop: House) -> Payment:
    """Return the one payment there is."""
    views = await list_payments(shop.database)
    assert len(views) == 1
    return views[0].payment


async def test_a_provider_that_is_silent_at_first_is_begun_with_the_same_order_later(
    shop: House, moody: Moody
) -> None:
    moody.begun = ProviderSilent()
    with pytest.raises(no.ProviderUnavailable):
        await pay_by_card(shop)
    assert (await the_payment(shop)).state is PaymentState.UNKNOWN
    moody.begun = Begun(provider_ref="cs_1", pay_url="https://pay.test/1")
    await poll(shop, 6)
    assert (await the_payment(shop)).pay_url == "https://pay.test/1"
    assert (await pay_by_card(shop)).pay_url == "https://pay.test/1"
    assert moody.orders[0] == moody.orders[1], "or it would be another payment there"


async def test_a_payment_never_begun_is_given_up_at_its_end(shop: House, moody: Moody) -> None:
    moody.begun = ProviderSilent()
    with pytest.raises(no.ProviderUnavailable):
        await pay_by_card(shop)
    await poll(shop, 6)
    await poll(shop, 3700)
    assert (await the_payment(shop)).state is PaymentState.EXPIRED


async def test_a_provider_that_refuses_fails_the_payment(shop: House, moody: Moody) -> None:
    moody.begun = ProviderRefuses("amount_too_low")
    with pytest.raises(no.PaymentRefused):
        await pay_by_card(shop)
    payment = await the_payment(shop)
    assert (payment.state, payment.reason) == (PaymentState.FAILED, "amount_too_low")


async def test_taken_and_not_answered_is_unknown_and_then_credited_once(
    shop: House, moody: Moody
) -> None:
    await pay_by_card(shop)
    moody.standing = ProviderSilent()
    await shop.desk.glance(await the_payment(shop))
    assert (await the_payment(shop)).state is PaymentState.UNKNOWN
    moody.standing = Standing(stage=Stage.PAID, provider_ref="cs_1", amount_micros=30 * RM)
    await poll(shop, 40)
    await poll(shop, 400)
    assert (await the_payment(shop)).state is PaymentState.CREDITED
    assert moody.asked == 2
    await proved(shop)


async def test_an_unknown_payment_that_is_still_open_can_be_paid(
    shop: House, moody: Moody
) -> None:
    await pay_by_card(shop)
    moody.standing = ProviderSilent()
    await shop.desk.glance(await the_payment(shop))
    moody.standing = Standing(stage=Stage.OPEN)
    await poll(shop, 40)
    payment = await the_payment(shop)
    assert (payment.state, payment.pay_url) == (PaymentState.AWAITING, "https://pay.test/1")


@pytest.mark.parametrize(
    "standing",
    [
        Standing(stage=Stage.PAID, amount_micros=29 * RM),
        Standing(stage=Stage.PAID, amount_micros=30 * RM, currency="USD"),
        ProviderRefuses("not_found"),
        Standing(stage=Stage.MISSING),
    ],
)
async def test_an_answer_that_cannot_be_right_changes_nothing(
    shop: House, moody: Moody, standing: Standing | Exception
) -> None:
    await pay_by_card(shop)
    moody.standing = standing
    await poll(shop, 40)
    assert (await the_payment(shop)).state is PaymentState.AWAITING
    assert await shop.database.fetch_value("SELECT count(*) FROM transfer") == 0


async def test_glances_are_not_made_more_often_than_they_are_due(
    shop: House, moody: Moody
) -> None:
    await pay_by_card(shop)
    for _ in range(5):
        await shop.desk.glance(await the_payment(shop))
    assert moody.asked == 1


async def test_a_hanging_provider_does_not_hold_the_page(
    shop: House, moody: Moody, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pay_by_card(shop)

    async def hang(order: Order) -> Standing:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(moody, "look", hang)
    monkeypatch.setattr("tambah.payments.desk.GLANCE_SECONDS", 0.05)
    await shop.desk.glance(await the_payment(shop))
    assert (await the_payment(shop)).state is PaymentState.AWAITING


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (RefundStanding(stage=RefundStage.PENDING), RefundState.PENDING),
        (ProviderSilent(), RefundState.PENDING),
        (ProviderRefuses("refused"), RefundState.FAILED),
        (RefundStanding(stage=RefundStage.DONE, provider_ref="re_1"), RefundState.DONE),
    ],
)
async def test_a_refund_is_what_the_provider_says_of_it(
    shop: House, moody: Moody, answer: RefundStanding | Exception, state: RefundState
) -> None:
    opened = await pay_by_card(shop)
    moody.standing = Standing(stage=Stage.PAID, amount_micros=30 * RM)
    await poll(shop, 40)
    await refund(shop, opened)
    moody.refunded = answer
    await poll(shop)
    view = await shop.view(opened)
    assert view.refunds[0].state is state
    assert (await poll(shop, 10) > 0) == (state is RefundState.PENDING)
    await proved(shop)


# Webhooks


def notice(shop: House, payment: Payment, **changes: Any) -> Notice:
    """Return a webhook's word that the payment was paid."""
    values: dict[str, Any] = {
        "event_id": "evt_1",
        "event_type": "paid",
        "payment_id": payment_id(shop.keys, payment.line_id, payment.payment_no),
        "provider_ref": "cs_1",
        "kind": NewsKind.PAID,
        "amount_micros": 30 * RM,
        **changes,
    }
    return Notice(**values)


async def hear(shop: House, moody: Moody, *notices: Notice) -> None:
    """Have the desk hear a webhook."""
    moody.notices = list(notices)
    await shop.desk.hear(ProviderId.STRIPE, {}, b"")
    await shop.work()


async def verdicts(shop: House) -> list[tuple[str, int]]:
    """Return every event's verdict and how often it came."""
    rows = await shop.database.fetch("SELECT verdict, times FROM payment_event ORDER BY event_id")
    return [(row[0], row[1]) for row in rows]


async def test_the_same_webhook_fifty_times_at_once_is_one_credit(
    shop: House, moody: Moody
) -> None:
    opened = await pay_by_card(shop)
    moody.notices = [notice(shop, await the_payment(shop))]
    moody.standing = PAID_30
    hearing = (shop.desk.hear(ProviderId.STRIPE, {}, b"") for _ in range(50))
    await asyncio.gather(*hearing, *(shop.desk.work() for _ in range(5)))
    await shop.work()
    assert await shop.balance(opened) == 30 * RM
    assert await verdicts(shop) == [("credited", 50)]
    assert await shop.messages() == ["credited_with_bonus"]
    await proved(shop)


_KINDS = (NewsKind.BEGUN, NewsKind.PAID, NewsKind.REFUNDED, NewsKind.DISPUTED)


@pytest.mark.parametrize("order", list(itertools.permutations(_KINDS)))
async def test_webhooks_in_any_order_leave_true_books(
    shop: House, moody: Moody, order: tuple[NewsKind, ...]
) -> None:
    opened = await pay_by_card(shop)
    payment = await the_payment(shop)
    moody.standing = PAID_30
    for kind in order:
        ref = "re_1" if kind is NewsKind.REFUNDED else None
        event = f"evt_{kind}"
        await hear(shop, moody, notice(shop, payment, kind=kind, event_id=event, refund_ref=ref))
    view = await shop.view(opened)
    payment = view.payment
    assert payment.received_micros == 30 * RM
    assert payment.refunded_micros + payment.disputed_micros == 30 * RM, "it went once"
    assert view.state is PaymentState.DISPUTED
    await proved(shop)


async def test_a_webhook_before_our_own_record_finds_its_payment_by_our_name(
    shop: House, moody: Moody
) -> None:
    moody.begun = ProviderSilent()
    with pytest.raises(no.ProviderUnavailable):
        await pay_by_card(shop)
    payment = await the_payment(shop)
    await hear(shop, moody, notice(shop, payment))
    assert (await the_payment(shop)).state is PaymentState.UNKNOWN
    moody.begun = Begun(provider_ref="cs_1", pay_url="https://pay.test/1")
    moody.standing = PAID_30
    shop.clock.offset += timedelta(seconds=11)
    await shop.work()
    assert (await the_payment(shop)).state is PaymentState.CREDITED
    await hear(shop, moody, notice(shop, payment, payment_id=None, event_id="evt_2"))
    assert await verdicts(shop) == [("credited", 1), ("credited", 1)]


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"payment_id": "nonsense", "provider_ref": None}, "payment_unknown"),
        ({"payment_id": None, "provider_ref": "cs_of_another_shop"}, "payment_unknown"),
        ({"amount_micros": 300 * RM}, "awaiting"),
        ({"currency": "USD"}, "currency_differs"),
        ({"kind": None}, "noted"),
    ],
)
async def test_a_webhook_that_does_not_fit_changes_nothing_and_is_kept(
    shop: House, moody: Moody, changes: dict[str, Any], verdict: str
) -> None:
    await pay_by_card(shop)
    await hear(shop, moody, notice(shop, await the_payment(shop), **changes))
    assert await verdicts(shop) == [(verdict, 1)]
    assert (await the_payment(shop)).state is PaymentState.AWAITING
    assert await shop.database.fetch_value("SELECT count(*) FROM transfer") == 0


async def test_one_providers_webhook_cannot_speak_for_anothers_payment(
    shop: House, moody: Moody
) -> None:
    opened = await shop.open()
    payment = (await shop.view(opened)).payment
    await hear(shop, moody, notice(shop, payment))
    looking = notice(shop, payment, event_id="evt_2", kind=None, needs_look=True)
    await hear(shop, moody, looking)
    assert (await shop.view(opened)).state is PaymentState.AWAITING
    assert moody.asked == 0
    assert await verdicts(shop) == [("payment_unknown", 1)] * 2


async def test_a_webhook_may_only_mean_that_we_should_look(shop: House, moody: Moody) -> None:
    await pay_by_card(shop)
    moody.standing = PAID_30
    await hear(shop, moody, notice(shop, await the_payment(shop), kind=None, needs_look=True))
    assert (await the_payment(shop)).state is PaymentState.CREDITED
    assert await verdicts(shop) == [("credited", 1)]


@pytest.mark.parametrize(
    ("standing", "verdict"),
    [
        (Standing(stage=Stage.PAID, amount_micros=29 * RM), "payment_amount_differs"),
        (Standing(stage=Stage.PAID, amount_micros=30 * RM, currency="USD"), "currency_differs"),
        (Standing(stage=Stage.OPEN), "awaiting"),
        (ProviderRefuses("reference_differs"), "reference_differs"),
    ],
)
async def test_nothing_is_credited_on_a_webhooks_word_alone(
    shop: House, moody: Moody, standing: Standing | Exception, verdict: str
) -> None:
    await pay_by_card(shop)
    moody.standing = standing
    await hear(shop, moody, notice(shop, await the_payment(shop)))
    assert await verdicts(shop) == [(verdict, 1)]
    assert await shop.database.fetch_value("SELECT count(*) FROM transfer") == 0


@pytest.mark.parametrize("kind", [NewsKind.EXPIRED, NewsKind.FAILED])
@pytest.mark.parametrize(
    ("standing", "verdict"),
    [
        (Standing(stage=Stage.EXPIRED), "expired"),
        (Standing(stage=Stage.FAILED, reason="declined"), "failed"),
        (Standing(stage=Stage.OPEN), "awaiting"),
    ],
)
async def test_that_paying_came_to_nothing_is_asked_about_and_done_with(
    shop: House, moody: Moody, kind: NewsKind, standing: Standing, verdict: str
) -> None:
    await pay_by_card(shop)
    moody.standing = standing
    await hear(shop, moody, notice(shop, await the_payment(shop), kind=kind))
    assert await verdicts(shop) == [(verdict, 1)]
    shop.clock.offset += timedelta(hours=1)
    assert await shop.desk.work() == 0


async def test_a_late_webhook_whose_provider_is_silent_is_processed_until_it_answers(
    shop: House, moody: Moody
) -> None:
    await pay_by_card(shop)
    moody.standing = Standing(stage=Stage.EXPIRED)
    await poll(shop, 40)
    moody.standing = ProviderSilent()
    await hear(shop, moody, notice(shop, await the_payment(shop)))
    assert await verdicts(shop) == [("silent", 1)]
    moody.standing = PAID_30
    shop.clock.offset += timedelta(seconds=11)
    await shop.work()
    assert await verdicts(shop) == [("credited", 1)]
    assert (await the_payment(shop)).state is PaymentState.CREDITED
    await proved(shop)


async def test_a_silent_provider_is_given_up_in_the_end_and_staff_may_try_again(
    shop: House, moody: Moody, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tambah.payments.desk.MOST_TRIES", 3)
    await pay_by_card(shop)
    moody.standing = ProviderSilent()
    await hear(shop, moody, notice(shop, await the_payment(shop)))
    for _ in range(5):
        shop.clock.offset += timedelta(hours=1)
        await shop.work()
    assert moody.asked == 3
    moody.standing = PAID_30
    now = shop.clock.now()
    assert await rerun(shop.database, ProviderId.STRIPE, "evt_1", STAFF, now)
    assert not await rerun(shop.database, ProviderId.STRIPE, "evt_2", STAFF, now)
    assert not await rerun(shop.database, ProviderId.PAYPAL, "evt_1", STAFF, now)
    audited = await shop.database.fetch("SELECT action, subject, why FROM audit")
    assert [tuple(row) for row in audited] == [
        ("RerunEvent", "payment_event:stripe/evt_1", STAFF.why)
    ]
    await shop.work()
    assert (await the_payment(shop)).state is PaymentState.CREDITED


@pytest.mark.parametrize("kind", [NewsKind.REFUNDED, NewsKind.DISPUTED, NewsKind.DISPUTE_WON])
@pytest.mark.parametrize(
    "standing",
    [Standing(stage=Stage.PAID, amount_micros=1 * RM), Standing(stage=Stage.OPEN)],
)
async def test_what_goes_back_waits_until_the_provider_says_that_it_came(
    shop: House, moody: Moody, kind: NewsKind, standing: Standing
) -> None:
    opened = await pay_by_card(shop)
    moody.standing = standing
    payment = await the_payment(shop)
    await hear(shop, moody, notice(shop, payment, kind=kind, refund_ref="re_1"))
    assert await verdicts(shop) == [("not_received", 1)]
    assert await shop.database.fetch_value("SELECT count(*) FROM transfer") == 0
    moody.standing = PAID_30
    shop.clock.offset += timedelta(seconds=11)
    await shop.work()
    assert (await shop.view(opened)).payment.received_micros == 30 * RM
    await proved(shop)


async def test_a_payment_given_up_too_soon_is_still_asked_about(shop: House, moody: Moody) -> None:
    await pay_by_card(shop)
    await poll(shop, 2 * 3600)
    assert (await the_payment(shop)).state is PaymentState.EXPIRED
    moody.standing = PAID_30
    await poll(shop, 3601)
    assert (await the_payment(shop)).state is PaymentState.CREDITED


async def test_an_event_that_cannot_be_read_holds_up_no_other(shop: House, moody: Moody) -> None:
    await pay_by_card(shop)
    moody.standing = PAID_30
    moody.notices = [
        notice(shop, await the_payment(shop)),
        notice(shop, await the_payment(shop), event_id="evt_0"),
    ]
    await shop.desk.hear(ProviderId.STRIPE, {}, b"")
    await shop.database.execute("UPDATE payment_event SET notice = '' WHERE event_id = 'evt_1'")
    await shop.work()
    assert sorted(await verdicts(shop)) == [("credited", 1), ("failed", 1)]


async def test_a_claim_that_another_took_since_has_no_more_say(shop: House, moody: Moody) -> None:
    await pay_by_card(shop)
    moody.notices = [notice(shop, await the_payment(shop), kind=None)]
    await shop.desk.hear(ProviderId.STRIPE, {}, b"")
    now, lease = shop.clock.now(), timedelta(seconds=1)
    (slow,) = await claim_events(shop.database, now, lease, 9)
    (quick,) = await claim_events(shop.database, now + 2 * lease, lease, 9)
    await finish_events(shop.database, [Done(event=quick, verdict="noted")])
    await finish_events(shop.database, [Done(event=slow, verdict="silent", due_at=now)])
    assert await verdicts(shop) == [("noted", 1)]


async def test_several_things_in_one_webhook_are_each_processed(shop: House, moody: Moody) -> None:
    opened = await pay_by_card(shop)
    payment = await the_payment(shop)
    moody.standing = PAID_30
    back = notice(shop, payment, kind=NewsKind.REFUNDED, amount_micros=10 * RM, refund_ref="re_1")
    await hear(shop, moody, notice(shop, payment), back, replace(back, refund_ref="re_2"))
    assert (await shop.view(opened)).payment.refunded_micros == 20 * RM
    assert await verdicts(shop) == [("credited", 1)] * 3
    await proved(shop)


async def test_a_bug_in_one_event_is_kept_and_harms_no_other(
    shop: House, moody: Moody, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pay_by_card(shop)
    payment = await the_payment(shop)
    moody.standing = PAID_30
    broken = notice(shop, payment, payment_id=None, provider_ref="broken", event_id="evt_0")
    whole = tambah.payments.desk.find_named

    async def find(database: Database, ref: str, provider: int) -> Any:
        if ref == "broken":
            raise RuntimeError("a bug")
        return await whole(database, ref, provider)

    monkeypatch.setattr("tambah.payments.desk.find_named", find)
    await hear(shop, moody, broken)
    await hear(shop, moody, notice(shop, payment))
    assert await verdicts(shop) == [("failed", 1), ("credited", 1)]


async def test_a_refunds_webhook_names_our_refund(shop: House, moody: Moody) -> None:
    opened = await pay_by_card(shop)
    payment = await the_payment(shop)
    moody.standing = PAID_30
    await hear(shop, moody, notice(shop, payment))
    number = await refund(shop, opened)
    named = refund_id(shop.keys, payment.line_id, payment.payment_no, number)
    spoken = notice(
        shop,
        payment,
        event_id="evt_2",
        kind=NewsKind.REFUNDED,
        refund_id=named,
        refund_ref="re_1",
    )
    await hear(shop, moody, spoken)
    view = await shop.view(opened)
    assert (view.state, view.refunds[0].provider_ref) == (PaymentState.REFUNDED, "re_1")
    await proved(shop)


@pytest.mark.parametrize(
    ("error", "refusal"),
    [(WebhookForged(), no.WebhookUnsigned), (ProviderSilent(), no.ProviderUnavailable)],
)
async def test_a_webhook_that_is_not_proved_is_refused(
    shop: House, moody: Moody, error: Exception, refusal: type[no.Refusal]
) -> None:
    moody.notices = error
    with pytest.raises(refusal):
        await shop.desk.hear(ProviderId.STRIPE, {}, b"")
    with pytest.raises(no.WebhookUnsigned):
        await shop.desk.hear(ProviderId.PAYPAL, {}, b"")
    assert await verdicts(shop) == []


async def test_the_sandboxs_webhooks_must_be_signed_and_fresh(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = await house.open()
    row = await house.sandbox.view(house.ref_of(opened))
    assert row is not None
    headers, body = house.sandbox.webhook(row, NewsKind.PAID)
    for bad in ({}, {"sandbox-signature": "1,00"}, {"sandbox-signature": "x"}):
        with pytest.raises(no.WebhookUnsigned):
            await house.desk.hear(ProviderId.SANDBOX, bad, body)
    with pytest.raises(no.WebhookUnsigned):
        await house.desk.hear(ProviderId.SANDBOX, headers, body.replace(b"30000000", b"90000000"))
    monkeypatch.setattr("tambah.payments.sandbox.time.time", lambda: 10**10)
    with pytest.raises(no.WebhookUnsigned):
        await house.desk.hear(ProviderId.SANDBOX, headers, body)
    assert (await house.view(opened)).state is PaymentState.AWAITING


# Names


def test_names_carry_the_payment_and_cannot_be_made_up(keys: Keys) -> None:
    named = payment_id(keys, 7, 3)
    assert len(named) == 45
    assert named == payment_id(keys, 7, 3)
    assert read_payment_id(keys, named) == (7, 3)
    assert read_refund_id(keys, refund_id(keys, 7, 3, 2)) == (7, 3, 2)
    for forged in ("", "a", "1" * 45, named[:-1], "b" + named[1:], refund_id(keys, 7, 3, 2)):
        assert read_payment_id(keys, forged) is None or forged == named
    assert read_refund_id(keys, named) is None
