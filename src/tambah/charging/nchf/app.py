"""The ASGI application of Nchf_ConvergedCharging: create, update, release."""

from __future__ import annotations

import re
import secrets
import traceback
from collections.abc import Awaitable, Callable, Mapping

import msgspec
import structlog

from tambah.charging.nchf.answering import answer_of
from tambah.charging.nchf.consumers import Consumer, Consumers
from tambah.charging.nchf.problems import Said, Unfit, headers_of, problem_of
from tambah.charging.nchf.reading import (
    event_wishes_of,
    identities_of,
    read_request,
    service_of,
    wishes_of,
)
from tambah.charging.nchf.references import (
    Reference,
    name_session,
    read_reference,
    write_reference,
)
from tambah.charging.nchf.shapes import ChargingDataRequest
from tambah.config import NchfEntry
from tambah.desks.charging import ChargingDesk
from tambah.domain.charging_commands import (
    ChargeEvent,
    ReleaseUnits,
    ReserveUnits,
    UpdateUnits,
)
from tambah.domain.refusals import (
    InternalError,
    MethodNotAllowed,
    NumberUnknown,
    PageNotFound,
    Refusal,
    SessionUnknown,
    Unavailable,
)
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.store.database import CONNECTION_LOST, RETRYABLE
from tambah.store.views.sims import find_msisdn_of_imsi
from tambah.web.body import ClientGone, Receive, Scope, Send, read_body
from tambah.web.site import Site

BASE = "/nchf-convergedcharging/v3"
MOST_BODY_BYTES = 256 * 1024
_CHARGING_DATA = f"{BASE}/chargingdata"
_DEEDS = ("update", "release")
_AUTHORITY = re.compile(r"[0-9A-Za-z.:\[\]-]{1,255}")
_encode = msgspec.json.Encoder().encode
_log = structlog.get_logger(__name__)

Headers = Mapping[bytes, bytes]
Answer = tuple[int, list[tuple[bytes, bytes]], bytes]
_JSON = (b"content-type", b"application/json")
_PROBLEM = (b"content-type", b"application/problem+json")
_LENGTH_REQUIRED = Unfit(
    Said(411, "INCORRECT_LENGTH"), "Length required", "Say how long the body is."
)
_NOT_JSON = Unfit(
    Said(415, "INVALID_MSG_FORMAT"), "Not JSON", "The body must be application/json."
)


