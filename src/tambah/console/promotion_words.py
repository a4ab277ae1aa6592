"""A promotion in the reader's words: when it runs, what it gives, with which top-ups."""

from __future__ import annotations

from collections.abc import Iterable

from tambah.console.facts import Fact, Wording
from tambah.domain.previewing import Preview
from tambah.domain.promotion import Allowance, Promotion

_UNITS = ("bytes", "seconds", "messages")


def promotion_facts(one: Promotion, say: Wording) -> list[Fact]:
    """Return everything that a promotion says; what it leaves open is left out."""
    facts = [Fact("promo_name", one.name), Fact("promo_since", say.when(one.since))]
    if one.until is not None:
        facts.append(Fact("promo_until", say.when(one.until)))
    if one.group:
        facts.append(Fact("promo_group", one.group))
    return [*facts, *_given(one, say), *_conditions(one, say)]


def preview_facts(seen: Preview, say: Wording) -> list[Fact]:
    """Return what a promotion would have given with the latest top-ups."""
    facts = [
        Fact("promo_looked_at", f"{seen.looked_at:,}"),
        Fact("promo_matched", f"{seen.matched:,}"),
    ]
    if seen.beaten:
        facts.append(Fact("promo_beaten", f"{seen.beaten:,}"))
    if seen.bonus_micros:
        facts.append(Fact("promo_would_bonus", say.money(seen.bonus_micros)))
    if seen.more_micros != seen.bonus_micros:
        sign = "−" if seen.more_micros < 0 else "+"
        facts.append(Fact("promo_more", f"{sign}{say.money(abs(seen.more_micros))}"))
    if seen.valid_days:
        facts.append(Fact("promo_would_days", _days(seen.valid_days, say)))
    amounts = {unit: getattr(seen, unit) for unit in _UNITS}
    told = [say.texts.allowance(unit, amount) for unit, amount in amounts.items() if amount]
    if told:
        facts.append(Fact("promo_would_allowances", " · ".join(told)))
    if seen.untold:
        facts.append(Fact("promo_untold", f"{seen.untold:,}"))
    return facts


def _given(one: Promotion, say: Wording) -> list[Fact]:
    facts: list[Fact] = []
    if one.extra_permille:
        facts.append(Fact("promo_percent", f"{one.extra_permille / 10:g} %"))
    if one.bonus_micros:
        facts.append(Fact("promo_bonus", say.money(one.bonus_micros)))
    if one.extra_permille or one.bonus_micros:
        facts.append(Fact("promo_bonus_days", _days(one.bonus_days, say)))
    if one.extra_days:
        facts.append(Fact("promo_days", _days(one.extra_days, say)))
    if one.allowances:
        told = " · ".join(_allowance(each, say) for each in one.allowances)
        facts.append(Fact("promo_allowances", told))
    return facts


def _conditions(one: Promotion, say: Wording) -> list[Fact]:
    texts, facts = say.texts, list[Fact]()
    if one.first_topup:
        facts.append(Fact("promo_first", texts.get("acts.yes")))
    if one.activated_within_days is not None:
        facts.append(Fact("promo_new_within", _days(one.activated_within_days, say)))
    if one.denominations:
        facts.append(
            Fact("promo_prices", _joined(say.money(price) for price in one.denominations))
        )
    if one.least_micros:
        facts.append(Fact("promo_least", say.money(one.least_micros)))
    if one.sources:
        told = (texts.get(f"account.from.{source.name.lower()}") for source in one.sources)
        facts.append(Fact("promo_sources", _joined(told)))
    if one.states:
        told = (texts.get(f"portal.state.{state.name.lower()}") for state in one.states)
        facts.append(Fact("promo_states", _joined(told)))
    if one.plans:
        facts.append(Fact("promo_plans", _joined(one.plans)))
    return facts


def _allowance(one: Allowance, say: Wording) -> str:
    what = say.texts.allowance(one.kind.name.lower(), one.amount)
    return say.texts.get("promotions.plus", what=what, days=_days(one.days, say))


def _days(number: int, say: Wording) -> str:
    return say.texts.plural("portal.days", number)


def _joined(told: Iterable[str]) -> str:
    return " · ".join(told)
