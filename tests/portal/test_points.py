"""The pages of top-up points: found by town, postcode and nearness; a place is told to nobody."""

from __future__ import annotations

import html
import json
import logging
import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import httpx
import pytest
import structlog

from tambah.config import ConfigError, PointsEntry
from tambah.domain.commands import Actor
from tambah.domain.rules import Rules
from tambah.engine.operator import operator_rules
from tambah.engine.points import PointsRequest, import_points
from tambah.i18n import LANGUAGES, texts
from tambah.portal.point_words import tell_distance
from tambah.portal.points import PER_PAGE, box_around
from tambah.web.site import Site
from tests.conftest import KUALA_LUMPUR

from .conftest import client_of, text_of

HEADER = (
    "code,name,kind,address,town,state,postcode,latitude,longitude,hours,sells_cards,"
    "sells_reloads,withdrawn\n"
)
ROWS = """\
A,Demo Store A,convenience_store,1 Jalan Satu,Kuala Lumpur,WP,50450,3.140000,101.690000,24/7,yes,yes,
B,Demo Mart B,supermarket,2 Jalan Dua,Ipoh,Perak,30000,4.597500,101.090100,Mo-Fr 09:00-18:00,yes,no,
C,Demo Fuel C,petrol_station,3 Jalan Tiga,Ipoh,Perak,30010,4.600000,101.100000,Mo-Su 18:00-02:00,no,yes,
D,"Demo <Shop> D",other,4 Jalan Empat,Kuching,Sarawak,93000,1.553500,110.359300,,yes,yes,
E,Demo Gone E,own_shop,5 Jalan Lima,Ipoh,Perak,30000,4.600000,101.100000,24/7,yes,yes,yes
"""  # noqa: E501 - a row is a row
TUESDAY_NOON = datetime(2026, 6, 2, 12, 0, tzinfo=KUALA_LUMPUR)
NIGHT = datetime(2026, 6, 3, 1, 30, tzinfo=KUALA_LUMPUR)
IPOH = {"latitude": "4.599", "longitude": "101.095"}


class StillClock:
    """A clock that stands."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        """Return the instant it stands at."""
        return self._now


async def bring(site: Site, folder: Path, rows: str) -> None:
    """Import points into the site's database."""
    path = folder / "points.csv"
    path.write_text(HEADER + rows, encoding="utf-8")
    result = await import_points(
        site.database, PointsRequest(path=path, actor=Actor(who="test", why="test"))
    )
    assert result.refused == 0


@pytest.fixture
async def shops(site: Site, tmp_path: Path) -> Site:
    """Return a site with five points, on a Tuesday at noon."""
    await bring(site, tmp_path, ROWS)
    return replace(site, clock=StillClock(TUESDAY_NOON))  # type: ignore[arg-type]


def listed(page: httpx.Response) -> str:
    """Return the last letters of the listed points' names, in their order."""
    return "".join(re.findall(r"<h3>Demo .*?(\w)</h3>", page.text))


FOUND = [
    ("", "CBAD"),
    ("q=ipoh", "CB"),
    ("q=IPOH++perak", "CB"),
    ("q=KL", "A"),
    ("q=%E5%90%89%E9%9A%86%E5%9D%A1", "A"),
    ("q=jalan+dua", "B"),
    ("q=50450", "A"),
    ("q=300", "CB"),
    ("q=30020", "CB"),  # none there: those of 300
    ("q=93999", "D"),  # nor in 939: those of 93
    ("q=99999", ""),
    ("q=%00%27%25", "CBAD"),  # no word in it
    ("cards=yes", "BAD"),
    ("reloads=yes", "CAD"),
    ("open=yes", "BA"),
    ("open=yes&cards=yes&q=ipoh", "B"),
    ("page=2", "CBAD"),  # there is but one
    ("page=x", "CBAD"),
]


async def test_points_are_found(shops: Site) -> None:
    async with client_of(shops) as pages:
        answers = [(query, await pages.get(f"/points?{query}")) for query, _ in FOUND]

    assert [(query, listed(page)) for query, page in answers] == FOUND
    assert {page.status_code for _, page in answers} == {200}
    assert not any("Gone" in page.text for _, page in answers)


async def test_open_now_is_of_the_operators_clock(shops: Site) -> None:
    late = replace(shops, clock=StillClock(NIGHT))  # type: ignore[arg-type]
    async with client_of(late) as pages:
        page = await pages.get("/points?open=yes")

    assert listed(page) == "CA"
    assert "Open until 2:00 am" in text_of(page)


