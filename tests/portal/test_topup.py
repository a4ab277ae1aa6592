"""The top-up form: what is taken, what is refused, and what never happens twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from tambah.domain import refusals
from tambah.domain.refusals import Refusal, every_refusal
from tambah.domain.voucher import letter_code
from tambah.engine.clock import Clock
from tambah.i18n import LANGUAGES
from tambah.portal.forms import CODE_REFUSALS, NUMBER_REFUSALS
from tambah.store.database import Database
from tambah.web.site import Site
from tambah.web.status import status_of

from .conftest import (
    ALICE,
    CODES,
    TYPED_NUMBER,
    WRONG,
    NoEngine,
    client_of,
    example,
    field,
    text_of,
    top_up,
)


async def count_topups(database: Database) -> int:
    return await database.fetch_value("SELECT count(*) FROM topup")


def refusing(site: Site, error: Exception) -> httpx.AsyncClient:
    return client_of(replace(site, engine=NoEngine(error)))  # type: ignore[arg-type]


def lettered(digits: str) -> str:
    shown = letter_code(digits, lambda choices: choices[-1])
    return f" {shown[:4].lower()} - {shown[4:10]}_{shown[10:]} "


async def test_top_up_leads_to_a_page_of_its_own(pages: httpx.AsyncClient) -> None:
    answer = await top_up(pages, CODES[0])

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/topup/result/")
    assert len(answer.headers["location"]) == len("/topup/result/") + 26
    result = await pages.get(answer.headers["location"])
    assert result.status_code == 200
    assert "Top-up successful RM10.00 credited to 012-••• 6789" in text_of(result)


async def test_top_up_takes_letters_spaces_and_dashes(
    pages: httpx.AsyncClient, database: Database
) -> None:
    answer = await top_up(pages, lettered(CODES[0]), number="+60 12 345-6789")

    assert answer.status_code == 303
    assert await count_topups(database) == 1


async def test_top_up_sent_twice_is_one_with_one_address(
    pages: httpx.AsyncClient, database: Database
) -> None:
    form = {"token": field(await pages.get("/"), "token"), "number": TYPED_NUMBER}
    first = await pages.post("/topup", data=form | {"code": CODES[0]})
    second = await pages.post("/topup?lang=ta", data=form | {"code": lettered(CODES[0])})

    assert second.status_code == 303
    assert second.headers["location"] == first.headers["location"] + "?lang=ta"
    assert await count_topups(database) == 1


async def test_top_up_with_another_card_from_a_page_gone_back_to_is_another(
    pages: httpx.AsyncClient, database: Database
) -> None:
    form = {"token": field(await pages.get("/"), "token"), "number": TYPED_NUMBER}
    first = await pages.post("/topup", data=form | {"code": CODES[0]})
    second = await pages.post("/topup", data=form | {"code": CODES[1]})

    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["location"] != second.headers["location"]
    assert await count_topups(database) == 2


async def test_code_used_before_is_told_with_its_date(pages: httpx.AsyncClient) -> None:
    await top_up(pages, CODES[0])
    answer = await top_up(pages, CODES[0])

    assert answer.status_code == 422
    assert "No money has been taken. You used this code before" in text_of(answer)


async def test_wrong_code_says_how_many_tries_are_left(pages: httpx.AsyncClient) -> None:
    said = [text_of(await top_up(pages, wrong)) for wrong in WRONG[:5]]

    assert ["4 tries are left" in said[0], "1 try is left" in said[3]] == [True, True]
    assert "No tries are left for now" in said[4]


async def test_wrong_code_sent_again_costs_no_second_try(
    pages: httpx.AsyncClient, database: Database
) -> None:
    form = {"token": field(await pages.get("/"), "token"), "number": TYPED_NUMBER}
    for _ in range(3):
        answer = await pages.post("/topup", data=form | {"code": WRONG[0]})

    assert "4 tries are left" in text_of(answer)
    assert await database.fetch_value("SELECT guest_wrong FROM line") == 1


async def test_too_many_wrong_codes_are_429_with_the_time(pages: httpx.AsyncClient) -> None:
    for wrong in WRONG[:5]:
        await top_up(pages, wrong)
    answer = await top_up(pages, CODES[0])

    assert answer.status_code == 429
    assert 800 < int(answer.headers["retry-after"]) <= 900
    assert "No money has been taken. Too many wrong codes. Try again after" in text_of(answer)


async def test_refused_form_keeps_what_was_typed(pages: httpx.AsyncClient) -> None:
    drawn = await pages.get("/")
    form = {"token": field(drawn, "token"), "number": '<b>"12', "code": "7k29 <x>"}
    answer = await pages.post("/topup", data=form)

    assert answer.status_code == 422
    assert (field(answer, "number"), field(answer, "code")) == ('<b>"12', "7k29 <x>")
    assert "<x>" not in answer.text
    assert "<b>" not in answer.text.replace("<b>+", "")
    assert field(answer, "token") not in ("", form["token"])
    assert answer.headers["cache-control"] == "no-store"


async def test_refused_form_ties_each_text_to_its_field(pages: httpx.AsyncClient) -> None:
    answer = await top_up(pages, "1", number="1")

    for name in ("number", "code"):
        assert f'<a href="#{name}">' in answer.text
        assert f'id="{name}-error"' in answer.text
        assert f'aria-describedby="{name}-hint {name}-error" aria-invalid="true"' in answer.text
    assert '<div class="summary" role="alert" tabindex="-1" autofocus' in answer.text


@pytest.mark.parametrize("form", [{}, {"token": "x"}, {"token": "x", "number": "1", "code": "1"}])
async def test_incomplete_form_is_drawn_again(
    pages: httpx.AsyncClient, form: dict[str, str]
) -> None:
    answer = await pages.post("/topup", data=form)

    assert answer.status_code == 422
    assert "No money has been taken." in text_of(answer)


@pytest.mark.parametrize("tampered", ["", "AAAA", None])
async def test_forged_token_is_refused_and_mended(
    pages: httpx.AsyncClient, database: Database, tampered: str | None
) -> None:
    token = field(await pages.get("/"), "token")
    forged = token[:5] + ("A" if token[5] != "A" else "B") + token[6:]
    form = {"number": TYPED_NUMBER, "code": CODES[0]}
    refused = await pages.post(
        "/topup", data=form | {"token": forged if tampered is None else tampered}
    )

    assert refused.status_code == 422
    assert await count_topups(database) == 0
    again = {name: field(refused, name) for name in ("token", "number", "code")}
    assert (await pages.post("/topup", data=again)).status_code == 303


async def test_form_left_open_for_a_day_is_refused(site: Site) -> None:
    async with client_of(site) as pages:
        token = field(await pages.get("/"), "token")
    async with client_of(replace(site, clock=Clock(timedelta(hours=25)))) as pages:
        answer = await top_up(pages, CODES[0], token=token)

    assert answer.status_code == 422
    assert "This page was open for too long" in text_of(answer)


async def test_unknown_number_is_said_at_the_number(pages: httpx.AsyncClient) -> None:
    answer = await top_up(pages, CODES[0], number="019-999 9999")

    assert answer.status_code == 422
    assert 'id="number-error"' in answer.text


@pytest.mark.parametrize("refusal", every_refusal(), ids=lambda refusal: refusal.code)
async def test_form_is_drawn_for_every_refusal(empty_site: Site, refusal: type[Refusal]) -> None:
    error = example(refusal, empty_site.clock.now())
    async with refusing(empty_site, error) as pages:
        form = {"token": field(await pages.get("/"), "token"), "number": TYPED_NUMBER}
        answers = [
            await pages.post(f"/topup?lang={tag}", data=form | {"code": CODES[0]})
            for tag in LANGUAGES
        ]

    status = status_of(refusal)
    assert {answer.status_code for answer in answers} == {
        status if status in (429, 500, 503) else 422
    }
    placed = refusal in NUMBER_REFUSALS + CODE_REFUSALS
    for tag, answer in zip(LANGUAGES, answers, strict=True):
        assert f'<html lang="{tag}">' in answer.text
        assert 'class="summary"' in answer.text
        assert ('aria-invalid="true"' in answer.text) == placed


async def test_busy_says_when_to_come_back(empty_site: Site) -> None:
    async with refusing(empty_site, refusals.Busy()) as pages:
        answer = await top_up(pages, CODES[0])

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")


@pytest.mark.parametrize("error", [refusals.Unavailable(), RuntimeError("a bug")])
async def test_unknown_outcome_keeps_the_token_so_that_pressing_again_is_safe(
    site: Site, error: Exception, database: Database
) -> None:
    async with client_of(site) as pages:
        form = {"token": field(await pages.get("/"), "token"), "number": TYPED_NUMBER}
    async with refusing(site, error) as pages:
        unsure = await pages.post("/topup", data=form | {"code": CODES[0]})
    async with client_of(site) as pages:
        again = {name: field(unsure, name) for name in ("token", "number", "code")}
        done = await pages.post("/topup", data=again)

    assert unsure.status_code in (500, 503)
    assert field(unsure, "token") == form["token"]
    assert done.status_code == 303
    assert await count_topups(database) == 1


async def test_unavailable_does_not_claim_that_nothing_was_taken(empty_site: Site) -> None:
    async with refusing(empty_site, refusals.Unavailable()) as pages:
        answer = await top_up(pages, CODES[0])

    assert "No money has been taken" not in text_of(answer)
    assert "a code never counts twice" in text_of(answer)


async def test_bug_is_told_with_a_reference_and_logged_without_the_code(
    empty_site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    async with refusing(empty_site, RuntimeError("a bug")) as pages:
        answer = await top_up(pages, CODES[0])

    logged = capsys.readouterr().out
    assert answer.status_code == 500
    assert "RuntimeError: a bug" in logged
    assert CODES[0] not in logged
    incident = next(word for word in logged.split() if word.startswith("incident="))
    assert incident.removeprefix("incident=") in text_of(answer)


async def test_code_never_stands_in_an_address_or_in_the_clear_in_the_books(
    pages: httpx.AsyncClient, database: Database
) -> None:
    answer = await top_up(pages, CODES[0])
    written = await database.fetch_value("SELECT request::text FROM request LIMIT 1")

    assert CODES[0] not in answer.headers["location"]
    assert CODES[0] not in written


async def test_switching_the_language_keeps_what_was_typed_and_what_was_said(
    pages: httpx.AsyncClient, database: Database
) -> None:
    refused = await top_up(pages, WRONG[0])
    form = {name: field(refused, name) for name in ("token", "number", "code", "notice")}
    switched = await pages.post("/?lang=ms", data=form)

    assert switched.status_code == 200
    assert switched.headers["content-language"] == "ms"
    assert switched.cookies["lang"] == "ms"
    assert {name: field(switched, name) for name in form} == form
    assert "PIN tambah nilai tidak boleh digunakan" in text_of(switched)
    assert await database.fetch_value("SELECT guest_wrong FROM line") == 1


async def test_get_of_topup_goes_home_in_the_same_language(pages: httpx.AsyncClient) -> None:
    answer = await pages.get("/topup?lang=zh-Hans")

    assert (answer.status_code, answer.headers["location"]) == (303, "/?lang=zh-Hans")


async def test_source_is_the_forwarded_address_only_behind_a_trusted_proxy(
    site: Site, database: Database
) -> None:
    for trusted, forwarded in (((), "198.51.100.1"), (("127.0.0.1",), "198.51.100.1")):
        async with client_of(replace(site, trusted_proxies=trusted)) as pages:
            pages.headers["x-forwarded-for"] = forwarded
            await top_up(pages, WRONG[len(trusted)])

    rows = await database.fetch("SELECT source FROM attempt ORDER BY at")
    assert [row[0] for row in rows] == [
        site.keys.digest("source", "address", address) for address in ("127.0.0.1", "198.51.100.1")
    ]


async def test_home_shows_what_cards_give(pages: httpx.AsyncClient) -> None:
    said = text_of(await pages.get("/"))

    assert "RM5 – 5 days RM10 – 10 days RM30 +RM2.00 for 30 days 30 days" in said


async def test_number_on_the_page_is_the_line_of_the_typed_number(
    pages: httpx.AsyncClient, database: Database
) -> None:
    await top_up(pages, CODES[0], number="６０１２３４５６７８９")

    assert (
        await database.fetch_value("SELECT msisdn FROM topup JOIN line USING (line_id)") == ALICE
    )
