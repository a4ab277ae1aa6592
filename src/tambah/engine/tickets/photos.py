"""A stranger's photo, made anew: of the file that came nothing is kept but the picture."""

from __future__ import annotations

import io

from PIL import Image, ImageOps

from tambah.domain.refusals import PhotoTooLarge, PhotoUnreadable

MOST_PHOTO_BYTES = 2 * 1024 * 1024
MOST_PIXELS = 25_000_000
"""A telephone's camera makes 12 million; a small file can claim thousands of times that."""
LONGEST_SIDE = 2000
_FORMATS = ("JPEG", "PNG", "WEBP")
_MANY_PICTURES = "MPO"  # telephones' JPEG with a depth map behind the picture: the first counts
_QUALITY = 85


def clean_photo(raw: bytes) -> bytes:
    """Return the picture in a JPEG, PNG or WebP file as a new JPEG, without a word of metadata.

    What it is says its content, not its name. It is turned as it was held, laid on white where it
    is transparent, and made smaller where a side is over `LONGEST_SIDE`. Costs up to a second of
    processor time: call it in a thread.

    Raises PhotoTooLarge and PhotoUnreadable.
    """
    if len(raw) > MOST_PHOTO_BYTES:
        raise PhotoTooLarge(most_mb=MOST_PHOTO_BYTES // 1024 // 1024)
    try:
        with Image.open(io.BytesIO(raw), formats=_FORMATS) as image:
            _require_one_picture(image)
            return _draw_anew(image)
    except PhotoUnreadable:
        raise
    except Exception as error:  # a decoder says anything at all of a stranger's bytes
        raise PhotoUnreadable from error


def _require_one_picture(image: Image.Image) -> None:
    """Refuse before a pixel is decoded: the size stands in the header. Raises PhotoUnreadable."""
    if image.width * image.height > MOST_PIXELS:
        raise PhotoUnreadable
    if getattr(image, "is_animated", False) and image.format != _MANY_PICTURES:
        raise PhotoUnreadable


def _draw_anew(image: Image.Image) -> bytes:
    image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))  # a JPEG is decoded no larger than needed
    turned = ImageOps.exif_transpose(image).convert("RGBA")
    turned.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    # A new picture, not a copy: comments, profiles and Exif hang on the old one.
    clean = Image.new("RGB", turned.size, "white")
    clean.paste(turned, mask=turned.getchannel("A"))
    file = io.BytesIO()
    clean.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()
