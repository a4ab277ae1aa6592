"""`POST /gateways/sms/{name}`: what aggregators tell us, messages and receipts.

Each gateway proves its own secret, and comes from where it may. 200 means that it was dealt with
for good; after any other answer the aggregator sends it again.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from ipaddress import ip_network
from urllib.parse import parse_qsl

import msgspec
import structlog

from tambah.channels.sms.inbound import InboundSms, OnInbound
from tambah.channels.sms.receipts import ReceiptBook
from tambah.config import GatewayEntry, gateway_secret
from tambah.domain.refusals import BodyTooLarge, Refusal
from tambah.engine.clock import Clock
from tambah.store.outbox import MessageState
from tambah.store.receipts import Receipt
from tambah.web.address import Network, is_within, parse_proxies
from tambah.web.body import ClientGone, Receive, Scope, Send, read_body, read_flat_json

log = structlog.get_logger(__name__)

PREFIX = "/gateways/sms/"
_MOST_BYTES = 64 * 1024
_ENDS = {
    **dict.fromkeys(("delivered", "delivrd", "dlvrd", "success"), MessageState.DELIVERED),
    **dict.fromkeys(
        ("failed", "undelivered", "undeliv", "undeliverable", "rejected", "rejectd"),
        MessageState.FAILED,
    ),
    **dict.fromkeys(("expired", "deleted"), MessageState.FAILED),
}


class _No(Exception):
    """A request that is not listened to. The text says why, and nothing of what it held."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class _Door:
    """One aggregator that may tell us things."""

    entry: GatewayEntry
    secret: bytes
    allowed: tuple[Network, ...]

    def name_of(self, field: str) -> str:
        """Return what the aggregator calls a field."""
        return self.entry.inbound.get(field, field)


class SmsWebhook:
    """Answers every request under /gateways/sms/."""

    def __init__(
        self,
        entries: Sequence[GatewayEntry],
        secrets: Mapping[str, str],
        *,
        receipts: ReceiptBook,
        on_inbound: OnInbound,
        clock: Clock,
        trusted_proxies: Sequence[str] = (),
    ) -> None:
        self._doors = {
            entry.name: _Door(
                entry,
                gateway_secret(entry, secrets).encode(),
                tuple(ip_network(one, strict=False) for one in entry.allow),
            )
            for entry in entries
            if entry.kind == "sms_http"
        }
        self._receipts = receipts
        self._on_inbound = on_inbound
        self._clock = clock
        self._proxies = parse_proxies(trusted_proxies)

    @staticmethod
    def owns(path: str) -> bool:
        """Say whether a path is a gateway's."""
        return path.startswith(PREFIX)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        try:
            await self._hear(scope, receive)
            status, said = HTTPStatus.OK, {"heard": True}
        except ClientGone:
            return
        except _No as no:
            status, said = no.status, {"error": str(no)}
        except BodyTooLarge:
            status, said = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"error": "too large"}
        except Refusal as refusal:
            status, said = HTTPStatus.BAD_REQUEST, {"error": refusal.code}
        except Exception as failed:  # noqa: BLE001 - whatever it was, it must come again
            log.warning("delivery put off", reason=type(failed).__name__)
            status, said = HTTPStatus.SERVICE_UNAVAILABLE, {"error": "try again"}
        body = msgspec.json.encode(said)
        headers = [
            (b"content-type", b"application/json"),
            (b"cache-control", b"no-store"),
            (b"content-length", b"%d" % len(body)),
        ]
        await send({"type": "http.response.start", "status": int(status), "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _hear(self, scope: Scope, receive: Receive) -> None:
        door = self._doors.get(scope["path"].removeprefix(PREFIX))
        if door is None:
            raise _No(HTTPStatus.NOT_FOUND, "there is no such gateway")
        if scope["method"] != "POST":
            raise _No(HTTPStatus.METHOD_NOT_ALLOWED, "only POST")
        headers = [(n.decode("latin-1").lower(), v.decode("latin-1")) for n, v in scope["headers"]]
        if not self._may_come(door, scope, headers):
            raise _No(HTTPStatus.FORBIDDEN, "not from this address")
        body = await read_body(receive, _MOST_BYTES)
        if not _is_proved(door, dict(headers), body):
            log.warning("gateway not proved", gateway=door.entry.name)
            raise _No(HTTPStatus.UNAUTHORIZED, "the secret is not right")
        await self._take(door, _read_fields(dict(headers), body))

    def _may_come(self, door: _Door, scope: Scope, headers: list[tuple[str, str]]) -> bool:
        if not door.allowed:
            return True
        forwarded = [value for name, value in headers if name == "x-forwarded-for"]
        peer = scope["client"][0] if scope.get("client") else None
        return is_within(door.allowed, peer, forwarded, self._proxies)

    async def _take(self, door: _Door, fields: Mapping[str, str]) -> None:
        status = fields.get(door.name_of("status"), "")
        if status:
            await self._take_receipt(door, fields, status)
            return
        sender = fields.get(door.name_of("from"), "")
        if not sender or door.name_of("text") not in fields:
            raise _No(HTTPStatus.UNPROCESSABLE_ENTITY, "neither a message nor a receipt")
        await self._on_inbound(
            InboundSms(
                gateway=door.entry.name,
                sender=sender,
                text=fields[door.name_of("text")],
                message_id=fields.get(door.name_of("id")) or None,
                at=self._clock.now(),
            )
        )

    async def _take_receipt(self, door: _Door, fields: Mapping[str, str], status: str) -> None:
        ref = fields.get(door.name_of("id")) or fields.get(door.name_of("ref"), "")
        state = _ENDS.get(status.lower())
        if not ref:
            raise _No(HTTPStatus.UNPROCESSABLE_ENTITY, "a receipt of no message")
        if state is not None:
            reason = status[:20] if state is MessageState.FAILED else ""
            receipt = Receipt(gateway=door.entry.name, ref=ref, state=state, reason=reason)
            await self._receipts.write(receipt)


def _is_proved(door: _Door, headers: Mapping[str, str], body: bytes) -> bool:
    """Compare in constant time, whatever the way of proving."""
    given = headers.get(door.entry.proof_header.lower(), "").encode("latin-1")
    if not door.secret:
        return False
    if door.entry.proof == "hmac":
        return _is_digest(given, hmac.digest(door.secret, body, sha256))
    if door.entry.proof == "bearer":
        scheme, _, given = given.partition(b" ")
        if scheme.lower() != b"bearer":
            return False
    return hmac.compare_digest(given.strip(), door.secret)


def _is_digest(given: bytes, digest: bytes) -> bool:
    """Compare a digest written in hexadecimal or base64, `sha256=` before it or not."""
    text = given.strip().removeprefix(b"sha256=")
    try:
        claimed = bytes.fromhex(text.decode()) if len(text) == 64 else base64.b64decode(text)
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(claimed, digest)


def _read_fields(headers: Mapping[str, str], body: bytes) -> dict[str, str]:
    """Read a form or a flat JSON object; what is neither text nor number is left out."""
    try:
        if headers.get("content-type", "").startswith("application/json"):
            return read_flat_json(body)
        return dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))
    except ValueError as error:
        raise _No(HTTPStatus.BAD_REQUEST, "neither a form nor a JSON object") from error
