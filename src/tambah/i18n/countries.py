"""Countries by name: as CLDR has them in our languages, and as people type them."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from babel import Locale

from tambah.domain.calling_codes import CALLING_CODES
from tambah.i18n.texts import LANGUAGES

# What people type that is none of CLDR's names.
_ALSO_CALLED: Mapping[str, str] = MappingProxyType(
    {
        "america": "US",
        "burma": "MM",
        "england": "GB",
        "great britain": "GB",
        "scotland": "GB",
        "wales": "GB",
        "holland": "NL",
        "hong kong": "HK",
        "hongkong": "HK",
        "korea": "KR",
        "macao": "MO",
        "macau": "MO",
        "uae": "AE",
        "dubai": "AE",
        "uk": "GB",
        "usa": "US",
        "香港": "HK",
        "澳门": "MO",
        "韩国": "KR",
        "ஹாங்காங்": "HK",
    }
)


@lru_cache(maxsize=1)
def regions() -> frozenset[str]:
    """Return the regions (ISO 3166) that have a calling code."""
    return frozenset(region for found in CALLING_CODES.values() for region in found)


@lru_cache(maxsize=1024)
def country_name(region: str, tag: str) -> str:
    """Return a region's name in one of our languages; its code where CLDR has no name."""
    return _territories(tag).get(region, region)


def country_names(found: tuple[str, ...], tag: str) -> str:
    """Return the names of regions that share a calling code."""
    return " / ".join(country_name(region, tag) for region in found)


@lru_cache(maxsize=1024)
def find_regions(typed: str) -> tuple[str, ...]:
    """Return the regions that a name may mean, in whichever of our languages it is.

    The one that has just that name, or else all with a name that begins so, or else holds it.
    """
    wanted = _fold(typed)
    if not wanted:
        return ()
    also = _ALSO_CALLED.get(wanted)
    exact = {region for name, region in _names() if name == wanted}
    if also is not None or exact:
        return (also,) if also is not None else tuple(sorted(exact))
    if len(wanted) == 2 and wanted.upper() in regions():
        return (wanted.upper(),)
    begins = {region for name, region in _names() if name.startswith(wanted)}
    return tuple(sorted(begins or {region for name, region in _names() if wanted in name}))


@lru_cache(maxsize=1)
def _names() -> tuple[tuple[str, str], ...]:
    return tuple(
        (_fold(country_name(region, tag)), region) for region in regions() for tag in LANGUAGES
    )


@lru_cache(maxsize=8)
def _territories(tag: str) -> Mapping[str, str]:
    return Locale.parse(tag, sep="-").territories


def _fold(text: str) -> str:
    """Return a name without case, accents, punctuation and needless spaces."""
    parts = unicodedata.normalize("NFKD", text[:80]).casefold()
    # Marks that stand alone (Mn) are accents; those of Tamil vowels (Mc) are letters to us.
    kept = (c if unicodedata.category(c)[0] in "LN" or c.isspace() else _gap(c) for c in parts)
    return " ".join("".join(kept).split())


def _gap(character: str) -> str:
    """Return what stands for a character that is no letter: nothing for accents, else a space."""
    category = unicodedata.category(character)
    return character if category == "Mc" else "" if category == "Mn" else " "
