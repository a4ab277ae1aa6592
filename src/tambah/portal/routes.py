"""All addresses of the portal."""

from pathlib import Path
from typing import Any

from tambah.portal.help import help_routes
from tambah.portal.results import result_routes
from tambah.portal.sandbox import sandbox_routes
from tambah.portal.topup import topup_routes
from tambah.web.pages import Pages
from tambah.web.site import Site

TEMPLATES = Path(__file__).parent / "templates"


def routes(site: Site) -> list[Any]:
    """Return the portal's Litestar handlers; the sandbox's only for a demo database."""
    pages = Pages(site, TEMPLATES)
    handlers = [*topup_routes(pages), *result_routes(pages), *help_routes(pages)]
    if site.is_demo:
        handlers += sandbox_routes(pages)
    return handlers