class Nchf:
    """Answers a 5G core."""

    def __init__(self, site: Site) -> None:
        self._database = site.database
        self._engine: Engine = site.engine
        self._rules = site.rules
        self._keys: Keys = site.keys
        self._entry: NchfEntry = site.operator.nchf
        self._desk = ChargingDesk(site.engine, site.database, site.rules, site.clock)
        self.consumers = Consumers(self._entry, site.keys)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            status, headers, body = await self._answer(scope, receive)
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 - the last resort of this door
            status, headers, body = self._refuse(error)
        headers = [*headers, (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        headers: Headers = dict(scope["headers"])
        path: str = scope["path"]
        deed, reference = _find(path)
        if scope["method"] != "POST":
            raise MethodNotAllowed(allow="POST")
        consumer = self.consumers.authenticate(headers.get(b"authorization"))
        _require_json(scope, headers)
        request = read_request(await read_body(receive, MOST_BODY_BYTES))
        if deed == "create":
            return await self._create(scope, headers, consumer, request)
        known = read_reference(self._keys, reference)
        if known is None:
            raise SessionUnknown
        handler: Callable[..., Awaitable[Answer]]
        handler = self._update if deed == "update" else self._release
        return await handler(consumer, request, known)

    async def _create(
        self, scope: Scope, headers: Headers, consumer: Consumer, request: ChargingDataRequest
    ) -> Answer:
        """Begin a session, or charge an event at once."""
        service, session_id = service_of(request), name_session(self._keys, request)
        msisdn = await self._whose(request)
        notify_to = request.notify_uri
        if notify_to and not consumer.may_be_told_at(notify_to):
            _log.warning("nchf_notify_host_unknown", consumer=consumer.name)
            notify_to = ""
        if request.one_time_event:
            step = ChargeEvent(
                peer=consumer.peer,
                session_id=session_id,
                request_no=request.invocation_sequence_number,
                msisdn=msisdn,
                asks=await self._desk.asks(event_wishes_of(request)),
            )
        else:
            step = ReserveUnits(
                peer=consumer.peer,
                session_id=session_id,
                request_no=request.invocation_sequence_number,
                msisdn=msisdn,
                asks=await self._desk.asks(wishes_of(request)),
                notify_to=notify_to,
            )
        granted = await self._desk.submit(step)
        answer = answer_of(request, granted, service, self._entry.redirect_to)
        reference = write_reference(self._keys, Reference(msisdn, session_id))
        location = f"{self._root(scope, headers)}{_CHARGING_DATA}/{reference}"
        return 201, [_JSON, (b"location", location.encode("ascii"))], _encode(answer)

    async def _update(
        self, consumer: Consumer, request: ChargingDataRequest, known: Reference
    ) -> Answer:
        """Count what was used, grant more."""
        service = service_of(request)
        granted = await self._desk.submit(
            UpdateUnits(
                peer=consumer.peer,
                session_id=known.session_id,
                request_no=request.invocation_sequence_number,
                msisdn=known.msisdn,
                asks=await self._desk.asks(wishes_of(request)),
            )
        )
        answer = answer_of(request, granted, service, self._entry.redirect_to)
        return 200, [_JSON], _encode(answer)

    async def _release(
        self, consumer: Consumer, request: ChargingDataRequest, known: Reference
    ) -> Answer:
        """Count the last of what was used, let go of the rest."""
        await self._desk.submit(
            ReleaseUnits(
                peer=consumer.peer,
                session_id=known.session_id,
                request_no=request.invocation_sequence_number,
                msisdn=known.msisdn,
                asks=await self._desk.asks(wishes_of(request)),
            )
        )
        return 204, [], b""

    async def _whose(self, request: ChargingDataRequest) -> int:
        """Return the number of who is charged: by the SIM, else by the number that is told."""
        imsi, number = identities_of(request)
        if imsi:
            found = await find_msisdn_of_imsi(self._database, imsi)
            if found is not None:
                return found
        if not number:
            raise NumberUnknown
        return int(number)

    def _root(self, scope: Scope, headers: Headers) -> str:
        """Return what the address of a session begins with; nothing where none is told."""
        if self._entry.api_root:
            return self._entry.api_root.rstrip("/")
        asked = headers.get(b"host") or headers.get(b":authority") or b""
        authority = asked.decode("latin-1")
        return f"{scope['scheme']}://{authority}" if _AUTHORITY.fullmatch(authority) else ""

    def _refuse(self, error: Exception) -> Answer:
        refusal = error if isinstance(error, Refusal | Unfit) else _refusal_for(error)
        problem = problem_of(refusal, self._rules)
        return problem.status, [_PROBLEM, *headers_of(refusal)], _encode(problem)


def _find(path: str) -> tuple[str, str]:
    """Return what is to be done, and the reference that it is done to. Raises PageNotFound."""
    if path == _CHARGING_DATA:
        return "create", ""
    reference, _, deed = path.removeprefix(f"{_CHARGING_DATA}/").partition("/")
    if not path.startswith(f"{_CHARGING_DATA}/") or deed not in _DEEDS or not reference:
        raise PageNotFound
    return deed, reference


def _require_json(scope: Scope, headers: Headers) -> None:
    """Refuse a body of unknown length or kind. Over HTTP/2 a body's end is its length."""
    is_long = b"content-length" in headers or b"transfer-encoding" in headers
    if not is_long and scope.get("http_version") != "2":
        raise _LENGTH_REQUIRED
    kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
    if kind != b"application/json":
        raise _NOT_JSON


def _refusal_for(error: Exception) -> Refusal:
    """Say what an error that is no refusal means for the caller; log a bug with its trace."""
    if isinstance(error, (*CONNECTION_LOST, *RETRYABLE)):
        return Unavailable()
    incident = secrets.token_hex(4)
    _log.error("nchf_failed", incident=incident, trace="".join(traceback.format_exception(error)))
    return InternalError(incident=incident)
