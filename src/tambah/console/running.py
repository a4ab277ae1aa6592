"""What packages run on a line, as its page lists them."""

from __future__ import annotations

from tambah.console.facts import Fact, Wording
from tambah.desks.packages import part_words
from tambah.i18n import Texts
from tambah.store.views.subscriptions import Running


def running_facts(say: Wording, texts: Texts, running: list[Running]) -> list[tuple[int, Fact]]:
    """Return what runs on a line as its page lists it, with each one's number."""
    found: list[tuple[int, Fact]] = []
    for one in running:
        bought = one.subscription
        left = ", ".join(
            part_words(texts, part.granted.kind, part.left, part.granted.scope)
            for part in one.left
        )
        words = texts.get("console.held_until", held=left, day=say.last_day(bought.until))
        name = f"{bought.package} · {bought.names[texts.tag]}: {words}"
        if bought.renews:
            name += f" · {texts.get('packages.renews_short')}"
        found.append((bought.number, Fact("package", name)))
    return found
