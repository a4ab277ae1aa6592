"""Which country a number begins like."""

from __future__ import annotations

import pytest

from tambah.domain.calling_codes import CALLING_CODES, codes_of, regions_of


@pytest.mark.parametrize(
    ("digits", "regions"),
    [
        ("60123456789", ("MY",)),
        ("86", ("CN",)),
        ("8675512345678", ("CN",)),
        ("12425551234", ("BS",)),
        ("12025551234", ("US", "CA")),
        ("77011234567", ("KZ",)),
        ("79161234567", ("RU",)),
        ("441481123456", ("GG",)),
        ("442012345678", ("GB",)),
        ("999", ()),
        ("", ()),
    ],
)
def test_a_number_begins_like_its_country(digits: str, regions: tuple[str, ...]) -> None:
    assert regions_of(digits) == regions


def test_a_region_has_its_codes() -> None:
    assert codes_of("MY") == ("60",)
    assert codes_of("KZ") == ("76", "77")
    assert codes_of("DO") == ("1809", "1829", "1849")
    assert codes_of("XX") == ()


def test_the_table_has_the_world() -> None:
    regions = {region for found in CALLING_CODES.values() for region in found}

    assert len(regions) > 230
    assert all(code.isdigit() and len(code) <= 7 for code in CALLING_CODES)
    assert all(len(region) == 2 and region.isupper() for region in regions)
