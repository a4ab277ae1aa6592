"""Proving the books, as verify and restore do it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import tzinfo

from tambah.app import Base
from tambah.cli.desk import open_database
from tambah.cli.frame import Answer
from tambah.cli.instants import operator_zone, show_instant
from tambah.cli.progress import progress
from tambah.domain.money import ringgit
from tambah.engine.verifying import Verdict, verify


async def prove(base: Base, *, full: bool) -> Answer:
    """Verify the books and say what disagrees. Neither rules nor peppers are needed for it."""
    async with open_database(base) as database:
        with progress("proving the books") as told:
            verdict = await verify(
                database, full=full, progress=lambda _, done, total: told(done, total)
            )
    text = _in_words(verdict, operator_zone())
    return Answer(document=_document(verdict), text=text, is_wrong=not verdict.is_clean)


def _document(verdict: Verdict) -> dict[str, object]:
    accounts = {name: ringgit(micros) for name, micros in verdict.accounts.items()}
    return {
        "clean": verdict.is_clean,
        "total": verdict.total,
        "findings": [asdict(finding) for finding in verdict.findings],
        "proved": asdict(verdict.proved),
        "accounts": accounts,
        "allowances": dict(verdict.allowances),
        "at": verdict.at,
        "closed_at": verdict.closed_at,
        "seconds": round(verdict.seconds, 3),
    }


def _in_words(verdict: Verdict, zone: tzinfo) -> str:
    proved = ", ".join(
        f"{count} {_COUNTED[name]}" for name, count in asdict(verdict.proved).items()
    )
    closed_at = verdict.closed_at
    since = f"the closing of {show_instant(closed_at, zone)}" if closed_at else "the start"
    lines = [f"{finding.subject}: {finding.detail}" for finding in verdict.findings]
    if verdict.is_clean:
        lines.append(f"The books agree, from {since}: {proved}.")
    else:
        lines.append(f"{verdict.total} disagree, from {since}: {proved}.")
    return "\n".join(lines)


_COUNTED = {
    "transfers": "transfers",
    "owners": "balances' owners",
    "buckets": "buckets",
    "topups": "credits to lines",
    "vouchers": "redeemed cards",
    "sales": "sales on a float",
    "audit_rows": "audit rows",
}
