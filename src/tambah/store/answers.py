"""The operator's own answers on the help page; each takes the place of ours, or stands beside."""

from __future__ import annotations

from dataclasses import dataclass

from tambah.domain.line import Language
from tambah.store.database import Connection, Database, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer in one language: a question as its title, and a little Markdown."""

    slug: str
    language: Language
    title: str
    body: str


async def read_answers_in(database: Database, language: Language) -> list[Answer]:
    """Return the operator's answers in a language, as they are ordered."""
    rows = await database.fetch(
        """
        SELECT slug, language, title, body
          FROM help_answer
         WHERE language = $1
         ORDER BY place, slug
        """,
        language,
    )
    return [_answer(row) for row in rows]


async def read_answers(connection: Connection) -> list[Answer]:
    """Return the operator's answers in every language."""
    rows = await connection.fetch(
        "SELECT slug, language, title, body FROM help_answer ORDER BY place, slug, language"
    )
    return [_answer(row) for row in rows]


async def write_answer(connection: Connection, answer: Answer, place: int) -> None:
    """Write an answer in one language, over what was there. place: its order on the page."""
    await connection.execute(
        """
        INSERT INTO help_answer (slug, language, place, title, body)
        VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (slug, language) DO UPDATE
           SET place = excluded.place, title = excluded.title, body = excluded.body
        """,
        answer.slug,
        answer.language,
        place,
        answer.title,
        answer.body,
    )


async def remove_answer(connection: Connection, slug: str) -> bool:
    """Take an answer away in every language; say whether it was there."""
    done = await connection.execute("DELETE FROM help_answer WHERE slug = $1", slug)
    return done != "DELETE 0"


def _answer(row: Record) -> Answer:
    return Answer(
        slug=row["slug"],
        language=Language(row["language"]),
        title=row["title"],
        body=row["body"],
    )
