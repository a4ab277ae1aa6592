"""Tokens of forms, and notices that outlive a change of language."""

from datetime import UTC, datetime, timedelta

import pytest

from tambah.domain.refusals import CodeAlreadyYours, CodeNotUsable, FormExpired
from tambah.engine.keys import Keys
from tambah.web.forms import check_token, mint_token, open_notice, seal_notice

NOW = datetime(2027, 3, 1, 6, 30, tzinfo=UTC)


def test_token_is_taken_for_a_day(keys: Keys) -> None:
    token = mint_token(keys, NOW)

    check_token(keys, token, NOW + timedelta(hours=24))
    with pytest.raises(FormExpired):
        check_token(keys, token, NOW + timedelta(hours=24, seconds=1))


def test_token_is_new_each_time(keys: Keys) -> None:
    assert mint_token(keys, NOW) != mint_token(keys, NOW)


def test_token_that_was_touched_anywhere_is_refused(keys: Keys) -> None:
    token = mint_token(keys, NOW)
    # The last character of base64 may hold bits that stand for nothing; all others count.
    for place, character in enumerate(token[:-1]):
        touched = token[:place] + ("A" if character != "A" else "B") + token[place + 1 :]
        with pytest.raises(FormExpired):
            check_token(keys, touched, NOW)


@pytest.mark.parametrize("token", ["", "x", "é", "A" * 51, "A" * 5000, "\x00"])
def test_token_that_is_not_ours_is_refused(keys: Keys, token: str) -> None:
    with pytest.raises(FormExpired):
        check_token(keys, token, NOW)


def test_notice_comes_back_as_it_was(keys: Keys) -> None:
    opened = open_notice(keys, seal_notice(keys, CodeAlreadyYours(used_at=NOW)))

    assert isinstance(opened, CodeAlreadyYours)
    assert opened.params == {"used_at": NOW}


@pytest.mark.parametrize("text", ["", "x", "W10", "A" * 5000])
def test_notice_that_is_not_ours_says_nothing(keys: Keys, text: str) -> None:
    assert open_notice(keys, text) is None


def test_notice_is_no_token(keys: Keys) -> None:
    with pytest.raises(FormExpired):
        check_token(keys, seal_notice(keys, CodeNotUsable()), NOW)