async def test_a_point_says_all_that_is_needed(shops: Site) -> None:
    async with client_of(shops) as pages:
        page = await pages.get("/points?q=ipoh")

    said = text_of(page)
    assert "2 top-up points for ipoh" in said
    second, first = page.text.split("<h3>")[1:]
    told = html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", first))).strip()
    assert told.partition(" Open in a maps app")[0] == (
        "Demo Mart B Supermarket 2 Jalan Dua 30000 Ipoh, Perak Open until 6:00 pm"
        " Today: 9:00 am to 6:00 pm All opening hours Monday to Friday 9:00 am to 6:00 pm"
        " Saturday to Sunday closed Recharge cards"
    )
    assert 'href="geo:4.597500,101.090100?q=4.597500,101.090100(Demo%20Mart%20B)"' in first
    assert "Closed now" in second
    assert "Every day: 6:00 pm to 2:00 am" in second


async def test_names_are_no_markup(shops: Site) -> None:
    async with client_of(shops) as pages:
        page = await pages.get("/points?q=%22%3E%3Cb%3Ekuching")

    assert "<b>kuching" not in page.text
    assert "Demo &lt;Shop&gt; D" in (await _get(shops, "/points?q=kuching")).text


async def _get(site: Site, path: str) -> httpx.Response:
    async with client_of(site) as pages:
        return await pages.get(path)


async def test_where_a_postcode_has_none_those_around_it_are_named(shops: Site) -> None:
    page = await _get(shops, "/points?q=30020")

    assert "There is none in 30020. These are in the postcodes around it." in text_of(page)


async def test_where_nothing_is_found_towns_are_named(shops: Site) -> None:
    page = await _get(shops, "/points?q=nowhere&lang=en")

    assert "No top-up point was found." in text_of(page)
    assert 'href="/points?q=Ipoh&amp;lang=en"' in page.text


async def test_pages_follow_each_other(site: Site, tmp_path: Path) -> None:
    count = PER_PAGE * 2 + 1
    row = "{0},Demo {0},other,1 Jalan,Ipoh,Perak,30000,4.6,101.1,24/7,yes,yes,\n"
    await bring(site, tmp_path, "".join(row.format(f"N{number:02}") for number in range(count)))
    seen: list[str] = []
    async with client_of(site) as pages:
        path = "/points?q=ipoh&cards=yes"
        while path:
            page = await pages.get(path)
            seen += re.findall(r"<h3>Demo (N\d+)</h3>", page.text)
            following = re.search(r'rel="next" href="([^"]+)"', page.text)
            path = html.unescape(following[1]) if following else ""
        near = await pages.post("/points/near", data={**IPOH, "page": "3"})

    assert seen == [f"N{number:02}" for number in range(count)]
    assert near.text.count("<h3>") == 1


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_every_language_keeps_what_was_asked(shops: Site, tag: str) -> None:
    said = texts(tag)
    page = await _get(shops, f"/points?q=Ipoh&cards=yes&lang={tag}")

    assert f'<html lang="{tag}">' in page.text
    shown = text_of(page)
    assert said.get("points.kind.supermarket") in shown
    assert said.get("points.day.6") in shown
    assert said.plural("points.found_for", 1, where="Ipoh") in shown
    for other in LANGUAGES:
        assert f'href="/points?q=Ipoh&amp;cards=yes&amp;page=1&amp;lang={other}"' in page.text
    near = await _post(shops, f"/points/near?lang={tag}", IPOH)
    assert said.get("points.nearest") in text_of(near)
    assert f'formaction="/points/near?lang={tag}"' in near.text


async def _post(site: Site, path: str, form: dict[str, str], **headers: str) -> httpx.Response:
    async with client_of(site) as pages:
        return await pages.post(path, data=form, headers=headers)


async def test_the_nearest_come_first(shops: Site) -> None:
    page = await _post(shops, "/points/near", IPOH)

    assert listed(page) == "CBAD"
    assert re.findall(r"<b>([^<]+)</b>", page.text) == ["550 m", "550 m", "175 km", "1,083 km"]
    assert page.headers["cache-control"] == "no-store"
    reloads = await _post(shops, "/points/near", {**IPOH, "reloads": "yes"})
    assert listed(reloads) == "CAD"


