"""tambah reconcile: providers' settlement records beside the books."""

from __future__ import annotations

from datetime import date, timedelta

import click
import rich_click

from tambah.cli.desk import Desk, at_desk
from tambah.cli.frame import Answer, answering
from tambah.cli.options import DAY
from tambah.cli.progress import progress
from tambah.cli.providers import payment_desk
from tambah.domain.differences import Difference, DifferenceKind
from tambah.domain.matching import Span
from tambah.domain.money import ringgit
from tambah.domain.payment import ProviderId, fold_reference, show_reference
from tambah.payments.names import read_payment_id
from tambah.payments.reconcile import Question, Reconciled, Side
from tambah.payments.reconcile import reconcile as compare_books

_A_DAY = timedelta(days=1)
_PROBLEMS = {
    "silent": "does not answer; try again later",
    "refused": "refuses to show its records; look at its keys and their rights",
    "not_configured": "has bookings here and is not configured any more",
}


@click.command(cls=rich_click.RichCommand)
@click.option("--from", "first", type=DAY, help="The first local day; yesterday if left out.")
@click.option("--to", "last", type=DAY, help="The last local day; yesterday if left out.")
@click.option(
    "--provider",
    type=click.Choice([provider.name.lower() for provider in ProviderId]),
    help="Only this one; credits by hand to lines are left out then.",
)
@click.option(
    "--expect",
    multiple=True,
    type=click.Choice([kind.value for kind in DifferenceKind]),
    help="A kind that is told and yet no fault (fee); give it several times.",
)
@answering
def reconcile(
    first: date | None, last: date | None, provider: str | None, expect: tuple[str, ...]
) -> Answer:
    """Compare providers' settlement records with the books and list every difference.

    Days are local days. Today is not over: what is under way shows as a difference.
    """
    expected = frozenset(DifferenceKind(kind) for kind in expect)

    async def look(desk: Desk) -> Answer:
        """Ask the providers, compare, describe."""
        today = desk.rules.validity.local_day(desk.now)
        question = (_span(first, last, today), today, provider)
        with progress("reconciling"):
            found = await _compare(desk, *question)
        return _answer(found, expected)

    return at_desk(look)


def _span(first: date | None, last: date | None, today: date) -> Span:
    end = last or max(today - _A_DAY, first or today - _A_DAY)
    span = Span(first=first or end, last=end)
    if span.first > span.last:
        raise click.BadParameter("--from is after --to")
    return span


async def _compare(desk: Desk, span: Span, today: date, provider: str | None) -> Reconciled:
    wanted = (ProviderId[provider.upper()],) if provider else tuple(ProviderId)
    async with desk.engine() as engine, payment_desk(desk, engine) as counter:
        question = Question(
            span=span,
            providers=counter.providers.by_id if counter else {},
            wanted=wanted,
            today=today,
            validity=desk.rules.validity,
            read_id=lambda name: read_payment_id(desk.keys, name),
            by_hand=provider is None,
        )
        return await compare_books(desk.database, question)


def _answer(found: Reconciled, expected: frozenset[DifferenceKind]) -> Answer:
    is_clean = found.is_clean(expected)
    document = {
        "from": found.span.first.isoformat(),
        "to": found.span.last.isoformat(),
        "clean": is_clean,
        "providers": [
            {
                "provider": side.provider,
                "settled": side.settled,
                "booked": side.booked,
                "problem": side.problem,
                "later_days": side.has_later,
            }
            for side in found.sides
        ],
        "differences": [_document(difference, expected) for difference in found.differences],
    }
    lines = [*_in_words(found), *(_side_in_words(side) for side in found.sides)]
    days = f"{found.span.first} to {found.span.last}"
    lines.append(f"{days}: {'nothing differs' if is_clean else 'there is something to do'}.")
    return Answer(document=document, text="\n".join(lines), is_wrong=not is_clean)


def _document(difference: Difference, expected: frozenset[DifferenceKind]) -> dict[str, object]:
    return {
        "kind": difference.kind.value,
        "day": difference.day.isoformat(),
        "provider": difference.provider,
        "reference": difference.reference,
        "provider_ref": difference.provider_ref,
        "record_id": difference.record_id,
        "line": difference.line_id,
        "ledger": ringgit(difference.ledger_micros),
        "provider_amount": ringgit(difference.provider_micros),
        "count": difference.count,
        "note": difference.note,
        "expected": difference.is_information or difference.kind in expected,
        "what_to_do": difference.advice,
    }


def _in_words(found: Reconciled) -> list[str]:
    """Describe the differences, what to do about a kind after the first of it."""
    lines: list[str] = []
    told: set[DifferenceKind] = set()
    for difference in found.differences:
        lines.append(_line(difference))
        if difference.kind not in told:
            told.add(difference.kind)
            lines.append(f"    {difference.advice}")
    return lines


def _line(difference: Difference) -> str:
    whose = difference.provider.name.lower() if difference.provider else "by hand"
    kind = difference.kind.value.replace("_", " ")
    names = [
        _reference(difference.reference),
        difference.provider_ref,
        difference.record_id,
        difference.note,
        f"{difference.count} rows" if difference.count > 1 else None,
    ]
    amounts = (
        f"RM{ringgit(difference.ledger_micros)} in the books,"
        f" RM{ringgit(difference.provider_micros)} at the provider"
    )
    named = ", ".join(name for name in names if name)
    return f"{difference.day} {whose}: {kind}: {amounts}" + (f" ({named})" if named else "")


def _reference(reference: str | None) -> str | None:
    """Return a reference as people read it; one that a hand wrote stays as it is."""
    is_ours = reference is not None and fold_reference(reference) == reference
    return show_reference(reference) if reference is not None and is_ours else reference


def _side_in_words(side: Side) -> str:
    name = side.provider.name.lower()
    if side.problem is not None:
        return f"{name}: {_PROBLEMS[side.problem]}; {side.booked} bookings were not compared."
    text = f"{name}: {side.settled} records, {side.booked} bookings."
    if not side.has_later:
        text += " It does not show later days yet; what was paid around midnight may be told."
    return text
