"""The help page: our answers, the operator's in their place, and a way to a person everywhere."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tambah.config import Brand, ConfigError, Operator, SocialEntry, read_operator
from tambah.domain.actor import Actor
from tambah.engine.publishing import (
    DEFAULT_ANSWERS,
    READING_A_CARD,
    publish_answers,
    read_answers,
    withdraw_answer,
)
from tambah.i18n import LANGUAGES
from tambah.web.site import Site
from tests.engine.publishing.writing import answer_toml, put

from .conftest import client_of, text_of

ACTOR = Actor(who="cli:tester", why="testing")
MENU = ["/", "/account", "/points", "/rates", "/offers", "/help"]


def sections(page: httpx.Response) -> list[str]:
    return re.findall(r'<section id="([a-z-]+)"', page.text)


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_our_answers_stand_each_at_an_address(
    empty_pages: httpx.AsyncClient, tag: str
) -> None:
    page = await empty_pages.get(f"/help?lang={tag}")

    assert sections(page)[: len(DEFAULT_ANSWERS) + 2] == [
        *DEFAULT_ANSWERS,
        READING_A_CARD,
        "messages",
    ]
    contents = re.findall(r'<li><a href="#([a-z-]+)">', page.text)
    assert contents == [*DEFAULT_ANSWERS, READING_A_CARD, "messages"]
    for path in (
        "/account",
        "/account/forgotten",
        "/account/lost",
        "/account/reactivate",
        "/account/unbar",
        "/help/ticket",
    ):
        assert f'href="{path}?lang={tag}"' in page.text
    # Beside Chinese punctuation, Markdown does not always see what is to be bold.
    assert "**" not in page.text


async def test_our_answers_say_the_operators_days(empty_site: Site) -> None:
    life = replace(empty_site.rules.life, grace_days=33, reactivation_days=1)
    site = replace(empty_site, rules=replace(empty_site.rules, life=life))
    async with client_of(site) as pages:
        said = text_of(await pages.get("/help"))

    assert "Grace period, for 33 days after the validity ends" in said
    assert "Expired, for 1 day after that" in said


async def test_an_operators_answer_takes_the_place_of_ours(site: Site, tmp_path: Path) -> None:
    texts = [answer_toml(slug) for slug in ("lost-phone", "parking", READING_A_CARD)]
    await publish_answers(site.database, read_answers(put(tmp_path, *texts)), ACTOR)
    async with client_of(site) as pages:
        page = await pages.get("/help?lang=ms")
        await withdraw_answer(site.database, "lost-phone", ACTOR)
        after = await pages.get("/help?lang=ms")

    assert sections(page)[:8] == [*DEFAULT_ANSWERS, "parking", READING_A_CARD]
    assert text_of(page).count("Parking? ms Yes, ms.") == 3
    assert "Sekat talian anda" not in page.text
    assert "specimen" not in page.text
    assert "Sekat talian anda" in after.text


async def test_what_an_operator_writes_is_text(site: Site, tmp_path: Path) -> None:
    text = answer_toml("own").replace("Yes, en.", "{grace_days} <script>alert(1)</script>")
    await publish_answers(site.database, read_answers(put(tmp_path, text)), ACTOR)
    async with client_of(site) as pages:
        page = await pages.get("/help")

    assert "<p>{grace_days} &lt;script&gt;alert(1)&lt;/script&gt;</p>" in page.text


@pytest.mark.parametrize(
    ("path", "current"),
    [
        ("/", [("/", "page")]),
        ("/help", [("/help", "page")]),
        ("/offers", [("/offers", "page")]),
        ("/offers/nothing", [("/offers", "true")]),
        ("/account/sign-in", [("/account", "true")]),
        ("/topup/result/short", [("/", "true")]),
        ("/nowhere", []),
        ("/helpless", []),
    ],
)
async def test_the_menu_is_on_every_page_and_says_where_one_is(
    empty_pages: httpx.AsyncClient, path: str, current: list[tuple[str, str]]
) -> None:
    page = await empty_pages.get(path)
    menu = re.findall(r'<nav class="site".*?</nav>', page.text, re.DOTALL)[0]

    assert re.findall(r'href="([^"]+)"', menu) == MENU
    assert re.findall(r'href="([^"]+)" aria-current="(\w+)"', menu) == current


@pytest.mark.parametrize("path", ["/", "/help", "/offers", "/nowhere"])
async def test_the_foot_of_every_page_leads_to_a_person(empty_site: Site, path: str) -> None:
    operator = Operator(
        brand=Brand(name="Testel", hotline="1300 80 0000", hotline_hours="08:00-22:00"),
        denominations=(),
        social=(SocialEntry(name="Chat & Co", url="https://chat.example/testel"),),
    )
    async with client_of(replace(empty_site, operator=operator)) as pages:
        page = await pages.get(path)
    foot = re.findall(r"<footer>.*?</footer>", page.text, re.DOTALL)[0]

    assert '<a href="tel:1300800000">1300 80 0000</a> <span>08:00-22:00</span>' in foot
    assert '<a href="https://chat.example/testel" rel="me noopener">Chat &amp; Co</a>' in foot
    assert re.findall(r'href="(/[^"]+)"', foot) == ["/help/ticket", "/offers/feed.xml?lang=en"]


@pytest.mark.parametrize(
    ("url", "is_taken"),
    [
        ("https://chat.example/testel", True),
        ("http://chat.example/testel", False),
        ("javascript:alert(1)", False),
        ("https://user@chat.example", False),
        ("https://localhost", False),
    ],
)
def test_accounts_elsewhere_have_addresses_that_are_safe(
    tmp_path: Path, url: str, is_taken: bool
) -> None:
    path = tmp_path / "operator.toml"
    path.write_text(
        f'denominations = []\n[brand]\nname = "x"\n[[social]]\nname = "Chat"\nurl = "{url}"\n'
    )
    if is_taken:
        assert read_operator(path).social == (SocialEntry(name="Chat", url=url),)
    else:
        with pytest.raises(ConfigError, match="social"):
            read_operator(path)
