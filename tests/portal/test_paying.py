"""From an amount to credit: the check page, the button that pays, the payment's lasting page."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tambah.domain.actor import Actor
from tambah.domain.commands import BarLine, NewsKind, PaymentNews, RefundPayment
from tambah.domain.payment import PaymentRule, PaymentState
from tambah.domain.records import replace as replace_record
from tambah.domain.refusals import Refusal, every_refusal
from tambah.domain.rules import Rules
from tambah.engine.clock import Clock
from tambah.engine.importing.people import seal_person
from tambah.i18n import LANGUAGES
from tambah.payments.sandbox import Ending
from tambah.portal import results
from tambah.portal.forms import (
    AMOUNT_REFUSALS,
    CODE_REFUSALS,
    METHOD_REFUSALS,
    NUMBER_REFUSALS,
    TopUpForm,
    fold_amount,
    offers_of,
    read_amount,
)
from tambah.portal.paying import Wish, checked_mark
from tambah.store.database import Database
from tambah.store.views.payments import read_page
from tambah.web.forms import mint_token
from tambah.web.site import Site
from tambah.web.status import status_of
from tests.conftest import make_keys, make_rules

from .conftest import (
    ALICE,
    CODES,
    TYPED_NUMBER,
    NoDatabase,
    NoEngine,
    client_of,
    example,
    field,
    make_site,
    text_of,
    top_up,
)
from .paying import Shop, check_form, fields, open_shop, press_pay, refusing, silent
from .test_pages import Addresses

RM = 1_000_000
BY_HAND = Actor(who="tests", why="to see")


@pytest.fixture
def shop(site: Site) -> Shop:
    """Return Alice's site with payments."""
    return open_shop(site)


