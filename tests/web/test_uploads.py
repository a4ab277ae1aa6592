"""Forms that may bring a file."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambah.domain.refusals import BodyMalformed
from tambah.web.uploads import read_parts

BOUNDARY = "----aBoundary7"


def body(*parts: tuple[str, str | None, bytes]) -> bytes:
    """Return a body of parts: name, name of the file (None for a field), content."""
    pieces: list[bytes] = []
    for name, filename, content in parts:
        disposition = f'form-data; name="{name}"'
        if filename is not None:
            disposition += f'; filename="{filename}"\r\nContent-Type: image/jpeg'
        head = f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n"
        pieces.append(head.encode() + content + b"\r\n")
    return b"".join(pieces) + f"--{BOUNDARY}--\r\n".encode()


def test_fields_and_files_are_told_apart() -> None:
    read = read_parts(
        body(("text", None, "வணக்கம்".encode()), ("photo", "card.jpg", b"\xff\xd8\r\n--x\0")),
        BOUNDARY,
    )
    assert read.fields == {"text": "வணக்கம்"}
    assert read.files == {"photo": b"\xff\xd8\r\n--x\0"}


def test_a_file_that_was_not_chosen_is_absent() -> None:
    assert read_parts(body(("photo", "", b"")), BOUNDARY).files == {}


def test_the_first_of_each_name_counts() -> None:
    sent = body(("text", None, b"one"), ("text", None, b"two"), ("p", "a", b"1"), ("p", "b", b"2"))
    read = read_parts(sent, BOUNDARY)
    assert (read.fields, read.files) == ({"text": "one"}, {"p": b"1"})


def test_a_field_too_long_to_be_typed_is_absent() -> None:
    assert read_parts(body(("text", None, b"x" * 17_000)), BOUNDARY).fields == {}


@pytest.mark.parametrize(
    ("sent", "boundary"),
    [
        (b"", BOUNDARY),
        (b"text=hello", BOUNDARY),
        (body(("text", None, b"x")), ""),
        (body(("text", None, b"x")), "other"),
        (body(("text", None, b"x"))[:-10], BOUNDARY),
        (body(*[(f"f{n}", None, b"x") for n in range(31)]), BOUNDARY),
    ],
    ids=["empty", "urlencoded", "no boundary", "another boundary", "cut short", "too many"],
)
def test_what_is_no_form_is_refused(sent: bytes, boundary: str) -> None:
    with pytest.raises(BodyMalformed):
        read_parts(sent, boundary)


@given(st.binary(max_size=300))
def test_any_content_comes_out_as_it_went_in(content: bytes) -> None:
    if BOUNDARY.encode() not in content:
        assert read_parts(body(("photo", "a", content)), BOUNDARY).files == {"photo": content}


@given(st.binary(max_size=300))
def test_anything_is_read_or_refused(content: bytes) -> None:
    with suppress(BodyMalformed):
        assert read_parts(f"--{BOUNDARY}".encode() + content, BOUNDARY).files is not None
