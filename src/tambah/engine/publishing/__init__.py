"""What the operator writes for subscribers: offers, news, answers to questions."""

from tambah.engine.publishing.defaults import DEFAULT_ANSWERS, READING_A_CARD
from tambah.engine.publishing.markup import to_html
from tambah.engine.publishing.publishing import (
    Published,
    publish_answers,
    publish_articles,
    withdraw_answer,
    withdraw_article,
)
from tambah.engine.publishing.reading import read_answers, read_article, read_articles

__all__ = [
    "DEFAULT_ANSWERS",
    "READING_A_CARD",
    "Published",
    "publish_answers",
    "publish_articles",
    "read_answers",
    "read_article",
    "read_articles",
    "to_html",
    "withdraw_answer",
    "withdraw_article",
]
