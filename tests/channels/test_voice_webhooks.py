"""The dialogue over TwiML: whole calls of a cloud's, each credit in the books."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from tambah.channels.attendant import Attendant, Door
from tambah.channels.ivr import twiml
from tambah.channels.ivr.voice_webhooks import VoiceGateway, VoiceWebhooks
from tambah.channels.sessions import Sessions
from tambah.channels.talk import Ask, Keys, Medium, Silence
from tambah.web.site import Site
from tests.channels.conftest import NamedSpeech
from tests.channels.fake_asterisk import GONE, SILENCE
from tests.channels.fake_cloud import PUBLIC_URL, SECRET, FakeCloud, sign
from tests.portal.conftest import CODES, WRONG

CLIPS = f"{PUBLIC_URL}/gateways/voice/clips/"


@pytest.fixture
async def client(site: Site, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the webhooks of two gateways: `cloud` is trusted, `stranger` is not."""
    doors = {
        name: Door(name=name, caller="hotline", medium=Medium.VOICE, **facts)
        for name, facts in {
            "cloud": {"trusted": True, "has_person": True},
            "stranger": {"trusted": False},
        }.items()
    }
    webhooks = VoiceWebhooks(
        Sessions(site, Attendant(site)),
        NamedSpeech(),
        gateways={
            name: VoiceGateway(door=door, secret=SECRET, person="+60312345678")
            for name, door in doors.items()
        },
        folders=(tmp_path / "recordings", tmp_path / "drafts"),
        public_url=f"{PUBLIC_URL}/",
    )
    transport = httpx.ASGITransport(webhooks, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
        yield client


def heard(cloud: FakeCloud) -> list[str]:
    """Return which clips were heard."""
    return [url.removeprefix(CLIPS).removesuffix(".wav") for url in cloud.heard]


async def credited_micros(site: Site) -> int:
    """Return what Alice's line has been credited."""
    return await site.database.fetch_value("SELECT coalesce(sum(remaining_micros), 0) FROM bucket")


@pytest.mark.parametrize("doubles", [False, True])
async def test_a_first_call_chooses_a_language_tops_up_and_is_told_so(
    client: httpx.AsyncClient, site: Site, doubles: bool
):
    answers = ["2", "1", CODES[0], "1", SILENCE]
    cloud = await FakeCloud(client, answers, doubles=doubles).call()
    told = heard(cloud)
    assert told[:5] == [
        *(f"{tag}/choose_language" for tag in ("en", "ms", "zh-Hans", "ta")),
        "ms/welcome",
    ]
    at = told.index("ms/credited")
    assert told[at - 2 : at + 2] == [
        "ms/code_ends",
        "ms/yes_or_no",
        "ms/credited",
        "ms/credited_stands",
    ]
    assert (told[-1], cloud.was_hung_up) == ("ms/goodbye", True)
    assert await credited_micros(site) == 10_000_000


async def test_a_gather_asks_for_as_many_keys_as_its_question_wants(client: httpx.AsyncClient):
    cloud = await FakeCloud(client, ["1", "1", GONE]).call()
    gathers = [gather.attrib for document in cloud.documents for gather in document.iter("Gather")]
    assert [(each["numDigits"], each["timeout"]) for each in gathers] == [
        ("1", "5"),
        ("1", "5"),
        ("16", "10"),
    ]
    assert {each["finishOnKey"] for each in gathers} == {"#"}


async def test_hanging_up_after_the_code_credits_it_all_the_same(
    client: httpx.AsyncClient, site: Site
):
    cloud = await FakeCloud(client, ["1", "1", CODES[0], GONE]).call()
    assert await credited_micros(site) == 10_000_000
    await cloud.end()
    assert await credited_micros(site) == 10_000_000


async def test_hanging_up_before_the_code_is_whole_changes_nothing(
    client: httpx.AsyncClient, site: Site
):
    await FakeCloud(client, ["1", "1", CODES[0][:9], GONE]).call()
    assert await credited_micros(site) == 0


async def test_three_wrong_codes_pass_the_caller_on_to_a_person(client: httpx.AsyncClient):
    answers = [answer for wrong in WRONG[:3] for answer in (wrong, "1")]
    cloud = await FakeCloud(client, ["1", "1", *answers]).call()
    assert heard(cloud).count("en/code_not_usable") == 3
    assert (heard(cloud)[-1], cloud.person) == ("en/to_person", "+60312345678")


async def test_who_says_nothing_is_told_good_bye(client: httpx.AsyncClient):
    cloud = await FakeCloud(client, [SILENCE] * 9).call()
    assert (heard(cloud)[-1], cloud.was_hung_up) == ("en/goodbye", True)


async def test_a_stranger_may_redeem_but_is_told_nothing_of_a_line(
    client: httpx.AsyncClient, site: Site
):
    cloud = FakeCloud(client, ["1", "2", "1", "0123456789#", "1", CODES[0], "1"])
    cloud.gateway = "stranger"
    await cloud.call()
    assert "en/balance_not_here" in heard(cloud)
    assert "en/credited_there" in heard(cloud)
    assert "en/credited" not in heard(cloud)
    assert await credited_micros(site) == 10_000_000


async def test_one_code_from_many_calls_at_once_credits_once(
    client: httpx.AsyncClient, site: Site
):
    clouds = await asyncio.gather(
        *(
            FakeCloud(client, ["1", "1", CODES[0], "1", GONE], session=f"CA{n}").call()
            for n in range(10)
        )
    )
    assert await credited_micros(site) == 10_000_000
    assert sum("en/credited" in heard(cloud) for cloud in clouds) == 1


async def test_a_step_out_of_turn_is_told_to_come_later(client: httpx.AsyncClient):
    cloud = FakeCloud(client, [])
    await cloud.post(f"{PUBLIC_URL}/gateways/voice/cloud", {})
    late = await cloud.post(f"{PUBLIC_URL}/gateways/voice/cloud?step=7&most=1", {"Digits": "1"})
    assert [play.text for play in late.iter("Play")] == [f"{CLIPS}en/try_later.wav"]


def _fields(**fields: str) -> dict[str, str]:
    return {"CallSid": "CA1", "From": "+60123456789", **fields}


URL = f"{PUBLIC_URL}/gateways/voice/cloud"


@pytest.mark.parametrize(
    ("signature", "fields"),
    [
        ("", _fields()),
        ("é", _fields()),
        (sign(URL, _fields(), secret="another"), _fields()),
        (sign(f"{URL}?step=1&most=1", _fields()), _fields()),
        (sign(URL, _fields()), _fields(Digits="1")),
    ],
    ids=["none", "no base64", "another's", "of another step", "of other fields"],
)
async def test_who_does_not_sign_is_told_nothing(
    client: httpx.AsyncClient, signature: str, fields: dict[str, str]
):
    headers = {"X-Twilio-Signature": signature.encode("latin-1")}
    answer = await client.post("/gateways/voice/cloud", data=fields, headers=headers)
    assert (answer.status_code, answer.text) == (403, "Forbidden")


async def test_a_signature_counts_with_and_without_the_usual_port(client: httpx.AsyncClient):
    url = f"{PUBLIC_URL}:443/gateways/voice/cloud"
    headers = {"X-Twilio-Signature": sign(url, _fields())}
    answer = await client.post("/gateways/voice/cloud", data=_fields(), headers=headers)
    assert answer.status_code == 200


def test_the_signature_is_that_of_the_clouds_own_example():
    number = "+14158675309"
    fields = {
        "CallSid": "CA1234567890ABCDE",
        "Digits": "1234",
        "From": number,
        "To": "+18005551212",
        "Caller": number,
    }
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    signature = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    assert twiml.is_signed("12345", url, list(fields.items()), signature)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/gateways/voice/cloud", b"", 405),
        ("POST", "/gateways/voice/nobody", b"", 404),
        ("POST", "/gateways/voice/", b"", 404),
        ("POST", "/gateways/voice/cloud/status/x", b"", 404),
        ("POST", "/gateways/voice/cloud", b"a=" + b"1" * 40_000, 413),
        ("POST", "/gateways/voice/cloud", b"&".join(b"a%d=1" % n for n in range(200)), 400),
        ("POST", "/gateways/voice/cloud", b"a=\xff", 400),
        ("POST", "/gateways/voice/cloud", b"a=%ff", 400),
        ("POST", "/gateways/voice/clips/en/welcome.wav", b"", 405),
        ("GET", "/gateways/voice/clips/en/nothing.wav", b"", 404),
        ("GET", "/gateways/voice/clips/xx/welcome.wav", b"", 404),
        ("GET", "/gateways/voice/clips/en/.hidden.wav", b"", 404),
        ("GET", "/gateways/voice/clips/en/..%2fsecret.wav", b"", 404),
        ("GET", "/gateways/voice/clips/../secret.wav", b"", 404),
    ],
)
async def test_other_requests_are_refused(
    client: httpx.AsyncClient, tmp_path: Path, method: str, path: str, body: bytes, status: int
):
    (tmp_path / "drafts" / "en").mkdir(parents=True)
    for name in ("drafts/secret.wav", "secret.wav", "drafts/en/.hidden.wav"):
        (tmp_path / name).write_bytes(b"secret")
    kind = {"content-type": "application/x-www-form-urlencoded"}
    answer = await client.request(method, path, content=body, headers=kind)
    assert answer.status_code == status


