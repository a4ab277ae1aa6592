"""The dates that people are told, worked out once for each instant."""

from datetime import date, datetime
from functools import lru_cache

from tambah.domain.validity import ValidityRule


@lru_cache(maxsize=4096)
def last_day(validity: ValidityRule, until: datetime) -> date:
    """Return the last local day before `until`. Ends are midnights, so there are few of them."""
    return validity.last_day(until)
