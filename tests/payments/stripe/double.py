"""A double of Stripe: Checkout sessions, refunds, disputes, balance transactions, events.

It refuses what Stripe would refuse, keeps idempotency keys as Stripe does, and proves each of its
own answers against Stripe's descriptions (`shapes.py`).
"""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from copy import deepcopy
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

import stripe
import uvicorn

from tests.payments.stripe.shapes import Malformed, prove_answer, read_params

KEY = "sk_test_double"
VERSION = "2026-10-28.endive"
HALF_AN_HOUR = 30 * 60
DAY = 24 * 3600
DROPPED = 0
"""In place of a status: the request was carried out, and its answer lost."""
LEAST_SEN = {"card": 200, "fpx": 100}

Document = dict[str, Any]


class Refused(Exception):
    """An answer with an error."""

    def __init__(self, status: int, **error: Any) -> None:
        super().__init__(error)
        self.status = status
        self.error = {"type": "invalid_request_error", "message": "No.", **error}


class StripeDouble:
    """Stripe's state. `faults`: what happens to the next requests, in order."""

    def __init__(self) -> None:
        self.objects: dict[str, Document] = {}
        self.balance: list[str] = []
        self.requests: list[tuple[str, str, Document]] = []
        self.keys: dict[str, tuple[Any, int, Document]] = {}
        self.faults: deque[str] = deque()
        self.switched_on = {"card", "fpx"}
        self.refund_status = "succeeded"
        self.now = int(time.time())
        self.released = asyncio.Event()
        self.broken: list[AssertionError] = []
        self._numbers = count(1)

    # What happens at Stripe

    def pay(self, session_id: str, *, amount: int | None = None, currency: str = "myr") -> None:
        """The payer pays and the money is there at once."""
        session = self.objects[session_id]
        session["amount_total"] = session["amount_total"] if amount is None else amount
        session["currency"] = currency
        intent = self._try_to_pay(session)
        session.update(status="complete", payment_status="paid", url=None)
        self._succeed(intent)

    def pay_later(self, session_id: str) -> None:
        """The payer has done his part; the money is on its way."""
        session = self.objects[session_id]
        self._try_to_pay(session)["status"] = "processing"
        session.update(status="complete", url=None)

    def settle_late(self, session_id: str, *, succeeds: bool) -> None:
        """What was on its way arrives, or not."""
        session = self.objects[session_id]
        intent = self.objects[session["payment_intent"]]
        if succeeds:
            session["payment_status"] = "paid"
            self._succeed(intent)
        else:
            intent["status"] = "requires_payment_method"

    def fail_a_try(self, session_id: str) -> None:
        """A card is declined; the page stays open for another."""
        self._try_to_pay(self.objects[session_id])["status"] = "requires_payment_method"

    def expire(self, session_id: str) -> None:
        """The page's time is over."""
        self.objects[session_id].update(status="expired", url=None)

    def intent_of(self, session_id: str) -> Document:
        """Return the payment intent of a page."""
        return self.objects[self.objects[session_id]["payment_intent"]]

    def refund_by_hand(self, intent_id: str, amount: int, status: str = "succeeded") -> Document:
        """Somebody refunds in the dashboard: no metadata of ours."""
        return self._refund({"payment_intent": intent_id, "amount": amount}, status)

    def dispute(self, intent_id: str, status: str = "needs_response") -> Document:
        """The payer's bank takes the money back."""
        intent = self.objects[intent_id]
        dispute = self._new(
            "dispute",
            "du",
            amount=intent["amount"],
            balance_transactions=[],
            charge=intent["latest_charge"],
            currency=intent["currency"],
            enhanced_eligibility_types=[],
            evidence={"enhanced_evidence": {}},
            evidence_details={"enhanced_eligibility": {}, "has_evidence": False,
                              "past_due": False, "submission_count": 0, "due_by": None,
                              "submission_method": "not_submitted"},
            is_charge_refundable=False,
            livemode=False,
            metadata={},
            payment_intent=intent_id,
            reason="fraudulent",
            status=status,
        )  # fmt: skip
        self.book(-intent["amount"], "adjustment", "dispute", dispute["id"], fee=6000)
        return dispute

    def book(
        self, amount: int, kind: str, category: str, source: str | None, *, fee: int = 0,
        currency: str = "myr",
    ) -> Document:  # fmt: skip
        """Change the account's balance."""
        line = self._new(
            "balance_transaction",
            "txn",
            amount=amount,
            available_on=self.now,
            balance_type="payments",
            currency=currency,
            description=None,
            exchange_rate=None,
            fee=fee,
            fee_details=[],
            net=amount - fee,
            reporting_category=category,
            source=source,
            status="available",
            type=kind,
        )
        self.balance.insert(0, line["id"])
        return line

    def charge_without_us(self, amount: int) -> Document:
        """Take a payment through the same account that is none of ours."""
        intent = self._new_intent(amount, "myr", ["card"], {}, None)
        self._succeed(intent)
        return intent

    def event(self, kind: str, document: Document) -> bytes:
        """Return the body of an event about an object as it is now."""
        event = {
            "id": f"evt_{next(self._numbers)}",
            "object": "event",
            "api_version": VERSION,
            "created": self.now,
            "data": {"object": deepcopy(document)},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": kind,
        }
        prove_answer(event)
        prove_answer(event["data"]["object"])
        return json.dumps(event, indent=2).encode()

    def _try_to_pay(self, session: Document) -> Document:
        asked = session["_asked"]
        if session["payment_intent"] is None:
            about = asked["payment_intent_data"]
            intent = self._new_intent(
                session["amount_total"],
                session["currency"],
                session["payment_method_types"],
                about["metadata"],
                about["description"],
            )
            session["payment_intent"] = intent["id"]
        intent = self.objects[session["payment_intent"]]
        intent.update(amount=session["amount_total"], currency=session["currency"])
        return intent

    def _new_intent(
        self, amount: int, currency: str, types: list[str], metadata: Document, text: str | None
    ) -> Document:
        return self._new(
            "payment_intent",
            "pi",
            amount=amount,
            amount_capturable=0,
            amount_received=0,
            capture_method="automatic",
            confirmation_method="automatic",
            currency=currency,
            description=text,
            latest_charge=None,
            livemode=False,
            metadata=metadata,
            payment_method_types=types,
            status="requires_payment_method",
        )

    def _succeed(self, intent: Document) -> None:
        is_card = intent["payment_method_types"] == ["card"]
        charge = self._new(
            "charge",
            "ch" if is_card else "py",
            amount=intent["amount"],
            amount_captured=intent["amount"],
            amount_refunded=0,
            billing_details={"address": None, "email": None, "name": None, "phone": None},
            captured=True,
            currency=intent["currency"],
            disputed=False,
            livemode=False,
            metadata=dict(intent["metadata"]),
            paid=True,
            payment_intent=intent["id"],
            refunded=False,
            refunds={"object": "list", "data": [], "has_more": False, "url": "/v1/refunds"},
            status="succeeded",
        )
        intent.update(
            status="succeeded", amount_received=intent["amount"], latest_charge=charge["id"]
        )
        kind = "charge" if is_card else "payment"
        fee = intent["amount"] * 3 // 100 + 100
        self.book(
            intent["amount"], kind, "charge", charge["id"], fee=fee, currency=intent["currency"]
        )

    def _refund(self, asked: Document, status: str) -> Document:
        intent = self.objects.get(asked["payment_intent"])
        if intent is None:
            raise Refused(404, code="resource_missing", param="payment_intent")
        if intent["latest_charge"] is None:
            raise Refused(400, code="payment_intent_unexpected_state", param="payment_intent")
        charge = self.objects[intent["latest_charge"]]
        left = charge["amount"] - charge["amount_refunded"]
        if left == 0:
            raise Refused(400, code="charge_already_refunded")
        amount = asked.get("amount", left)
        if amount > left:
            raise Refused(400, param="amount")
        charge["amount_refunded"] += amount
        charge["refunded"] = amount == left
        refund = self._new(
            "refund",
            "re",
            amount=amount,
            charge=charge["id"],
            currency=intent["currency"],
            metadata=asked.get("metadata", {}),
            payment_intent=intent["id"],
            status=status,
        )
        is_card = charge["id"].startswith("ch_")
        line = self.book(
            -amount, "refund" if is_card else "payment_refund", "refund", refund["id"]
        )
        refund["balance_transaction"] = line["id"]
        return refund

    def _new(self, kind: str, prefix: str, **fields: Any) -> Document:
        document = {
            "id": f"{prefix}_{next(self._numbers)}",
            "object": kind,
            "created": self.now,
            **fields,
        }
        self.objects[document["id"]] = document
        return document

    # What is asked of Stripe

    def create_session(self, asked: Document) -> Document:
        (item,) = asked["line_items"]
        price = item["price_data"]
        (method,) = asked["allowed_payment_method_types"]
        total = price["unit_amount"] * item["quantity"]
        if asked["mode"] != "payment" or price["currency"] != "myr":
            raise Refused(400, param="line_items[0][price_data][currency]")
        if total < LEAST_SEN[method]:
            raise Refused(400, code="amount_too_small")
        if total > 99_999_999:
            raise Refused(400, code="amount_too_large")
        if not self.now + HALF_AN_HOUR <= asked["expires_at"] <= self.now + DAY:
            raise Refused(400, param="expires_at")
        session = self._new(
            "checkout.session",
            "cs_test",
            adaptive_pricing={"enabled": asked["adaptive_pricing"]["enabled"]},
            allowed_payment_method_types=[method],
            amount_subtotal=total,
            amount_total=total,
            automatic_tax={"enabled": False, "status": None, "liability": None, "provider": None},
            cancel_url=asked["cancel_url"],
            client_reference_id=asked["client_reference_id"],
            currency="myr",
            custom_fields=[],
            custom_text={"after_submit": None, "shipping_address": None, "submit": None,
                         "terms_of_service_acceptance": None},
            customer=None,
            expires_at=asked["expires_at"],
            livemode=False,
            locale=asked["locale"],
            metadata=asked["metadata"],
            mode="payment",
            payment_intent=None,
            payment_method_types=[method] if method in self.switched_on else [],
            payment_status="unpaid",
            shipping_options=[],
            status="open",
            success_url=asked["success_url"],
        )  # fmt: skip
        session["url"] = f"https://checkout.stripe.com/c/pay/{session['id']}"
        session["_asked"] = asked
        return session

    def answer(self, method: str, path: str, asked: Document) -> Document:
        """Answer one well-formed request."""
        head, _, name = path.rpartition("/")
        if (method, path) == ("POST", "/v1/checkout/sessions"):
            return self.create_session(asked)
        if (method, path) == ("POST", "/v1/refunds"):
            return self._refund(asked, self.refund_status)
        if (method, path) == ("GET", "/v1/refunds"):
            found = [o for o in self.objects.values() if o["object"] == "refund"]
            mine = [o for o in found if o["payment_intent"] == asked["payment_intent"]]
            return _page("/v1/refunds", mine[::-1], asked)
        if (method, path) == ("GET", "/v1/balance_transactions"):
            return self._balance_page(asked)
        if name in self.objects and head in ("/v1/checkout/sessions", "/v1/payment_intents"):
            return self._expanded(self.objects[name], asked.get("expand", []))
        raise Refused(404, code="resource_missing", param=head.rpartition("/")[2].rstrip("s"))

    def _balance_page(self, asked: Document) -> Document:
        assert set(asked["created"]) == {"gte", "lt"}
        lines = [self.objects[name] for name in self.balance]
        inside = [
            line for line in lines
            if asked["created"]["gte"] <= line["created"] < asked["created"]["lt"]
        ]  # fmt: skip
        page = _page("/v1/balance_transactions", inside, asked)
        if "data.source" in asked.get("expand", []):
            page["data"] = [self._expanded(line, ["source"]) for line in page["data"]]
        return page

    def _expanded(self, document: Document, names: list[str]) -> Document:
        copy = deepcopy(document)
        for name in names:
            if isinstance(copy[name], str):
                copy[name] = deepcopy(self.objects[copy[name]])
        return copy


