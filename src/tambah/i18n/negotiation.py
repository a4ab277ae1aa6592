"""Which language a reader gets: what the address asks for, what was chosen, what is preferred."""

from collections.abc import Iterator

DEFAULT_TAG = "en"
# By primary subtag (RFC 5646). Every Chinese gets the one we have, rather than English.
_TAG_BY_PRIMARY = {
    "en": "en",
    "ms": "ms",
    "zsm": "ms",
    "zh": "zh-Hans",
    "cmn": "zh-Hans",
    "ta": "ta",
}
# Browsers send under a hundred characters; nobody needs more than this.
_MOST_CHARACTERS = 500


def negotiate(query: str | None, cookie: str | None, accept_language: str | None) -> str:
    """Return the tag of LANGUAGES to answer in: `?lang=`, else the cookie, else Accept-Language.

    Whatever names none of our languages is passed over; English when nothing is left.
    """
    for chosen in (query, cookie):
        if chosen and (tag := match(chosen)):
            return tag
    return next(_preferred(accept_language or ""), DEFAULT_TAG)


def match(language: str) -> str | None:
    """Return our tag for a BCP 47 tag: zh-CN and zh_Hans_MY are zh-Hans, ms-MY is ms."""
    primary = language.strip().replace("_", "-").partition("-")[0]
    return _TAG_BY_PRIMARY.get(primary.lower())


def _preferred(accept_language: str) -> Iterator[str]:
    """Return the tags of ours that an Accept-Language header names, the most wanted first."""
    wanted: list[tuple[float, str]] = []
    for entry in accept_language[:_MOST_CHARACTERS].split(","):
        language, _, parameters = entry.partition(";")
        tag, weight = match(language), _weight(parameters)
        if tag and weight > 0:
            wanted.append((weight, tag))
    wanted.sort(key=lambda entry: -entry[0])  # stable: equal weights keep the reader's order
    return (tag for _, tag in wanted)


def _weight(parameters: str) -> float:
    name, _, value = parameters.partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if 0.0 <= weight <= 1.0 else 0.0
