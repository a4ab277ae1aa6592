"""Transfers of books in memory, added up as the store adds up real ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date

from tambah.domain.finance.statement import Movement
from tambah.domain.ledger import Account, Transfer, TransferKind
from tests.domain.world import KUALA_LUMPUR

RM = 1_000_000
SEN = 10_000


def movement(
    day: date, kind: TransferKind, debit: Account, credit: Account, ringgit: float
) -> Movement:
    """Return one transfer as a movement."""
    return Movement(
        day=day,
        kind=kind,
        debit=debit,
        credit=credit,
        count=1,
        amount_micros=round(ringgit * 100) * SEN,
    )


def add_up(transfers: Iterable[Transfer]) -> list[Movement]:
    """Add transfers up by local day and booking."""
    counts, sums = Counter[tuple[object, ...]](), Counter[tuple[object, ...]]()
    for one in transfers:
        place = (one.at.astimezone(KUALA_LUMPUR).date(), one.kind, one.debit, one.credit)
        counts[place] += 1
        sums[place] += one.amount_micros
    return [
        Movement(
            day=place[0],  # type: ignore[arg-type]
            kind=place[1],  # type: ignore[arg-type]
            debit=place[2],  # type: ignore[arg-type]
            credit=place[3],  # type: ignore[arg-type]
            count=counts[place],
            amount_micros=micros,
        )
        for place, micros in sums.items()
    ]
