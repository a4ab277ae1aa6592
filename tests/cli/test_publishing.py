"""tambah offers, tambah help: from a file to the site."""

from __future__ import annotations

from pathlib import Path

import pytest

from tambah.engine.publishing import DEFAULT_ANSWERS
from tests.engine.publishing.writing import answer_toml, article_toml, put

from .conftest import Tambah


def test_offers_are_loaded_listed_and_withdrawn(tambah: Tambah, tmp_path: Path) -> None:
    file = put(
        tmp_path,
        article_toml("now", "Now", states='["grace"]', promotion='"weekend"'),
        article_toml("later", "Later", from_="2999-01-01"),
        article_toml("over", "Over", until="2026-01-02"),
    )
    tried = tambah("offers", "load", file, "--dry-run", "--reason", "test")
    assert tried.out.startswith("Nothing was published. It would be: 3 new, 0 changed")
    assert tambah("offers", "list").out == "Nothing was published yet.\n"

    loaded = tambah("offers", "load", file, "--reason", "test", "--json")
    assert loaded.document == {"new": ["now", "later", "over"], "changed": [], "unchanged": []}
    assert tambah("offers", "withdraw", "over", "--reason", "test").status == 0

    listed = tambah("offers", "list", "--json").document
    assert [(one["slug"], one["state"]) for one in listed] == [
        ("later", "coming"),
        ("now", "shown"),
        ("over", "withdrawn"),
    ]
    assert (listed[1]["audience"], listed[1]["promotion"]) == ("grace", "weekend")
    assert listed[1]["title"] == "Now en"
    assert "now  offer  shown  from 2026-01-01  grace  Now en" in tambah("offers", "list").out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("offers", "withdraw", "nothing", "--reason", "test"), "article_unknown"),
        (("help", "withdraw", "nothing", "--reason", "test"), "answer_unknown"),
    ],
)
def test_what_is_not_there_cannot_be_withdrawn(
    tambah: Tambah, arguments: tuple[str, ...], code: str
) -> None:
    said = tambah(*arguments, "--json")

    assert (said.status, said.error) == (1, code)


def test_a_file_that_is_wrong_is_refused_whole(tambah: Tambah, tmp_path: Path) -> None:
    file = put(tmp_path, article_toml("good"), article_toml("bad", plans='["gold"]'))
    said = tambah("offers", "load", file, "--reason", "test", "--json")

    assert (said.status, said.error) == (1, "file_malformed")
    assert tambah("offers", "list", "--json").document == []


def test_publishing_needs_a_reason(tambah: Tambah, tmp_path: Path) -> None:
    said = tambah("offers", "load", put(tmp_path, article_toml()), "--json")

    assert (said.status, said.error) == (1, "reason_missing")


def test_answers_are_loaded_listed_and_withdrawn(tambah: Tambah, tmp_path: Path) -> None:
    file = put(tmp_path, answer_toml("parking"), answer_toml("validity", "How long?"))

    assert tambah("help", "load", file, "--reason", "test").out == (
        "2 new, 0 changed, 0 unchanged.\nnew: parking, validity\n"
    )
    listed = tambah("help", "list", "--json").document
    whose = {one["slug"]: one["whose"] for one in listed}
    assert whose["parking"] == whose["validity"] == "operator"
    assert whose == whose | dict.fromkeys(set(DEFAULT_ANSWERS) - {"validity"}, "tambah")

    assert tambah("help", "withdraw", "validity", "--reason", "test").status == 0
    assert "validity  ours" in tambah("help", "list").out
