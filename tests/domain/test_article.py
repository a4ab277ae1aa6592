"""Who is shown what the operator publishes."""

from __future__ import annotations

import pytest

from tambah.domain.article import Reader, is_for, is_for_everyone
from tambah.domain.line import LineState

ACTIVE = Reader(state=LineState.ACTIVE, plan="standard")
IN_GRACE = Reader(state=LineState.GRACE, plan="tourist")


@pytest.mark.parametrize(
    ("states", "plans", "shown_to"),
    [
        ((), (), [True, True, True]),
        ((LineState.GRACE,), (), [False, False, True]),
        ((LineState.ACTIVE, LineState.GRACE), (), [False, True, True]),
        ((), ("standard",), [False, True, False]),
        ((LineState.GRACE,), ("standard",), [False, False, False]),
        ((LineState.GRACE,), ("standard", "tourist"), [False, False, True]),
    ],
)
def test_an_article_is_for_lines_of_its_states_and_plans(
    states: tuple[LineState, ...], plans: tuple[str, ...], shown_to: list[bool]
) -> None:
    assert [is_for(states, plans, reader) for reader in (None, ACTIVE, IN_GRACE)] == shown_to
    assert is_for_everyone(states, plans) == shown_to[0]
