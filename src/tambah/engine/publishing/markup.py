"""The little Markdown that articles and answers may use, made into HTML that cannot do harm.

Paragraphs, headings, lists, emphasis and links. Tags are text here, pictures are not read, and a
link leads to https, a telephone, a mailbox, a page of ours or a place on this one.
"""

import re
from collections.abc import Callable, Iterable, Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

_RULES = ("heading", "list", "emphasis", "link", "escape", "newline")
_SAFE = re.compile(r"https://[^/\s]+\S*|tel:\+?[0-9-]+|mailto:\S+@\S+|/(?![/\\])\S*|#[\w-]+")
_LOWEST_HEADING = 6


def to_html(text: str, resolve: Callable[[str], str] = str, *, rank: int = 2) -> str:
    """Return the HTML of a text. resolve: makes of a page of ours (`/help`) the address to link.

    rank: of its highest headings, whatever they are written as; none is skipped below them.
    """
    markdown = _markdown()
    tokens = markdown.parse(text)
    written = sorted({token.tag for token in tokens if token.type == "heading_open"})
    for token in _walk(tokens):
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(rank + written.index(token.tag), _LOWEST_HEADING)}"
        href = str(token.attrGet("href") or "")
        if href.startswith("/"):
            token.attrSet("href", resolve(href))
        elif href.startswith("https:"):
            token.attrSet("rel", "noopener")
    return markdown.renderer.render(tokens, markdown.options, {})


def bad_links(text: str) -> list[str]:
    """Return the addresses in a text that may not be linked."""
    tokens = _walk(_markdown(lenient=True).parse(text))
    linked = [str(token.attrGet("href") or "") for token in tokens if token.type == "link_open"]
    return [href for href in linked if not is_safe(href)]


def is_safe(url: str) -> bool:
    """Say whether an address may be linked."""
    return _SAFE.fullmatch(url) is not None


def _any(url: str) -> bool:
    return bool(url)


def _markdown(*, lenient: bool = False) -> MarkdownIt:
    markdown = MarkdownIt("zero", {"html": False, "maxNesting": 20}).enable(_RULES)
    # Its own check is a list of what is bad; ours is one of what is good.
    markdown.validateLink = _any if lenient else is_safe
    return markdown


def _walk(tokens: Iterable[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _walk(token.children or ())
