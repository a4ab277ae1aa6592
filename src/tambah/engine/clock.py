"""The seam of time: the system's clock, which a demo or a test can move."""

from datetime import UTC, datetime, timedelta


class Clock:
    """What time it is. `offset` is nothing in production; only a demo database may move it."""

    def __init__(self, offset: timedelta = timedelta()) -> None:
        self.offset = offset

    def now(self) -> datetime:
        """Return the present instant, aware UTC; for pages. The engine asks the database."""
        return datetime.now(UTC) + self.offset
