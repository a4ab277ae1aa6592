"""Catalogs: gettext .po files, one folder a language, one file an area, merged when read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from gettext import c2py
from pathlib import Path

from babel import Locale
from babel.messages import pofile

CATALOGS = Path(__file__).parent / "catalogs"

Forms = tuple[str, ...]
"""A text's wordings: one, or one for each plural form of its language."""


class CatalogBroken(Exception):
    """A catalog cannot be used: a file that does not parse, a key twice, a wrong header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """One language's texts by key, and which form belongs to a number."""

    forms: Mapping[str, Forms]
    form_for: Callable[[int], int]


def read_catalog(tag: str, folder: Path = CATALOGS) -> Catalog:
    """Read and merge every area of a language. A text not yet translated counts as absent.

    Raises CatalogBroken.
    """
    forms: dict[str, Forms] = {}
    plural_rules: set[str] = set()
    for path in sorted((folder / tag).glob("*.po")):
        area = read_area(path, tag)
        if twice := forms.keys() & area.forms.keys():
            raise CatalogBroken(f"{tag}/{path.name}: also in another area: {sorted(twice)}")
        forms.update(area.forms)
        plural_rules.add(area.plural_rule)
    if len(plural_rules) != 1:
        raise CatalogBroken(f"{tag}: one Plural-Forms for all areas, not {sorted(plural_rules)}")
    return Catalog(forms=forms, form_for=c2py(plural_rules.pop()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """One file: its texts by key, and its header's plural expression (in C)."""

    forms: Mapping[str, Forms]
    plural_rule: str


def read_area(path: Path, tag: str) -> Area:
    """Read one .po file. Raises CatalogBroken."""
    try:
        with path.open("rb") as file:
            catalog = pofile.read_po(
                file, locale=Locale.parse(tag, sep="-"), charset="utf-8", abort_invalid=True
            )
    except (pofile.PoFileError, UnicodeDecodeError) as error:
        raise CatalogBroken(f"{tag}/{path.name}: {error}") from error
    forms: dict[str, Forms] = {}
    for message in catalog:
        key = message.id if isinstance(message.id, str) else message.id[0]
        string = message.string or ""
        wordings = (string,) if isinstance(string, str) else tuple(string)
        if key and all(wordings) and not message.fuzzy:
            forms[key] = wordings
    return Area(forms=forms, plural_rule=catalog.plural_expr)
