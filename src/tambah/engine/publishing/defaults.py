"""The answers that come along, in the order of the help page; catalogs hold their texts."""

DEFAULT_ANSWERS = (
    "forgotten-number",
    "failed-top-up",
    "ringgit-only",
    "status",
    "validity",
    "lost-phone",
)

READING_A_CARD = "reading-a-card"
"""The section with the picture of a card; an answer of the operator's takes its place."""
