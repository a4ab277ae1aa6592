"""The operator's provider of single sign-on: OpenID Connect, authorization code with PKCE.

What it says is believed only as a signed id_token for us, for this very sign-in, in time; its
signature and claims are checked by `joserfc`. Nothing of it is logged but its silence.
"""

from __future__ import annotations

import base64
import hashlib
import ssl
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeVar
from urllib.parse import urlencode

import httpx2
import msgspec
import structlog
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from tambah.domain.refusals import SingleSignOnDown, SingleSignOnRefused
from tambah.domain.single_sign_on import CLOCKS_APART, SingleSignOnRule, Told
from tambah.engine.operator import is_private

log = structlog.get_logger(__name__)

_TIMEOUT_SECONDS = 10.0
_MOST_BYTES = 256 * 1024
_KEPT = timedelta(minutes=10)
"""For how long it is not asked again where people are sent."""
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
"""Signed with a key of the provider's alone: neither nothing (none) nor our own secret (HS…)."""

_KEYS: Any = dict[str, Any]

Shape = TypeVar("Shape")


class _Discovered(msgspec.Struct, frozen=True, kw_only=True):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class _Tokens(msgspec.Struct, frozen=True, kw_only=True):
    id_token: str
    access_token: str = ""


class _Claims(msgspec.Struct, frozen=True, kw_only=True):
    sub: str
    email: str = ""
    email_verified: bool | str = False
    amr: tuple[str, ...] = ()
    auth_time: int | None = None
    azp: str = ""


class Provider:
    """One provider, as one client of it. redirect_uri: where it sends people back to."""

    def __init__(self, rule: SingleSignOnRule, secret: str, redirect_uri: str) -> None:
        self._rule = rule
        self._secret = secret
        self._redirect_uri = redirect_uri
        self._discovered: tuple[_Discovered, KeySet, datetime] | None = None

    async def address(
        self, *, state: str, nonce: str, verifier: str, anew: bool, now: datetime
    ) -> str:
        """Return where somebody is sent. anew: they must prove there who they are once more.

        Raises SingleSignOnDown.
        """
        known, _ = await self._know(now)
        asked = {
            "response_type": "code",
            "client_id": self._rule.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": "openid email",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": "S256",
        } | ({"prompt": "login", "max_age": "0"} if anew else {})
        mark = "&" if "?" in known.authorization_endpoint else "?"
        return f"{known.authorization_endpoint}{mark}{urlencode(asked)}"

    async def redeem(self, code: str, *, nonce: str, verifier: str, now: datetime) -> Told:
        """Return who somebody is who came back with a code.

        Raises SingleSignOnRefused and SingleSignOnDown.
        """
        self._discovered = None  # keys change: those of this moment count
        known, keys = await self._know(now)
        async with _client() as http:
            tokens = await self._redeem(http, known, code, verifier)
            claims = self._verify(tokens.id_token, keys, nonce, now)
            if not claims.email and known.userinfo_endpoint and tokens.access_token:
                claims = await _with_email(http, known, tokens, claims)
        verified = claims.email_verified in (True, "true")
        when = claims.auth_time
        return Told(
            subject=claims.sub,
            email=claims.email if verified else "",
            methods=claims.amr,
            authenticated_at=None if when is None else datetime.fromtimestamp(when, UTC),
        )

    async def _know(self, now: datetime) -> tuple[_Discovered, KeySet]:
        """Return what the provider says of itself, and its keys. Raises SingleSignOnDown."""
        if self._discovered is not None and now < self._discovered[2] + _KEPT:
            return self._discovered[:2]
        issuer = self._rule.issuer
        async with _client() as http:
            place = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
            known = _read(await _send(http, http.build_request("GET", place)), _Discovered)
            ends = (known.authorization_endpoint, known.token_endpoint, known.jwks_uri)
            if known.issuer != issuer or not all(map(is_private, ends)):
                log.error("single sign-on: the provider calls itself another", issuer=issuer)
                raise SingleSignOnDown
            answer = await _send(http, http.build_request("GET", known.jwks_uri))
        document: Any = _read(answer, _KEYS)
        try:
            keys = KeySet.import_key_set(document)
        except (JoseError, ValueError, TypeError, LookupError):
            log.error("single sign-on: the provider's keys cannot be read", issuer=issuer)
            raise SingleSignOnDown from None
        self._discovered = (known, keys, now)
        return known, keys

    async def _redeem(
        self, http: httpx2.AsyncClient, known: _Discovered, code: str, verifier: str
    ) -> _Tokens:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "client_id": self._rule.client_id,
            "code_verifier": verifier,
        }
        basic = "client_secret_basic" in known.token_endpoint_auth_methods_supported
        if self._secret and not basic:
            form["client_secret"] = self._secret
        request = http.build_request("POST", known.token_endpoint, data=form)
        if self._secret and basic:
            auth = httpx2.BasicAuth(self._rule.client_id, self._secret)
            request = next(auth.auth_flow(request))
        return _read(await _send(http, request), _Tokens)

    def _verify(self, token: str, keys: KeySet, nonce: str, now: datetime) -> _Claims:
        """Return what a signed token says, if it is for us, now, and for this sign-in.

        Raises SingleSignOnRefused.
        """
        wanted = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=int(CLOCKS_APART.total_seconds()),
            iss={"essential": True, "value": self._rule.issuer},
            aud={"essential": True, "value": self._rule.client_id},
            nonce={"essential": True, "value": nonce},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
        )
        try:
            said = jwt.decode(token, keys, algorithms=_ALGORITHMS).claims
            wanted.validate(said)
            claims = msgspec.convert(said, _Claims)
        except (JoseError, msgspec.ValidationError, ValueError, TypeError, LookupError) as wrong:
            log.warning("single sign-on: a token was refused", reason=type(wrong).__name__)
            raise SingleSignOnRefused from None
        if not claims.sub or claims.azp not in ("", self._rule.client_id):
            raise SingleSignOnRefused
        return claims


