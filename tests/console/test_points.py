"""Top-up points in the console: found, written one by one, and from a file that was looked at."""

from __future__ import annotations

import hashlib

import httpx
import msgspec

from tambah.domain.point import PointKind
from tambah.domain.staff import Role
from tambah.i18n import LANGUAGES
from tambah.store.points import read_point
from tests.portal.conftest import field, text_of

from .conftest import World

EDIT, IMPORT = "/console/points/edit", "/console/points/import"
HEADER = (
    "code,name,kind,address,town,state,postcode,latitude,longitude,hours,"
    "sells_cards,sells_reloads\n"
)
GOOD = "A1,Kedai Ali,own_shop,1 Jalan Satu,Ipoh,Perak,30000,4.597479,101.090103,24/7,yes,no\n"
OTHER = "B/2,Kedai Siti,other,2 Jalan Dua,Klang,Selangor,41000,3.04,101.44,,yes,yes\n"
BAD = "C3,Kedai Devi,spaceship,3 Jalan Tiga,Muar,Johor,84000,2.04,102.57,,yes,yes\n"


def a_point(**more: str) -> dict[str, str]:
    """Return a form that is filled in."""
    return {
        "code": "A/1",
        "name": "Kedai Ali",
        "kind": "own_shop",
        "address": "1 Jalan Satu",
        "town": "Ipoh",
        "state": "Perak",
        "postcode": "30000",
        "latitude": "4.597479",
        "longitude": "-101.000001",
        "hours": "24/7",
        "sells_cards": "yes",
        "why": "opened",
    } | more


async def send(browser: httpx.AsyncClient, content: str, **fields: str) -> httpx.Response:
    """Choose a file and press a button."""
    files = {"file": ("points.csv", content.encode(), "text/csv")}
    return await browser.post(f"{IMPORT}?lang=en", data=fields, files=files)


async def test_a_point_is_added_changed_and_withdrawn(world: World) -> None:
    database = world.site.database
    async with await world.enter(await world.hire("mina", Role.MARKETING)) as browser:
        for tag in LANGUAGES:
            assert (await browser.get(f"{EDIT}?lang={tag}")).status_code == 200
        added = await browser.post(EDIT, data=a_point())
        assert added.headers["location"] == f"{EDIT}?code=A%2F1"
        page = await browser.get(added.headers["location"])
        assert field(page, "longitude") == "-101.000001"
        assert field(page, "latitude") == "4.597479"
        # What is the same already leaves no trace.
        assert (await browser.post(EDIT, data=a_point())).status_code == 303
        await browser.post(EDIT, data=a_point(withdrawn="yes", why="closed"))
        for query, is_there in {"": True, "?place=IPOH ali": True, "?place=muar": False}.items():
            listed = await browser.get(f"/console/points{query}")
            assert ("A%2F1" in listed.text) == is_there
        filtered = await browser.get("/console/points?kind=supermarket&place=<b>")
        assert "<b>" not in filtered.text.partition("<main")[2]
        answer = await browser.post("/console/points/export?place=ipoh", data={"as": "csv"})
        assert "Kedai Ali" in answer.text

    point = await read_point(database, "A/1")
    assert point is not None
    assert (point.kind, point.withdrawn, point.sells_reloads) == (PointKind.OWN_SHOP, True, False)
    acts = await database.fetch(
        "SELECT who, action, why FROM audit WHERE subject = 'point:A/1' ORDER BY day, seq"
    )
    assert [tuple(row) for row in acts] == [
        ("staff:mina", "WritePoint", "opened"),
        ("staff:mina", "WritePoint", "closed"),
    ]


async def test_what_cannot_be_read_is_named_and_kept(world: World) -> None:
    async with await world.enter_as(Role.MARKETING) as browser:
        for more, said in (
            ({"postcode": "30"}, "Postcode"),
            ({"latitude": "north"}, "Degrees north"),
            ({"hours": "always"}, "Opening hours"),
            ({"name": ""}, "Name"),
            ({"why": ""}, "reason"),
        ):
            refused = await browser.post(EDIT, data=a_point(**more))
            assert refused.status_code == 422
            assert said.lower() in text_of(refused).lower()
            assert "1 Jalan Satu" in refused.text
        assert (await browser.get(f"{EDIT}?code=nobody")).status_code == 404
    assert await read_point(world.site.database, "A/1") is None


async def test_a_file_is_looked_at_before_it_is_imported(world: World) -> None:
    database = world.site.database
    content = HEADER + GOOD + OTHER + BAD
    async with await world.enter(await world.hire("mina", Role.MARKETING)) as browser:
        for tag in LANGUAGES:
            assert (await browser.get(f"{IMPORT}?lang={tag}")).status_code == 200
        seen = await send(browser, content, do="look")
        said = text_of(seen)
        for part in ("New 2", "Refused 1", "Line 4: kind"):
            assert part in said, part
        assert await read_point(database, "A1") is None

        digest = field(seen, "seen")
        assert digest == hashlib.sha256(content.encode()).hexdigest()
        unexplained = await send(browser, content, do="import", seen=digest)
        assert unexplained.status_code == 422
        another = await send(browser, HEADER + GOOD, do="import", seen=digest, why="new shops")
        assert another.status_code == 409
        assert "not the file that was looked at" in text_of(another)
        assert await read_point(database, "A1") is None

        done = await send(browser, content, do="import", seen=digest, why="new shops")
        assert done.status_code == 200
        assert "Imported" in text_of(done)
        nothing = await send(browser, "", do="look")
        assert nothing.status_code == 422

    assert await read_point(database, "B/2") is not None
    told = await database.fetch_row(
        "SELECT who, why, after FROM audit WHERE action = 'ImportPoints'"
    )
    assert told is not None
    assert (told["who"], told["why"]) == ("staff:mina", "new shops")
    assert msgspec.json.decode(told["after"])["sha256"] == digest
