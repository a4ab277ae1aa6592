"""tambah promotions …: what is given on top, and what it would have given."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace as with_rules
from pathlib import Path

import click
import msgspec
import rich_click

from tambah.cli.desk import Desk, at_desk
from tambah.cli.frame import Answer, CommandRefused, answering
from tambah.config import Operator, read_promotions
from tambah.domain.money import ringgit
from tambah.domain.previewing import Preview
from tambah.domain.previewing import preview as preview_of
from tambah.domain.promotion import Promotion
from tambah.domain.validity import ValidityRule
from tambah.engine.promotions import promotion_rules
from tambah.i18n import Texts, texts
from tambah.store.views.recent_topups import recent_topups

_LAST = 1000
_MOST = 1_000_000
_FILE = click.option(
    "--file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Take the promotions of this TOML file as well, instead of those of the same name.",
)


@click.group(cls=rich_click.RichGroup)
def promotions() -> None:
    """Look at promotions, and at what they would have given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """The promotions that a command works on."""

    rules: tuple[Promotion, ...]
    validity: ValidityRule


@promotions.command("list", cls=rich_click.RichCommand)
@_FILE
@answering
def list_command(file: Path | None) -> Answer:
    """List the promotions of operator.toml and of the console: running, to come, and over."""

    async def look(desk: Desk) -> Answer:
        """Describe each of them."""
        shown = _read(desk, file)
        document = [_document(one, desk) for one in shown.rules]
        lines = [_in_words(one, shown.validity, desk) for one in shown.rules]
        return Answer(document=document, text="\n".join(lines) or "There are no promotions.")

    return at_desk(look)


@promotions.command(cls=rich_click.RichCommand)
@click.argument("name")
@click.option(
    "--last",
    type=click.IntRange(1, _MOST),
    default=_LAST,
    show_default=True,
    help="How many of the latest top-ups to look at.",
)
@_FILE
@answering
def preview(name: str, last: int, file: Path | None) -> Answer:
    """Say what the promotion NAME would have given with the latest top-ups.

    As if it had been in force ever since, its own dates left out of account, beside the others
    that were. Each line is gone through from its first top-up, for days that are given move what
    comes later. Reversed top-ups are not counted. Nothing is changed.
    """

    async def look(desk: Desk) -> Preview:
        """Work it out from one snapshot."""
        shown = _read(desk, file)
        if name not in {one.name for one in shown.rules}:
            raise CommandRefused("promotion_unknown", f"There is no promotion {name!r}.")
        rules = with_rules(desk.rules, promotions=shown.rules)
        return preview_of(rules, name, await recent_topups(desk.database, last))

    seen = at_desk(look)
    return Answer(document=_counts(seen), text=_count_in_words(name, seen))


def _read(desk: Desk, file: Path | None) -> _Shown:
    validity = desk.rules.validity
    if file is None:
        return _Shown(rules=desk.rules.promotions, validity=validity)
    new = read_promotions(file)
    names = {entry.name for entry in new}
    kept = [entry for entry in desk.operator.promotions if entry.name not in names]
    operator: Operator = msgspec.structs.replace(desk.operator, promotions=(*kept, *new))
    in_file = {entry.name for entry in desk.operator.promotions}
    made = (one for one in desk.rules.promotions if one.name not in in_file | names)
    return _Shown(rules=(*promotion_rules(operator, validity), *made), validity=validity)


def _document(one: Promotion, desk: Desk) -> dict[str, object]:
    document: dict[str, object] = {
        "name": one.name,
        "state": one.standing(desk.now),
        "since": one.since,
        "until": one.until,
        "group": one.group,
        "extra_permille": one.extra_permille,
        "bonus": ringgit(one.bonus_micros),
        "bonus_days": one.bonus_days,
        "extra_days": one.extra_days,
        "allowances": [
            {"unit": each.kind, "amount": each.amount, "days": each.days}
            for each in one.allowances
        ],
    }
    wanted: dict[str, object] = {
        "first_topup": one.first_topup,
        "activated_within_days": one.activated_within_days,
        "denominations": [ringgit(price) for price in one.denominations],
        "least": ringgit(one.least_micros),
        "sources": list(one.sources),
        "states": list(one.states),
        "plans": list(one.plans),
    }
    return document | wanted


def _in_words(one: Promotion, validity: ValidityRule, desk: Desk) -> str:
    days = f"from {validity.local_day(one.since)}"
    if one.until is not None:
        days += f" to {validity.last_day(one.until)}"
    group = f", group {one.group}" if one.group else ""
    return f"{one.name}: {one.standing(desk.now)}, {days}{group}; gives {_gives(one, texts('en'))}"


def _gives(one: Promotion, english: Texts) -> str:
    parts: list[str] = []
    if one.extra_permille:
        parts.append(f"{one.extra_permille / 10:g} % of the credit as bonus")
    if one.bonus_micros:
        parts.append(f"RM{ringgit(one.bonus_micros)} of bonus")
    if one.extra_days:
        parts.append(f"{one.extra_days} more days of validity")
    parts += [
        f"{english.allowance(each.kind.name.lower(), each.amount)} for {each.days} days"
        for each in one.allowances
    ]
    return ", ".join(parts)


def _counts(seen: Preview) -> dict[str, object]:
    return {
        "looked_at": seen.looked_at,
        "untold": seen.untold,
        "matched": seen.matched,
        "beaten": seen.beaten,
        "bonus": ringgit(seen.bonus_micros),
        "more_bonus": ringgit(seen.more_micros),
        "valid_days": seen.valid_days,
        "seconds": seen.seconds,
        "messages": seen.messages,
        "bytes": seen.bytes,
    }


def _count_in_words(name: str, seen: Preview) -> str:
    english = texts("en")
    allowances = [
        english.allowance(kind, amount)
        for kind, amount in (
            ("bytes", seen.bytes),
            ("seconds", seen.seconds),
            ("messages", seen.messages),
        )
        if amount
    ]
    lines = [
        f"Of the last {seen.looked_at} top-ups, {name} would have given something with"
        f" {seen.matched}.",
        f"In all: RM{ringgit(seen.bonus_micros)} of bonus, {seen.valid_days} days of validity"
        f"{''.join(f', {one}' for one in allowances)}.",
    ]
    if seen.beaten:
        lines.append(f"With {seen.beaten} another of its group would have been better.")
    if seen.more_micros != seen.bonus_micros:
        lines.append(
            "With what others give, bonus would have come to"
            f" {_more_or_less(seen.more_micros)} than what was given."
        )
    if seen.untold:
        lines.append(
            f"{seen.untold} of them are not counted: the line would have expired at another time,"
            " and nobody knows what would have been asked of it then."
        )
    return "\n".join(lines)


def _more_or_less(micros: int) -> str:
    return f"RM{ringgit(abs(micros))} {'less' if micros < 0 else 'more'}"
