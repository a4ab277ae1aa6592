"""All that is answered over HTTP: which door a request is for."""

from __future__ import annotations

from typing import Any

from litestar import Litestar

from tambah.api.rest import Api
from tambah.api.webhooks import Webhooks
from tambah.channels.ivr.drafts import is_installed
from tambah.channels.ivr.speech import PromptSpeech
from tambah.channels.sandbox_phone.handlers import phone_routes
from tambah.channels.switchboard import Switchboard
from tambah.console.routes import console_doors, console_router
from tambah.portal.routes import routes
from tambah.shop.routes import shop_doors, shop_router
from tambah.web.health import HEALTH_PATHS, Health
from tambah.web.setup import configure
from tambah.web.site import Site


def build_asgi(site: Site, switchboard: Switchboard | None = None) -> Any:
    """Return the ASGI application: the API's own thin handlers first, gateways, then pages."""
    api, health, webhooks = Api(site), Health(site), Webhooks(site)
    pieces = configure(site, doors={**console_doors(site), **shop_doors(site)})
    litestar = Litestar(
        route_handlers=[
            *pieces.route_handlers,
            *routes(site),
            *_phone(site, switchboard),
            console_router(site),
            shop_router(site),
        ],
        exception_handlers=pieces.exception_handlers,
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,  # `wrap` limits and drains bodies, for every path
    )
    pages = pieces.wrap(litestar)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http":
            await litestar(scope, receive, send)
        elif path.startswith("/api/") or api.owns(path):
            await api(scope, receive, send)
        elif webhooks.owns(path):
            await webhooks(scope, receive, send)
        elif path in HEALTH_PATHS:
            await health(scope, receive, send)
        elif switchboard is not None and (door := switchboard.door_of(path)) is not None:
            await door(scope, receive, send)
        else:
            await pages(scope, receive, send)

    return application


def _phone(site: Site, switchboard: Switchboard | None) -> list[Any]:
    """Return the handlers of the phone on the screen, where there is one."""
    if switchboard is None or not site.is_demo:
        return []
    speaks = is_installed() or bool(site.recordings_dir)
    speech = PromptSpeech(switchboard.prompts, site.rules.validity.zone) if speaks else None
    return phone_routes(site, switchboard.attendant, speech)
