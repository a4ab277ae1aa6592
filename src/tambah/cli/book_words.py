"""Closes and the three-way reconciliation, for programs and in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from enum import StrEnum
from typing import TypeVar

from tambah.cli.instants import show_instant
from tambah.domain.finance.advice import ADVICE
from tambah.domain.finance.closing import Close, Measure
from tambah.domain.finance.three_way import Item, ItemKind, ThreeWay
from tambah.domain.ledger import Account
from tambah.domain.money import ringgit

_Word = TypeVar("_Word", bound=StrEnum)


def close_document(close: Close) -> dict[str, object]:
    """Return a close as `--json` has it: ringgit as decimal strings."""
    statement = close.statement
    cards = close.values(Measure.CARDS)
    return {
        "period": str(close.period),
        "since": close.since.isoformat(),
        "seq": close.seq,
        "closed_at": close.closed_at,
        "who": close.who,
        "why": close.why,
        "hash": close.hash,
        "previous": close.previous,
        "transfers": statement.transfers,
        "cards_unused": {
            "amount": ringgit(close.cards_micros),
            "by_batch": {str(batch_id): count for batch_id, count in cards.items()},
        },
        "owed": {
            liability.value: {
                "opening": ringgit(owed.opening_micros),
                "added": ringgit(owed.added_micros),
                "taken": ringgit(owed.taken_micros),
                "closing": ringgit(owed.closing_micros),
            }
            for liability, owed in statement.owed.items()
        },
        "earned": _amounts(statement.earned),
        "accounts": {
            Account(account).name.lower(): ringgit(micros)
            for account, micros in close.balances.items()
        },
    }


def close_in_words(close: Close, zone: tzinfo) -> str:
    """Describe a close."""
    statement = close.statement
    closed_at = show_instant(close.closed_at, zone)
    lines = [
        f"{close.period}, closed {closed_at} by {close.who}: {close.why}",
        f"Cards sold and not used  RM{ringgit(close.cards_micros)}",
    ]
    for liability, owed in statement.owed.items():
        lines.append(
            f"{_word(liability):<24} RM{ringgit(owed.closing_micros)}"
            f"  (RM{ringgit(owed.opening_micros)} + {ringgit(owed.added_micros)}"
            f" - {ringgit(owed.taken_micros)})"
        )
    lines += [
        f"{_word(earning):<24} RM{ringgit(micros)}"
        for earning, micros in statement.earned.items()
        if micros
    ]
    return "\n".join(lines)


def three_way_document(found: ThreeWay) -> dict[str, object]:
    """Return a reconciliation as `--json` has it."""
    return {
        "from": found.span.first.isoformat(),
        "to": found.span.last.isoformat(),
        "clean": found.is_clean,
        "unexplained": ringgit(found.unexplained_micros),
        "sold": _amounts(found.sold),
        "used": _amounts(found.used),
        "moved": _amounts(found.moved),
        "kept_by_providers": ringgit(found.kept_by_providers_micros),
        "not_asked": {provider.name.lower(): word for provider, word in found.problems.items()},
        "items": [_item_document(item) for item in found.items],
    }


def three_way_in_words(found: ThreeWay) -> str:
    """Describe a reconciliation: three sides, the figure, its items."""
    lines: list[str] = []
    sides: tuple[tuple[str, list[tuple[StrEnum, int]]], ...] = (
        ("Sold", [*found.sold.items()]),
        ("Used", [*found.used.items()]),
        ("Owed more", [*found.moved.items()]),
    )
    for title, amounts in sides:
        lines.append(f"{title:<24} RM{ringgit(sum(m for _, m in amounts))}")
        lines += [f"  {_word(w):<22} RM{ringgit(m)}" for w, m in amounts if m]
    told: set[ItemKind] = set()
    for item in found.items:
        lines.append(_item_line(item))
        if item.kind not in told:
            told.add(item.kind)
            lines.append(f"    {ADVICE[item.kind]}")
    lines += [f"{p.name.lower()} was not asked: {why}" for p, why in found.problems.items()]
    if found.kept_by_providers_micros:
        lines.append(f"Providers kept RM{ringgit(found.kept_by_providers_micros)} of fees.")
    days = f"{found.span.first} to {found.span.last}"
    lines.append(f"{days}: RM{ringgit(found.unexplained_micros)} unexplained.")
    return "\n".join(lines)


def _item_document(item: Item) -> dict[str, object]:
    return {
        "kind": item.kind.value,
        "day": item.day.isoformat() if item.day else None,
        "age_days": item.age_days,
        "amount": ringgit(item.amount_micros),
        "count": item.count,
        "provider": item.provider,
        "reference": item.reference,
        "line": item.line_id,
        "note": item.note,
        "what_to_do": ADVICE[item.kind],
    }


def _item_line(item: Item) -> str:
    when = item.day.isoformat() if item.day else "now"
    whose = item.provider.name.lower() if item.provider else ""
    names = " ".join(part for part in (whose, item.reference, item.note) if part)
    many = f" ({item.count})" if item.count > 1 else ""
    return f"{when} {_word(item.kind)}{many} RM{ringgit(item.amount_micros)} {names}".rstrip()


def _amounts(amounts: Mapping[_Word, int]) -> dict[str, str]:
    return {str(word): ringgit(micros) for word, micros in amounts.items()}


def _word(word: StrEnum) -> str:
    return word.value.replace("_", " ")