async def test_a_place_lands_in_no_address_and_no_log(
    shops: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as logged:
        page = await _post(shops, "/points/near", {**IPOH, "page": "1"})

    said = [record.getMessage() for record in caplog.records if record.name != "httpx"]
    assert [text for text in [*said, *map(str, logged)] if "4.599" in text] == []
    addresses = re.findall(r'(?:href|action|formaction|data-dots)="([^"]*)"', page.text)
    assert [text for text in addresses if "4.599" in text or "101.095" in text] == []
    assert page.headers["referrer-policy"] == "no-referrer"
    assert str(page.url) == "http://testel.example/points/near"


async def test_the_address_alone_leads_to_the_form(shops: Site) -> None:
    page = await _get(shops, "/points/near?lang=ms")

    assert (page.status_code, page.headers["location"]) == (303, "/points?lang=ms")


async def test_what_is_no_place_is_refused(shops: Site) -> None:
    wrong = [
        {},
        {"latitude": "91", "longitude": "1"},
        {"latitude": "1", "longitude": "nan"},
        {"latitude": "1e1", "longitude": "1"},
        {"latitude": "1", "longitude": "-181"},
    ]
    async with client_of(shops) as pages:
        answers = [await pages.post("/points/near", data=form) for form in wrong]

    assert [page.status_code for page in answers] == [422] * len(wrong)


async def test_another_sites_form_is_refused(shops: Site) -> None:
    page = await _post(shops, "/points/near", IPOH, **{"sec-fetch-site": "cross-site"})

    assert page.status_code == 422


async def test_the_map_is_given_every_point_that_is_found(shops: Site) -> None:
    dots = json.loads((await _get(shops, "/points/dots?q=ipoh&page=9")).text)

    assert [(at, about) for _, at, about in dots] == [
        ("4.600000,101.100000", "Demo Fuel C · 3 Jalan Tiga, 30010 Ipoh, Perak"),
        ("4.597500,101.090100", "Demo Mart B · 2 Jalan Dua, 30000 Ipoh, Perak"),
    ]


async def test_only_this_page_may_ask_for_a_place(shops: Site) -> None:
    here = (await _get(shops, "/points")).headers
    elsewhere = (await _get(shops, "/help")).headers

    assert "geolocation=(self)" in here["permissions-policy"]
    assert "geolocation=()" in elsewhere["permissions-policy"]
    assert here["content-security-policy"] == elsewhere["content-security-policy"]


async def test_tiles_of_the_operators_may_be_fetched_and_nothing_else(shops: Site) -> None:
    points = PointsEntry(
        tile_url="https://tiles.example/{z}/{x}/{y}.png", tile_attribution="© <Somebody>"
    )
    tiled = replace(shops, operator=_with(shops, points))
    page = await _get(tiled, "/points")

    policy = page.headers["content-security-policy"]
    assert policy.endswith("; img-src 'self' data: https://tiles.example")
    assert policy.startswith("default-src 'self'; ")
    assert "© &lt;Somebody&gt;" in page.text


def _with(site: Site, points: PointsEntry) -> object:
    return type(site.operator)(
        **{name: getattr(site.operator, name) for name in site.operator.__struct_fields__}
        | {"points": points}
    )


@pytest.mark.parametrize(
    "address",
    [
        "https://tiles.example/{z}/{x}.png",
        "http://tiles.example/{z}/{x}/{y}.png",
        "//tiles.example/{z}/{x}/{y}.png",
        "https://tiles.example; script-src */{z}/{x}/{y}",
        "{z}/{x}/{y}",
    ],
)
def test_addresses_of_tiles_that_are_none_are_refused(empty_site: Site, address: str) -> None:
    with pytest.raises(ConfigError, match="tile_url"):
        operator_rules(_with(empty_site, PointsEntry(tile_url=address)))  # type: ignore[arg-type]


@pytest.mark.parametrize("address", ["", "/tiles/{z}/{x}/{y}.png"])
def test_addresses_of_tiles_are_taken(empty_site: Site, address: str) -> None:
    rules = operator_rules(_with(empty_site, PointsEntry(tile_url=address)))  # type: ignore[arg-type]
    assert isinstance(rules, Rules)


@pytest.mark.parametrize(
    ("metres", "told"),
    [
        (0, "50 m"),
        (349, "350 m"),
        (949, "950 m"),
        (950, "0.9 km"),
        (2_449, "2.4 km"),
        (9_999, "10.0 km"),
        (31_400, "31 km"),
        (1_080_600, "1,081 km"),
    ],
)
def test_distances_are_told_roughly(metres: int, told: str) -> None:
    assert tell_distance(texts("en"), metres) == told


def test_a_box_ends_at_the_earths_edges() -> None:
    box = box_around((89_950_000, 179_900_000), 25_000)

    assert (box.north, box.east) == (90_000_000, 180_000_000)
    assert box.south < 89_950_000
    assert box.west < 179_900_000
