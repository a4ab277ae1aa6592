"""/docs and /openapi.json: a page of our own, drawn from the OpenAPI document.

No script, nothing from elsewhere. Drawn once for each language and kept.
"""

import gzip
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import parse_qs, quote

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tambah import i18n
from tambah.api.refusals import STATUS
from tambah.api.rest import examples
from tambah.api.rest.openapi import Json, document, parameters, refusals_by_status
from tambah.api.rest.request import Headers, Scope
from tambah.api.rest.routes import ROUTES, Route
from tambah.domain.refusals import MethodNotAllowed, PageNotFound, Refusal
from tambah.web.assets import brand_css, squeeze_css
from tambah.web.site import Sandbox, Site

_FOLDER = Path(__file__).parent / "templates"
_POLICY = (
    b"default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    b"frame-ancestors 'none'"
)
_HEADERS = [
    (b"cache-control", b"no-cache"),
    (b"content-security-policy", _POLICY),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
]
_LOCAL = "http://127.0.0.1:8000"
_SAMPLES: dict[str, str | int | datetime] = {
    "least": "1.00",
    "most": "500.00",
    "cap": "20000.00",
    "missing": "2.50",
    "field": "amount",
    "scope": "topups:write",
    "allow": "GET",
    "until": datetime(2027, 3, 1, 6, 45, tzinfo=UTC),
    "used_at": datetime(2027, 3, 1, 6, 30, tzinfo=UTC),
    "sold_at": datetime(2027, 3, 1, 6, 30, tzinfo=UTC),
    "minutes": 10,
    "hours": 24,
    "rate": "3.00",
    "dealer": 503,
    "period": "2026-12",
    "what": "batch 7",
    "reason": "needs",
    "serial": examples.SERIAL,
    "incident": "5f0c21ab",
    "where": "line 12",
    "most_digits": 4,
    "most_mb": 20,
}
_SAMPLE_STATES = {
    "batch_state_wrong": "locked",
    "voucher_state_wrong": "redeemed",
    "approval_over": "declined",
    "sim_not_usable": "assigned",
    "payment_not_refundable": "failed",
}


@dataclass(frozen=True, slots=True)
class Paper:
    """A document as it is sent: its type, its bytes, the same compressed, its entity tag."""

    media_type: bytes
    content: bytes
    compressed: bytes
    tag: bytes
    language: bytes = b""


class Docs:
    """Answers for the three documents."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._server = site.public_url.rstrip("/") or _LOCAL
        self._pages: dict[str, Paper] = {}

    def answer(
        self, scope: Scope, headers: Headers
    ) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """Return status, headers and body. Raises PageNotFound and MethodNotAllowed."""
        paper = self._find(scope, headers)
        if scope["method"] not in ("GET", "HEAD"):
            raise MethodNotAllowed(allow="GET, HEAD")
        lines = [*_HEADERS, (b"content-type", paper.media_type), (b"etag", paper.tag)]
        lines.append((b"vary", b"accept-encoding, accept-language, cookie"))
        if paper.language:
            lines.append((b"content-language", paper.language))
        if headers.get(b"if-none-match") == paper.tag:
            return 304, lines, b""
        if b"gzip" in headers.get(b"accept-encoding", b""):
            return 200, [*lines, (b"content-encoding", b"gzip")], paper.compressed
        return 200, lines, paper.content

    def _find(self, scope: Scope, headers: Headers) -> Paper:
        path: str = scope["path"]
        if path == "/docs":
            return self._page(_reader_language(scope, headers))
        if path == "/docs/docs.css":
            return self._stylesheet
        if path == "/openapi.json":
            return self._openapi
        raise PageNotFound

    def _page(self, language: str) -> Paper:
        if language not in self._pages:
            html = _templates().get_template("docs.html").render(self._context(language))
            self._pages[language] = _paper(b"text/html; charset=utf-8", html, language)
        return self._pages[language]

    @cached_property
    def _stylesheet(self) -> Paper:
        text = (_FOLDER / "docs.css").read_text(encoding="utf-8")
        colours = brand_css(self._site.operator.brand.colour)
        return _paper(b"text/css; charset=utf-8", colours + squeeze_css(text))

    @cached_property
    def _openapi(self) -> Paper:
        return _paper(b"application/json", msgspec.json.encode(self._document).decode())

    @cached_property
    def _document(self) -> Json:
        return document(title=f"{self._site.operator.brand.name} API", server=self._server)

    def _context(self, language: str) -> Json:
        schemas: Json = self._document["components"]["schemas"]
        return {
            "brand": self._site.operator.brand,
            "server": self._server,
            "sandbox": self._site.sandbox,
            "operations": [self._operation(route) for route in ROUTES],
            "schemas": {name: fields_of(schema) for name, schema in schemas.items()},
            "about": {name: schema.get("description", "") for name, schema in schemas.items()},
            "errors": self._errors(language),
            "language": language,
            "languages": i18n.LANGUAGES,
        }

    def _operation(self, route: Route) -> Json:
        return {
            "route": route,
            "parameters": parameters(route),
            "body": route.body.__name__ if route.body else None,
            "answer": route.answer.__name__,
            "curl": _curl(route, self._server, self._site.sandbox),
            "example": _pretty(examples.ANSWERS[route.name]),
            "refusals": refusals_by_status(route),
        }

    def _errors(self, language: str) -> list[Json]:
        texts, zone = i18n.texts(language), self._site.rules.validity.zone
        return [
            {
                "code": refusal.code,
                "status": status,
                "sentence": texts.refusal(_sample(refusal), zone),
            }
            for refusal, status in sorted(
                STATUS.items(), key=lambda entry: (entry[1], entry[0].code)
            )
        ]


def fields_of(schema: Json) -> list[Json]:
    """Return an object schema's fields with their types in words."""
    properties: Json = schema.get("properties", {})
    required: list[str] = schema.get("required", [])
    return [
        {
            "name": name,
            "type": type_of(content),
            "link": link_of(content),
            "required": name in required,
            "about": content.get("description", ""),
        }
        for name, content in properties.items()
    ]


