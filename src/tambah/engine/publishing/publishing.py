"""Publishing: a file's articles or answers as a whole or not at all, each with an audit row."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

from tambah.domain.actor import Actor
from tambah.domain.article import Article
from tambah.domain.line import Language
from tambah.engine.administer import note
from tambah.store.answers import Answer, read_answers, remove_answer, write_answer
from tambah.store.articles import StoredArticle, read_stored, withdraw, write_article
from tambah.store.database import Connection, Database


@dataclass(slots=True, kw_only=True)
class Published:
    """What a file brought, by slug: new, changed, or as it was already."""

    new: list[str] = field(default_factory=list[str])
    changed: list[str] = field(default_factory=list[str])
    unchanged: list[str] = field(default_factory=list[str])


class _DryRun(Exception):
    """Nothing is to be kept of what was done."""


async def publish_articles(
    database: Database,
    articles: Sequence[Article],
    actor: Actor,
    now: datetime,
    *,
    dry_run: bool = False,
) -> Published:
    """Publish articles, over what stands under their slugs. Raises ReasonMissing.

    One that was withdrawn stands again. What is the same already changes nothing, its time too.
    """
    published = Published()

    async def work(connection: Connection) -> None:
        """Write what differs."""
        slugs = [article.slug for article in articles]
        known = {one.article.slug: one for one in await read_stored(connection, slugs)}
        for article in articles:
            before = known.get(article.slug)
            stands = before is not None and before.withdrawn_at is None
            if before is not None and stands and before.article == article:
                published.unchanged.append(article.slug)
                continue
            (published.changed if before else published.new).append(article.slug)
            await write_article(connection, _stored(article, before, now))
            await note(
                connection,
                actor,
                "PublishArticle",
                f"article:{article.slug}",
                before=_facts(before.article) if before else None,
                after=_facts(article),
            )

    await _in_transaction(database, work, dry_run=dry_run)
    return published


async def withdraw_article(database: Database, slug: str, actor: Actor, now: datetime) -> bool:
    """Take an article down; say whether it stood. Raises ReasonMissing."""
    stood = False

    async def work(connection: Connection) -> None:
        """Withdraw it."""
        nonlocal stood
        stood = await withdraw(connection, slug, now)
        if stood:
            await note(connection, actor, "WithdrawArticle", f"article:{slug}")

    await _in_transaction(database, work)
    return stood


async def publish_answers(
    database: Database, answers: Sequence[Answer], actor: Actor, *, dry_run: bool = False
) -> Published:
    """Publish answers in their order, over what stands under their slugs. Raises ReasonMissing."""
    published = Published()

    async def work(connection: Connection) -> None:
        """Write what differs, and every place."""
        before = _by_slug(await read_answers(connection))
        for place, (slug, wanted) in enumerate(_by_slug(answers).items()):
            for answer in wanted.values():
                await write_answer(connection, answer, place)
            if before.get(slug) == wanted:
                published.unchanged.append(slug)
                continue
            (published.changed if slug in before else published.new).append(slug)
            await note(
                connection,
                actor,
                "PublishAnswer",
                f"answer:{slug}",
                before=_titles(before.get(slug, {})),
                after=_titles(wanted),
            )

    await _in_transaction(database, work, dry_run=dry_run)
    return published


async def withdraw_answer(database: Database, slug: str, actor: Actor) -> bool:
    """Take the operator's answer away; say whether it stood. Raises ReasonMissing."""
    stood = False

    async def work(connection: Connection) -> None:
        """Remove it."""
        nonlocal stood
        before = _by_slug(await read_answers(connection)).get(slug, {})
        stood = await remove_answer(connection, slug)
        if stood:
            await note(
                connection, actor, "WithdrawAnswer", f"answer:{slug}", before=_titles(before)
            )

    await _in_transaction(database, work)
    return stood


async def _in_transaction(
    database: Database, work: Callable[[Connection], Awaitable[None]], *, dry_run: bool = False
) -> None:
    connection = await database.connect()
    try:
        async with connection.transaction():
            await work(connection)
            if dry_run:
                raise _DryRun
    except _DryRun:
        pass
    finally:
        await connection.close()


def _stored(article: Article, before: StoredArticle | None, now: datetime) -> StoredArticle:
    return StoredArticle(
        article=article,
        article_id=before.article_id if before else uuid4(),
        published_at=before.published_at if before else now,
        updated_at=now,
        withdrawn_at=None,
    )


def _facts(article: Article) -> dict[str, object]:
    """Return what the audit trail keeps of an article: of its long texts a digest."""
    return {
        "kind": article.kind.name.lower(),
        "from": article.starts_on.isoformat(),
        "until": article.ends_on.isoformat() if article.ends_on else None,
        "states": [state.name.lower() for state in article.states],
        "plans": list(article.plans),
        "promotion": article.promotion,
        **{
            language.tag: [wording.title, _digest(wording.summary, wording.body)]
            for language, wording in article.wordings.items()
        },
    }


def _titles(answers: Mapping[Language, Answer]) -> dict[str, object]:
    return {
        language.tag: [answer.title, _digest(answer.body)] for language, answer in answers.items()
    }


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def _by_slug(answers: Sequence[Answer]) -> dict[str, dict[Language, Answer]]:
    found: dict[str, dict[Language, Answer]] = {}
    for answer in answers:
        found.setdefault(answer.slug, {})[answer.language] = answer
    return found
