"""Every catalog of every area, the pages' included: whole, alike, and in the glossary's words."""

import re
from collections import Counter
from functools import cache
from pathlib import Path
from string import Formatter

import pytest

from tambah.i18n import LANGUAGES
from tambah.i18n.catalog import CATALOGS, CatalogBroken, read_area, read_catalog

AREAS = sorted(path.stem for path in (CATALOGS / "en").glob("*.po"))
# Messages leave out what one part has no room for; test_sms_templates looks at them.
FREE_PLACEHOLDERS = "sms."
# Ways of writing a date and a time differ by language in what they show.
FREE_KEYS = {"date", "sms.date", "time", "time.on_the_hour"}
NOT_OUR_WORDS = {
    "en": r"\bMYR\b|Ringgit Malaysia|\bN/A\b|\bbal\.|\bno\. ",
    "ms": r"\bMYR\b|\bpulsa\b|\bisi ulang\b|\bsaldo\b|\bnomor\b|\bawak\b|\bkamu\b",
    "zh-Hans": r"MYR|林吉特|套餐|信贷|充值|你",
    "ta": r"MYR|கார்டு|சர்வதேச",
}
catalog = cache(read_catalog)


def placeholders(text: str) -> set[str]:
    return {field for _, field, _, _ in Formatter().parse(text) if field is not None}


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_language_has_every_area(tag: str):
    assert sorted(path.stem for path in (CATALOGS / tag).glob("*.po")) == AREAS


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_language_has_every_key_and_no_other(tag: str):
    assert sorted(catalog(tag).forms) == sorted(catalog("en").forms)


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_text_has_the_same_placeholders_in_every_language(tag: str):
    english = catalog("en").forms
    differing = {
        key: form
        for key, forms in catalog(tag).forms.items()
        for form in forms
        if key not in FREE_KEYS
        and not key.startswith(FREE_PLACEHOLDERS)
        and placeholders(form) != placeholders(english[key][-1])
        # A singular may say its number in a word.
        and placeholders(form) | {"n"} != placeholders(english[key][-1])
    }
    assert differing == {}


@pytest.mark.parametrize("tag", LANGUAGES)
def test_placeholders_are_plain_names(tag: str):
    names = {
        name
        for forms in catalog(tag).forms.values()
        for form in forms
        for name in placeholders(form)
    }
    assert {name for name in names if not re.fullmatch(r"[a-z][a-z_]*", name)} == set()


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_counted_text_has_every_plural_form(tag: str):
    whole = catalog(tag)
    wanted = max(whole.form_for(n) for n in range(200)) + 1
    counted = {key for key, forms in catalog("en").forms.items() if len(forms) > 1}
    assert {key: len(whole.forms[key]) for key in counted} == dict.fromkeys(counted, wanted)


@pytest.mark.parametrize("tag", LANGUAGES)
@pytest.mark.parametrize("area", AREAS)
def test_a_file_has_each_key_once_and_nothing_unfinished(tag: str, area: str):
    path = CATALOGS / tag / f"{area}.po"
    keys = Counter(re.findall(r'^msgid "(.+)"$', path.read_text(encoding="utf-8"), re.MULTILINE))
    assert [key for key, count in keys.items() if count > 1] == []
    assert sorted(keys) == sorted(read_area(path, tag).forms)


@pytest.mark.parametrize("tag", LANGUAGES)
def test_texts_keep_to_the_glossary(tag: str):
    wrong = {
        key: form
        for key, forms in catalog(tag).forms.items()
        for form in forms
        if re.search(NOT_OUR_WORDS[tag], form)
        or re.search(r"[!！]|[^\S\n]{2}|[^\S\n]\n|^\s|\s$", form)
    }
    assert wrong == {}


HEADER = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n\n'


def test_a_key_in_two_areas_is_refused(tmp_path: Path):
    (tmp_path / "en").mkdir()
    for area in ("one", "two"):
        text = f'{HEADER}msgid "same.key"\nmsgstr "{area}"\n'
        (tmp_path / "en" / f"{area}.po").write_text(text, encoding="utf-8")
    with pytest.raises(CatalogBroken, match=r"same\.key"):
        read_catalog("en", tmp_path)


def test_a_text_not_translated_or_fuzzy_counts_as_absent(tmp_path: Path):
    (tmp_path / "ms").mkdir()
    (tmp_path / "ms" / "one.po").write_text(
        f'{HEADER}msgid "empty"\nmsgstr ""\n\n#, fuzzy\nmsgid "doubtful"\nmsgstr "x"\n\n'
        'msgid "done"\nmsgstr "siap"\n',
        encoding="utf-8",
    )
    assert read_catalog("ms", tmp_path).forms == {"done": ("siap",)}


def test_a_language_without_files_is_refused(tmp_path: Path):
    with pytest.raises(CatalogBroken):
        read_catalog("en", tmp_path)