def _page(url: str, found: list[Document], asked: Document) -> Document:
    names = [o["id"] for o in found]
    start = names.index(asked["starting_after"]) + 1 if "starting_after" in asked else 0
    limit = asked.get("limit", 10)
    return {
        "object": "list",
        "url": url,
        "data": deepcopy(found[start : start + limit]),
        "has_more": start + limit < len(found),
    }


class Door:
    """The double behind HTTP, as an ASGI application."""

    def __init__(self, double: StripeDouble) -> None:
        self.double = double
        self.connections: set[Any] = set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {k.decode(): v.decode() for k, v in scope["headers"]}
        status, answer = await self._serve(scope, headers, body)
        if status == DROPPED:
            for connection in list(self.connections):
                connection.transport.abort()
            return
        raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(b"content-type", b"application/json"), (b"request-id", b"req_1")],
            }
        )
        await send({"type": "http.response.body", "body": raw})

    async def _serve(self, scope: Any, headers: Any, body: bytes) -> tuple[int, Any]:
        fault = self.double.faults.popleft() if self.double.faults else None
        if fault == "hangs":
            await self.double.released.wait()
        if fault == "garbage":
            return 200, b'{"object": "list"}'
        if fault == "a page of a proxy":
            return 200, b"<html>Welcome</html>"
        if fault is not None and fault.isdigit():  # before anything is carried out
            return int(fault), _error(Refused(int(fault), type=_ERROR_TYPES.get(fault)))
        try:
            answer = self._asked(scope, headers, body)
            return (DROPPED, {}) if fault == "drops" else answer
        except AssertionError as broken:
            # A wrong answer of the double's own, or a request that no test may send.
            self.double.broken.append(broken)
            raise
        except Malformed as wrong:
            return 400, _error(Refused(400, code=wrong.code, param=wrong.param))
        except Refused as refused:
            return refused.status, _error(refused)

    def _asked(self, scope: Any, headers: Any, body: bytes) -> tuple[int, Document]:
        method, path = scope["method"], scope["path"]
        if headers.get("authorization") != f"Bearer {KEY}":
            raise Refused(401, message="Invalid API Key provided: sk_test_****able")
        assert headers["stripe-version"] == VERSION
        assert "x-stripe-client-telemetry" not in headers
        assert "telemetry_id" not in headers["x-stripe-client-user-agent"]
        text = (body if method == "POST" else scope["query_string"]).decode()
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text))
        asked = read_params(method, _template(path), pairs)
        self.double.requests.append((method, path, asked))
        if method == "GET":
            return 200, self._proved(self.double.answer(method, path, asked))
        return self._once(headers["idempotency-key"], method, path, asked)

    def _once(self, key: str, method: str, path: str, asked: Document) -> tuple[int, Document]:
        """Run what a key asks for once. What was refused as malformed is not kept."""
        before = self.double.keys.get(key)
        if before is not None:
            if before[0] != (path, asked):
                raise Refused(400, type="idempotency_error")
            return before[1], before[2]
        answer = self._proved(self.double.answer(method, path, asked))
        self.double.keys[key] = ((path, asked), 200, answer)
        return 200, answer

    def _proved(self, answer: Document) -> Document:
        shown = {k: v for k, v in deepcopy(answer).items() if not k.startswith("_")}
        prove_answer(shown)
        return shown


_ERROR_TYPES = {"429": "rate_limit_error", "402": "card_error"}


def _error(refused: Refused) -> Document:
    error = {k: v for k, v in refused.error.items() if v is not None}
    document = {"error": {"type": "api_error", **error}}
    prove_answer(document)
    return document


def _template(path: str) -> str:
    for head, name in (
        ("/v1/checkout/sessions/", "{session}"),
        ("/v1/payment_intents/", "{intent}"),
    ):
        if path.startswith(head):
            return head + name
    return path


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[str]:
    """Serve an ASGI application on a free loopback port; give its address."""
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, access_log=False))
    vars(server)["capture_signals"] = nullcontext
    if isinstance(app, Door):
        app.connections = server.server_state.connections
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(server.serve(sockets=[listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        server.force_exit = True
        await task


def sign(body: bytes, secret: str, at: int | None = None) -> dict[str, str]:
    """Return the header that Stripe sends with a webhook, made by the official SDK."""
    made = stripe.WebhookSignature.generate_signature_header(body.decode(), secret, at)
    return {"stripe-signature": made}