@pytest.fixture
async def shopping(shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the shop's pages."""
    async with client_of(shop.site) as client:
        yield client


async def count(database: Database, what: str) -> int:
    row = await database.fetch_row(
        """
        SELECT (SELECT count(*) FROM payment) AS payment, (SELECT count(*) FROM topup) AS topup,
               (SELECT count(*) FROM look_up) AS look_up
        """
    )
    assert row is not None
    return row[what]


async def told(database: Database) -> list[str]:
    return [row[0] for row in await database.fetch("SELECT template FROM outbox ORDER BY 1")]


async def pay(shop: Shop, shopping: httpx.AsyncClient, ending: Ending, **form: str) -> str:
    """Go all the way with an ending; return the payment's page."""
    return await shop.end(await press_pay(shopping, await check_form(shopping, **form)), ending)


# The form


async def test_home_offers_amounts_and_ways_to_pay(shopping: httpx.AsyncClient) -> None:
    page = await shopping.get("/")
    radios = re.findall(r'type="radio" name="(\w+)" value="([\w.]+)"( checked)?', page.text)

    assert radios == [
        ("amount", "5.00", ""),
        ("amount", "10.00", ""),
        ("amount", "30.00", " checked"),
        ("amount", "50.00", ""),
        ("amount", "own", ""),
        ("amount", "code", ""),
        ("method", "sandbox", " checked"),
        ("method", "bank", ""),
        ("method", "card", ""),
    ]
    assert "RM30 30 days +RM2 bonus" in text_of(page)


async def test_home_without_payments_is_the_form_for_codes(pages: httpx.AsyncClient) -> None:
    page = await pages.get("/")

    assert 'type="radio"' not in page.text
    assert (await pages.post("/topup/pay", data={})).status_code == 404
    assert (await pages.post("/topup/number", data={"number": "1"})).status_code == 404


async def test_code_is_redeemed_whether_chosen_or_sent_alone(
    shopping: httpx.AsyncClient, database: Database
) -> None:
    chosen = await top_up(shopping, CODES[0], amount="code", method="sandbox")
    alone = await top_up(shopping, CODES[1])

    assert (chosen.status_code, alone.status_code) == (303, 303)
    assert (await count(database, "topup"), await count(database, "payment")) == (2, 0)


async def test_code_of_an_amount_that_was_chosen_instead_is_left_alone(
    shopping: httpx.AsyncClient, database: Database
) -> None:
    answer = await check_form(shopping, code=CODES[0])

    assert "Pay RM30.00" in text_of(answer)
    assert await count(database, "topup") == 0


async def test_code_brought_along_is_chosen(shopping: httpx.AsyncClient) -> None:
    page = await shopping.post("/", data={"number": TYPED_NUMBER, "code": CODES[0]})

    assert 'name="amount" value="code" checked' in page.text
    assert field(page, "code") == CODES[0]


@pytest.mark.parametrize(
    ("typed", "folded"),
    [
        ("25", "25"),
        (" RM 25.50 ", "25.50"),
        ("rm25.", "25"),
        ("１５", "15"),
        ("1,000.00", "1000.00"),
        ("25,50", "25,50"),
        ("-5", "-5"),
    ],
)
def test_fold_amount_reads_what_people_write(typed: str, folded: str) -> None:
    assert fold_amount(typed) == folded


@pytest.mark.parametrize(
    ("amount", "own", "code"),
    [
        ("own", "", "amount_malformed"),
        ("own", "25,50", "amount_malformed"),
        ("own", "1.005", "amount_too_precise"),
        ("own", "0.99", "amount_out_of_range"),
        ("own", "500.01", "amount_out_of_range"),
        ("7.77x", "", "amount_malformed"),
        ("9999.00", "", "amount_out_of_range"),
    ],
)
async def test_amount_is_refused_at_its_field(
    shop: Shop, database: Database, amount: str, own: str, code: str
) -> None:
    async with client_of(shop.site) as pages:
        answer = await check_form(pages, amount, own=own)

    assert answer.status_code == 422
    assert '<fieldset id="amount" tabindex="-1" aria-invalid="true"' in answer.text
    assert "No money has been taken." in text_of(answer)
    assert await count(database, "look_up") == 0
    with pytest.raises(Refusal) as refused:
        read_amount(TopUpForm(amount=amount, own=own), offers_of(shop.site))
    assert refused.value.code == code


async def test_amounts_beyond_the_limit_of_a_payment_are_not_offered(
    site: Site, rules: Rules
) -> None:
    limits = PaymentRule(least_micros=10 * RM, most_micros=30 * RM)
    offers = offers_of(open_shop(site, replace(rules, payments=limits)).site)

    assert [one.price_micros // RM for one in offers.tiles] == [10, 30]
    assert (offers.least_micros // RM, offers.most_micros // RM) == (10, 30)


async def test_way_to_pay_that_is_not_offered_is_refused_at_its_field(
    shopping: httpx.AsyncClient,
) -> None:
    for method in ("", "cowries"):
        answer = await check_form(shopping, method=method)
        assert answer.status_code == 422
        assert '<fieldset id="method" tabindex="-1" aria-invalid="true"' in answer.text


async def test_everything_wrong_is_said_at_once_and_kept(shopping: httpx.AsyncClient) -> None:
    answer = await check_form(shopping, "own", "cowries", own="<x>", number="12")

    assert [f'<a href="#{name}">' in answer.text for name in ("number", "amount", "method")] == [
        True
    ] * 3
    assert (field(answer, "number"), field(answer, "own")) == ("12", "<x>")
    assert 'value="own" checked' in answer.text


# The check page


async def test_check_page_says_what_is_paid_and_what_for(
    site: Site, rules: Rules, shopping: httpx.AsyncClient
) -> None:
    with_fee = replace(rules, payments=PaymentRule(fees=(("sandbox", RM),)))
    async with client_of(open_shop(site, with_fee).site) as dear:
        page = await check_form(dear)
    said = text_of(page)

    assert page.status_code == 200
    assert "Check and pay 012-345 6789 No money has been taken yet." in said
    assert "Top-up RM30.00 Change Way of paying Play money Change Fee RM1.00" in said
    assert "Credit you get RM30.00 and RM2.00 bonus for 30 days" in said
    assert "Pay RM31.00" in said
    assert "60123456789" not in str(page.url)
    assert "Fee none" in text_of(await check_form(shopping))


async def test_check_page_tells_the_dates_that_the_credit_will_give(
    shop: Shop, shopping: httpx.AsyncClient, database: Database
) -> None:
    checked = await check_form(shopping)
    promised = re.search(r"Active until (\d+ \w+ \d+) after", text_of(checked))
    assert promised is not None
    result = await shopping.get(await shop.end(await press_pay(shopping, checked), Ending.PAID))

    assert f"Active until {promised[1]}" in text_of(result)
    assert await count(database, "topup") == 1


async def test_check_page_may_be_gone_back_to(shopping: httpx.AsyncClient) -> None:
    page = await check_form(shopping)

    assert page.headers["cache-control"] == "private, no-cache"
    assert "cookie" not in page.headers["vary"]


async def test_change_goes_back_with_everything_kept(shopping: httpx.AsyncClient) -> None:
    checked = await check_form(shopping, "own", own="25")
    again = await shopping.post("/", data=fields(checked) | {"focus": "amount"})

    kept = {name: field(again, name) for name in ("token", "number", "own")}
    assert kept == {"token": fields(checked)["token"], "number": TYPED_NUMBER, "own": "25"}
    assert 'value="own" checked autofocus' in again.text


async def test_check_page_in_another_language_keeps_everything(
    shopping: httpx.AsyncClient,
) -> None:
    checked = await check_form(shopping)
    switched = await shopping.post("/topup?lang=ta", data=fields(checked))

    assert switched.headers["content-language"] == "ta"
    assert fields(switched) == fields(checked)
    assert 'action="/topup/pay?lang=ta"' in switched.text


@pytest.mark.parametrize(("shows", "expected"), [(False, ""), (True, "N*r A****h")])
async def test_masked_name_is_shown_only_where_the_operator_says_so(
    site: Site, database: Database, shows: bool, expected: str
) -> None:
    await name_alice(site, database)
    shop = open_shop(site, show_masked_name=shows)
    async with client_of(shop.site) as pages:
        page = await check_form(pages)
        typed = (await pages.post("/topup/number", data={"number": TYPED_NUMBER})).json()

    assert "Nor" not in page.text
    assert "Aisyah" not in page.text
    assert ("N*r A****h" in page.text) is shows
    can = "This number can be topped up here."
    assert typed == {"good": True, "text": f"{expected} · {can}" if shows else can}


async def name_alice(site: Site, database: Database) -> None:
    line_id = await database.fetch_value("SELECT line_id FROM line")
    person = seal_person(site.keys, line_id, {"name": "Nor Aisyah"})
    await database.execute(
        "INSERT INTO person VALUES ($1, $2, $3, now())", line_id, person.sealed, person.key_id
    )


async def test_line_that_cannot_be_topped_up_is_refused_at_the_number(
    shop: Shop, shopping: httpx.AsyncClient
) -> None:
    await bar(shop)
    barred = await check_form(shopping)
    unknown = await check_form(shopping, number="019-999 9999")

    for answer, why in ((barred, "The number is barred"), (unknown, "The number is not ours")):
        assert answer.status_code == 422
        assert f"No money has been taken. {why}" in text_of(answer)
        assert 'id="number-error"' in answer.text


async def bar(shop: Shop) -> None:
    await shop.site.engine.submit(
        BarLine(caller="tests", request_key="bar", msisdn=ALICE, barred=True, actor=BY_HAND)
    )


# Paying


async def test_pay_leads_to_the_provider_and_back_to_a_lasting_page(
    shop: Shop, shopping: httpx.AsyncClient, database: Database
) -> None:
    paid = await press_pay(shopping, await check_form(shopping))
    assert paid.status_code == 303
    assert paid.headers["location"].startswith("/sandbox/pay/sb_")

    path = await shop.end(paid, Ending.PAID)
    assert re.fullmatch(r"/topup/result/[a-z2-7]{45}\?lang=en", path)
    page = await shopping.get(path)
    assert "Your payment of RM30.00 has arrived. Top-up successful." in text_of(page)
    assert "RM30.00 credited to 012-••• 6789" in text_of(page)
    assert page.headers["cache-control"] == "no-store"
    assert "12-345 6789" not in page.text
    assert await told(database) == ["credited_with_bonus"]


async def test_pay_pressed_again_is_one_payment(
    shop: Shop, shopping: httpx.AsyncClient, database: Database
) -> None:
    checked = await check_form(shopping)
    answers = [await press_pay(shopping, checked) for _ in range(3)]

    assert len({answer.headers["location"] for answer in answers}) == 1
    paths = {await shop.end(answer, Ending.PAID) for answer in answers}
    late = await press_pay(shopping, checked)
    assert {late.headers["location"]} | {path.partition("?")[0] for path in paths} == {
        late.headers["location"]
    }
    assert (await count(database, "payment"), await count(database, "topup")) == (1, 1)
    assert await told(database) == ["credited_with_bonus"]


async def test_pay_pressed_in_parallel_is_one_payment(
    shopping: httpx.AsyncClient, database: Database
) -> None:
    checked = await check_form(shopping)
    answers = await asyncio.gather(*(press_pay(shopping, checked) for _ in range(10)))

    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert await count(database, "payment") == 1


async def test_another_amount_from_a_page_gone_back_to_is_another_payment(
    shopping: httpx.AsyncClient, database: Database
) -> None:
    checked = await check_form(shopping)
    other = await shopping.post("/topup", data=fields(checked) | {"amount": "10.00"})
    first, second = await press_pay(shopping, checked), await press_pay(shopping, other)

    assert first.headers["location"] != second.headers["location"]
    assert await count(database, "payment") == 2


async def test_nobody_gets_round_the_check_page(
    shopping: httpx.AsyncClient, database: Database
) -> None:
    checked = await check_form(shopping)
    forged = [
        fields(checked) | {"checked": "00" * 16},
        fields(checked) | {"checked": "é"},
        fields(checked) | {"number": "019-999 9999"},
        {name: value for name, value in fields(checked).items() if name != "checked"},
    ]
    answers = [await shopping.post("/topup/pay", data=form) for form in forged]

    assert [answer.status_code for answer in answers] == [200, 200, 422, 200]
    assert await count(database, "payment") == 0
    assert await count(database, "look_up") == 1 + len(forged)


async def test_form_of_yesterday_is_refused_and_mended(shop: Shop) -> None:
    async with client_of(shop.site) as pages:
        checked = await check_form(pages)
    late = replace(shop.site, clock=Clock(timedelta(hours=25)))
    async with client_of(late) as pages:
        answer = await press_pay(pages, checked)

    assert answer.status_code == 422
    assert "This page was open for too long" in text_of(answer)
    assert field(answer, "token") != fields(checked)["token"]


async def test_line_that_was_barred_after_the_check_takes_no_payment(
    shop: Shop, shopping: httpx.AsyncClient, database: Database
) -> None:
    checked = await check_form(shopping)
    await bar(shop)
    answer = await press_pay(shopping, checked)

    assert answer.status_code == 422
    assert "No money has been taken. The number is barred" in text_of(answer)
    assert await count(database, "payment") == 0


async def test_provider_that_does_not_answer_keeps_the_payment_for_the_next_try(
    shop: Shop, shopping: httpx.AsyncClient, database: Database
) -> None:
    shop.card.trouble = silent()
    checked = await check_form(shopping, method="card")
    answer = await press_pay(shopping, checked)
    shop.card.trouble = None
    again = await press_pay(shopping, checked)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert "The payment provider does not answer" in text_of(answer)
    assert field(answer, "token") == fields(checked)["token"]
    assert again.headers["location"] == "https://checkout.example/cs_1"
    assert len(set(shop.card.begun)) == 1
    assert await count(database, "payment") == 1


async def test_payment_that_a_provider_refuses_is_told_and_may_be_another(
    shop: Shop, shopping: httpx.AsyncClient, database: Database
) -> None:
    shop.card.trouble = refusing()
    checked = await check_form(shopping, method="card")
    answer = await press_pay(shopping, checked)

    assert answer.status_code == 422
    assert '<fieldset id="method" tabindex="-1" aria-invalid="true"' in answer.text
    assert field(answer, "token") not in ("", fields(checked)["token"])


@pytest.fixture(scope="module")
def broken() -> Site:
    """Return one shop for all refusals, whose engine has but an error."""
    return open_shop(make_site(NoEngine(), NoDatabase(), make_rules(), make_keys())).site


@pytest.mark.parametrize("refusal", every_refusal(), ids=lambda refusal: refusal.code)
async def test_pay_is_answered_for_every_refusal(broken: Site, refusal: type[Refusal]) -> None:
    engine: Any = broken.engine
    engine.error = example(refusal, broken.clock.now())
    form = TopUpForm(
        number=TYPED_NUMBER,
        amount="30.00",
        method="sandbox",
        token=mint_token(broken.keys, broken.clock.now()),
    )
    wish = Wish(msisdn=ALICE, amount_micros=30 * RM, method="sandbox")
    typed = asdict(replace(form, checked=checked_mark(broken, form, wish)))
    async with client_of(broken) as pages:
        answers = [await pages.post(f"/topup/pay?lang={tag}", data=typed) for tag in LANGUAGES]

    status = status_of(refusal)
    assert {answer.status_code for answer in answers} == {
        status if status in (429, 500, 503) else 422
    }
    fields_ = NUMBER_REFUSALS + CODE_REFUSALS + AMOUNT_REFUSALS + METHOD_REFUSALS
    for tag, answer in zip(LANGUAGES, answers, strict=True):
        assert f'<html lang="{tag}">' in answer.text
        assert ('aria-invalid="true"' in answer.text) == (refusal in fields_)


async def test_refusal_at_an_amount_survives_another_language(
    shopping: httpx.AsyncClient,
) -> None:
    refused = await check_form(shopping, "own", own="1000")
    form = fields(refused) | {"number": TYPED_NUMBER, "amount": "own", "own": "1000"}
    switched = await shopping.post("/?lang=ms", data=form | {"method": "bank"})

    assert "Jumlah terlalu kecil atau terlalu besar" in text_of(switched)
    assert field(switched, "own") == "1000"
    assert 'name="method" value="bank" checked' in switched.text


# The payment's page


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_payment_page_opens_in_the_payers_language(shop: Shop, tag: str) -> None:
    async with client_of(shop.site) as pages:
        checked = await check_form(pages)
        paid = await pages.post(f"/topup/pay?lang={tag}", data=fields(checked))
    path = await shop.end(paid, Ending.PAID)
    assert path.endswith(f"?lang={tag}")
    async with client_of(shop.site) as another_device:
        page = await another_device.get(path.partition("?")[0], headers={"accept-language": "fr"})

    assert page.headers["content-language"] == tag


async def test_open_payment_says_that_nothing_came_and_goes_on_to_pay(
    shopping: httpx.AsyncClient, shop: Shop
) -> None:
    paid = await press_pay(shopping, await check_form(shopping))
    ref = paid.headers["location"].partition("/pay/")[2].partition("?")[0]
    row = await shop.sandbox.view(ref)
    assert row is not None
    page = await shopping.get(row.return_url)
    said = text_of(page)

    assert "We have not received any money yet. Waiting for the payment" in said
    assert "Go on to pay" in said
    assert f'href="/sandbox/pay/{ref}' in page.text
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in page.text


async def test_silent_provider_is_told_as_unknown_never_as_failed(
    shop: Shop, shopping: httpx.AsyncClient
) -> None:
    path = await pay(shop, shopping, Ending.NEVER_ANSWERS)
    said = text_of(await shopping.get(path))

    assert "We do not know yet whether money was taken. We are asking" in said
    assert "Please do not pay again" in said
    assert "Try again" not in said


@pytest.mark.parametrize(
    ("ending", "why"),
    [
        (Ending.DECLINED, "The bank or the card's issuer declined the payment."),
        (Ending.CANCELLED, "The payment was cancelled."),
    ],
)
async def test_failed_payment_says_so_and_may_be_tried_again(
    shop: Shop, shopping: httpx.AsyncClient, database: Database, ending: Ending, why: str
) -> None:
    path = await pay(shop, shopping, ending, amount="own", own="25")
    page = await shopping.get(path)
    assert f"No money has been taken. Payment failed {why}" in text_of(page)
    assert "12-345 6789" not in page.text

    same = await shopping.post(path, data={"same": "1"})
    assert "Pay RM25.00" in text_of(same)
    assert fields(same)["number"] == TYPED_NUMBER
    again = await shop.end(await press_pay(shopping, same), Ending.PAID)
    assert "Top-up successful" in text_of(await shopping.get(again))
    assert await count(database, "payment") == 2

    other = await shopping.post(path, data={"other": "1"})
    assert (field(other, "number"), field(other, "own")) == (TYPED_NUMBER, "25.00")
    assert 'name="method" value="sandbox" checked autofocus' in other.text


async def test_paid_payment_is_not_tried_again(shop: Shop, shopping: httpx.AsyncClient) -> None:
    path = await pay(shop, shopping, Ending.PAID)
    answer = await shopping.post(path, data={"same": "1"})

    assert (answer.status_code, answer.headers["location"]) == (303, path)
    assert (await shopping.post("/topup/result/" + "a" * 26)).status_code == 404


async def test_bank_transfer_shows_what_to_transfer_and_the_code(
    shopping: httpx.AsyncClient, database: Database
) -> None:
    answer = await press_pay(shopping, await check_form(shopping, method="bank"))
    page = await shopping.get(answer.headers["location"])
    reference = await database.fetch_value("SELECT reference FROM payment")
    said = text_of(page)

    assert "We have not received any money yet. Transfer RM30.00" in said
    assert f"Reference number {reference[:5]}-{reference[5:]}" in said
    assert "Testel Sdn Bhd Bank Bank Contoh Account number 1122334455" in said
    assert '<svg role="img"' in page.text
    assert "http-equiv" not in page.text


async def test_payment_that_cannot_be_credited_is_told_with_its_deadline(
    shop: Shop, shopping: httpx.AsyncClient, database: Database
) -> None:
    paid = await press_pay(shopping, await check_form(shopping))
    await bar(shop)
    path = await shop.end(paid, Ending.REFUND_FAILS)
    refunding = await shopping.get(path)
    deadline = shop.site.clock.now().astimezone(shop.site.rules.validity.zone).date() + timedelta(
        days=14
    )
    assert "RM30.00 is being sent back to you. Refund on its way" in text_of(refunding)
    assert "could not be topped up any more" in text_of(refunding)
    assert f"by {deadline.day} " in text_of(refunding)
    assert await told(database) == ["payment_refunding"]

    line_id, payment_no = await only_payment(database)
    await shop.desk.send_refund(line_id, payment_no, 1)
    failed = text_of(await shopping.get(path))
    assert "RM30.00 is owed to you and has not been sent back yet. Refund is delayed" in failed


async def only_payment(database: Database) -> tuple[int, int]:
    row = await database.fetch_row("SELECT line_id, payment_no FROM payment")
    assert row is not None
    return row[0], row[1]


async def test_refunded_payment_says_when_it_went_back(
    shop: Shop, shopping: httpx.AsyncClient, database: Database
) -> None:
    path = await pay(shop, shopping, Ending.PAID)
    line_id, payment_no = await only_payment(database)
    await shop.site.engine.submit(
        RefundPayment(
            caller="tests",
            request_key="refund",
            line_id=line_id,
            payment_no=payment_no,
            actor=BY_HAND,
        )
    )
    await shop.desk.send_refund(line_id, payment_no, 1)
    said = text_of(await shopping.get(path))

    assert "RM30.00 has been sent back to you. Payment refunded" in said
    assert "could not be topped up" not in said


async def test_disputed_payment_says_so(
    shop: Shop, shopping: httpx.AsyncClient, database: Database
) -> None:
    path = await pay(shop, shopping, Ending.PAID)
    line_id, payment_no = await only_payment(database)
    await shop.site.engine.submit(
        PaymentNews(line_id=line_id, payment_no=payment_no, kind=NewsKind.DISPUTED)
    )

    assert "Your bank has taken RM30.00 of this payment back." in text_of(await shopping.get(path))


async def test_page_is_drawn_for_every_state(
    shop: Shop, shopping: httpx.AsyncClient, database: Database
) -> None:
    path = (await pay(shop, shopping, Ending.PAID)).partition("?")[0]
    real = await read_page(database, *await only_payment(database))
    assert real is not None
    for state in PaymentState:
        shown = replace(real, payment=replace_record(real.payment, state=state))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(results, "read_page", answering(shown))
            drawn = [await shopping.get(f"{path}?lang={tag}") for tag in LANGUAGES]

        assert [page.status_code for page in drawn] == [200] * len(LANGUAGES)
        assert [page.headers["content-language"] for page in drawn] == list(LANGUAGES)
        assert ["{" in text_of(page) for page in drawn] == [False] * len(LANGUAGES)


def answering(value: Any) -> Any:
    async def answer(*_: Any) -> Any:
        return value

    return answer


async def test_paying_pages_stand_by_themselves(shop: Shop, shopping: httpx.AsyncClient) -> None:
    checked = await check_form(shopping)
    paid = await press_pay(shopping, checked)
    sandbox = await shopping.get(paid.headers["location"])
    result = await shopping.get(await shop.end(paid, Ending.PAID))
    bank = await press_pay(shopping, await check_form(shopping, method="bank"))
    transfer = await shopping.get(bank.headers["location"])
    home, refused = await shopping.get("/"), await check_form(shopping, "own", own="0")

    for page in (home, refused, checked, sandbox, result, transfer):
        found = Addresses(page)
        assert [address for address in found.loaded if not address.startswith("/static/")] == []
        assert found.inline == []
        assert len(found.ids) == len(set(found.ids))
        assert "{" not in text_of(page)


async def test_help_says_what_becomes_of_money(shopping: httpx.AsyncClient) -> None:
    for tag in LANGUAGES:
        assert (await shopping.get(f"/help?lang={tag}")).status_code == 200
    assert "goes back by itself, within 14 days" in text_of(await shopping.get("/help?lang=en"))


# The sandbox's page


async def test_sandbox_page_has_a_button_for_every_ending(shopping: httpx.AsyncClient) -> None:
    paid = await press_pay(shopping, await check_form(shopping))
    page = await shopping.get(paid.headers["location"])

    assert re.findall(r'name="ending" value="(\w+)"', page.text) == [
        ending.value
        for ending in (
            Ending.PAID,
            Ending.PAID_LATE,
            Ending.DECLINED,
            Ending.NEVER_ANSWERS,
            Ending.WEBHOOK_FIRST,
            Ending.WEBHOOK_TWICE,
            Ending.REFUND_FAILS,
            Ending.CANCELLED,
        )
    ]
    pressed = await shopping.post(paid.headers["location"], data={"ending": "paid"})
    assert pressed.status_code == 303
    assert pressed.headers["location"].startswith("/topup/result/")
    assert "This payment has ended here." in text_of(await shopping.get(paid.headers["location"]))


async def test_sandbox_page_is_not_there_for_others(shopping: httpx.AsyncClient) -> None:
    paid = await press_pay(shopping, await check_form(shopping))

    assert (await shopping.get("/sandbox/pay/sb_none")).status_code == 404
    answer = await shopping.post(paid.headers["location"], data={"ending": "riches"})
    assert answer.status_code == 404


async def test_sandbox_page_is_not_there_in_production(shop: Shop) -> None:
    async with client_of(replace(shop.site, sandbox=None)) as pages:
        paid = await press_pay(pages, await check_form(pages))
        assert (await pages.get(paid.headers["location"])).status_code == 404