async def test_a_call_without_a_name_is_refused(client: httpx.AsyncClient):
    headers = {"X-Twilio-Signature": sign(URL, {"From": "+60123456789"})}
    answer = await client.post(
        "/gateways/voice/cloud", data={"From": "+60123456789"}, headers=headers
    )
    assert answer.status_code == 400


async def test_clips_are_public_and_a_recording_counts_before_a_draft(
    client: httpx.AsyncClient, tmp_path: Path
):
    for folder, name in (("drafts", "a.wav"), ("drafts", "b.wav"), ("recordings", "b.wav")):
        (tmp_path / folder / "en").mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "en" / name).write_bytes(f"{folder} {name}".encode())
    got = [await client.get(f"/gateways/voice/clips/en/{name}.wav") for name in "ab"]
    assert [answer.text for answer in got] == ["drafts a.wav", "recordings b.wav"]
    assert got[0].headers["content-type"] == "audio/wav"
    assert got[0].headers["cache-control"] == "public, max-age=3600"
    head = await client.head("/gateways/voice/clips/en/a.wav")
    assert (head.content, head.headers["content-length"]) == (b"", "12")


async def test_no_code_is_logged(client: httpx.AsyncClient):
    with capture_logs() as logs:
        await FakeCloud(client, ["1", "1", CODES[0], "1", "1", WRONG[0], "1", GONE]).call()
    assert CODES[0][:8] not in str(logs)
    assert WRONG[0][:8] not in str(logs)


@pytest.mark.parametrize(
    ("digits", "most", "events"),
    [
        ("", 16, [Silence()]),
        ("473", 16, [Keys("473")]),
        ("*", 16, [Keys("*")]),
        ("47*", 16, [Keys("47*")]),
        ("47*58", 16, [Keys("47*"), Keys("58")]),
        ("4*7*58", 16, [Keys("4*7*"), Keys("58")]),
        ("47*4739281650372", 16, [Keys("47*")]),
        ("*", 1, [Keys("*")]),
    ],
)
def test_a_star_clears_what_came_before_it(digits: str, most: int, events: list[Any]):
    assert twiml.read_digits(digits, most) == events


def test_what_is_said_cannot_become_markup():
    document = twiml.gather(["https://x/?a=1&b=<2>"], Ask(), 'https://x/"&step')
    assert "<Play>https://x/?a=1&amp;b=&lt;2&gt;</Play>" in document
    assert "action='https://x/\"&amp;step'" in document
    assert "<Dial>&lt;1&gt;</Dial>" in twiml.end([], "<1>")
