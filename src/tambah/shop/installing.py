"""What makes the shop's pages an app on a phone: a manifest, and a worker for when it is offline.

The worker keeps one page that says so and the files that it is drawn with; never a page with a
balance or a number on it.
"""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, get

from tambah.shop.pages import ShopPages
from tambah.shop.sessions import HOME, STRANGERS
from tambah.web.assets import PAPER, assets_of
from tambah.web.colour import show_colour
from tambah.web.pages import AnyRequest, Pages

OFFLINE = f"{HOME}/offline"
_FILES = ("tambah.css", "shop.css", "icon.svg")


def installing_routes(pages: ShopPages) -> list[Any]:
    """Return the handlers of the manifest, the worker and its page."""
    brand = pages.site.operator.brand
    assets = assets_of(brand)
    icon = {"src": assets.address("icon.svg"), "sizes": "any", "type": "image/svg+xml"}
    worker = _worker([OFFLINE, *(assets.address(name) for name in _FILES)])

    @get(f"{HOME}/app.webmanifest", opt=STRANGERS, include_in_schema=False)
    async def send_manifest(request: AnyRequest) -> Response[bytes]:
        name = f"{brand.short_name or brand.name} {pages.speak(request).get('shop.title')}"
        manifest = {
            "name": name,
            "short_name": name,
            "id": HOME,
            "start_url": HOME,
            "scope": HOME,
            "display": "standalone",
            "background_color": show_colour(PAPER),
            "theme_color": brand.colour,
            "icons": [icon],
        }
        return Response(
            msgspec.json.encode(manifest),
            media_type="application/manifest+json",
            headers={"cache-control": "no-cache", "vary": "accept-language, cookie"},
        )

    @get(f"{HOME}/worker.js", opt=STRANGERS, include_in_schema=False)
    async def send_worker() -> Response[bytes]:
        return Response(
            worker.encode(),
            media_type="text/javascript",
            headers={"cache-control": "no-cache", "service-worker-allowed": HOME},
        )

    @get(OFFLINE, opt=STRANGERS, include_in_schema=False)
    async def show_offline(request: AnyRequest) -> Response[Any]:
        # Kept by the worker, so nobody's name is on it.
        return Pages.draw(pages, request, "offline.html", me=None, asked="")

    return [send_manifest, send_worker, show_offline]


def _worker(kept: list[str]) -> str:
    """Return the worker's script. kept: all that it keeps; a change of it is another worker."""
    addresses = msgspec.json.encode(kept).decode()
    return f"""\
"use strict";
const KEPT = {addresses};
const NAME = "shop " + KEPT.join(" ");
self.addEventListener("install", (event) => {{
  event.waitUntil(caches.open(NAME).then((cache) => cache.addAll(KEPT)));
  self.skipWaiting();
}});
self.addEventListener("activate", (event) => {{
  const drop = (names) => Promise.all(names.filter((name) => name.startsWith("shop ") &&
    name !== NAME).map((name) => caches.delete(name)));
  event.waitUntil(caches.keys().then(drop));
}});
self.addEventListener("fetch", (event) => {{
  const request = event.request;
  const path = new URL(request.url).pathname;
  if (request.mode === "navigate" && request.method === "GET") {{
    event.respondWith(fetch(request).catch(() => caches.match(KEPT[0])));
  }} else if (KEPT.indexOf(path) > 0) {{
    event.respondWith(caches.match(path).then((found) => found || fetch(request)));
  }}
}});
"""
