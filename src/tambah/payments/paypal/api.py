"""Speaking with PayPal's API: the token, time limits, and what its answers mean for us."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address
from typing import TypeVar
from urllib.parse import quote, urlsplit

import httpx2
import msgspec
import structlog

from tambah.config import ConfigError
from tambah.payments.paypal.shapes import Problem
from tambah.payments.provider import TIMEOUT_SECONDS, ProviderSilent

log = structlog.get_logger(__name__)

LIVE_URL = "https://api-m.paypal.com"
# A token is fetched anew this long before its end, so that none ends under way.
_TOKEN_MARGIN_SECONDS = 60.0
_CREDENTIALS = "TAMBAH_PAYPAL_CLIENT_ID, TAMBAH_PAYPAL_CLIENT_SECRET, TAMBAH_PAYPAL_API_URL"
_UNAUTHORIZED = 401
_TRY_LATER = frozenset({408, 409, 425, 429})

Shape = TypeVar("Shape")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The app's name and password at PayPal."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A clear answer of PayPal's, a yes (2xx) or a no (4xx). Never log a body: it names payers."""

    status: int
    body: bytes = field(repr=False)

    @property
    def is_yes(self) -> bool:
        """Say whether PayPal did what was asked."""
        return self.status < 300

    @property
    def is_unknown(self) -> bool:
        """Say whether PayPal itself has nothing of that name, and not a wrong address."""
        return self.status == 404 and self.issue in {"RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID"}

    @property
    def issue(self) -> str:
        """Return PayPal's code for what is wrong, the most particular one."""
        try:
            problem = msgspec.json.decode(self.body, type=Problem)
        except msgspec.DecodeError:
            problem = Problem()
        details = [detail.issue for detail in problem.details if detail.issue]
        return next(iter(details), "") or problem.name or problem.error or f"HTTP {self.status}"

    def read(self, shape: type[Shape]) -> Shape:
        """Return the body in a shape. Raises ProviderSilent when it has another."""
        try:
            return msgspec.json.decode(self.body, type=shape)
        except msgspec.DecodeError:
            log.error("paypal answer not understood", status=self.status, expected=shape.__name__)
            raise ProviderSilent("PayPal's answer cannot be understood") from None


class _Token(msgspec.Struct, frozen=True, kw_only=True):
    access_token: str
    expires_in: float


class PayPalApi:
    """One PayPal app. Raises ProviderSilent for every answer that is neither yes nor no."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        base_url: str = LIVE_URL,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        _require_private(base_url)
        self._credentials = credentials
        self._timeout_seconds = timeout_seconds
        self._http = httpx2.AsyncClient(
            base_url=base_url, timeout=timeout_seconds, verify=_trusted_authorities()
        )
        self._lock = asyncio.Lock()
        self._token: str | None = None
        self._token_ends = 0.0

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Answer:
        """Ask for something."""
        return await self._call("GET", path, params=params)

    async def post(self, path: str, body: bytes, *, request_id: str | None = None) -> Answer:
        """Have something done; PayPal does it once for a request id, and answers again."""
        headers = {"Content-Type": "application/json", "Prefer": "return=representation"}
        if request_id is not None:
            headers["PayPal-Request-Id"] = request_id
        return await self._call("POST", path, headers=headers, body=body)

    @asynccontextmanager
    async def patience(self) -> AsyncGenerator[None]:
        """Give all that is asked inside one call's time. Raises ProviderSilent."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                yield
        except TimeoutError as late:
            raise ProviderSilent("PayPal did not answer in time") from late

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.aclose()

    async def _call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Send a request, with a fresh token once if PayPal no longer knows the one in hand."""
        request = self._http.build_request(
            method, path, params=params, headers=headers, content=body
        )
        for _ in range(2):
            token = await self._current_token()
            request.headers["Authorization"] = f"Bearer {token}"
            answer = await self._send(request)
            if answer.status != _UNAUTHORIZED:
                return answer
            self._forget_token(token)
        log.error("paypal refuses its own token", settings=_CREDENTIALS)
        raise ProviderSilent("PayPal refuses our credentials")

    async def _send(self, request: httpx2.Request) -> Answer:
        """Send one request once; only a 2xx or a telling 4xx is an answer."""
        try:
            response = await self._http.send(request)
        except httpx2.HTTPError as lost:
            reason = type(lost).__name__
            log.warning("paypal silent", path=request.url.path, reason=reason)
            raise ProviderSilent(f"PayPal does not answer: {reason}") from None
        status = response.status_code
        if status in _TRY_LATER or not (200 <= status < 300 or 400 <= status < 500):
            log.warning("paypal silent", path=request.url.path, reason=f"HTTP {status}")
            raise ProviderSilent(f"PayPal answers HTTP {status}")
        return Answer(status=status, body=response.content)

    async def _current_token(self) -> str:
        async with self._lock:
            if self._token is None or time.monotonic() >= self._token_ends:
                token = await self._fetch_token()
                self._token = token.access_token
                self._token_ends = time.monotonic() + token.expires_in - _TOKEN_MARGIN_SECONDS
            return self._token

    async def _fetch_token(self) -> _Token:
        request = self._http.build_request(
            "POST", "/v1/oauth2/token", data={"grant_type": "client_credentials"}
        )
        basic = httpx2.BasicAuth(self._credentials.client_id, self._credentials.client_secret)
        answer = await self._send(next(basic.auth_flow(request)))
        if not answer.is_yes:
            log.error("paypal refuses the credentials", settings=_CREDENTIALS, issue=answer.issue)
            raise ProviderSilent("PayPal refuses our credentials")
        return answer.read(_Token)

    def _forget_token(self, token: str) -> None:
        """Drop a refused token, unless another call has replaced it already."""
        if self._token == token:
            self._token = None


def path_of(folder: str, name: str, *rest: str) -> str:
    """Return a path with a name of PayPal's or a webhook's in it, made safe."""
    return "/".join([folder, quote(name, safe=""), *rest])


@cache
def _trusted_authorities() -> ssl.SSLContext:
    """Return what TLS trusts, read once: it takes as long as a request."""
    return httpx2.create_ssl_context()


def _require_private(base_url: str) -> None:
    """Refuse to send the secret in the clear, except to this machine. Raises ConfigError."""
    parts = urlsplit(base_url)
    if parts.scheme == "https" and parts.hostname:
        return
    try:
        is_here = ip_address(parts.hostname or "").is_loopback
    except ValueError:
        is_here = False
    if parts.scheme != "http" or not is_here:
        raise ConfigError("TAMBAH_PAYPAL_API_URL: must be an https:// address")
