"""Why the embedded PostgreSQL cannot be had, in words an operator can act on."""


class EmbeddedRefused(Exception):
    """It cannot work here as things are; the text says what to change."""


class EmbeddedFailed(Exception):
    """It should have worked and did not; the text carries what PostgreSQL said last."""
