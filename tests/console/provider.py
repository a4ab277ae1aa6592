"""A provider of single sign-on that says whatever a test wants, over HTTP on this machine."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

CLIENT, SECRET = "tambah", "only-for-tests"


@dataclass
class Provider:
    """What it is, what it knows of who signs in, and what was asked of it.

    claims: of the next token, over the right ones; None leaves one out. alg: how it signs.
    """

    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=dict[str, Any])
    alg: str = "RS256"
    says: dict[str, Any] = field(default_factory=dict[str, Any])
    userinfo: dict[str, Any] | None = None
    is_down: bool = False
    key: Any = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "1"}))
    signs_with: Any = None
    asked: list[tuple[str, dict[str, str]]] = field(
        default_factory=list[tuple[str, dict[str, str]]]
    )
    _codes: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    def allow(self, address: str) -> dict[str, str]:
        """Let whoever was sent here in; return what they come back with."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert query["client_id"] == CLIENT
        assert query["code_challenge_method"] == "S256"
        code = secrets.token_hex(8)
        self._codes[code] = query
        return {"code": code, "state": query["state"]}

    def answer(self, method: str, path: str, form: dict[str, str], auth: str) -> tuple[int, Any]:
        """Answer a request of the product's."""
        self.asked.append((f"{method} {path}", form))
        if self.is_down:
            return 503, {}
        if path == "/.well-known/openid-configuration":
            return 200, self._document()
        if path.startswith("/authorize?"):
            where = parse_qs(urlsplit(path).query)["redirect_uri"][0]
            return 303, f"{where}?{urlencode(self.allow(path))}"
        if path == "/keys":
            return 200, KeySet([self.key]).as_dict(private=False)
        if path == "/userinfo":
            return 200, self.userinfo
        return self._redeem(form, auth)

    def _document(self) -> dict[str, Any]:
        usual = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        } | ({"userinfo_endpoint": f"{self.issuer}/userinfo"} if self.userinfo else {})
        return usual | self.says

    def _redeem(self, form: dict[str, str], auth: str) -> tuple[int, Any]:
        asked = self._codes.pop(form.get("code", ""), None)
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if asked is None or auth != f"Basic {basic}":
            return 400, {"error": "invalid_grant"}
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if asked["code_challenge"] != challenge or asked["redirect_uri"] != form["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        return 200, {"id_token": self._token(asked["nonce"]), "access_token": "x"}

    def _token(self, nonce: str) -> str:
        now = int(time.time())
        usual = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": "subject-1",
            "nonce": nonce,
            "iat": now,
            "exp": now + 300,
            "auth_time": now,
        }
        claims = {name: said for name, said in (usual | self.claims).items() if said is not None}
        if self.alg == "none":
            parts = [{"alg": "none"}, claims]
            return ".".join(_text(json.dumps(one).encode()) for one in parts) + "."
        key = OctKey.import_key(SECRET * 4) if self.alg == "HS256" else self.signs_with or self.key
        return jwt.encode({"alg": self.alg, "kid": "1"}, claims, key, algorithms=[self.alg])


@contextmanager
def running() -> Iterator[Provider]:
    """Run one on a free port."""
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            self._answer({name: values[0] for name, values in parse_qs(body).items()})

        def _answer(self, form: dict[str, str]) -> None:
            auth = self.headers.get("authorization", "")
            status, said = provider.answer(self.command, self.path, form, auth)
            body = json.dumps(said).encode()
            self.send_response(status)
            if status == 303:
                self.send_header("location", said)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
