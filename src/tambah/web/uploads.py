"""A posted form that may bring a file (multipart/form-data), read in memory and never to disk."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import multipart

from tambah.domain.refusals import BodyMalformed
from tambah.web.forms import read_form
from tambah.web.pages import AnyRequest
from tambah.web.wrap import MOST_PHOTO_BODY_BYTES

_MULTIPART = "multipart/form-data"
_MOST_PARTS = 30
_MOST_FIELD_BYTES = 16 * 1024

# Loosely: the parser has no annotations.
_multipart: Any = multipart


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A form's fields, and the files that were chosen, by name; the first of each name."""

    fields: dict[str, str] = field(repr=False)
    files: dict[str, bytes] = field(repr=False)


async def read_upload(request: AnyRequest) -> Upload:
    """Return a posted form, with files or without. Raises BodyTooLarge and BodyMalformed."""
    kind, options = _multipart.parse_options_header(request.headers.get("content-type", ""))
    if kind != _MULTIPART:
        return Upload(fields=await read_form(request), files={})
    return read_parts(await request.body(), options.get("boundary", ""))


def read_parts(body: bytes, boundary: str) -> Upload:
    """Read a body of multipart/form-data (RFC 7578). Raises BodyMalformed.

    A file field in which nothing was chosen comes without a name and empty, and counts as absent.
    """
    if not boundary:
        raise BodyMalformed
    parser = _multipart.MultipartParser(
        io.BytesIO(body),
        boundary,
        content_length=len(body),
        part_limit=_MOST_PARTS,
        # As much in memory as there may be, and nothing on disk.
        spool_limit=MOST_PHOTO_BODY_BYTES,
        memory_limit=MOST_PHOTO_BODY_BYTES,
        disk_limit=0,
    )
    try:
        return _sort(parser)
    except (ValueError, LookupError) as error:  # the parser's own, and text that is none
        raise BodyMalformed from error


def _sort(parts: Iterable[Any]) -> Upload:
    fields: dict[str, str] = {}
    files: dict[str, bytes] = {}
    for part in parts:
        if part.filename is None and part.size <= _MOST_FIELD_BYTES:
            fields.setdefault(part.name, part.raw.decode("utf-8", "replace"))
        elif part.filename:
            files.setdefault(part.name, part.raw)
    return Upload(fields=fields, files=files)
