"""`/points`: where cards and reloads are sold; a list by town, postcode or nearness, and a map."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, replace
from math import cos, radians
from typing import Any
from urllib.parse import urlencode, urlsplit

from litestar import Response, get, post

from tambah.domain.point import MICRODEGREES_PER_DEGREE, search_words
from tambah.domain.refusals import Busy, FieldMalformed
from tambah.portal.point_words import is_open_at, tell_point
from tambah.store.database import CONNECTION_LOST, Database
from tambah.store.points import (
    EARTH,
    Box,
    FoundPoint,
    PointFilter,
    count_points,
    find_points,
    hours_in_use,
    nearest_points,
    towns_with_points,
)
from tambah.web.errors import Elsewhere
from tambah.web.forms import read_form, require_own_origin
from tambah.web.pages import AnyRequest, Pages, asked_language
from tambah.web.site import Site
from tambah.web.wrap import SECURITY_HEADERS

PER_PAGE = 15
MOST_DOTS = 500
_MOST_PAGES = 1000
_TOWNS = 12
_CHOICES = ("cards", "reloads", "open")
_POSTCODE = re.compile(r"[0-9]{1,5}", re.ASCII)
_DEGREES = re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,6})?", re.ASCII)
# Boxes that are looked into one after the other, until one holds enough; then the whole earth.
_RADII_METRES = (5_000, 25_000, 100_000)
_MICRODEGREES_PER_METRE = MICRODEGREES_PER_DEGREE / 111_195


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a reader asks for. where: as typed. choices: of `cards`, `reloads`, `open`."""

    where: str = ""
    choices: tuple[str, ...] = ()
    page: int = 1

    def query(self, **more: object) -> str:
        """Write it as a query, without the page."""
        asked = {"q": self.where} if self.where else {}
        return urlencode(asked | dict.fromkeys(self.choices, "yes") | more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was found. total: on all pages. around: of the postcodes near the one asked for."""

    points: list[FoundPoint]
    total: int
    page: int = 1
    around: bool = False


def points_routes(pages: Pages) -> list[Any]:
    """Return the handlers of /points."""
    site = pages.site
    headers = page_headers(site.operator.points.tile_url)

    @get("/points", include_in_schema=False)
    async def show_points(request: AnyRequest) -> Response[bytes]:
        asked = read_asked(request.query_params)
        answer = await _or_busy(find(site, asked))
        towns = [] if answer.total else await towns_with_points(site.database, _TOWNS)
        return draw(pages, request, asked, answer, headers, towns=towns)

    @post("/points/near", status_code=200, include_in_schema=False)
    async def show_nearest(request: AnyRequest) -> Response[bytes]:
        """Answer a form: in an address, where somebody is would stay in histories and logs."""
        require_own_origin(request)
        form = await read_form(request)
        at = (read_degrees(form, "latitude", 90), read_degrees(form, "longitude", 180))
        asked = replace(read_asked(form), where="")
        answer = await _or_busy(find_nearest(site, asked, at))
        place = {name: form[name] for name in ("latitude", "longitude")}
        return draw(pages, request, asked, answer, headers, place=place)

    @get("/points/near", include_in_schema=False)
    async def show_form() -> None:
        """Send a reader who asks for the address alone to where it begins."""
        raise Elsewhere("/points")

    @get("/points/dots", include_in_schema=False)
    async def list_dots(request: AnyRequest) -> Response[list[tuple[str, str, str]]]:
        """Answer all that is found, for the map: id, degrees, name and town."""
        asked = replace(read_asked(request.query_params), page=1)
        answer = await _or_busy(find(site, asked, limit=MOST_DOTS))
        now = site.clock.now().astimezone(site.rules.validity.zone)
        told = [tell_point(pages.speak(request), found, now) for found in answer.points]
        dots = [
            (str(one.point_id), one.at, f"{one.name} · {', '.join(one.address)}") for one in told
        ]
        return Response(dots, headers={"cache-control": "private, no-cache"})

    return [show_points, show_nearest, show_form, list_dots]


def draw(
    pages: Pages,
    request: AnyRequest,
    asked: Asked,
    answer: Answer,
    headers: Mapping[str, str],
    **more: Any,
) -> Response[bytes]:
    """Draw the list. more: towns to look in, where nothing was found; place: the reader's."""
    place: dict[str, str] | None = more.get("place")
    spoken, points = pages.speak(request), pages.site.operator.points
    now = pages.site.clock.now().astimezone(pages.site.rules.validity.zone)
    return pages.draw(
        request,
        "points.html",
        headers={**headers, "cache-control": "no-store"} if place else headers,
        asked=replace(asked, page=answer.page),
        lang=asked_language(request),
        choices=_CHOICES,
        place=place,
        towns=[(town, urlencode({"q": town})) for town in more.get("towns", ())],
        around=answer.around,
        points=[tell_point(spoken, found, now) for found in answer.points],
        total=answer.total,
        pages=pages_of(answer.total),
        tiles=points.tile_url,
        tiles_by=points.tile_attribution,
    )


def page_headers(tile_url: str) -> dict[str, str]:
    """Return the headers by which the page may ask for a place, and for tiles of that address."""
    allowed = SECURITY_HEADERS["permissions-policy"].replace(
        "geolocation=()", "geolocation=(self)"
    )
    headers = {"permissions-policy": allowed}
    if tile_url:
        parts = urlsplit(tile_url)
        origin = f" {parts.scheme}://{parts.netloc}" if parts.netloc else ""
        policy = SECURITY_HEADERS["content-security-policy"]
        # data: for the empty picture that Leaflet puts in the place of a tile it lets go.
        headers["content-security-policy"] = f"{policy}; img-src 'self' data:{origin}"
    return headers


def read_asked(fields: Mapping[str, str]) -> Asked:
    """Read what is asked for; what makes no sense is passed over."""
    page = fields.get("page", "")
    is_number = page.isascii() and page.isdigit() and len(page) <= 4
    return Asked(
        where=fields.get("q", "").strip()[:64],
        choices=tuple(choice for choice in _CHOICES if fields.get(choice) == "yes"),
        page=min(max(int(page), 1), _MOST_PAGES) if is_number else 1,
    )


def read_degrees(form: Mapping[str, str], name: str, most: int) -> int:
    """Read degrees as microdegrees. Raises FieldMalformed."""
    text = form.get(name, "")
    if not _DEGREES.fullmatch(text) or abs(float(text)) > most:
        raise FieldMalformed(field=name)
    return round(float(text) * MICRODEGREES_PER_DEGREE)


async def _or_busy(answer: Awaitable[Answer]) -> Answer:
    """Wait for an answer. Raises Busy where the database is away."""
    try:
        return await answer
    except CONNECTION_LOST as lost:
        raise Busy from lost


async def find(site: Site, asked: Asked, limit: int = PER_PAGE) -> Answer:
    """Find points by town or postcode; where a postcode has none, those around it."""
    wanted = await _wanted(site, asked)
    around = False
    total = await count_points(site.database, wanted)
    for length in (3, 2):
        if total or len(wanted.postcode) <= length:
            continue
        wanted, around = replace(wanted, postcode=wanted.postcode[:length]), True
        total = await count_points(site.database, wanted)
    page = min(asked.page, pages_of(total))
    found = await find_points(site.database, wanted, skip=_skipped(page), limit=limit)
    return Answer(points=found, total=total, page=page, around=around and total > 0)


async def find_nearest(site: Site, asked: Asked, at: tuple[int, int]) -> Answer:
    """Find the points nearest to a place (microdegrees). total: of all that match, anywhere."""
    wanted = await _wanted(site, asked)
    total = await count_points(site.database, wanted)
    page = min(asked.page, pages_of(total))
    for radius in _RADII_METRES:
        found = await _look_into(site.database, wanted, at, box_around(at, radius), page)
        # A box's corners lie further than its sides: beyond the radius others may be nearer.
        full = len(found) == PER_PAGE and (found[-1].metres or 0) <= radius
        if full:
            break
    else:
        found = await _look_into(site.database, wanted, at, EARTH, page)
    return Answer(points=found, total=total, page=page)


def pages_of(total: int) -> int:
    """Return how many pages so many points fill; there is always one."""
    return max(1, -(-total // PER_PAGE))


def _skipped(page: int) -> int:
    return (page - 1) * PER_PAGE


async def _look_into(
    database: Database, wanted: PointFilter, at: tuple[int, int], box: Box, page: int
) -> list[FoundPoint]:
    return await nearest_points(database, wanted, at, box, skip=_skipped(page), limit=PER_PAGE)


def box_around(at: tuple[int, int], radius_metres: int) -> Box:
    """Return the box that holds all within a radius; the earth's edges end it."""
    latitude, longitude = at
    high = round(radius_metres * _MICRODEGREES_PER_METRE)
    shrunk = cos(radians(min(abs(latitude) + high, 89_000_000) / MICRODEGREES_PER_DEGREE))
    wide = round(high / shrunk)
    return Box(
        south=max(latitude - high, EARTH.south),
        north=min(latitude + high, EARTH.north),
        west=max(longitude - wide, EARTH.west),
        east=min(longitude + wide, EARTH.east),
    )


async def _wanted(site: Site, asked: Asked) -> PointFilter:
    words = search_words(asked.where)
    is_postcode = len(words) == 1 and _POSTCODE.fullmatch(words[0]) is not None
    hours: tuple[str, ...] | None = None
    if "open" in asked.choices:
        now = site.clock.now().astimezone(site.rules.validity.zone)
        in_use = await hours_in_use(site.database)
        hours = tuple(text for text in in_use if is_open_at(text, now))
    return PointFilter(
        words=() if is_postcode else tuple(words),
        postcode=words[0] if is_postcode else "",
        cards="cards" in asked.choices,
        reloads="reloads" in asked.choices,
        hours=hours,
    )
