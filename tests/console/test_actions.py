"""Names of what was done by hand, and who tells what is refused under /console."""

from __future__ import annotations

import dataclasses
from typing import get_args

import pytest

from tambah.console.actions import ACTIONS, name_action
from tambah.domain import commands
from tambah.domain.voucher import BATCH_MOVES, VOUCHER_MOVES
from tambah.i18n import LANGUAGES, texts
from tests.portal.conftest import text_of

from .conftest import World

BY_HAND = sorted(
    kind.__name__
    for kind in get_args(commands.Command)
    if "actor" in {one.name for one in dataclasses.fields(kind)}
)


@pytest.mark.parametrize(
    "action",
    [
        *BY_HAND,
        *(f"{one}_batch" for one in BATCH_MOVES),
        *(f"{one}_vouchers" for one in VOUCHER_MOVES),
    ],
)
def test_what_is_done_by_hand_has_a_name_in_every_language(action: str) -> None:
    names = {name_action(texts(tag), action) for tag in LANGUAGES}

    assert len(names) == len(LANGUAGES)
    assert action not in names


def test_an_action_without_a_name_is_called_by_its_own() -> None:
    assert BY_HAND != []
    assert name_action(texts("ta"), "FlyToTheMoon") == "FlyToTheMoon"
    assert "fly_to_the_moon" not in ACTIONS


async def test_a_method_that_no_page_takes_is_told_on_the_consoles_page(world: World) -> None:
    async with world.browser() as browser:
        refused = await browser.request("PUT", "/console/sign-in")
        elsewhere = await browser.request("PUT", "/static/nothing.css")

    assert (refused.status_code, elsewhere.status_code) == (405, 405)
    assert "Back to the console" in text_of(refused)
    assert "Back to the console" not in text_of(elsewhere)
