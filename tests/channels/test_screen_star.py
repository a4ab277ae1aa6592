"""`*` on a screen, where nothing can be waited for: back at once, `*0` to another language."""

from __future__ import annotations

import pytest

from tambah.channels.dialogue import Dialogue
from tambah.channels.talk import Keys, Medium, Opening, Place, Prompt, Talk
from tambah.domain.numbering import NumberPlan

DIALOGUE = Dialogue(NumberPlan())


def a_talk(place: Place) -> Talk:
    """Return a caller's talk at a place of the menus."""
    talk, _ = DIALOGUE.begin(Opening(medium=Medium.SCREEN, caller=60123456789))
    keys = {Place.MENU: (), Place.CODE: ("1",), Place.LOST: ("4",), Place.NUMBER: ("1", "2")}
    for key in keys[place]:
        talk, _ = DIALOGUE.step(talk, Keys(key))
    assert talk.place is place
    return talk


@pytest.mark.parametrize("place", [Place.CODE, Place.LOST, Place.NUMBER, Place.MENU])
@pytest.mark.parametrize(("typed", "then"), [("*", Place.MENU), ("*0", Place.LANGUAGE)])
def test_star_is_answered_at_once_with_something_to_read(
    place: Place, typed: str, then: Place
) -> None:
    talk, turn = DIALOGUE.step(a_talk(place), Keys(typed))

    assert talk.place is then
    assert not talk.starred
    assert isinstance(turn, Prompt)
    assert turn.say != ()


def test_star_after_digits_clears_them() -> None:
    talk, turn = DIALOGUE.step(a_talk(Place.CODE), Keys("1234*"))

    assert talk.place is Place.CODE
    assert isinstance(turn, Prompt)
    assert turn.say[0].key == "cleared"
