"""The form that a package is drafted with, and what was typed into it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from tambah.config import Operator, PackageAllowanceEntry, PackageEntry
from tambah.console.acts import Input, reason_input, typed
from tambah.console.drafting import listed, ringgit_of, whole
from tambah.domain.balance import BucketKind
from tambah.domain.money import ringgit
from tambah.domain.package import Package, PackageAllowance, Stacking
from tambah.domain.refusals import FieldMalformed, FieldMissing
from tambah.domain.validity import ValidityRule
from tambah.engine.packages import draft_package
from tambah.engine.promotions import UNITS
from tambah.i18n import LANGUAGES, Texts

_NAMES = {f"pack_name_{tag.replace('-', '_').lower()}": tag for tag in LANGUAGES}
_TERMS = {f"pack_terms_{tag.replace('-', '_').lower()}": tag for tag in LANGUAGES}
TICKED = ("pack_recurring", "pack_auto_renew", "pack_main_only", "pack_plans")
"""What is ticked, any number of it."""
CHOSEN = "pack_stacking"

TYPED = (
    "pack_code",
    *_NAMES,
    "pack_price",
    "pack_allowances",
    "pack_days",
    "pack_hours",
    "pack_since",
    "pack_until",
    *_TERMS,
    "pack_new_within",
    "pack_needs",
    "pack_forbids",
)
_ALLOWANCE = re.compile(r"([0-9]{1,12}) *([A-Za-z]+)((?: +[a-z0-9-]+)*)")
_NUMBERS = frozenset({"pack_days", "pack_hours", "pack_new_within"})
_DATES = frozenset({"pack_since", "pack_until"})
_NEEDED = ("pack_code", *_NAMES, "pack_price", "pack_allowances")
HINTED = frozenset(
    {"pack_code", "pack_allowances", "pack_days", "pack_since", "pack_until", "pack_needs"}
)
_FIELDS = {
    "on_sale_from": "pack_since",
    "on_sale_until": "pack_until",
    "activated_within_days": "pack_new_within",
    "allowances.unit": "pack_allowances",
    "allowances.amount": "pack_allowances",
    "allowances.classes": "pack_allowances",
    **{f"names.{tag}": word for word, tag in _NAMES.items()},
    **{f"terms.{tag}": word for word, tag in _TERMS.items()},
}
"""Which field of the form an entry of operator.toml is, where its name does not say so."""
_UNITS = {
    BucketKind.BYTES: ("GB", "MB", "bytes"),
    BucketKind.SECONDS: ("minutes", "seconds"),
    BucketKind.MESSAGES: ("messages",),
}


def draft_inputs(fields: Mapping[str, str], operator: Operator, texts: Texts) -> list[Input]:
    """Return the form, with what was typed already."""
    inputs = [_input(word, fields) for word in TYPED]
    yes = [("yes", texts.get("acts.yes"))]
    ways = {
        "pack_recurring": yes,
        "pack_auto_renew": yes,
        "pack_main_only": yes,
        "pack_plans": [(one, one) for one in operator.plans],
    }
    for word, choices in ways.items():
        chosen = listed(fields, word)
        inputs.append(Input(word=word, kind="checkbox", choices=choices, chosen=chosen))
    stacking = Input(
        word=CHOSEN,
        kind="radio",
        choices=[(one.value, texts.get(f"package_editor.{one.value}")) for one in Stacking],
        chosen=[typed(fields, CHOSEN) or Stacking.ADD.value],
    )
    return [*inputs, stacking, reason_input(fields)]


def fields_of(package: Package, validity: ValidityRule) -> dict[str, str]:
    """Return what somebody would have typed for a package: a change begins with that.

    When it is sold is left open: from its approval on, until it is taken off sale.
    """
    fields = {
        "pack_code": package.code,
        "pack_price": ringgit(package.price_micros),
        "pack_allowances": ", ".join(_written(one) for one in package.allowances),
        "pack_days": str(package.days or ""),
        "pack_hours": str(package.hours or ""),
        "pack_new_within": str(package.within_days or ""),
        "pack_needs": ", ".join(package.needs),
        "pack_forbids": ", ".join(package.forbids),
        "pack_recurring": "yes" if package.recurring else "",
        "pack_auto_renew": "yes" if package.auto_renew else "",
        "pack_main_only": "yes" if package.main_only else "",
        "pack_plans": ",".join(package.plans),
        CHOSEN: package.stacking.value,
        **{word: package.names[tag] for word, tag in _NAMES.items()},
    }
    if package.on_sale_until is not None:
        fields["pack_until"] = validity.local_day(package.on_sale_until).isoformat()
    if package.terms:
        fields |= {word: package.terms[tag] for word, tag in _TERMS.items()}
    return fields


def read_draft(
    fields: Mapping[str, str],
    operator: Operator,
    validity: ValidityRule,
    codes: Collection[str],
) -> Package:
    """Return the package that was drafted. Raises FieldMissing, FieldMalformed.

    codes: of the packages that there are.
    """
    for word in _NEEDED:
        if not typed(fields, word):
            raise FieldMissing(field=word)
    entry = PackageEntry(
        code=typed(fields, "pack_code").upper(),
        names={tag: typed(fields, word) for word, tag in _NAMES.items()},
        terms=_terms(fields),
        price=ringgit_of(typed(fields, "pack_price")),
        allowances=_allowances(fields),
        days=whole(fields, "pack_days"),
        hours=whole(fields, "pack_hours"),
        recurring="yes" in listed(fields, "pack_recurring"),
        auto_renew="yes" in listed(fields, "pack_auto_renew"),
        main_only="yes" in listed(fields, "pack_main_only"),
        stacking=typed(fields, CHOSEN) or Stacking.ADD.value,
        plans=tuple(listed(fields, "pack_plans")),
        activated_within_days=whole(fields, "pack_new_within"),
        needs=_codes(fields, "pack_needs"),
        forbids=_codes(fields, "pack_forbids"),
        on_sale_from=typed(fields, "pack_since") or "2020-01-01",
        on_sale_until=typed(fields, "pack_until"),
    )
    try:
        return draft_package(entry, operator, validity, codes)
    except FieldMalformed as wrong:
        named = str(wrong.params["field"])
        raise FieldMalformed(field=_FIELDS.get(named, f"pack_{named}")) from wrong


def _input(word: str, fields: Mapping[str, str]) -> Input:
    kind = "date" if word in _DATES else "number" if word in _NUMBERS else "text"
    return Input(
        word=word,
        kind=kind,
        value=typed(fields, word),
        hint=word in HINTED,
        mode="decimal" if word == "pack_price" else "",
        is_optional=word not in _NEEDED,
    )


def _codes(fields: Mapping[str, str], word: str) -> tuple[str, ...]:
    return tuple(one.upper() for one in listed(fields, word))


def _terms(fields: Mapping[str, str]) -> dict[str, str]:
    """Return the terms, in every language or in none."""
    terms = {tag: typed(fields, word) for word, tag in _TERMS.items()}
    if not any(terms.values()):
        return {}
    for word in _TERMS:
        if not typed(fields, word):
            raise FieldMissing(field=word)
    return terms


def _allowances(fields: Mapping[str, str]) -> tuple[PackageAllowanceEntry, ...]:
    """Read `10 GB social, 300 minutes on-net domestic`: amount, unit, for which classes."""
    entries: list[PackageAllowanceEntry] = []
    for one in listed(fields, "pack_allowances"):
        found = _ALLOWANCE.fullmatch(one)
        if found is None or found[2] not in UNITS:
            raise FieldMalformed(field="pack_allowances")
        classes = tuple(found[3].split())
        entries.append(PackageAllowanceEntry(amount=int(found[1]), unit=found[2], classes=classes))
    return tuple(entries)


def _written(one: PackageAllowance) -> str:
    for unit in _UNITS[one.kind]:
        units = UNITS[unit][1]
        if one.amount % units == 0:
            return f"{one.amount // units} {unit} {one.scope}".strip()
    raise AssertionError(f"an amount of {one.kind.name} that is no whole number")
