"""The feed of offers and news: Atom, as RFC 4287 has it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid5
from xml.etree import ElementTree as Xml

from tambah.engine.publishing import to_html
from tambah.i18n import Texts
from tambah.store.articles import Shown
from tambah.web.site import Site

FEED_TYPE = "application/atom+xml; charset=utf-8"
ATOM = "http://www.w3.org/2005/Atom"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_MOST_ENTRIES = 50
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def write_feed(site: Site, texts: Texts, shown: Sequence[Shown]) -> bytes:
    """Write the feed in one language, the latest change first.

    shown: public articles with their bodies. An article's id is its own for ever in that language,
    whatever becomes of its text or of our address.
    """
    latest = sorted(shown, key=lambda one: changed_at(site, one), reverse=True)[:_MOST_ENTRIES]
    here = _address(site, texts, "/offers/feed.xml")
    feed = Xml.Element("feed", {"xmlns": ATOM, _LANGUAGE: texts.tag})
    _add(feed, "title", f"{site.operator.brand.name} · {texts.get('offers.title')}")
    _add(feed, "id", here)
    _add(feed, "updated", _instant(changed_at(site, latest[0]) if latest else _NEVER))
    _add(feed, "link", rel="self", type="application/atom+xml", href=here)
    _add(feed, "link", rel="alternate", type="text/html", href=_address(site, texts, "/offers"))
    author = Xml.SubElement(feed, "author")
    _add(author, "name", site.operator.brand.name)
    for one in latest:
        _add_entry(feed, site, texts, one)
    return Xml.tostring(feed, encoding="utf-8", xml_declaration=True)


def changed_at(site: Site, one: Shown) -> datetime:
    """Return when an article last became new to readers: rewritten, or shown from then on."""
    return max(one.updated_at, site.rules.validity.start_of(one.starts_on))


def _add_entry(feed: Xml.Element, site: Site, texts: Texts, one: Shown) -> None:
    entry = Xml.SubElement(feed, "entry")
    kind = one.kind.name.lower()
    page = _address(site, texts, f"/offers/{one.slug}")
    body = to_html(one.wording.body, lambda path: _address(site, texts, path))
    starts_at = site.rules.validity.start_of(one.starts_on)
    _add(entry, "title", one.wording.title)
    _add(entry, "id", f"urn:uuid:{uuid5(one.article_id, texts.tag)}")
    _add(entry, "published", _instant(max(one.published_at, starts_at)))
    _add(entry, "updated", _instant(changed_at(site, one)))
    _add(entry, "link", rel="alternate", type="text/html", href=page)
    _add(entry, "category", term=kind, label=texts.get(f"offers.{kind}"))
    _add(entry, "summary", one.wording.summary)
    _add(entry, "content", body, type="html")


def _add(parent: Xml.Element, name: str, text: str | None = None, **attributes: str) -> None:
    Xml.SubElement(parent, name, attributes).text = text


def _address(site: Site, texts: Texts, path: str) -> str:
    """Return the whole address of a page of ours in the feed's language."""
    path, hash_, anchor = path.partition("#")
    mark = "&" if "?" in path else "?"
    return f"{site.public_url.rstrip('/')}{path}{mark}lang={texts.tag}{hash_}{anchor}"


def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
