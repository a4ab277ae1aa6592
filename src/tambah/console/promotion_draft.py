"""The form that a promotion is drafted with, and what was typed into it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tambah.config import AllowanceEntry, Operator, PromotionEntry
from tambah.console.acts import Input, reason_input, typed
from tambah.console.drafting import listed, ringgit_of, whole
from tambah.domain.promotion import Promotion
from tambah.domain.refusals import FieldMalformed, FieldMissing
from tambah.domain.validity import ValidityRule
from tambah.engine.promotions import SOURCES, STATES, UNITS, draft_promotion
from tambah.i18n import Texts

TICKED = ("promo_sources", "promo_states", "promo_plans", "promo_first")
"""What is ticked, any number of it."""

TYPED = (
    "promo_name",
    "promo_since",
    "promo_until",
    "promo_group",
    "promo_percent",
    "promo_bonus",
    "promo_bonus_days",
    "promo_days",
    "promo_allowances",
    "promo_new_within",
    "promo_prices",
    "promo_least",
    "reason",
)
_ALLOWANCE = re.compile(r"([0-9]{1,12}) *([A-Za-z]+) +([0-9]{1,4})")
_PERCENT = re.compile(r"([0-9]{1,4})(?:\.([0-9]))?")
_HINTED = frozenset({"promo_name", "promo_until", "promo_group", "promo_allowances"})
_MODES = {"promo_percent": "decimal", "promo_bonus": "decimal", "promo_least": "decimal"}
_NUMBERS = frozenset({"promo_bonus_days", "promo_days", "promo_new_within"})
_DATES = frozenset({"promo_since", "promo_until"})
_NEEDED = frozenset({"promo_name", "promo_since"})
_FIELDS = {
    "since": "promo_since",
    "until": "promo_until",
    "bonus": "promo_bonus",
    "bonus_days": "promo_bonus_days",
    "extra_days": "promo_days",
    "extra_permille": "promo_percent",
    "allowances": "promo_allowances",
    "unit": "promo_allowances",
    "amount": "promo_allowances",
    "days": "promo_allowances",
    "denominations": "promo_prices",
    "least": "promo_least",
    "activated_within_days": "promo_new_within",
    "plans": "promo_plans",
    "name": "promo_name",
}
"""Which field of the form an entry of operator.toml is."""


def draft_inputs(fields: Mapping[str, str], operator: Operator, texts: Texts) -> list[Input]:
    """Return the form, with what was typed already."""
    inputs = [_input(word, fields) for word in TYPED if word != "reason"]
    ways = {
        "promo_sources": [
            (one.name.lower(), texts.get(f"account.from.{one.name.lower()}")) for one in SOURCES
        ],
        "promo_states": [
            (one.name.lower(), texts.get(f"portal.state.{one.name.lower()}")) for one in STATES
        ],
        "promo_plans": [(one, one) for one in operator.plans],
        "promo_first": [("yes", texts.get("acts.yes"))],
    }
    for word, choices in ways.items():
        chosen = listed(fields, word)
        inputs.append(Input(word=word, kind="checkbox", choices=choices, chosen=chosen))
    return [*inputs, reason_input(fields)]


def read_draft(fields: Mapping[str, str], operator: Operator, validity: ValidityRule) -> Promotion:
    """Return the promotion that was drafted. Raises FieldMissing, FieldMalformed."""
    for word in sorted(_NEEDED):
        if not typed(fields, word):
            raise FieldMissing(field=word)
    entry = PromotionEntry(
        name=typed(fields, "promo_name"),
        since=typed(fields, "promo_since"),
        until=typed(fields, "promo_until"),
        group=typed(fields, "promo_group"),
        extra_permille=_permille(fields),
        bonus=_money(fields, "promo_bonus"),
        bonus_days=whole(fields, "promo_bonus_days", 30),
        extra_days=whole(fields, "promo_days"),
        allowances=_allowances(fields),
        first_topup="yes" in listed(fields, "promo_first"),
        activated_within_days=whole(fields, "promo_new_within"),
        denominations=tuple(ringgit_of(one) for one in listed(fields, "promo_prices")),
        least=_money(fields, "promo_least"),
        sources=tuple(listed(fields, "promo_sources")),
        states=tuple(listed(fields, "promo_states")),
        plans=tuple(listed(fields, "promo_plans")),
    )
    try:
        return draft_promotion(entry, operator, validity)
    except FieldMalformed as wrong:
        named = str(wrong.params["field"])
        raise FieldMalformed(field=_FIELDS.get(named, named)) from wrong


def _input(word: str, fields: Mapping[str, str]) -> Input:
    kind = "date" if word in _DATES else "number" if word in _NUMBERS else "text"
    return Input(
        word=word,
        kind=kind,
        value=typed(fields, word),
        hint=word in _HINTED,
        mode=_MODES.get(word, ""),
        is_optional=word not in _NEEDED,
    )


def _permille(fields: Mapping[str, str]) -> int:
    text = typed(fields, "promo_percent").removesuffix("%").strip() or "0"
    found = _PERCENT.fullmatch(text)
    if found is None:
        raise FieldMalformed(field="promo_percent")
    return int(found[1]) * 10 + int(found[2] or "0")


def _money(fields: Mapping[str, str], word: str) -> str:
    return ringgit_of(typed(fields, word)) or "0.00"


def _allowances(fields: Mapping[str, str]) -> tuple[AllowanceEntry, ...]:
    """Read `1 GB 7, 30 minutes 10`: amount, unit, for how many days."""
    entries: list[AllowanceEntry] = []
    for one in listed(fields, "promo_allowances"):
        found = _ALLOWANCE.fullmatch(one)
        if found is None or found[2] not in UNITS:
            raise FieldMalformed(field="promo_allowances")
        entries.append(AllowanceEntry(amount=int(found[1]), unit=found[2], days=int(found[3])))
    return tuple(entries)
