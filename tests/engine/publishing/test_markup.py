"""What the operator writes becomes HTML that cannot do harm."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambah.engine.publishing.markup import bad_links, is_safe, to_html


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("One\n\nTwo", "<p>One</p>\n<p>Two</p>\n"),
        ("# Big\n## Small", "<h2>Big</h2>\n<h3>Small</h3>\n"),
        ("#### Deep\n##### Deeper", "<h2>Deep</h2>\n<h3>Deeper</h3>\n"),
        ("**b** *i*", "<p><strong>b</strong> <em>i</em></p>\n"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"),
        ("1. a", "<ol>\n<li>a</li>\n</ol>\n"),
        ("[us](/help#x)", '<p><a href="/help#x?to">us</a></p>\n'),
        ("[here](#x)", '<p><a href="#x">here</a></p>\n'),
        (
            "[out](https://a.example)",
            '<p><a href="https://a.example" rel="noopener">out</a></p>\n',
        ),
        ("[call](tel:1300-80)", '<p><a href="tel:1300-80">call</a></p>\n'),
        ("<b>x</b> & y", "<p>&lt;b&gt;x&lt;/b&gt; &amp; y</p>\n"),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>\n"),
        ("[x](//evil.example)", "<p>[x](//evil.example)</p>\n"),
        ("`c` ~~s~~ > q", "<p>`c` ~~s~~ &gt; q</p>\n"),
    ],
)
def test_text_becomes_html(text: str, html: str) -> None:
    assert to_html(text, lambda path: f"{path}?to") == html


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///x",
        "http://plain.example",
        "//evil.example",
        "/\\evil.example",
        "https:///x",
        "help",
    ],
)
def test_only_good_addresses_are_linked(address: str) -> None:
    assert not is_safe(address)


def test_headings_begin_at_the_rank_that_the_page_has_for_them() -> None:
    assert to_html("### A\n# B\n### C", rank=5) == "<h6>A</h6>\n<h5>B</h5>\n<h6>C</h6>\n"
    assert to_html("\n".join(f"{'#' * rank} X" for rank in (1, 2, 3)), rank=5).count("h6") == 4


def test_bad_links_are_named() -> None:
    text = "[a](/help) [b](ftp://x.example) [c](https://y.example)\n\n- [d](//z.example)"

    assert bad_links(text) == ["ftp://x.example", "//z.example"]


class _Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


_PIECES = st.sampled_from(
    [
        "<script>",
        "<img src=x onerror=y>",
        "](",
        "[",
        "javascript:",
        "//",
        '"',
        "'",
        " onclick=",
        ">",
    ]
)


@given(st.lists(_PIECES | st.text(max_size=8), max_size=20).map("".join))
def test_no_text_makes_a_tag_or_an_attribute_that_is_not_ours(text: str) -> None:
    found = _Tags(to_html(text))

    known = {"p", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "strong", "em", "a", "br"}
    assert found.tags <= known
    assert {name for name, _ in found.attributes} <= {"href", "rel", "start"}
    assert all(is_safe(value) for name, value in found.attributes if name == "href")
