"""Whatever colour an operator picks, its pages can be read."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambah.config import ConfigError
from tambah.web.assets import NIGHT_CARD, PAPER, brand_css
from tambah.web.colour import BLACK, WHITE, contrast, parse_colour, readable_on

CARD = parse_colour("#fffdf8")
channels = st.integers(0, 255)


def test_contrast_goes_from_one_to_twenty_one() -> None:
    assert contrast(WHITE, WHITE) == 1
    assert round(contrast(BLACK, WHITE), 6) == 21


@given(st.tuples(channels, channels, channels))
def test_brand_css_is_readable_for_every_colour(brand: tuple[int, int, int]) -> None:
    css = brand_css("#{:02x}{:02x}{:02x}".format(*brand))
    day, night = (
        {name: parse_colour(value) for name, value in re.findall(r"--([a-z-]+):(#\w+)", part)}
        for part in css.split("@media")
    )
    assert contrast(day["face"], WHITE) >= 4.5
    assert contrast(day["button"], day["on-button"]) >= 4.5
    assert contrast(night["button"], night["on-button"]) >= 4.5
    assert min(contrast(day["link"], ground) for ground in (PAPER, CARD, day["tint"])) >= 4.5
    assert min(contrast(night["link"], ground) for ground in (NIGHT_CARD, night["tint"])) >= 4.5


def test_readable_on_leaves_a_good_colour_alone() -> None:
    teal = parse_colour("#0b5d57")

    assert readable_on(teal, WHITE, 4.5) == teal


def test_parse_colour_names_what_is_wrong() -> None:
    with pytest.raises(ConfigError, match=r"brand\.colour: 'teal'"):
        parse_colour("teal")
