"""A PayPal of our own: keeps orders, captures and refunds, and checks all that is said.

What goes in and out is held against the official specifications; `violations` must stay empty.
The token endpoint and Transaction Search are not in those files and are made after PayPal's
public documentation.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import parse_qs

from tests.payments.paypal.spec import Operation, find_operation

Reply = tuple[int, dict[str, Any]]
NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
CLIENT_ID = "AbTestClientId-1"
CLIENT_SECRET = "EBtest-client-secret-never-logged"
WEBHOOK_ID = "1JE4291016473214C"


@dataclass
class Fault:
    """Something to go wrong with the next request to a path that ends so.

    how: `hang`, `drop` (nothing was done), `drop after` (it was), `500`, `500 after`, `429`, …
    """

    path_end: str
    how: str
    times: int = 1


@dataclass
class Double:
    """PayPal's state, and the switches of the tests."""

    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    captures: dict[str, dict[str, Any]] = field(default_factory=dict)
    refunds: dict[str, dict[str, Any]] = field(default_factory=dict)
    transactions: list[dict[str, Any]] = field(default_factory=list)
    answered: dict[tuple[str, str], Reply] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    tokens: dict[str, bool] = field(default_factory=dict)
    token_seconds: int = 32_400
    page_size: int = 500
    capture_status: str = "COMPLETED"
    capture_issue: str = ""
    overtaken: bool = False
    refund_status: str = "COMPLETED"
    refund_issue: str = ""
    begin_issue: str = ""
    currency: str = "MYR"
    can_verify: bool = True
    can_search: bool = True
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    drop_connections: Callable[[], None] = lambda: None

    # What the tests do

    def approve(self, order_id: str) -> None:
        """Let the payer agree on PayPal's page."""
        order = self.orders[order_id]
        order["status"] = "APPROVED"
        order["update_time"] = self._instant()

    def set_status(self, order_id: str, status: str) -> None:
        """Set an order's status by hand."""
        self.orders[order_id]["status"] = status

    def forget(self, order_id: str) -> None:
        """Drop an order, as PayPal does with those that nobody approved."""
        del self.orders[order_id]

    def settle(self, order_id: str, status: str) -> None:
        """Move an order's capture on."""
        self._captures_of(order_id)[0]["status"] = status

    def revoke_tokens(self) -> None:
        """Make every token given so far useless."""
        self.tokens = dict.fromkeys(self.tokens, False)

    def break_next(self, path_end: str, how: str, times: int = 1) -> None:
        """Have the next requests to a path go wrong."""
        self.faults.append(Fault(path_end, how, times))

    def count(self, call: str) -> int:
        """Return how often a method and path (its last part) were called."""
        return sum(1 for one in self.calls if one == call)

    def capture_of(self, order_id: str) -> dict[str, Any]:
        """Return an order's only capture."""
        (capture,) = self._captures_of(order_id)
        return capture

    def event(self, event_type: str, resource: dict[str, Any], number: int = 1) -> bytes:
        """Return a webhook's body, spaced as nobody else would write it."""
        event = {
            "id": f"WH-{number:017d}-0000000000000000{number}",
            "event_version": "1.0",
            "create_time": "2026-11-23T03:59:58.000Z",
            "resource_type": "capture",
            "event_type": event_type,
            "summary": "Bayaran \u2713",
            "resource": resource,
        }
        return json.dumps(event, indent=3, ensure_ascii=False).encode()

    def sign(
        self, body: bytes, *, at: datetime = NOW, webhook_id: str = WEBHOOK_ID
    ) -> dict[str, str]:
        """Return the headers that PayPal sends with a webhook."""
        transmission_id = "69cd13f0-d67a-11e5-baa3-778b53f4ae55"
        sent_at = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "PAYPAL-TRANSMISSION-ID": transmission_id,
            "PAYPAL-TRANSMISSION-TIME": sent_at,
            "PAYPAL-TRANSMISSION-SIG": _signature(transmission_id, sent_at, webhook_id, body),
            "PAYPAL-AUTH-ALGO": "SHA256withRSA",
            "PAYPAL-CERT-URL": "https://api.paypal.com/v1/notifications/certs/CERT-360caa42",
        }

    # What PayPal does

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one HTTP request (ASGI)."""
        if scope["type"] != "http":
            return
        body = await _read_body(receive)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        method, path = scope["method"], scope["path"]
        self.calls.append(f"{method} {path.rsplit('/', 1)[1]}")
        fault = self._take_fault(path)
        if fault is not None and "after" not in fault.how:
            await self._fail(fault, receive, send)
            return
        query = parse_qs(scope["query_string"].decode())
        reply = self._answer(method, path, headers, query, body)
        if fault is not None:
            await self._fail(fault, receive, send)
            return
        await _send_json(send, *reply)

    def _take_fault(self, path: str) -> Fault | None:
        for fault in self.faults:
            if path.endswith(fault.path_end) and fault.times > 0:
                fault.times -= 1
                return fault
        return None

    async def _fail(self, fault: Fault, receive: Any, send: Any) -> None:
        how = fault.how.removesuffix(" after")
        if how == "hang":
            await receive()  # which comes back when the caller has hung up
        elif how == "drop":
            self.drop_connections()
        else:
            await _send_json(send, int(how), {"name": "NOT_PAYPAL"})

    def _answer(
        self, method: str, path: str, headers: dict[str, str], query: Any, body: bytes
    ) -> Reply:
        if path == "/v1/oauth2/token":
            return self._give_token(headers, body)
        if not self.tokens.get(headers.get("authorization", "").removeprefix("Bearer ")):
            return 401, _problem(401, "")
        if path == "/v1/reporting/transactions":
            return self._list_transactions(query)
        operation = find_operation(method, path)
        if operation is None:
            self.violations.append(f"{method} {path} is not in the specification")
            return 404, _problem(404, "")
        faults = operation.request_faults(headers, body)
        self.violations += [f"{method} {path}, request: {fault}" for fault in faults]
        status, answer = self._do(operation, method, path, headers, body)
        faults = operation.answer_faults(status, json.dumps(answer).encode())
        self.violations += [f"{method} {path}, answer {status}: {fault}" for fault in faults]
        return status, answer

    def _do(
        self, operation: Operation, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> Reply:
        key = (path, headers.get("paypal-request-id", ""))
        if key[1] and key in self.answered:
            return self._repeat(*self.answered[key])
        handlers: dict[str, Callable[[], Reply]] = {
            "POST orders": lambda: self._create(operation, json.loads(body)),
            "GET order": lambda: self._show(operation, self.orders),
            "POST capture": lambda: self._capture(operation, path.split("/")[-2]),
            "GET capture": lambda: self._show(operation, self.captures),
            "POST refund": lambda: self._refund(operation, path.split("/")[-2], json.loads(body)),
            "GET refund": lambda: self._show(operation, self.refunds),
            "POST verify": lambda: self._verify(body),
        }
        reply = handlers[_kind_of(method, path)]()
        if key[1]:
            self.answered[key] = reply
        return reply

    def _repeat(self, status: int, answer: dict[str, Any]) -> Reply:
        """Answer a repeated request id: the latest state, or the same refusal."""
        latest = self.orders.get(answer.get("id", ""))
        return (200, latest) if latest is not None else (status, answer)

    def _give_token(self, headers: dict[str, str], body: bytes) -> Reply:
        wanted = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        is_right = headers.get("authorization") == f"Basic {wanted}"
        if not is_right or parse_qs(body.decode()) != {"grant_type": ["client_credentials"]}:
            return 401, {"error": "invalid_client", "error_description": "Client Authentication"}
        token = f"A21AAtoken-{next(self.numbers)}-never-logged"
        self.tokens[token] = True
        return 200, {
            "access_token": token,
            "token_type": "Bearer",
            "app_id": "APP-80W284485P519543T",
            "expires_in": self.token_seconds,
            "nonce": "2026-11-23T04:00:00Z",
        }

    def _create(self, operation: Operation, asked: dict[str, Any]) -> Reply:
        if self.begin_issue:
            return 422, self._refusal(operation, 422, self.begin_issue)
        (unit,) = asked["purchase_units"]
        order_id = self._id("5O")
        at = self._instant()
        page = f"https://www.sandbox.paypal.com/checkoutnow?token={order_id}"
        self.orders[order_id] = {
            "id": order_id,
            "intent": asked["intent"],
            "status": "PAYER_ACTION_REQUIRED",
            "payment_source": {"paypal": {}},
            "purchase_units": [{"reference_id": "default", **unit}],
            "create_time": at,
            "update_time": at,
            "links": [
                _link(f"/v2/checkout/orders/{order_id}", "self"),
                {"href": page, "rel": "payer-action", "method": "GET"},
            ],
        }
        return 201, self.orders[order_id]

    def _show(self, operation: Operation, shelf: dict[str, dict[str, Any]]) -> Reply:
        (name,) = operation.path_values.values()
        return (200, shelf[name]) if name in shelf else (404, self._refusal(operation, 404, ""))

    def _capture(self, operation: Operation, order_id: str) -> Reply:
        order = self.orders.get(order_id)
        if order is None or self.capture_issue == "gone":
            return 404, self._refusal(operation, 404, "")
        if self.overtaken:
            self._take(order)
        if any(one["status"] != "DECLINED" for one in self._captures_of(order_id)):
            return 422, self._refusal(operation, 422, "ORDER_ALREADY_CAPTURED")
        if order["status"] != "APPROVED":
            return 422, self._refusal(operation, 422, "ORDER_NOT_APPROVED")
        if self.capture_issue:
            if self.capture_issue == "INSTRUMENT_DECLINED":
                order["status"] = "PAYER_ACTION_REQUIRED"
            status = 403 if self.capture_issue == "PERMISSION_DENIED" else 422
            return status, self._refusal(operation, status, self.capture_issue)
        self._take(order)
        return 201, order

    def _take(self, order: dict[str, Any]) -> None:
        (unit,) = order["purchase_units"]
        capture_id = self._id("3C")
        amount = {**unit["amount"], "currency_code": self.currency}
        capture: dict[str, Any] = {
            "id": capture_id,
            "status": self.capture_status,
            "amount": amount,
            "final_capture": True,
            "custom_id": unit["custom_id"],
            "invoice_id": unit["invoice_id"],
            "create_time": self._instant(),
            "update_time": self._instant(),
            "links": [
                _link(f"/v2/payments/captures/{capture_id}", "self"),
                _link(f"/v2/payments/captures/{capture_id}/refund", "refund", "POST"),
                _link(f"/v2/checkout/orders/{order['id']}", "up"),
            ],
        }
        if self.capture_status == "PENDING":
            capture["status_details"] = {"reason": "PENDING_REVIEW"}
        unit.setdefault("payments", {}).setdefault("captures", []).append(capture)
        order["status"] = "COMPLETED"
        order["update_time"] = self._instant()
        self.captures[capture_id] = capture

    def _refund(self, operation: Operation, capture_id: str, asked: dict[str, Any]) -> Reply:
        capture = self.captures.get(capture_id)
        if capture is None:
            return 404, self._refusal(operation, 404, "")
        if self.refund_issue:
            return 422, self._refusal(operation, 422, self.refund_issue)
        order = self._order_of(capture)
        (unit,) = order["purchase_units"]
        sent = unit["payments"].setdefault("refunds", [])
        left = _sen(capture["amount"]) - sum(_sen(one["amount"]) for one in sent)
        if left == 0:
            return 422, self._refusal(operation, 422, "CAPTURE_FULLY_REFUNDED")
        if _sen(asked["amount"]) > left:
            return 422, self._refusal(operation, 422, "REFUND_AMOUNT_EXCEEDED")
        refund_id = self._id("1R")
        refund = {
            "id": refund_id,
            "status": self.refund_status,
            **asked,
            "create_time": self._instant(),
            "update_time": self._instant(),
            "links": [
                _link(f"/v2/payments/refunds/{refund_id}", "self"),
                _link(f"/v2/payments/captures/{capture_id}", "up"),
            ],
        }
        sent.append(refund)
        self.refunds[refund_id] = refund
        is_full = left == _sen(asked["amount"])
        capture["status"] = "REFUNDED" if is_full else "PARTIALLY_REFUNDED"
        return 201, refund

    def _verify(self, body: bytes) -> Reply:
        if not self.can_verify:
            return 404, {
                "name": "INVALID_RESOURCE_ID",
                "message": "Resource id is invalid",
                "debug_id": "324e06da40287",
            }
        said = json.loads(body)
        # The event's own bytes, as PayPal's signature has their checksum.
        event = body.split(b'"webhook_event":', 1)[1][:-1]
        wanted = _signature(
            said["transmission_id"], said["transmission_time"], said["webhook_id"], event
        )
        is_real = said["webhook_id"] == WEBHOOK_ID and said["transmission_sig"] == wanted
        return 200, {"verification_status": "SUCCESS" if is_real else "FAILURE"}

    def _list_transactions(self, query: dict[str, list[str]]) -> Reply:
        if not self.can_search:
            return 403, {"name": "NOT_AUTHORIZED", "message": "denied", "debug_id": "1"}
        given = {name: values[0] for name, values in query.items()}
        expected = {"start_date", "end_date", "fields", "page_size", "page"}
        if set(given) != expected or given["fields"] != "transaction_info":
            self.violations.append(f"transactions asked for with {sorted(given)}")
        found = [
            {"transaction_info": one}
            for one in self.transactions
            if given["start_date"] <= one["transaction_initiation_date"] <= given["end_date"]
        ]
        size, page = min(int(given["page_size"]), self.page_size), int(given["page"])
        return 200, {
            "transaction_details": found[(page - 1) * size : page * size],
            "page": page,
            "total_items": len(found),
            "total_pages": -(-len(found) // size),
        }

    def _refusal(self, operation: Operation, status: int, issue: str) -> dict[str, Any]:
        text = operation.issue_text(status, issue) if issue else ""
        return _problem(status, issue, text)

    def _captures_of(self, order_id: str) -> list[dict[str, Any]]:
        (unit,) = self.orders[order_id]["purchase_units"]
        return unit.get("payments", {}).get("captures", [])

    def _order_of(self, capture: dict[str, Any]) -> dict[str, Any]:
        return next(o for o in self.orders.values() if capture in self._captures_of(o["id"]))

    def _id(self, prefix: str) -> str:
        return f"{prefix}{next(self.numbers):015d}"

    def _instant(self) -> str:
        at = NOW + timedelta(seconds=next(self.numbers))
        return at.strftime("%Y-%m-%dT%H:%M:%SZ")


_PROBLEMS = {
    400: ("INVALID_REQUEST", ""),
    401: (
        "AUTHENTICATION_FAILURE",
        "Authentication failed due to missing authorization header, or invalid authentication "
        "credentials.",
    ),
    403: ("NOT_AUTHORIZED", "Authorization failed due to insufficient permissions."),
    404: ("RESOURCE_NOT_FOUND", "The specified resource does not exist."),
    422: (
        "UNPROCESSABLE_ENTITY",
        "The requested action could not be performed, semantically incorrect, or failed business "
        "validation.",
    ),
}


def _problem(status: int, issue: str, description: str = "") -> dict[str, Any]:
    name, message = _PROBLEMS[status]
    problem: dict[str, Any] = {"name": name, "message": message, "debug_id": "90957fca61718"}
    if issue:
        problem["details"] = [{"issue": issue, "description": description}]
    return problem


def _kind_of(method: str, path: str) -> str:
    parts = path.strip("/").split("/")
    if parts[-1] == "verify-webhook-signature":
        return "POST verify"
    if parts[-1] in {"orders", "capture", "refund"}:
        return f"{method} {parts[-1]}"
    return f"{method} {parts[-2].removesuffix('s')}"


def _signature(transmission_id: str, sent_at: str, webhook_id: str, body: bytes) -> str:
    """Return a signature over the same text as PayPal's, made with a key of the test."""
    text = f"{transmission_id}|{sent_at}|{webhook_id}|{binascii.crc32(body)}"
    return "s" + hmac.digest(b"paypal's key", text.encode(), hashlib.sha256).hex()


def _sen(money: dict[str, str]) -> int:
    return round(float(money["value"]) * 100)


def _link(path: str, rel: str, method: str = "GET") -> dict[str, str]:
    return {"href": f"https://api-m.sandbox.paypal.com{path}", "rel": rel, "method": method}


async def _read_body(receive: Callable[[], Awaitable[Any]]) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


async def _send_json(send: Any, status: int, answer: dict[str, Any]) -> None:
    content = json.dumps(answer).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
