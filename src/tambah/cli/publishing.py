"""tambah offers …, tambah help …: what the operator writes for subscribers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path

import click
import rich_click

from tambah.cli.desk import Desk, actor, at_desk
from tambah.cli.frame import Answer, CommandRefused, answering, language_tag
from tambah.cli.options import reason
from tambah.domain.line import LANGUAGE_BY_TAG
from tambah.engine.publishing import (
    DEFAULT_ANSWERS,
    READING_A_CARD,
    Published,
    publish_answers,
    publish_articles,
    read_answers,
    read_articles,
    withdraw_answer,
    withdraw_article,
)
from tambah.store.answers import read_answers_in
from tambah.store.articles import StoredArticle, read_all

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
_DRY_RUN = click.option("--dry-run", is_flag=True, help="Only say what would change.")


@click.group(cls=rich_click.RichGroup)
def offers() -> None:
    """Publish offers and news, each written once in every language."""


@offers.command("load", cls=rich_click.RichCommand)
@click.argument("file", type=_FILE)
@_DRY_RUN
@reason
@answering
def load_offers(file: Path, dry_run: bool, reason: str) -> Answer:
    """Publish the articles of FILE (TOML): all of them, or none when one is wrong."""

    async def work(desk: Desk) -> Published:
        """Read and publish them."""
        articles = read_articles(file, desk.operator.plans)
        return await publish_articles(
            desk.database, articles, actor(reason), desk.now, dry_run=dry_run
        )

    return _say_published(at_desk(work), dry_run=dry_run)


@offers.command("list", cls=rich_click.RichCommand)
@answering
def list_offers() -> Answer:
    """List every article, the latest first, with whether it is shown today."""

    async def work(desk: Desk) -> list[dict[str, object]]:
        """Read and describe them."""
        today = desk.rules.validity.local_day(desk.now)
        return [_describe(stored, today) for stored in await read_all(desk.database)]

    found = at_desk(work)
    lines = [
        f"{one['slug']}  {one['kind']}  {one['state']}  from {one['from']}"
        f"{' until ' + str(one['until']) if one['until'] else ''}  {one['audience']}"
        f"  {one['title']}"
        for one in found
    ]
    return Answer(document=found, text="\n".join(lines) or "Nothing was published yet.")


@offers.command("withdraw", cls=rich_click.RichCommand)
@click.argument("slug")
@reason
@answering
def withdraw_offer(slug: str, reason: str) -> Answer:
    """Take the article SLUG down at once. Loading it again publishes it again."""

    async def work(desk: Desk) -> bool:
        """Withdraw it."""
        return await withdraw_article(desk.database, slug, actor(reason), desk.now)

    if not at_desk(work):
        raise CommandRefused("article_unknown", f"No article {slug} is published.")
    return Answer(document={"slug": slug, "withdrawn": True}, text=f"{slug} is withdrawn.")


@click.group("help", cls=rich_click.RichGroup)
def help_page() -> None:
    """Publish answers on the help page. One under a name of ours takes the place of ours."""


@help_page.command("load", cls=rich_click.RichCommand)
@click.argument("file", type=_FILE)
@_DRY_RUN
@reason
@answering
def load_answers(file: Path, dry_run: bool, reason: str) -> Answer:
    """Publish the answers of FILE (TOML): all of them, or none when one is wrong."""

    async def work(desk: Desk) -> Published:
        """Read and publish them."""
        return await publish_answers(
            desk.database, read_answers(file), actor(reason), dry_run=dry_run
        )

    return _say_published(at_desk(work), dry_run=dry_run)


@help_page.command("list", cls=rich_click.RichCommand)
@answering
def list_answers() -> Answer:
    """List the answers of the help page, and whose they are."""

    async def work(desk: Desk) -> dict[str, str]:
        """Read the operator's."""
        language = LANGUAGE_BY_TAG[language_tag()]
        return {one.slug: one.title for one in await read_answers_in(desk.database, language)}

    own = at_desk(work)
    ours = [slug for slug in (*DEFAULT_ANSWERS, READING_A_CARD) if slug not in own]
    document = [
        *({"slug": slug, "whose": "operator", "title": title} for slug, title in own.items()),
        *({"slug": slug, "whose": "tambah", "title": None} for slug in ours),
    ]
    lines = [f"{slug}  yours  {title}" for slug, title in own.items()]
    return Answer(document=document, text="\n".join(lines + [f"{slug}  ours" for slug in ours]))


@help_page.command("withdraw", cls=rich_click.RichCommand)
@click.argument("slug")
@reason
@answering
def withdraw_own_answer(slug: str, reason: str) -> Answer:
    """Take your answer SLUG away; ours, if there is one, stands again."""

    async def work(desk: Desk) -> bool:
        """Remove it."""
        return await withdraw_answer(desk.database, slug, actor(reason))

    if not at_desk(work):
        raise CommandRefused("answer_unknown", f"There is no answer {slug} of yours.")
    return Answer(document={"slug": slug, "withdrawn": True}, text=f"{slug} is withdrawn.")


def _say_published(published: Published, *, dry_run: bool) -> Answer:
    counts = (
        f"{len(published.new)} new, {len(published.changed)} changed,"
        f" {len(published.unchanged)} unchanged."
    )
    said = f"Nothing was published. It would be: {counts}" if dry_run else counts
    names: Mapping[str, list[str]] = {"new": published.new, "changed": published.changed}
    lines = [f"{what}: {', '.join(slugs)}" for what, slugs in names.items() if slugs]
    return Answer(document=asdict(published), text="\n".join([said, *lines]))


def _describe(stored: StoredArticle, today: date) -> dict[str, object]:
    article = stored.article
    audience = [*(state.name.lower() for state in article.states), *article.plans]
    return {
        "slug": article.slug,
        "kind": article.kind.name.lower(),
        "state": _state(stored, today),
        "from": article.starts_on.isoformat(),
        "until": article.ends_on.isoformat() if article.ends_on else None,
        "audience": ", ".join(audience) or "everyone",
        "promotion": article.promotion or None,
        "title": article.wordings[LANGUAGE_BY_TAG[language_tag()]].title,
        "published_at": stored.published_at,
        "updated_at": stored.updated_at,
    }


def _state(stored: StoredArticle, today: date) -> str:
    article = stored.article
    if stored.withdrawn_at is not None:
        return "withdrawn"
    if today < article.starts_on:
        return "coming"
    return "over" if article.ends_on and article.ends_on < today else "shown"
