"""`/gateways/ussd/{name}`: a step of a session comes, and the next screen is the answer.

The answer is `CON` and a screen that waits for keys, or `END` and the last one. It is the same for
a step that comes again. What is keyed may be a code: nothing here is logged but reasons.
"""

from __future__ import annotations

import hmac
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

import structlog

from tambah.channels.attendant import Attendant, Call, Door
from tambah.channels.sessions import Kept, Sessions
from tambah.channels.talk import Medium, Prompt
from tambah.channels.ussd.settings import AUTHORIZATION, UssdSettings
from tambah.channels.ussd.steps import UssdRequest, follow, heard, open_with
from tambah.domain.refusals import BodyMalformed, BodyTooLarge
from tambah.i18n import texts
from tambah.i18n.negotiation import DEFAULT_TAG
from tambah.i18n.screens import render_screen
from tambah.store.database import CONNECTION_LOST, RETRYABLE
from tambah.web.address import is_within, parse_proxies
from tambah.web.body import ClientGone, Receive, Scope, Send, read_body, read_flat_json
from tambah.web.site import Site

log: Any = structlog.get_logger(__name__)

PREFIX = "/gateways/ussd/"
_MOST_BYTES = 16 * 1024
_MOST_FIELDS = 50
_MOST_SESSION = 200
_MOST_TEXT = 1000
_TRY_LATER = "try_later"
_UNCLEAR = "unavailable"


