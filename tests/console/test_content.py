"""Offers and news in the console: written in every language, looked at, published, withdrawn."""

from __future__ import annotations

import msgspec

from tambah.domain.line import LANGUAGE_BY_TAG
from tambah.domain.staff import Role
from tambah.i18n import LANGUAGES
from tambah.store.articles import read_article
from tests.portal.conftest import text_of

from .conftest import World

WRITE = "/console/content/article"


def article(**more: str) -> dict[str, str]:
    """Return a form that is filled in, in every language."""
    form = {"slug": "raya-bonus", "kind": "offer", "from": "2026-01-01", "until": ""}
    for tag in LANGUAGES:
        form |= {
            f"title-{tag}": f"Bonus {tag}",
            f"summary-{tag}": f"More for {tag}",
            f"body-{tag}": f"**Twice** as much ({tag}).\r\n\r\n## When\r\n\r\nSoon.",
        }
    return form | more


async def test_an_article_is_looked_at_then_published_then_withdrawn(world: World) -> None:
    database = world.site.database
    async with await world.enter(await world.hire("mina", Role.MARKETING)) as browser:
        assert "Nothing was published yet." in text_of(await browser.get("/console/content"))
        assert (await browser.get("/console/content/new")).status_code == 200
        seen = await browser.post(WRITE, data=article(do="preview"))
        assert seen.status_code == 200
        for tag in LANGUAGES:
            assert f'<article class="prose sim" lang="{tag}">' in seen.text
        assert "<strong>Twice</strong> as much (ta)." in seen.text
        assert await read_article(database, "raya-bonus") is None

        form = article(do="publish", **{"state-active": "yes", "plan-standard": "yes"})
        unexplained = await browser.post(WRITE, data=form)
        assert unexplained.status_code == 422
        done = await browser.post(WRITE, data=form | {"why": "festive season"})
        path = f"{WRITE}/raya-bonus"
        assert (done.status_code, done.headers["location"]) == (303, path)
        page = await browser.get(path)
        assert "as subscribers see it" in text_of(page)
        assert 'name="state-active" value="yes" checked' in page.text
        for tag in LANGUAGES:
            listed = await browser.get(f"/console/content?lang={tag}")
            assert f"Bonus {tag}" in text_of(listed)
        # The same again is no change, whatever a browser does to the ends of lines.
        await browser.post(WRITE, data=form | {"why": "again"})
        assert (
            await browser.post(f"{path}/withdraw?lang=en", data={"why": " "})
        ).status_code == 422
        gone = await browser.post(f"{path}/withdraw", data={"why": "over"})
        assert gone.status_code == 303
        assert "withdrawn" in text_of(await browser.get(f"{path}?lang=en"))

    stored = await read_article(database, "raya-bonus")
    assert stored is not None
    assert set(stored.article.wordings) == set(LANGUAGE_BY_TAG.values())
    assert stored.article.plans == ("standard",)
    acts = await database.fetch(
        "SELECT who, action, why, after FROM audit WHERE subject = 'article:raya-bonus'"
        " ORDER BY day, seq"
    )
    assert [tuple(row)[:3] for row in acts] == [
        ("staff:mina", "PublishArticle", "festive season"),
        ("staff:mina", "WithdrawArticle", "over"),
    ]
    assert msgspec.json.decode(acts[0]["after"])["states"] == ["active"]


async def test_what_is_wrong_is_said_and_what_was_typed_is_kept(world: World) -> None:
    async with await world.enter_as(Role.MARKETING) as browser:
        for more, said in (
            ({"title-ta": ""}, "Tamil: Title is missing."),
            ({"slug": "Not A Slug"}, "The name in the address must be"),
            ({"from": "yesterday"}, "The first day is missing."),
            ({"until": "tomorrow"}, "The last day is no day."),
            ({"until": "2025-01-01"}, "`until` is before `from`"),
            ({"kind": "poem"}, "poem"),
            ({"body-en": "[x](javascript:alert(1))"}, "may not be linked"),
        ):
            refused = await browser.post(WRITE, data=article(do="publish", why="x") | more)
            assert refused.status_code == 422
            assert said in text_of(refused)
            assert "More for ms" in refused.text
        for path in ("nothing", "Not_A_Slug", "a" * 80):
            assert (await browser.get(f"{WRITE}/{path}")).status_code == 404


async def test_what_is_typed_is_never_html(world: World) -> None:
    async with await world.enter_as(Role.MARKETING) as browser:
        seen = await browser.post(
            WRITE,
            data=article(
                do="preview", **{"title-en": "<b>x</b>", "body-en": "<script>1</script>"}
            ),
        )
    assert "<b>x</b>" not in seen.text
    assert "<script>1" not in seen.text
