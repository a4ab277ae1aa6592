"""Strangers' photos: what is taken, what is refused, what is left of them."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import pytest
from PIL import Image

from tambah.domain.refusals import PhotoTooLarge, PhotoUnreadable
from tambah.engine.tickets.photos import LONGEST_SIDE, MOST_PHOTO_BYTES, clean_photo

GPS_IFD = 0x8825
ORIENTATION = 0x0112
MAKE = 0x010F


def picture(form: str, size: tuple[int, int] = (60, 40), mode: str = "RGB", **how: Any) -> bytes:
    """Return a file of a picture that is red on its left half and blue on its right."""
    image = Image.new(mode, size, "red" if mode != "RGBA" else (255, 0, 0, 255))
    image.paste("blue", (size[0] // 2, 0, size[0], size[1]))
    file = io.BytesIO()
    image.save(file, form, **how)
    return file.getvalue()


def exif(orientation: int = 1) -> Any:
    tags = Image.Exif()
    tags[MAKE] = "Demophone"
    tags[ORIENTATION] = orientation
    tags.get_ifd(GPS_IFD).update({1: "N", 2: (3.0, 8.0, 24.0), 3: "E", 4: (101.0, 41.0, 24.0)})
    return tags


def opened(raw: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(raw))
    image.load()
    return image


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_what_a_telephone_makes_comes_out_as_a_jpeg(form: str) -> None:
    clean = opened(clean_photo(picture(form)))
    assert (clean.format, clean.size, clean.mode) == ("JPEG", (60, 40), "RGB")
    red, blue = clean.getpixel((5, 20)), clean.getpixel((55, 20))
    assert red[0] > 200 > 60 > red[2]  # type: ignore[index]
    assert blue[2] > 200 > 60 > blue[0]  # type: ignore[index]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_place_and_time_are_gone(form: str) -> None:
    raw = picture(form, exif=exif())
    assert opened(raw).getexif().get_ifd(GPS_IFD)
    clean = clean_photo(raw)
    assert b"Demophone" in raw
    assert b"Demophone" not in clean
    assert b"Exif" not in clean
    assert len(opened(clean).getexif()) == 0


def test_comments_and_profiles_are_gone() -> None:
    raw = picture("JPEG", comment=b"taken at home", icc_profile=b"profile of a stranger" * 9)
    clean = opened(clean_photo(raw))
    assert set(clean.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_it_is_turned_as_it_was_held() -> None:
    clean = opened(clean_photo(picture("JPEG", exif=exif(orientation=6))))
    assert clean.size == (40, 60)
    top = clean.getpixel((20, 5))
    assert top[0] > 200 > 60 > top[2]  # type: ignore[index]


def test_what_is_transparent_is_white() -> None:
    image = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    file = io.BytesIO()
    image.save(file, "PNG")
    assert opened(clean_photo(file.getvalue())).getpixel((10, 10)) == (255, 255, 255)


def test_a_large_picture_becomes_smaller() -> None:
    clean = opened(clean_photo(picture("JPEG", size=(4000, 3000))))
    assert clean.size == (LONGEST_SIDE, LONGEST_SIDE * 3 // 4)


def test_a_file_over_the_limit_is_refused_unread() -> None:
    with pytest.raises(PhotoTooLarge) as refused:
        clean_photo(picture("JPEG") + b"\0" * MOST_PHOTO_BYTES)
    assert refused.value.params == {"most_mb": 2}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"not a picture",
        b"%PDF-1.7\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        picture("GIF"),
        picture("BMP"),
        picture("TIFF"),
        picture("JPEG")[:300],
        picture("PNG")[:60],
        b"\x89PNG\r\n\x1a\n" + b"\xff" * 200,
    ],
    ids=["empty", "text", "pdf", "svg", "gif", "bmp", "tiff", "half jpeg", "half png", "broken"],
)
def test_anything_else_is_refused(raw: bytes) -> None:
    with pytest.raises(PhotoUnreadable):
        clean_photo(raw)


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_what_moves_is_refused(form: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "green")]
    file = io.BytesIO()
    frames[0].save(file, form, save_all=True, append_images=frames[1:], duration=100)
    with pytest.raises(PhotoUnreadable):
        clean_photo(file.getvalue())


def test_a_telephones_two_pictures_in_one_file_are_the_first() -> None:
    file = io.BytesIO()
    Image.new("RGB", (30, 20), "red").save(
        file, "MPO", save_all=True, append_images=[Image.new("RGB", (30, 20), "blue")]
    )
    clean = opened(clean_photo(file.getvalue()))
    assert clean.size == (30, 20)
    assert clean.getpixel((15, 10))[0] > 200  # type: ignore[index]


def bomb(width: int, height: int) -> bytes:
    """Return a small PNG that claims to be of that size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checked = kind + body
        return struct.pack(">I", len(body)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 100_000, 9)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", pixels)
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(5001, 5000), (10_000, 10_000), (60_000, 60_000)])
def test_a_bomb_is_refused_before_a_pixel_is_decoded(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    loaded: list[object] = []
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: loaded.append(self))
    with pytest.raises(PhotoUnreadable):
        clean_photo(bomb(*size))
    assert loaded == []
