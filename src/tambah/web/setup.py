"""What the application plugs in once for all doors over HTTP."""

from dataclasses import dataclass
from typing import Any

from litestar.types import ASGIApp

from tambah.web.assets import asset_route, assets_of
from tambah.web.errors import AnswerProgram, ErrorHandler, error_handlers
from tambah.web.pages import Pages
from tambah.web.site import Site
from tambah.web.wrap import wrap


@dataclass(frozen=True, slots=True, kw_only=True)
class WebPieces:
    """Pieces for Litestar: handlers of /static, exception handlers; and what goes around it all."""

    site: Site
    route_handlers: list[Any]
    exception_handlers: dict[Any, ErrorHandler]

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """Put headers, compression, the body limit and HEAD around the application."""
        return wrap(app, public_url=self.site.public_url)


def configure(site: Site, answer_program: AnswerProgram | None = None) -> WebPieces:
    """Return what every application over HTTP needs; see WebPieces."""
    return WebPieces(
        site=site,
        route_handlers=[asset_route(assets_of(site.operator.brand))],
        exception_handlers={**error_handlers(Pages(site), answer_program)},
    )
