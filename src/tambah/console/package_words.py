"""A package in the reader's words: what it costs, what is in it, for how long, for whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tambah.console.facts import Fact, Wording
from tambah.desks.packages import length_words, part_words
from tambah.domain.package import Package
from tambah.i18n import LANGUAGES


def package_facts(one: Package, say: Wording, stands: Package | None = None) -> list[Fact]:
    """Return everything that a package says; what it leaves open is left out.

    stands: what it takes the place of; what differs is told with what it was.
    """
    now = _told(one, say)
    before = _told(stands, say) if stands else now
    none = say.texts.get("package_editor.none")
    words = [*now, *(word for word in before if word not in now)]
    facts: list[Fact] = []
    for word in words:
        value, was = now.get(word, none), before.get(word, none)
        facts.append(Fact(word, value, was="" if was == value else was))
    return facts


def _told(one: Package, say: Wording) -> Mapping[str, str]:
    texts = say.texts
    told = {
        "pack_code": one.code,
        "pack_names": _in_languages(one.names),
        "pack_price": say.money(one.price_micros),
        "pack_parts": _joined(
            part_words(texts, part.kind, part.amount, part.scope) for part in one.allowances
        ),
        "pack_length": length_words(texts, one),
        "pack_stacking": texts.get(f"package_editor.{one.stacking.value}"),
        **_conditions(one, say),
    }
    if one.recurring:
        renewal = "by_itself" if one.auto_renew else "if_wanted"
        told["pack_renewal"] = texts.get(f"package_editor.{renewal}")
    if one.terms:
        told["pack_terms"] = _in_languages(one.terms)
    if one.on_sale_until is not None:
        told["pack_until"] = say.when(one.on_sale_until)
    return told


def _conditions(one: Package, say: Wording) -> Mapping[str, str]:
    texts = say.texts
    told = {
        "pack_main_only": texts.get("acts.yes") if one.main_only else "",
        "pack_plans": _joined(one.plans),
        "pack_new_within": texts.plural("portal.days", one.within_days or 0),
        "pack_needs": _joined(one.needs),
        "pack_forbids": _joined(one.forbids),
    }
    if one.within_days is None:
        del told["pack_new_within"]
    return {word: value for word, value in told.items() if value}


def _in_languages(texts: Mapping[str, str]) -> str:
    return _joined(texts[tag] for tag in LANGUAGES)


def _joined(told: Iterable[str]) -> str:
    return " · ".join(told)
