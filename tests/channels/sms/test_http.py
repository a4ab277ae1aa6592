"""Aggregators by HTTP: what is posted, what their answers mean, what their webhooks may say."""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl

import httpx2
import msgspec
import pytest
from structlog.testing import capture_logs

from tambah.channels.gateway import GatewayUnavailable, Sms, Unanswered
from tambah.channels.sms.http_gateway import HttpGateway
from tambah.channels.sms.inbound import InboundSms
from tambah.channels.sms.webhook import SmsWebhook
from tambah.config import GatewayEntry, secret_variable
from tambah.domain.line import Language
from tambah.engine.clock import Clock
from tambah.store.outbox import MessageState
from tambah.store.receipts import Receipt

SMS = Sms(
    line_id=7,
    number=3,
    at=datetime(2026, 1, 1, tzinfo=UTC),
    msisdn=60123456789,
    language=Language.TA,
    body="RM0.00 KampungTel: இருப்பு & RM1.00",
)


def entry_of(**fields: object) -> GatewayEntry:
    return msgspec.convert(
        {"name": "texts", "kind": "sms_http", "url": "https://sms.example/send", **fields},
        GatewayEntry,
    )


@dataclass
class Aggregator:
    """Answers what it is told to, and keeps what it was asked."""

    status: int = 200
    answer: Any = None
    error: Exception | None = None
    asked: list[httpx2.Request] = field(default_factory=list)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        if self.error is not None:
            raise self.error
        return httpx2.Response(self.status, json=self.answer)

    def gateway(self, **fields: object) -> HttpGateway:
        return HttpGateway(entry_of(**fields), "hush", transport=httpx2.MockTransport(self))


async def test_a_message_is_posted_as_a_form():
    aggregator = Aggregator(answer={"id": "m-1"})
    taken = await aggregator.gateway(source="KampungTel").hand_over(SMS)
    assert (taken.gateway, taken.ref, taken.parts) == ("texts", "m-1", ("m-1",))
    (asked,) = aggregator.asked
    assert (asked.method, str(asked.url)) == ("POST", "https://sms.example/send")
    assert asked.headers["authorization"] == "Bearer hush"
    assert dict(parse_qsl(asked.content.decode())) == {
        "to": "60123456789",
        "from": "KampungTel",
        "text": SMS.body,
        "ref": "7-3",
    }


async def test_fields_are_named_as_the_aggregator_wants_them():
    aggregator = Aggregator(status=201, answer={"messages": [{"message-id": 17}]})
    gateway = aggregator.gateway(
        send_as="json",
        secret_as="basic",
        user="tambah",
        fields={"to": "msisdn", "text": "body", "ref": "client_ref"},
        more={"type": "unicode", "to": "kept as it is"},
        answer_id="messages.0.message-id",
    )
    assert (await gateway.hand_over(SMS)).ref == "17"
    (asked,) = aggregator.asked
    assert asked.headers["authorization"] == "Basic " + base64.b64encode(b"tambah:hush").decode()
    assert json.loads(asked.content) == {
        "msisdn": "60123456789",
        "body": SMS.body,
        "client_ref": "7-3",
        "type": "unicode",
        "to": "kept as it is",
    }


async def test_the_secret_can_be_a_field():
    aggregator = Aggregator(answer={})
    await aggregator.gateway(secret_as="field", fields={"secret": "apikey"}).hand_over(SMS)
    assert "authorization" not in aggregator.asked[0].headers
    assert dict(parse_qsl(aggregator.asked[0].content.decode()))["apikey"] == "hush"


@pytest.mark.parametrize("answer", [None, {}, [], {"id": None}, {"id": {"a": 1}}, "x"])
async def test_an_answer_without_an_id_leaves_our_own_reference(answer: Any):
    taken = await Aggregator(answer=answer).gateway().hand_over(SMS)
    assert (taken.ref, taken.parts) == ("7-3", ("7-3",))


