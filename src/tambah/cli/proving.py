"""Proving the books, as verify and restore do it."""

from __future__ import annotations

from dataclasses import asdict

from tambah.app import Base
from tambah.cli.desk import open_database
from tambah.cli.frame import Answer
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
    return Answer(
        document=_document(verdict), text=_in_words(verdict), is_wrong=not verdict.is_clean
    )


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


def _in_words(verdict: Verdict) -> str:
    proved = ", ".join(
        f"{count} {name.replace('_', ' ')}" for name, count in asdict(verdict.proved).items()
    )
    since = f"the closing of {verdict.closed_at.isoformat()}" if verdict.closed_at else "the start"
    lines = [f"{finding.subject}: {finding.detail}" for finding in verdict.findings]
    if verdict.is_clean:
        lines.append(f"The books agree, from {since}: {proved}.")
    else:
        lines.append(f"{verdict.total} disagree, from {since}: {proved}.")
    return "\n".join(lines)
