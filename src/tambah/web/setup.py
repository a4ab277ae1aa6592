"""What the application plugs in once for all doors over HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tambah.web.assets import asset_route, assets_of
from tambah.web.errors import AnswerProgram, ErrorAnswers, ErrorHandler
from tambah.web.pages import Pages
from tambah.web.site import Site
from tambah.web.wrap import App, wrap


@dataclass(frozen=True, slots=True, kw_only=True)
class WebPieces:
    """Pieces for Litestar: the handler of /static, exception handlers, what goes around it all."""

    site: Site
    route_handlers: list[Any]
    exception_handlers: dict[Any, ErrorHandler]

    def wrap(self, app: App) -> App:
        """Put headers, compression, the body limit and HEAD around the application."""
        payments = self.site.payments
        origins = payments.origins() if payments else []
        return wrap(app, public_url=self.site.public_url, form_origins=origins)


def configure(
    site: Site,
    answer_program: AnswerProgram | None = None,
    doors: Mapping[str, Pages] | None = None,
) -> WebPieces:
    """Return what every application over HTTP needs; see WebPieces and ErrorAnswers."""
    return WebPieces(
        site=site,
        route_handlers=[asset_route(assets_of(site.operator.brand))],
        exception_handlers=ErrorAnswers(Pages(site), answer_program, doors).handlers(),
    )
