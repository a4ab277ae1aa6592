"""Words by which points are found."""

from __future__ import annotations

import pytest

from tambah.domain.point import Point, PointKind, fold_words, search_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("  Kuala   Lumpur ", ["kuala", "lumpur"]),
        ("ＩＰＯＨ", ["ipoh"]),
        ("Jalan Tun Razak, 12-B", ["jalan", "tun", "razak", "12", "b"]),
        ("கோலாலம்பூர்", ["கோலாலம்பூர்"]),
        ("%_'", []),
    ],
)
def test_fold_words(text: str, words: list[str]) -> None:
    assert fold_words(text) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("KL", ["kuala", "lumpur"]),
        ("Penang", ["pulau", "pinang"]),
        ("吉隆坡", ["kuala", "lumpur"]),
        ("ஜோகூர் பாரு", ["johor", "bahru"]),
        ("Kluang", ["kluang"]),
        ("", []),
    ],
)
def test_search_words_know_other_names(text: str, words: list[str]) -> None:
    assert search_words(text) == words


def test_a_point_is_found_by_town_state_address_and_name() -> None:
    point = Point(
        code="A1",
        name="Demo Store 1",
        kind=PointKind.OTHER,
        address="12, Jalan Besar",
        town="Johor Bahru",
        state="Johor",
        postcode="80000",
        latitude_microdegrees=1_492_700,
        longitude_microdegrees=103_741_400,
        hours="",
        sells_cards=True,
        sells_reloads=False,
    )

    assert point.place_words == "johor bahru johor 12 jalan besar demo store 1"
    assert point.town_words == "johor bahru"
