"""`/console/content`: offers and news, written in every language, looked at, then published."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from tambah.console.facts import Wording
from tambah.console.guard import reaches, signed_in
from tambah.console.pages import ConsolePages
from tambah.console.sessions import HOME
from tambah.domain.article import Article, ArticleKind
from tambah.domain.line import LANGUAGE_BY_TAG, Language, LineState
from tambah.domain.refusals import PageNotFound, ReasonMissing
from tambah.domain.staff import Permission
from tambah.engine.importing import FileRefused
from tambah.engine.publishing import publish_articles, read_article, to_html, withdraw_article
from tambah.engine.staff import actor_of
from tambah.i18n import Texts
from tambah.store import articles as store
from tambah.store.articles import StoredArticle, read_all
from tambah.web.forms import read_form
from tambah.web.pages import AnyRequest, keep_language

CONTENT = f"{HOME}/content"
STATES = tuple(state for state in LineState if state < LineState.QUARANTINED)
"""Of lines that an article may be for alone."""
MOST = {"title": 120, "summary": 240, "body": 6000}
"""Characters; a body of the command line's file may be longer."""

_MOST_FORM_BYTES = 250 * 1024
_MOST_WHY = 200
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_MOST_SLUG = 60
_OPT = reaches(Permission.CONTENT_WRITE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An article as somebody typed it. problems: what keeps it from being published."""

    fields: dict[str, str]
    article: Article | None = None
    problems: tuple[str, ...] = field(default=())


def content_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of offers and news."""
    return [*_reading(pages), *_writing(pages)]


def _reading(pages: ConsolePages) -> list[Any]:
    site = pages.site

    @get(CONTENT, opt=_OPT, include_in_schema=False)
    async def show_content(request: AnyRequest) -> Response[Any]:
        texts = pages.speak(request)
        say, today = Wording(site, texts), site.rules.validity.local_day(site.clock.now())
        language = LANGUAGE_BY_TAG[texts.tag]
        return pages.draw(
            request,
            "content.html",
            articles=[
                (one.article, _state(one, today), _dates(one.article, say), _title(one, language))
                for one in await read_all(site.database)
            ],
        )

    @get(f"{CONTENT}/new", opt=_OPT, include_in_schema=False)
    async def show_new(request: AnyRequest) -> Response[Any]:
        today = site.rules.validity.local_day(site.clock.now())
        draft = Draft(fields={"kind": "offer", "from": today.isoformat()})
        return _draw(pages, request, None, draft)

    @get(f"{CONTENT}/article/{{slug:str}}", opt=_OPT, include_in_schema=False)
    async def show_article(request: AnyRequest, slug: FromPath[str]) -> Response[Any]:
        stored = await _require(pages, slug)
        return _draw(pages, request, stored, Draft(fields=_fields(stored.article)))

    return [show_content, show_new, show_article]


def _writing(pages: ConsolePages) -> list[Any]:
    site = pages.site

    @post(f"{CONTENT}/article", status_code=200, opt=_OPT, include_in_schema=False)
    async def write(request: AnyRequest) -> Response[Any]:
        """Show an article as readers will see it, or publish it where that was pressed."""
        found = await read_form(request, most_bytes=_MOST_FORM_BYTES)
        # Browsers send \r\n: kept, it would make every article that is saved again another one.
        fields = {name: value.replace("\r\n", "\n").strip() for name, value in found.items()}
        draft = read_draft(fields, site.operator.plans, pages.speak(request))
        stored = await store.read_article(site.database, fields.get("slug", "")[:_MOST_SLUG])
        if draft.article is None or fields.get("do") != "publish":
            return _draw(pages, request, stored, draft, status=422 if draft.problems else 200)
        why = fields.get("why", "")[:_MOST_WHY]
        if not why:
            said = pages.speak(request).refusal(ReasonMissing(), site.rules.validity.zone)
            told = Draft(fields=fields, article=draft.article, problems=(said,))
            return _draw(pages, request, stored, told, status=422)
        actor = actor_of(signed_in(request).staff, why)
        await publish_articles(site.database, [draft.article], actor, site.clock.now())
        return pages.redirect(request, f"{CONTENT}/article/{draft.article.slug}")

    @post(
        f"{CONTENT}/article/{{slug:str}}/withdraw",
        status_code=200,
        opt=_OPT,
        include_in_schema=False,
    )
    async def take_down(request: AnyRequest, slug: FromPath[str]) -> Response[Any]:
        """Take an article down at once. Raises ReasonMissing."""
        stored, fields = await _require(pages, slug), await read_form(request)
        actor = actor_of(signed_in(request).staff, fields.get("why", "")[:_MOST_WHY].strip())
        await withdraw_article(site.database, stored.article.slug, actor, site.clock.now())
        return pages.redirect(request, f"{CONTENT}/article/{stored.article.slug}")

    return [write, take_down]


async def _require(pages: ConsolePages, slug: str) -> StoredArticle:
    stored = None
    if len(slug) <= _MOST_SLUG and _SLUG.fullmatch(slug):
        stored = await store.read_article(pages.site.database, slug)
    if stored is None:
        raise PageNotFound
    return stored


def read_draft(fields: dict[str, str], plans: tuple[str, ...], texts: Texts) -> Draft:
    """Read what was typed; what is missing is said in the reader's language.

    The rest is held against the same rules as the operator's file, which speak English.
    """
    problems = [*_missing(fields, texts)]
    if problems:
        return Draft(fields=fields, problems=tuple(problems))
    table: dict[str, Any] = {
        "slug": fields["slug"],
        "kind": fields.get("kind", ""),
        "from": _day(fields["from"]),
        "states": [one.name.lower() for one in STATES if f"state-{one.name.lower()}" in fields],
        "plans": [plan for plan in plans if f"plan-{plan}" in fields],
        "promotion": fields.get("promotion", ""),
        **{
            tag: {name: fields.get(f"{name}-{tag}", "") for name in MOST}
            for tag in LANGUAGE_BY_TAG
        },
    }
    if fields.get("until"):
        table["until"] = _day(fields["until"])
    try:
        return Draft(fields=fields, article=read_article(fields["slug"], table, plans))
    except FileRefused as refused:
        return Draft(fields=fields, problems=(str(refused),))


def _missing(fields: dict[str, str], texts: Texts) -> list[str]:
    """Return what is not filled in, or not as it must be."""
    problems: list[str] = []
    slug = fields.get("slug", "")
    if len(slug) > _MOST_SLUG or not _SLUG.fullmatch(slug):
        problems.append(texts.get("console.content.bad.slug"))
    if _day(fields.get("from", "")) is None:
        problems.append(texts.get("console.content.bad.from"))
    if fields.get("until") and _day(fields["until"]) is None:
        problems.append(texts.get("console.content.bad.until"))
    for tag, language in LANGUAGE_BY_TAG.items():
        empty = [name for name in MOST if not fields.get(f"{name}-{tag}")]
        if empty:
            problems.append(
                texts.get(
                    "console.content.bad.wording",
                    language=texts.get(f"console.language.{language.name.lower()}"),
                    missing=", ".join(texts.get(f"console.content.{name}") for name in empty),
                )
            )
    return problems


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _fields(article: Article) -> dict[str, str]:
    """Return an article as a form has it."""
    fields = {
        "slug": article.slug,
        "kind": article.kind.name.lower(),
        "from": article.starts_on.isoformat(),
        "until": article.ends_on.isoformat() if article.ends_on else "",
        "promotion": article.promotion,
        **{f"state-{state.name.lower()}": "yes" for state in article.states},
        **{f"plan-{plan}": "yes" for plan in article.plans},
    }
    for language, wording in article.wordings.items():
        for name in MOST:
            fields[f"{name}-{language.tag}"] = getattr(wording, name)
    return fields


def _draw(
    pages: ConsolePages,
    request: AnyRequest,
    stored: StoredArticle | None,
    draft: Draft,
    *,
    status: int = 200,
) -> Response[Any]:
    """Draw the form; with the article as readers will see it, where it can be read."""
    site = pages.site
    link = partial(keep_language, request)
    article = draft.article
    today = site.rules.validity.local_day(site.clock.now())
    return pages.draw(
        request,
        "article.html",
        status=status,
        fields=draft.fields,
        problems=draft.problems,
        known=stored,
        state=_state(stored, today) if stored else "",
        kinds=[kind.name.lower() for kind in ArticleKind],
        states=[state.name.lower() for state in STATES],
        plans=site.operator.plans,
        tags=[(tag, language.name.lower()) for tag, language in LANGUAGE_BY_TAG.items()],
        most=MOST,
        preview=[
            (language.tag, wording, to_html(wording.body, link, rank=4))
            for language, wording in article.wordings.items()
        ]
        if article
        else [],
    )


def _state(stored: StoredArticle, today: date) -> str:
    """Return where an article is: a text `console.content.is.<word>`."""
    article = stored.article
    if stored.withdrawn_at is not None:
        return "withdrawn"
    if today < article.starts_on:
        return "to_come"
    if article.ends_on is not None and today > article.ends_on:
        return "over"
    return "shown"


def _dates(article: Article, say: Wording) -> str:
    end = say.day(article.ends_on) if article.ends_on else "…"
    return f"{say.day(article.starts_on)} – {end}"


def _title(stored: StoredArticle, language: Language) -> str:
    wording = stored.article.wordings.get(language)
    return wording.title if wording else stored.article.slug
