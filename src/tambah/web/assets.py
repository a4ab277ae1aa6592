"""Stylesheet, scripts and pictures: read once, named by their content, cached for a year."""

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath

from tambah.config import Brand
from tambah.domain.refusals import PageNotFound
from tambah.web.colour import BLACK, WHITE, contrast, mix, parse_colour, readable_on, show_colour
from tambah.web.picture import draw_preview

FOLDER = Path(__file__).parent / "static"
TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}
PAPER = parse_colour("#f6f4ee")
NIGHT = parse_colour("#14181b")
NIGHT_CARD = parse_colour("#1d2327")


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent: its type, its bytes, the same compressed."""

    media_type: str
    content: bytes
    compressed: bytes


class Assets:
    """All files under /static, in the operator's colours."""

    def __init__(self, brand: Brand) -> None:
        self._names: dict[str, str] = {}
        self._assets: dict[str, Asset] = {}
        icon = (FOLDER / "icon.svg").read_text().replace("#0b5d57", brand.colour)
        self._add("icon.svg", icon)
        self._add("tambah.css", brand_css(brand.colour) + (FOLDER / "tambah.css").read_text())
        self._add("portal.js", (FOLDER / "portal.js").read_text())
        for name in ("points.js", "points.css", "phone.js", "phone.css", "rates.css"):
            self._add(name, (FOLDER / name).read_text())
        for name in ("console.js", "console.css", "passkeys.js"):
            self._add(name, (FOLDER / name).read_text())
        for name in ("shop.js", "shop.css"):
            self._add(name, (FOLDER / name).read_text())
        for name in ("leaflet.js", "leaflet.css"):
            self._add(name, (FOLDER / "vendor" / "leaflet" / name).read_text())
        self._add("malaysia.json", (FOLDER / "vendor" / "malaysia" / "malaysia.json").read_text())
        self._add("app.webmanifest", self._manifest(brand))
        self._add_bytes("preview.png", draw_preview(brand.colour))

    def address(self, name: str) -> str:
        """Return the address of a file, with the digest of its content in it."""
        return f"/static/{self._names[name]}"

    def find(self, hashed_name: str) -> Asset:
        """Return the file of that hashed name. Raises PageNotFound."""
        asset = self._assets.get(hashed_name)
        if asset is None:
            raise PageNotFound
        return asset

    def _add(self, name: str, text: str) -> None:
        path = Path(name)
        squeeze = {".css": squeeze_css, ".js": squeeze_js}.get(path.suffix, str)
        self._add_bytes(name, squeeze(text).encode())

    def _add_bytes(self, name: str, content: bytes) -> None:
        path = Path(name)
        digest = hashlib.sha256(content).hexdigest()[:10]
        hashed_name = f"{path.stem}.{digest}{path.suffix}"
        self._names[name] = hashed_name
        self._assets[hashed_name] = Asset(
            TYPES[path.suffix], content, gzip.compress(content, 9, mtime=0)
        )

    def _manifest(self, brand: Brand) -> str:
        icon = {"src": self.address("icon.svg"), "sizes": "any", "type": "image/svg+xml"}
        manifest = {
            "name": brand.name,
            "short_name": brand.short_name or brand.name,
            "start_url": "/",
            "display": "minimal-ui",
            "background_color": show_colour(PAPER),
            "theme_color": brand.colour,
            "icons": [icon],
        }
        return msgspec.json.encode(manifest).decode()


@lru_cache(maxsize=8)
def assets_of(brand: Brand) -> Assets:
    """Return the files in a brand's colours; made once."""
    return Assets(brand)


def brand_css(colour: str) -> str:
    """Write the operator's colour as custom properties, readable by day and by night.

    4.5 is WCAG's least contrast for text; a little more is asked for, for small Tamil letters.
    """
    brand = parse_colour(colour)
    day_link = readable_on(brand, PAPER, 6.0)
    night_link = readable_on(mix(brand, WHITE, 30), NIGHT_CARD, 7.0)
    night_button = readable_on(mix(brand, WHITE, 15), NIGHT_CARD, 4.0)
    face = readable_on(brand, WHITE, 6.0)
    day = _properties(button=brand, link=day_link, tint=mix(PAPER, brand, 8))
    night = _properties(button=night_button, link=night_link, tint=mix(NIGHT_CARD, brand, 20))
    always = f"--face:{show_colour(face)};"
    return f":root{{{always}{day}}}@media(prefers-color-scheme:dark){{:root{{{night}}}}}"


def _properties(
    *, button: tuple[int, int, int], link: tuple[int, int, int], tint: tuple[int, int, int]
) -> str:
    on_button = max(BLACK, WHITE, key=lambda end: contrast(end, button))
    return (
        f"--button:{show_colour(button)};--on-button:{show_colour(on_button)};"
        f"--link:{show_colour(link)};--tint:{show_colour(tint)};"
    )


def squeeze_js(text: str) -> str:
    """Leave out lines that are comments, and how far lines are moved in."""
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def squeeze_css(text: str) -> str:
    """Leave out comments and spaces that a browser does not need."""
    bare = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    bare = re.sub(r"\s+", " ", bare)
    return re.sub(r"\s*([{};,>])\s*", r"\1", bare).replace(";}", "}").strip()


def asset_route(assets: Assets) -> Any:
    """Return the handler of /static: cached for a year, for a change has another name."""

    @get("/static/{name:str}", include_in_schema=False, sync_to_thread=False)
    def send_asset(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
        asset = assets.find(name)
        headers = {
            "cache-control": "public, max-age=31536000, immutable",
            "vary": "accept-encoding",
        }
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(asset.content, media_type=asset.media_type, headers=headers)
        headers["content-encoding"] = "gzip"
        return Response(asset.compressed, media_type=asset.media_type, headers=headers)

    return send_asset