@pytest.mark.parametrize(
    ("status", "is_permanent", "is_away"),
    [
        (400, True, False),
        (422, True, False),
        (401, False, True),
        (403, False, True),
        (404, False, False),
        (408, False, False),
        (429, False, True),
        (500, False, False),
        (503, False, True),
        (302, False, False),  # never followed: the secret would go along
    ],
)
async def test_a_refusal_says_whether_trying_again_helps(
    status: int, is_permanent: bool, is_away: bool
):
    aggregator = Aggregator(status=status, answer={"id": "m-1"})
    with pytest.raises(GatewayUnavailable) as refused:
        await aggregator.gateway().hand_over(SMS)
    assert refused.value.reason == f"http_{status}"
    assert (refused.value.is_permanent, refused.value.is_away) == (is_permanent, is_away)
    assert len(aggregator.asked) == 1


async def test_only_a_connection_never_made_is_sure_to_have_brought_nothing():
    with pytest.raises(GatewayUnavailable) as refused:
        await Aggregator(error=httpx2.ConnectError("no")).gateway().hand_over(SMS)
    assert refused.value.is_away
    for error in (httpx2.ReadTimeout("late"), httpx2.RemoteProtocolError("cut")):
        with pytest.raises(Unanswered):
            await Aggregator(error=error).gateway().hand_over(SMS)


# Webhooks


@dataclass
class Listener:
    """The webhook, asked in process."""

    heard: list[InboundSms] = field(default_factory=list)
    written: list[Receipt] = field(default_factory=list)
    fails: Exception | None = None

    async def write(self, receipt: Receipt) -> None:
        if self.fails:
            raise self.fails
        self.written.append(receipt)

    async def on_inbound(self, sms: InboundSms) -> None:
        if self.fails:
            raise self.fails
        self.heard.append(sms)

    async def ask(
        self,
        body: bytes | dict[str, Any],
        *,
        headers: dict[str, str] | None = None,
        path: str = "/gateways/sms/texts",
        method: str = "POST",
        peer: str = "192.0.2.7",
        **fields: object,
    ) -> int:
        webhook = SmsWebhook(
            [entry_of(**fields), entry_of(name="other")],
            {secret_variable("texts"): "hush", secret_variable("other"): "another"},
            receipts=self,  # type: ignore[arg-type]
            on_inbound=self.on_inbound,
            clock=Clock(),
            trusted_proxies=["10.0.0.1"],
        )
        sent = json.dumps(body).encode() if isinstance(body, dict) else body
        given = {"authorization": "Bearer hush", **(headers or {})}
        if isinstance(body, dict):
            given = {"content-type": "application/json", **given}
        transport = httpx2.ASGITransport(app=webhook, client=(peer, 1))  # type: ignore[arg-type]
        raw = {name.encode(): value.encode("latin-1") for name, value in given.items()}
        async with httpx2.AsyncClient(transport=transport, base_url="http://t") as client:
            answer = await client.request(method, path, content=sent, headers=raw)
        self.answer = answer.json()
        return answer.status_code


async def test_a_message_comes_in_as_json_and_as_a_form():
    listener = Listener()
    assert await listener.ask({"from": "60123456789", "text": "BAL", "id": 5}) == 200
    assert listener.answer == {"heard": True}
    form = b"sender=%2B60123456789&body=%E4%BD%99%E9%A2%9D"
    headers = {"content-type": "application/x-www-form-urlencoded"}
    names = {"from": "sender", "text": "body"}
    assert await listener.ask(form, headers=headers, inbound=names) == 200
    assert [(one.gateway, one.sender, one.text, one.message_id) for one in listener.heard] == [
        ("texts", "60123456789", "BAL", "5"),
        ("texts", "+60123456789", "余额", None),
    ]


@pytest.mark.parametrize(
    ("headers", "fields"),
    [
        ({"authorization": ""}, {}),
        ({"authorization": "Bearer guess"}, {}),
        ({"authorization": "hush"}, {}),
        ({"authorization": "Basic hush"}, {}),
        ({"authorization": "Bearer another"}, {}),  # another gateway's
        ({"authorization": "Bearer hush\u00e9".encode().decode("latin-1")}, {}),
        ({"x-secret": "hus"}, {"proof": "header", "proof_header": "X-Secret"}),
        ({}, {"proof": "header", "proof_header": "X-Secret"}),
        ({"x-signature": "00" * 32}, {"proof": "hmac", "proof_header": "X-Signature"}),
        ({"x-signature": "no digest"}, {"proof": "hmac", "proof_header": "X-Signature"}),
    ],
)
async def test_whoever_does_not_prove_the_secret_is_not_heard(
    headers: dict[str, str], fields: dict[str, object]
):
    listener = Listener()
    with capture_logs() as logs:
        assert await listener.ask({"from": "1", "text": "BAL"}, headers=headers, **fields) == 401
    assert listener.heard == []
    assert "hush" not in str(logs)


