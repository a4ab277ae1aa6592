"""The demo's SIMs: one for each of its lines, some of them eSIMs, and a stock of 120 more.

Made by the import that an operator uses. All numbers are made up; the server that the eSIMs' codes
name is of a domain that nobody can have (RFC 2606).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tambah.domain.actor import Actor
from tambah.domain.numbering import luhn_remainder
from tambah.engine.importing import ImportRequest
from tambah.engine.sims import COLUMNS, SimRowRules, import_sims
from tambah.web.site import Site

STOCK = 120
_STOCK_FROM = 1_000
_ESIM_PLACES = range(80, 120)
_EVERY_FOURTH = 4


def is_esim(place: int) -> bool:
    """Say whether the demo's line of that place is on an eSIM: ten of each language are."""
    return place in _ESIM_PLACES


def demo_iccid(place: int) -> str:
    """Return a well-formed SIM number (89, 60 for Malaysia, then made up; Luhn last)."""
    stem = f"896099{place:012d}"
    check = next(digit for digit in "0123456789" if luhn_remainder(stem + digit) == 0)
    return stem + check


async def make_sims(site: Site, lines: int) -> None:
    """Fill the inventory; what is there already (an interrupted start) stays as it is."""
    row_rules = SimRowRules(keys=site.keys, now=site.clock.now())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sims.csv"
        path.write_text("\n".join([",".join(COLUMNS), *_rows(site, lines)]) + "\n")
        request = ImportRequest(path=path, actor=Actor(who="demo", why="demo data"))
        await import_sims(site.database, request, row_rules)


def _rows(site: Site, lines: int) -> Iterator[str]:
    for place in (*range(lines), *range(_STOCK_FROM, _STOCK_FROM + STOCK)):
        iccid = demo_iccid(place)
        in_stock = place >= _STOCK_FROM
        code = ""
        if is_esim(place) or (in_stock and place % _EVERY_FOURTH == 0):
            name = site.keys.digest("demo esim", iccid).hex().upper()
            code = f"LPA:1$SMDP.KAMPUNGTEL.EXAMPLE${name[:5]}-{name[5:10]}-{name[10:15]}"
        yield f"{iccid},50299{place:010d},{'esim' if code else 'physical'},{code}"
