"""Sheets, their differences and prices as the command line tells them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from tambah.cli.instants import show_instant
from tambah.domain.money import ringgit
from tambah.domain.rating import Rate, Service, cost
from tambah.domain.tariff import EXACT, HOME, Quote, Usage
from tambah.domain.tariff_difference import Change, Difference
from tambah.engine.tariffs import TariffResult
from tambah.engine.tariffs.loading import Came, counts_of
from tambah.engine.tariffs.rows import EVERYTHING
from tambah.store.tariffs import SheetView

UNITS = {
    Service.VOICE: "seconds",
    Service.SMS: "messages",
    Service.MMS: "messages",
    Service.DATA: "bytes",
}
_MINUTES = (1, 5, 10)
_MEGABYTE = 1 << 20


def result_document(result: TariffResult) -> dict[str, object]:
    """Return what came of a load, as programs read it."""
    return {
        "tariff": result.tariff,
        "file": result.file,
        "sha256": result.sha256,
        "came": result.came.value,
        "rates": result.rates,
        "refused": result.refused,
        "effective_from": result.effective_from,
        "sheet": result.sheet_id,
        "compared_with": result.compared_with,
        "difference": difference_document(result.difference),
    }


def result_words(result: TariffResult, zone: ZoneInfo) -> list[str]:
    """Return what came of a load, in lines for people."""
    at = show_instant(result.effective_from, zone)
    said = {
        Came.SEEN: f"Nothing was loaded from {result.file}. It would be in force from {at}:",
        Came.BAD: f"Nothing was loaded from {result.file}: {result.refused} rows are bad.",
        Came.SAME: f"{result.tariff} says the same already: sheet {result.sheet_id}.",
        Came.ASKED: f"Sheet {result.sheet_id} of {result.tariff} waits; from {at} it would say:",
        Came.LOADED: f"Sheet {result.sheet_id} of {result.tariff} is in force from {at}:",
    }[result.came]
    against = f"sheet {result.compared_with}" if result.compared_with else "no sheet"
    lines = [said, f"{result.rates} rates; against {against}: {_counts(result.difference)}."]
    for word, changes in (
        ("Dearer", result.difference.most_dearer),
        ("Cheaper", result.difference.most_cheaper),
    ):
        lines += [f"{word}: {_change(one)}" for one in changes]
    return lines


def difference_document(difference: Difference) -> dict[str, object]:
    """Return what a sheet changes, as programs read it."""
    return {
        **counts_of(difference),
        "same": difference.same,
        "most_dearer": [_change_document(one) for one in difference.most_dearer],
        "most_cheaper": [_change_document(one) for one in difference.most_cheaper],
    }


def sheet_document(sheet: SheetView) -> dict[str, object]:
    """Return a sheet as programs read it."""
    return {
        "sheet": sheet.sheet_id,
        "tariff": sheet.tariff,
        "effective_from": sheet.effective_from,
        "agreed_at": sheet.agreed_at,
        "file": sheet.file,
        "sha256": sheet.digest.hex(),
        "rates": sheet.rates,
        "loaded_at": sheet.loaded_at,
        "loaded_by": sheet.loaded_by,
        "why": sheet.why,
    }


def sheet_words(sheet: SheetView, zone: ZoneInfo, now: datetime) -> str:
    """Return a sheet in a line for people."""
    since = f"from {show_instant(sheet.effective_from, zone)}"
    if sheet.agreed_at is None:
        since = "not agreed to"
    elif sheet.effective_from > now:
        since += " (still to come)"
    return (
        f"{sheet.tariff} · sheet {sheet.sheet_id} · {since} · {sheet.rates} rates ·"
        f" {sheet.file} · by {sheet.loaded_by}: {sheet.why}"
    )


def quote_document(usage: Usage, quote: Quote, at: datetime) -> dict[str, object]:
    """Return a price as programs read it."""
    rate = quote.rate
    return {
        "service": usage.service.name.lower(),
        "origin": usage.origin,
        "to": usage.to,
        "at": at,
        "sheet": quote.sheet_id,
        "class": quote.destination_class,
        "name": quote.name,
        "until": quote.until,
        "unit": UNITS[usage.service],
        "connection": ringgit(rate.connection_micros),
        "price": ringgit(rate.price_micros),
        "per": rate.per_units,
        "first": rate.first_units,
        "next": rate.next_units,
        "rounding": rate.rounding.name.lower(),
        "round_to": ringgit(rate.round_to_micros),
        "costs": {str(units): ringgit(cost(rate, units)) for units in _samples(usage.service)},
    }


def quote_words(usage: Usage, quote: Quote, zone: ZoneInfo) -> str:
    """Return a price in lines for people."""
    named = f"{quote.name} ({quote.destination_class})" if quote.name else quote.destination_class
    origin = "" if usage.origin == HOME else f" from {usage.origin}"
    lines = [f"{usage.service.name.lower()} to {usage.to or named}{origin}: {named}"]
    lines.append(_rate(quote.rate, usage.service))
    if usage.service is Service.VOICE:
        told = (f"{n} min RM{ringgit(cost(quote.rate, n * 60))}" for n in _MINUTES)
        lines.append(f"A call of {', '.join(told)}.")
    if quote.until is not None:
        lines.append(f"Until {show_instant(quote.until, zone)}.")
    lines.append(f"By sheet {quote.sheet_id}.")
    return "\n".join(lines)


def _rate(rate: Rate, service: Service) -> str:
    unit = UNITS[service]
    said = f"RM{ringgit(rate.price_micros)} for {rate.per_units} {unit}"
    if (rate.first_units, rate.next_units) != (1, 1):
        said += f", charged by {rate.first_units} and then {rate.next_units}"
    if rate.connection_micros:
        said += f", and RM{ringgit(rate.connection_micros)} once"
    if rate.round_to_micros > 1:
        said += f"; rounded {rate.rounding.name.lower()} to RM{ringgit(rate.round_to_micros)}"
    return f"{said}."


def _samples(service: Service) -> tuple[int, ...]:
    if service is Service.VOICE:
        return tuple(minutes * 60 for minutes in _MINUTES)
    return (_MEGABYTE,) if service is Service.DATA else (1,)


def _counts(difference: Difference) -> str:
    if difference.is_nothing:
        return "no difference"
    counts = counts_of(difference)
    words = {"mixed": "dearer or cheaper by use", "reworded": "charged or named otherwise"}
    return ", ".join(f"{count} {words.get(word, word)}" for word, count in counts.items() if count)


def _change(change: Change) -> str:
    service = change.service.name.lower()
    where = "" if change.origin == HOME else f" from {change.origin}"
    hours = f" {change.hours}" if change.hours else ""
    own = " on-net" if change.on_net else ""
    named = f" {change.name}" if change.name else ""
    prices = f"RM{ringgit(change.before_micros)} → RM{ringgit(change.after_micros)}"
    return (
        f"{service}{where} {_pattern(change.pattern)}{own}{hours}{named}, {change.units}"
        f" {UNITS[change.service]}: {prices}"
    )


def _change_document(change: Change) -> dict[str, object]:
    return {
        "service": change.service.name.lower(),
        "origin": change.origin,
        "destination": _pattern(change.pattern),
        "on_net": change.on_net,
        "hours": change.hours,
        "name": change.name,
        "units": change.units,
        "before": ringgit(change.before_micros),
        "after": ringgit(change.after_micros),
    }


def _pattern(pattern: str) -> str:
    """Write a pattern as a sheet has it."""
    return (pattern if pattern[1:].isdigit() else pattern.removeprefix(EXACT)) or EVERYTHING
