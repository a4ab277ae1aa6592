"""The day that people are told for an instant."""

from datetime import date, datetime, timedelta, tzinfo

_TICK = timedelta(microseconds=1)


def local_day(name: str, value: object, zone: tzinfo) -> date:
    """Return the zone's day of an instant; of an end, `*_until`, the last day before it.

    An end is the first instant that no longer counts. value: ISO 8601, or a datetime.

    Raises ValueError for what is no instant.
    """
    instant = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    if name.endswith("_until"):
        instant -= _TICK
    return instant.astimezone(zone).date()
