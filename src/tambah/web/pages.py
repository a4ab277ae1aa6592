"""How a page is drawn: in the reader's language, from a template, with the headers it needs."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket
from litestar import Request, Response
from litestar.background_tasks import BackgroundTask
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie

from tambah.domain.money import ringgit
from tambah.i18n import LANGUAGES, Texts, negotiate, texts
from tambah.i18n.negotiation import match
from tambah.i18n.texts import money
from tambah.web.assets import assets_of
from tambah.web.site import Site

LANGUAGE_COOKIE = "lang"
_YEAR_SECONDS = 31_536_000
_SHARED = Path(__file__).parent / "templates"

AnyRequest = Request[Any, Any, Any]
AnyConnection = ASGIConnection[Any, Any, Any, Any]


class _CompiledHere(BytecodeCache):
    """Compiles each template once in a process, however many doors draw from it."""

    def __init__(self) -> None:
        self._compiled: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take what was compiled before, if it was."""
        if compiled := self._compiled.get(bucket.key):
            bucket.bytecode_from_string(compiled)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what has just been compiled."""
        self._compiled[bucket.key] = bucket.bytecode_to_string()


_COMPILED = _CompiledHere()


class Pages:
    """Draws the pages of one door; `folder` holds its templates."""

    def __init__(self, site: Site, folder: Path = _SHARED) -> None:
        self.site = site
        self._templates = Environment(
            loader=FileSystemLoader([folder, _SHARED]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            bytecode_cache=_COMPILED,
        )
        globals_: dict[str, Any] = self._templates.globals
        globals_.update(
            brand=site.operator.brand,
            social=site.operator.social,
            public_url=site.public_url.rstrip("/"),
            is_demo=site.is_demo,
            zone=site.rules.validity.zone,
            languages=LANGUAGES,
            asset=assets_of(site.operator.brand).address,
            whole=whole,
        )

    def speak(self, request: AnyRequest, stored: str = "") -> Texts:
        """Return the texts in the reader's language: asked for, chosen before, stored, or read."""
        chosen = request.cookies.get(LANGUAGE_COOKIE) or stored or None
        accepted = request.headers.get("accept-language")
        return texts(negotiate(request.query_params.get("lang"), chosen, accepted))

    def draw(
        self,
        request: AnyRequest,
        template: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        stored: str = "",
        **context: object,
    ) -> Response[bytes]:
        """Draw a page. `stored`: the tag of the language it was made in, if it was."""
        spoken = self.speak(request, stored)
        html = self._templates.get_template(template).render(
            context,
            texts=spoken,
            t=spoken.get,
            here=request.url.path,
            link=partial(keep_language, request),
        )
        return Response(
            html.encode(),
            status_code=status,
            media_type="text/html",
            headers={
                "cache-control": "private, no-cache",
                "content-language": spoken.tag,
                "vary": "accept-language, cookie",
                **(headers or {}),
            },
            cookies=self._choice(request),
        )

    def redirect(
        self,
        request: AnyRequest,
        path: str,
        *,
        cookies: Sequence[Cookie] = (),
        afterwards: BackgroundTask | None = None,
    ) -> Response[None]:
        """Send the reader on (303), in the language that was asked for.

        afterwards: done when the answer is written, so that it cannot tell what came of it.
        """
        return Response(
            None,
            status_code=303,
            headers={"location": keep_language(request, path), "cache-control": "no-store"},
            cookies=[*self._choice(request), *cookies],
            background=afterwards,
        )

    def _choice(self, request: AnyRequest) -> list[Cookie]:
        """Return the cookie that remembers a language asked for by address."""
        asked = asked_language(request)
        if not asked or request.cookies.get(LANGUAGE_COOKIE) == asked:
            return []
        return [self.language_cookie(asked)]

    def language_cookie(self, tag: str) -> Cookie:
        """Return the cookie that remembers a language."""
        return Cookie(
            key=LANGUAGE_COOKIE,
            value=tag,
            max_age=_YEAR_SECONDS,
            httponly=True,
            samesite="lax",
            secure=self.site.public_url.startswith("https://"),
        )


def whole(amount_micros: int) -> str:
    """Write what a card is called: RM10, but RM9.50."""
    return money(ringgit(amount_micros)).removesuffix(".00")


def asked_language(request: AnyRequest) -> str:
    """Return the tag that the address asks for, empty for none of ours."""
    return match(request.query_params.get("lang", "")) or ""


def keep_language(request: AnyRequest, path: str) -> str:
    """Return an address of ours that asks for the same language as this request's did."""
    asked = asked_language(request)
    if not asked:
        return path
    page, hash_, anchor = path.partition("#")
    mark = "&" if "?" in page else "?"
    return f"{page}{mark}{urlencode({'lang': asked})}{hash_}{anchor}"
