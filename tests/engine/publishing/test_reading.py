"""Files of articles and answers: what is read, and how each mistake is named."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tambah.domain.article import Article, ArticleKind, Wording
from tambah.domain.line import Language, LineState
from tambah.engine.importing import FileRefused
from tambah.engine.publishing import DEFAULT_ANSWERS, read_answers, read_articles
from tambah.engine.publishing.markup import bad_links
from tambah.i18n import LANGUAGES
from tambah.i18n.catalog import read_catalog
from tambah.jobs.demo import ARTICLES
from tambah.store.answers import Answer

from .writing import answer_toml, article_toml, put

PLANS = ("standard", "tourist")


def test_an_article_is_read(tmp_path: Path) -> None:
    text = article_toml(
        kind='"news"',
        until="2026-02-01",
        states='["grace", "active", "grace"]',
        plans='["tourist"]',
        promotion='"weekend"',
    )

    assert read_articles(put(tmp_path, text), PLANS) == [
        Article(
            slug="sale",
            kind=ArticleKind.NEWS,
            starts_on=date(2026, 1, 1),
            ends_on=date(2026, 2, 1),
            states=(LineState.ACTIVE, LineState.GRACE),
            plans=("tourist",),
            promotion="weekend",
            wordings={
                language: Wording(
                    title=f"Sale {language.tag}",
                    summary=f"About Sale {language.tag}",
                    body=f"Body **Sale** {language.tag}, [up](/).",
                )
                for language in Language
            },
        )
    ]


def test_answers_are_read(tmp_path: Path) -> None:
    assert read_answers(put(tmp_path, answer_toml())) == [
        Answer(
            slug="parking",
            language=language,
            title=f"Parking? {language.tag}",
            body=f"Yes, {language.tag}.",
        )
        for language in Language
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x", "texts.toml: "),
        ("x = 1", "texts.toml: "),
        (answer_toml(), "a file of [[articles]]"),
        (article_toml(tags=("en", "zh-Hans")), "articles[0] sale: not written in ms, ta"),
        (article_toml(slug="Big Sale"), "articles[0] Big Sale: "),
        (article_toml(kind='"advert"'), "kind"),
        (article_toml(from_='"soon"'), "from"),
        (article_toml(until="2025-12-31"), "`until` is before `from`"),
        (article_toml(states='["terminated"]'), "states"),
        (article_toml(plans='["gold", "standard"]'), "no such plan: gold"),
        (article_toml(colour='"red"'), "colour"),
        (article_toml() + article_toml(), "twice in the file: sale"),
        (article_toml().replace('"Sale en"', '" "'), "articles[0] sale.en: `title` is empty"),
        (article_toml().replace("(/)", "(javascript:x)"), "may not be linked: javascript:x"),
        (
            article_toml().replace("**Sale**", "\\u0007"),
            "articles[0] sale.en: a control character",
        ),
        (article_toml().replace("title", "titel"), "articles[0] sale.en: "),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(FileRefused) as refused:
        read_articles(put(tmp_path, text), PLANS)

    assert said in str(refused.value)


def test_an_answer_must_be_in_every_language(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match=r"answers\[0\] parking: not written in ta"):
        read_answers(put(tmp_path, answer_toml(tags=("en", "ms", "zh-Hans"))))


def test_a_title_is_one_line(tmp_path: Path) -> None:
    text = article_toml().replace('"Sale en"', '"Sale\\n  en\\u0007"')

    article = read_articles(put(tmp_path, text), PLANS)[0]

    assert article.wordings[Language.EN].title == "Sale en"


def test_the_demos_articles_are_an_example_that_is_read() -> None:
    articles = read_articles(ARTICLES, PLANS)

    assert [one.kind.name for one in articles] == ["OFFER", "OFFER", "NEWS", "NEWS"]


@pytest.mark.parametrize("tag", LANGUAGES)
def test_our_answers_keep_to_what_may_be_written(tag: str) -> None:

    forms = read_catalog(tag).forms

    assert [one for slug in DEFAULT_ANSWERS for one in bad_links(forms[f"faq.{slug}"][0])] == []