@pytest.mark.parametrize("encode", [bytes.hex, lambda digest: base64.b64encode(digest).decode()])
@pytest.mark.parametrize("before", ["", "sha256="])
async def test_a_signature_over_the_body_is_proof(encode: Any, before: str):
    listener, body = Listener(), b'{"from": "1", "text": "BAL"}'
    signature = before + encode(hmac.digest(b"hush", body, sha256))
    headers = {"x-signature": signature, "content-type": "application/json"}
    fields: dict[str, object] = {"proof": "hmac", "proof_header": "x-signature"}
    assert await listener.ask(body, headers=headers, **fields) == 200
    assert await listener.ask(body + b" ", headers=headers, **fields) == 401


@pytest.mark.parametrize(
    ("peer", "forwarded", "status"),
    [
        ("192.0.2.7", "", 200),
        ("198.51.100.1", "", 403),
        ("198.51.100.1", "192.0.2.7", 403),  # whoever says so
        ("10.0.0.1", "192.0.2.7", 200),
        ("10.0.0.1", "198.51.100.1", 403),
        ("2001:db8::5", "", 200),
        ("2001:db8::6", "", 403),  # the same household, another machine
        ("2001:db9::5", "", 403),
    ],
)
async def test_a_gateway_may_be_held_to_addresses(peer: str, forwarded: str, status: int):
    said = {"from": "1", "text": "BAL"}
    headers = {"x-forwarded-for": forwarded} if forwarded else {}
    allow = ("192.0.2.0/24", "2001:db8::5")
    assert await Listener().ask(said, peer=peer, headers=headers, allow=allow) == status


async def test_what_is_no_message_is_said_to_be_none():
    listener = Listener()
    said = {"from": "1", "text": "BAL"}
    assert await listener.ask(said, path="/gateways/sms/nobody") == 404
    assert await listener.ask(said, path="/gateways/sms/") == 404
    assert await listener.ask(said, method="GET") == 405
    assert await listener.ask({"from": "1"}) == 422
    assert await listener.ask({"text": "BAL"}) == 422
    assert await listener.ask(b"[]", headers={"content-type": "application/json"}) == 400
    assert await listener.ask(b"[" * 90_000) == 413
    assert await listener.ask(b"\xff=\xff") == 400
    assert listener.heard == []


@pytest.mark.parametrize("error", [ConnectionRefusedError(), RuntimeError("60123456789")])
async def test_what_we_could_not_deal_with_is_asked_for_again(error: Exception):
    listener = Listener(fails=error)
    with capture_logs() as logs:
        assert await listener.ask({"from": "60123456789", "text": "BAL"}) == 503
        assert await listener.ask({"id": "m-1", "status": "delivered"}) == 503
    assert "60123456789" not in str(logs)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("delivered", MessageState.DELIVERED),
        ("DELIVRD", MessageState.DELIVERED),
        ("failed", MessageState.FAILED),
        ("Undelivered", MessageState.FAILED),
        ("expired", MessageState.FAILED),
        ("sent", None),
        ("queued", None),
    ],
)
async def test_a_receipt_says_what_became_of_a_message(status: str, state: MessageState | None):
    listener = Listener()
    assert await listener.ask({"id": "m-1", "status": status}) == 200
    assert [(one.gateway, one.ref, one.state) for one in listener.written] == (
        [("texts", "m-1", state)] if state else []
    )
    assert await listener.ask({"status": status}) == 422


async def test_a_receipt_may_go_by_our_own_reference():
    listener = Listener()
    await listener.ask(
        {"client_ref": "7-3", "dlr": "delivered"}, inbound={"ref": "client_ref", "status": "dlr"}
    )
    assert listener.written[0].ref == "7-3"
