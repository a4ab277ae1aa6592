"""Pages of a list: how many items, and after which; a cursor is opaque, and safe in an address."""

import base64
import binascii
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import parse_qsl

from tambah.domain.refusals import FieldMalformed

USUAL_LIMIT = 50
MOST_LIMIT = 500

Place = TypeVar("Place")


def page_asked(query: bytes, read: Callable[[str], Place]) -> tuple[int, Place | None]:
    """Return how many items a query asks for, and where after. Raises FieldMalformed.

    read: makes the place of a cursor.
    """
    if not query:
        return USUAL_LIMIT, None
    try:
        asked = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=50))
    except ValueError:
        raise FieldMalformed(field="query") from None
    limit, cursor = asked.get("limit"), asked.get("cursor")
    place = None if cursor is None else read(cursor)
    return USUAL_LIMIT if limit is None else _limit(limit), place


def write_bytes(content: bytes) -> str:
    """Return a cursor that holds some bytes, of a length that three divides: no padding."""
    return base64.urlsafe_b64encode(content).decode("ascii")


def read_bytes(text: str, size: int) -> bytes:
    """Return the bytes that a cursor holds. Raises FieldMalformed."""
    try:
        content = base64.b64decode(text, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise FieldMalformed(field="cursor") from None
    if len(content) != size:
        raise FieldMalformed(field="cursor")
    return content


def _limit(text: str) -> int:
    short = text.isascii() and text.isdigit() and len(text) <= 4
    if not short or not 1 <= int(text) <= MOST_LIMIT:
        raise FieldMalformed(field="limit")
    return int(text)