def challenge_of(verifier: str) -> str:
    """Return what a verifier of PKCE is announced by (RFC 7636, S256)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


async def _with_email(
    http: httpx2.AsyncClient, known: _Discovered, tokens: _Tokens, claims: _Claims
) -> _Claims:
    """Ask for the address where the token does not say it; believed of the same subject alone."""
    if not is_private(known.userinfo_endpoint):
        return claims
    headers = {"Authorization": f"Bearer {tokens.access_token}"}
    request = http.build_request("GET", known.userinfo_endpoint, headers=headers)
    said = _read(await _send(http, request), _Claims)
    if said.sub != claims.sub:
        raise SingleSignOnRefused
    return msgspec.structs.replace(claims, email=said.email, email_verified=said.email_verified)


async def _send(http: httpx2.AsyncClient, request: httpx2.Request) -> bytes:
    """Return the body of a 2xx. Raises SingleSignOnRefused for a 4xx, else SingleSignOnDown."""
    try:
        response = await http.send(request)
    except httpx2.HTTPError as lost:
        log.warning("single sign-on: silent", host=request.url.host, reason=type(lost).__name__)
        raise SingleSignOnDown from None
    if 200 <= response.status_code < 300 and len(response.content) <= _MOST_BYTES:
        return response.content
    log.warning("single sign-on: no answer", host=request.url.host, status=response.status_code)
    is_no = request.method == "POST" and 400 <= response.status_code < 500
    raise SingleSignOnRefused if is_no else SingleSignOnDown


def _read(body: bytes, shape: type[Shape]) -> Shape:
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.DecodeError:
        log.warning("single sign-on: an answer was not understood")
        raise SingleSignOnDown from None


def _client() -> httpx2.AsyncClient:
    return httpx2.AsyncClient(timeout=_TIMEOUT_SECONDS, verify=_trusted_authorities())


@cache
def _trusted_authorities() -> ssl.SSLContext:
    """Return what TLS trusts, read once: it takes as long as a request."""
    return httpx2.create_ssl_context()
