"""Offers and news: what the operator publishes, and what of it is shown on a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from tambah.domain.article import Article, ArticleKind, Reader, Wording, is_for
from tambah.domain.line import Language, LineState
from tambah.store.database import Connection, Database, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredArticle:
    """An article with its times. article_id: the same for ever, whatever is rewritten."""

    article: Article
    article_id: UUID
    published_at: datetime
    updated_at: datetime
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An article in one language, as it is shown. body: empty where it was not asked for."""

    slug: str
    kind: ArticleKind
    article_id: UUID
    starts_on: date
    ends_on: date | None
    states: tuple[LineState, ...]
    plans: tuple[str, ...]
    published_at: datetime
    updated_at: datetime
    wording: Wording


async def read_shown(
    database: Database,
    language: Language,
    day: date,
    reader: Reader | None = None,
    *,
    slug: str = "",
    with_bodies: bool = False,
) -> list[Shown]:
    """Return what a reader is shown on a local day: offers first, the latest first.

    slug: only that one.
    """
    rows = await database.fetch(
        """
        SELECT slug, kind, article_id, starts_on, ends_on, states, plans, published_at,
               updated_at, title, summary, CASE WHEN $4 THEN body ELSE '' END AS body
          FROM article JOIN article_text USING (slug)
         WHERE language = $1 AND withdrawn_at IS NULL
           AND starts_on <= $2 AND (ends_on IS NULL OR ends_on >= $2)
           AND ($3 = '' OR slug = $3)
         ORDER BY kind, starts_on DESC, slug
        """,
        language,
        day,
        slug,
        with_bodies,
    )
    shown = [_shown(row) for row in rows]
    return [one for one in shown if is_for(one.states, one.plans, reader)]


async def read_all(database: Database) -> list[StoredArticle]:
    """Return every article ever published, the latest first."""
    async with database.read() as connection:
        return await read_stored(connection, None)


async def read_article(database: Database, slug: str) -> StoredArticle | None:
    """Return an article, withdrawn or not; None where there never was one of that slug."""
    async with database.read() as connection:
        found = await read_stored(connection, [slug])
    return found[0] if found else None


async def read_stored(connection: Connection, slugs: list[str] | None) -> list[StoredArticle]:
    """Return articles by their slugs, all for None."""
    rows = await connection.fetch(
        """
        SELECT slug, kind, article_id, starts_on, ends_on, states, plans, promotion, published_at,
               updated_at, withdrawn_at
          FROM article
         WHERE $1::text[] IS NULL OR slug = ANY($1)
         ORDER BY starts_on DESC, slug
        """,
        slugs,
    )
    texts = await connection.fetch(
        """
        SELECT slug, language, title, summary, body
          FROM article_text
         WHERE $1::text[] IS NULL OR slug = ANY($1)
        """,
        slugs,
    )
    wordings: dict[str, dict[Language, Wording]] = {}
    for row in texts:
        wordings.setdefault(row["slug"], {})[Language(row["language"])] = _wording(row)
    return [_stored(row, wordings.get(row["slug"], {})) for row in rows]


async def write_article(connection: Connection, stored: StoredArticle) -> None:
    """Write an article whole, over what was there under its slug."""
    article = stored.article
    await connection.execute(
        """
        INSERT INTO article (slug, kind, article_id, starts_on, ends_on, states, plans, promotion,
                             published_at, updated_at, withdrawn_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, NULL)
            ON CONFLICT (slug) DO UPDATE
           SET kind = excluded.kind, starts_on = excluded.starts_on, ends_on = excluded.ends_on,
               states = excluded.states, plans = excluded.plans, promotion = excluded.promotion,
               updated_at = excluded.updated_at, withdrawn_at = NULL
        """,
        article.slug,
        article.kind,
        stored.article_id,
        article.starts_on,
        article.ends_on,
        list(article.states),
        list(article.plans),
        article.promotion,
        stored.published_at,
        stored.updated_at,
    )
    for language, wording in article.wordings.items():
        await connection.execute(
            """
            INSERT INTO article_text (slug, language, title, summary, body)
            VALUES ($1, $2, $3, $4, $5)
                ON CONFLICT (slug, language) DO UPDATE
               SET title = excluded.title, summary = excluded.summary, body = excluded.body
            """,
            article.slug,
            language,
            wording.title,
            wording.summary,
            wording.body,
        )


async def withdraw(connection: Connection, slug: str, now: datetime) -> bool:
    """Take an article down; say whether it stood."""
    done = await connection.execute(
        """
        UPDATE article SET withdrawn_at = $2, updated_at = $2
         WHERE slug = $1 AND withdrawn_at IS NULL
        """,
        slug,
        now,
    )
    return done == "UPDATE 1"


def _shown(row: Record) -> Shown:
    return Shown(
        slug=row["slug"],
        kind=ArticleKind(row["kind"]),
        article_id=row["article_id"],
        starts_on=row["starts_on"],
        ends_on=row["ends_on"],
        states=tuple(LineState(state) for state in row["states"]),
        plans=tuple(row["plans"]),
        published_at=row["published_at"],
        updated_at=row["updated_at"],
        wording=_wording(row),
    )


def _stored(row: Record, wordings: dict[Language, Wording]) -> StoredArticle:
    article = Article(
        slug=row["slug"],
        kind=ArticleKind(row["kind"]),
        starts_on=row["starts_on"],
        ends_on=row["ends_on"],
        states=tuple(LineState(state) for state in row["states"]),
        plans=tuple(row["plans"]),
        promotion=row["promotion"],
        wordings=wordings,
    )
    return StoredArticle(
        article=article,
        article_id=row["article_id"],
        published_at=row["published_at"],
        updated_at=row["updated_at"],
        withdrawn_at=row["withdrawn_at"],
    )


def _wording(row: Record) -> Wording:
    return Wording(title=row["title"], summary=row["summary"], body=row["body"])