def type_of(schema: Json) -> str:
    """Return a schema's type in words."""
    if "anyOf" in schema:
        return " or ".join(type_of(part) for part in schema["anyOf"])
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if "enum" in schema:
        return " · ".join("null" if value is None else value for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {type_of(schema['items'])}"
    return schema.get("format") or schema.get("type", "")


def link_of(schema: Json) -> str:
    """Return the name of the schema that a field's schema refers to, empty for none."""
    target: Json = schema.get("items", schema)
    return target.get("$ref", "").rpartition("/")[2]


def _reader_language(scope: Scope, headers: Headers) -> str:
    query = parse_qs(scope["query_string"].decode("latin-1"))
    cookies: SimpleCookie = SimpleCookie()
    try:
        cookies.load(headers.get(b"cookie", b"").decode("latin-1"))
    except CookieError:
        cookies.clear()
    chosen = cookies["lang"].value if "lang" in cookies else None
    accepted = headers.get(b"accept-language", b"").decode("latin-1")
    return i18n.negotiate(query.get("lang", [None])[0], chosen, accepted)


def _sample(refusal: type[Refusal]) -> Refusal:
    """Return a refusal with an example of every param that a sentence may name."""
    state = _SAMPLE_STATES.get(refusal.code)
    return refusal(**_SAMPLES, **({"state": state} if state else {}))


def _curl(route: Route, server: str, sandbox: Sandbox | None) -> str:
    """Return a command that does the operation; in a demo, one that works as it stands."""
    key = sandbox.api_key if sandbox else examples.API_KEY
    number = sandbox.msisdn if sandbox else examples.MSISDN
    subjects = {"msisdn": number, "serial": examples.SERIAL, "reference": examples.REFERENCE}
    subject = subjects.get(route.subject, "")
    query = f"?to={quote(examples.CALLED)}" if route.takes_rate else ""
    path = route.path.replace(f"{{{route.subject}}}", subject)
    path = path.replace("{session}", examples.SESSION)
    lines = [f"curl {server}{path}{query}"]
    lines.append(f"  -H 'Authorization: Bearer {key}'")
    if route.is_keyed and route.body is None:
        lines += ["  -H 'Idempotency-Key: 2042-b'", "  -X POST"]
    if route.body is not None:
        body = msgspec.json.encode(examples.REQUESTS[route.name]).decode()
        if route.is_keyed:
            lines.append("  -H 'Idempotency-Key: 2041-a'")
        lines.append(f"  -d '{body}'")
    return " \\\n".join(lines)


def _pretty(struct: msgspec.Struct) -> str:
    return msgspec.json.format(msgspec.json.encode(struct), indent=2).decode()


def _paper(media_type: bytes, text: str, language: str = "") -> Paper:
    content = text.encode()
    return Paper(
        media_type=media_type,
        content=content,
        compressed=gzip.compress(content, 9, mtime=0),
        tag=b'W/"%s"' % hashlib.sha256(content).hexdigest()[:16].encode(),
        language=language.encode(),
    )


def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
