"""What is done with that two people agreed on: shared by the console and what works behind it."""

from __future__ import annotations

from datetime import date

from tambah.desks.printing import Promise, sheet_design
from tambah.engine.approving import Means
from tambah.engine.vouchers import PrintedKind, SheetDesign
from tambah.web.site import Site


def means_of(site: Site) -> Means:
    """Return what deeds are done with at a site."""

    def design(
        kinds: tuple[PrintedKind, ...], price_micros: int, last_day: date | None
    ) -> SheetDesign:
        now = site.clock.now()
        promise = Promise(price_micros=price_micros, now=now, last_day=last_day)
        return sheet_design(site.operator, site.rules, site.public_url, kinds, promise)

    return Means(
        engine=site.engine,
        database=site.database,
        keys=site.keys,
        rules=site.rules,
        clock=site.clock,
        operator_name=site.operator.brand.name,
        design=design,
    )