class _No(Exception):
    """A request that is not listened to. The text says why, and nothing of what it held."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class _Answer:
    text: str
    status: HTTPStatus = HTTPStatus.OK


class UssdGateway:
    """Answers every request under /gateways/ussd/; settings: of each gateway that may ask."""

    def __init__(self, site: Site, attendant: Attendant, settings: Sequence[UssdSettings]) -> None:
        self._site = site
        self._sessions = Sessions(site, attendant)
        self._gateways = {one.name: one for one in settings}
        self._proxies = parse_proxies(site.trusted_proxies)

    @staticmethod
    def owns(path: str) -> bool:
        """Say whether a path is a gateway's."""
        return path.startswith(PREFIX)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        try:
            answer = await self._hear(scope, receive)
        except ClientGone:
            return
        except _No as no:
            log.warning("ussd request refused", why=str(no), status=int(no.status))
            answer = _Answer(_end(_TRY_LATER), no.status)
        except BodyTooLarge:
            answer = _Answer(_end(_TRY_LATER), HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        except BodyMalformed:
            answer = _Answer(_end(_TRY_LATER), HTTPStatus.REQUEST_TIMEOUT)
        except (*CONNECTION_LOST, *RETRYABLE):
            # A code may have been credited before the answer could be kept.
            answer = _Answer(_end(_UNCLEAR), HTTPStatus.SERVICE_UNAVAILABLE)
        except Exception as bug:  # noqa: BLE001 - the last resort of this door
            # Where it was, not its text: that may hold what was keyed.
            trace = "".join(traceback.format_tb(bug.__traceback__))
            log.error("ussd request met a bug", kind=type(bug).__name__, trace=trace)
            answer = _Answer(_end(_UNCLEAR), HTTPStatus.INTERNAL_SERVER_ERROR)
        await _send(send, answer)

    async def _hear(self, scope: Scope, receive: Receive) -> _Answer:
        gateway = self._gateways.get(scope["path"].removeprefix(PREFIX))
        if gateway is None:
            raise _No(HTTPStatus.NOT_FOUND, "there is no such gateway")
        headers = [(n.decode("latin-1").lower(), v.decode("latin-1")) for n, v in scope["headers"]]
        self._require_proof(gateway, scope, headers)
        fields = await _read_fields(gateway, scope, dict(headers), receive)
        if fields.get(gateway.name_of("status")) and gateway.name_of("text") not in fields:
            return _Answer("")  # tells that a session is over: there is nothing to do
        return await self._take(gateway, _read_request(gateway, fields))

    def _require_proof(
        self, gateway: UssdSettings, scope: Scope, headers: Sequence[tuple[str, str]]
    ) -> None:
        """Refuse whoever is not the gateway; every door of the two that it has must be passed."""
        if gateway.allow:
            forwarded = [value for name, value in headers if name == "x-forwarded-for"]
            peer = scope["client"][0] if scope.get("client") else None
            if not is_within(gateway.allow, peer, forwarded, self._proxies):
                raise _No(HTTPStatus.FORBIDDEN, f"{gateway.name}: not from this address")
        if gateway.secret and not _is_proved(gateway, dict(headers)):
            raise _No(HTTPStatus.UNAUTHORIZED, f"{gateway.name}: the secret is not right")

    async def _take(self, gateway: UssdSettings, request: UssdRequest) -> _Answer:
        door = Door(
            name=gateway.name, caller="ussd", medium=Medium.SCREEN, trusted=gateway.trusted
        )
        # Whatever a gateway calls its sessions: two numbers never share one.
        session = f"{request.session} {request.number}"
        kept = await self._sessions.take(
            Call(door=door, session=session, sender=request.number),
            heard(request, cumulative=gateway.cumulative),
            open_with(request, gateway.service_code),
            follow(request, cumulative=gateway.cumulative),
        )
        return _Answer(self._screen(kept))

    def _screen(self, kept: Kept) -> str:
        zone = self._site.rules.validity.zone
        text = render_screen(kept.turn.say, kept.talk.tag, zone=zone)
        return f"{'CON' if isinstance(kept.turn, Prompt) else 'END'} {text}"


def _is_proved(gateway: UssdSettings, headers: Mapping[str, str]) -> bool:
    """Compare in constant time. A secret is never looked for in an address."""
    given = headers.get(gateway.proof_header, "")
    if gateway.proof_header == AUTHORIZATION:
        scheme, _, given = given.partition(" ")
        if scheme.lower() != "bearer":
            return False
    return hmac.compare_digest(given.strip().encode(), gateway.secret.encode())


async def _read_fields(
    gateway: UssdSettings, scope: Scope, headers: Mapping[str, str], receive: Receive
) -> dict[str, str]:
    """Return a request's fields: of a form, of a flat JSON object, or of the address."""
    if scope["method"] == "GET" and gateway.takes_get:
        return _read_form(scope["query_string"])
    if scope["method"] != "POST" or gateway.takes_get:
        raise _No(HTTPStatus.METHOD_NOT_ALLOWED, f"{gateway.name}: not by {scope['method']}")
    body = await read_body(receive, _MOST_BYTES)
    if headers.get("content-type", "").startswith("application/json"):
        return _read_json(body)
    return _read_form(body)


def _read_form(body: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise _No(HTTPStatus.BAD_REQUEST, "not a form") from None


def _read_json(body: bytes) -> dict[str, str]:
    try:
        return read_flat_json(body)
    except ValueError:
        raise _No(HTTPStatus.BAD_REQUEST, "not a JSON object") from None


def _read_request(gateway: UssdSettings, fields: Mapping[str, str]) -> UssdRequest:
    told = {
        what: fields.get(gateway.name_of(what), "").strip()
        for what in ("session", "service", "number", "text", "step")
    }
    request = UssdRequest(**told)
    if not request.session:
        raise _No(HTTPStatus.BAD_REQUEST, f"{gateway.name}: no session")
    if len(request.session) > _MOST_SESSION or len(request.text) > _MOST_TEXT:
        raise _No(HTTPStatus.BAD_REQUEST, f"{gateway.name}: too long")
    return request


def _end(key: str) -> str:
    """Return an end that nothing is known of: neither a line nor its language."""
    return f"END {texts(DEFAULT_TAG).get(f'screen.{key}')}"


async def _send(send: Send, answer: _Answer) -> None:
    body = answer.text.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"content-length", b"%d" % len(body)),
    ]
    if answer.status is HTTPStatus.UNAUTHORIZED:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": int(answer.status), "headers": headers})
    await send({"type": "http.response.body", "body": body})
