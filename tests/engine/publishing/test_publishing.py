"""Publishing is whole or not at all, again changes nothing, and stands in the audit trail."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tambah.domain.actor import Actor
from tambah.domain.line import Language
from tambah.domain.refusals import ReasonMissing
from tambah.engine.publishing import (
    publish_answers,
    publish_articles,
    read_answers,
    read_articles,
    withdraw_answer,
    withdraw_article,
)
from tambah.store.answers import read_answers_in
from tambah.store.articles import read_all, read_shown
from tambah.store.database import Database

from .writing import answer_toml, article_toml, put

ACTOR = Actor(who="cli:tester", why="testing")
NOW = datetime(2026, 6, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
TODAY = date(2026, 6, 1)


async def audited(database: Database) -> list[tuple[str, str]]:
    rows = await database.fetch("SELECT action, subject FROM audit ORDER BY day, seq")
    return [(row[0], row[1]) for row in rows]


async def load(database: Database, folder: Path, *texts: str, **options: Any) -> Any:
    articles = read_articles(put(folder, *texts), ("standard",))
    return await publish_articles(database, articles, ACTOR, options.pop("now", NOW), **options)


async def test_articles_are_published_once_and_kept(database: Database, tmp_path: Path) -> None:
    both = (article_toml("a"), article_toml("b"))
    first = await load(database, tmp_path, *both)
    again = await load(database, tmp_path, *both, now=LATER)
    stored = await read_all(database)

    assert (first.new, first.changed, first.unchanged) == (["a", "b"], [], [])
    assert (again.new, again.changed, again.unchanged) == ([], [], ["a", "b"])
    assert {one.updated_at for one in stored} == {NOW}
    assert await audited(database) == [
        ("PublishArticle", "article:a"),
        ("PublishArticle", "article:b"),
    ]


async def test_a_rewritten_article_keeps_its_id_and_its_first_day(
    database: Database, tmp_path: Path
) -> None:
    await load(database, tmp_path, article_toml("a"), article_toml("b"))
    before = {one.article.slug: one for one in await read_all(database)}
    done = await load(
        database,
        tmp_path,
        article_toml("a", "Bigger", until="2026-12-31"),
        article_toml("b"),
        now=LATER,
    )
    after = {one.article.slug: one for one in await read_all(database)}

    assert (done.changed, done.unchanged) == (["a"], ["b"])
    assert after["a"].article.wordings[Language.TA].title == "Bigger ta"
    assert after["a"] == replace(before["a"], article=after["a"].article, updated_at=LATER)
    assert after["b"] == before["b"]


async def test_a_dry_run_changes_nothing(database: Database, tmp_path: Path) -> None:
    would = await load(database, tmp_path, article_toml("a"), dry_run=True)

    assert would.new == ["a"]
    assert await read_all(database) == []
    assert await audited(database) == []


async def test_publishing_needs_a_reason_and_is_undone_without(
    database: Database, tmp_path: Path
) -> None:
    articles = read_articles(put(tmp_path, article_toml()), ())
    with pytest.raises(ReasonMissing):
        await publish_articles(database, articles, Actor(who="x", why=" "), NOW)

    assert await read_all(database) == []


async def test_a_withdrawn_article_is_gone_until_it_is_loaded_again(
    database: Database, tmp_path: Path
) -> None:
    await load(database, tmp_path, article_toml("a"))

    assert await withdraw_article(database, "a", ACTOR, LATER)
    assert not await withdraw_article(database, "a", ACTOR, LATER)
    assert not await withdraw_article(database, "nothing", ACTOR, LATER)
    assert await read_shown(database, Language.EN, TODAY) == []

    done = await load(database, tmp_path, article_toml("a"), now=LATER)
    assert done.changed == ["a"]
    assert [one.slug for one in await read_shown(database, Language.EN, TODAY)] == ["a"]
    assert [action for action, _ in await audited(database)] == [
        "PublishArticle",
        "WithdrawArticle",
        "PublishArticle",
    ]


@pytest.mark.parametrize(
    ("day", "shown"),
    [
        (date(2026, 5, 31), []),
        (date(2026, 6, 1), ["limited"]),
        (date(2026, 6, 30), ["limited"]),
        (date(2026, 7, 1), []),
    ],
)
async def test_an_article_is_shown_from_its_first_to_its_last_day(
    database: Database, tmp_path: Path, day: date, shown: list[str]
) -> None:
    await load(database, tmp_path, article_toml("limited", from_="2026-06-01", until="2026-06-30"))

    assert [one.slug for one in await read_shown(database, Language.MS, day)] == shown


async def test_the_audit_trail_says_what_was_and_what_is(
    database: Database, tmp_path: Path
) -> None:
    await load(database, tmp_path, article_toml("a"))
    await load(database, tmp_path, article_toml("a", "New"), now=LATER)
    row = await database.fetch_row(
        "SELECT before, after FROM audit ORDER BY day DESC, seq DESC LIMIT 1"
    )
    assert row is not None
    before, after = (json.loads(value) if isinstance(value, str) else value for value in row)

    assert (before["en"][0], after["en"][0]) == ("Sale en", "New en")
    assert (before["en"][1] == after["en"][1], before["from"]) == (False, "2026-01-01")


async def test_answers_are_published_in_their_order(database: Database, tmp_path: Path) -> None:
    texts = (answer_toml("z-first"), answer_toml("a-second"))
    first = await publish_answers(database, read_answers(put(tmp_path, *texts)), ACTOR)
    again = await publish_answers(database, read_answers(put(tmp_path, *texts)), ACTOR)
    changed = read_answers(put(tmp_path, answer_toml("z-first", "New?")))
    third = await publish_answers(database, changed, ACTOR)

    assert (first.new, again.unchanged, third.changed) == (
        ["z-first", "a-second"],
        ["z-first", "a-second"],
        ["z-first"],
    )
    shown = await read_answers_in(database, Language.ZH_HANS)
    assert [one.title for one in shown] == ["New? zh-Hans", "Parking? zh-Hans"]
    assert [action for action, _ in await audited(database)] == ["PublishAnswer"] * 3


async def test_an_answer_is_withdrawn(database: Database, tmp_path: Path) -> None:
    await publish_answers(database, read_answers(put(tmp_path, answer_toml())), ACTOR)

    assert await withdraw_answer(database, "parking", ACTOR)
    assert not await withdraw_answer(database, "parking", ACTOR)
    assert await read_answers_in(database, Language.EN) == []
