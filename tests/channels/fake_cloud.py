"""The other end of TwiML: a cloud and its caller, who answers prompt after prompt."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from xml.etree import ElementTree

import httpx

from tests.channels.fake_asterisk import GONE, SILENCE

SECRET = "the cloud's own secret"
PUBLIC_URL = "https://testel.example"


def sign(url: str, fields: dict[str, str], secret: str = SECRET) -> str:
    """Return the signature of a request, as the cloud's manual says."""
    text = url + "".join(name + fields[name] for name in sorted(fields))
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), hashlib.sha1)).decode()


@dataclass
class FakeCloud:
    """Brings one call to a webhook, and keeps what its caller heard.

    answers: for each prompt the keys pressed, SILENCE, or GONE; who has none left hangs up.
    doubles: whether every request is made twice, as after an answer that was lost.
    """

    client: httpx.AsyncClient
    answers: Iterable[str]
    sender: str = "+60123456789"
    session: str = "CA1"
    gateway: str = "cloud"
    doubles: bool = False
    heard: list[str] = field(default_factory=list)
    documents: list[ElementTree.Element] = field(default_factory=list)
    person: str = ""
    was_hung_up: bool = False

    async def call(self) -> FakeCloud:
        """Make the call and return when it has ended."""
        answers = deque(self.answers)
        url, fields = f"{PUBLIC_URL}/gateways/voice/{self.gateway}", dict[str, str]()
        while url:
            document = await self.post(url, fields)
            gather = document.find("Gather")
            self.heard += [play.text or "" for play in document.iter("Play")]
            if gather is None:
                self.person = document.findtext("Dial") or ""
                self.was_hung_up = document.find("Hangup") is not None
                break
            answer = answers.popleft() if answers else GONE
            if answer == GONE:
                break
            keys = _gathered(answer, int(gather.attrib["numDigits"]), gather.attrib["finishOnKey"])
            if keys:
                url, fields = gather.attrib["action"], {"Digits": keys}
            else:
                url, fields = document.findtext("Redirect") or "", {}
        await self.end()
        return self

    async def end(self) -> None:
        """Tell that the call is over."""
        url = f"{PUBLIC_URL}/gateways/voice/{self.gateway}/status"
        await self.post(url, {"CallStatus": "completed"})

    async def post(self, url: str, fields: dict[str, str]) -> ElementTree.Element:
        """Make one request, signed; return the document that was answered."""
        said = {
            "CallSid": self.session,
            "From": self.sender,
            "CallStatus": "in-progress",
            **fields,
        }
        parts = urlsplit(url)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        headers = {"X-Twilio-Signature": sign(url, said)}
        answer = await self.client.post(path, data=said, headers=headers)
        if self.doubles:
            again = await self.client.post(path, data=said, headers=headers)
            assert again.text == answer.text
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/xml")
        document = ElementTree.fromstring(answer.text)
        assert document.tag == "Response"
        self.documents.append(document)
        return document


def _gathered(answer: str, most: int, finish: str) -> str:
    """Return what a Gather posts of the keys that are pressed."""
    if answer == SILENCE:
        return ""
    return answer.partition(finish)[0][:most]
