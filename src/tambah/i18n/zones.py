"""What people call a time zone."""

_KNOWN_AS = {"Asia/Kuala_Lumpur": "MYT", "Asia/Kuching": "MYT"}
"""Of those whose own name in the database is a mere +08."""


def name_zone(key: str) -> str:
    """Return what stands beside a time of day: MYT, or the zone's own name."""
    return _KNOWN_AS.get(key, key)
