"""`/gateways/voice/…`: calls that a cloud brings by webhooks, and the clips it plays.

`POST /gateways/voice/{gateway}` begins a call and takes its steps, whose number is in the address
that the cloud was told; `…/{gateway}/status` tells its end. Both are signed. Clips are public.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qsl, quote

import structlog

from tambah.channels.attendant import Call, Door
from tambah.channels.ivr import twiml
from tambah.channels.ivr.speech import Speech
from tambah.channels.sessions import Kept, Opened, Sessions
from tambah.channels.talk import Ended, Event, HungUp
from tambah.domain.refusals import BodyMalformed, BodyTooLarge
from tambah.i18n import LANGUAGES
from tambah.store.database import CONNECTION_LOST, RETRYABLE
from tambah.web.body import ClientGone, Receive, Scope, Send, read_body

log = structlog.get_logger(__name__)

PREFIX = "/gateways/voice/"
_CLIPS = "clips"
_OVER = "over"
_CLIP = re.compile(r"[a-z0-9][a-z0-9._-]{0,100}\.wav")
_STEP = re.compile(r"step=(\d{1,4})&most=(\d{1,2})")
_KEYS = frozenset("0123456789*")
_ENDED = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
_MOST_BODY_BYTES = 32 * 1024
_MOST_FIELDS = 100
# A recording may be replaced at any time; drafts are named by what they say.
_CLIP_CACHE = b"public, max-age=3600"


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceGateway:
    """A cloud that brings calls. secret: it signs with; person: a number to pass callers on to."""

    door: Door
    secret: str = field(repr=False)
    person: str = ""


@dataclass(frozen=True, slots=True)
class _Answer:
    body: bytes
    kind: bytes = b"text/xml; charset=utf-8"
    status: int = 200
    cache: bytes = b"no-store"


class _Refused(Exception):
    """A request that is none of ours to answer."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class VoiceWebhooks:
    """Answers every request below /gateways/voice/.

    gateways: by their names. folders: where clips are, each with a folder for each language; of
    two files of one name the first folder's counts. public_url: how the cloud reaches us.
    """

    def __init__(
        self,
        sessions: Sessions,
        speech: Speech,
        *,
        gateways: Mapping[str, VoiceGateway],
        folders: Sequence[Path],
        public_url: str,
    ) -> None:
        self._sessions = sessions
        self._speech = speech
        self._gateways = dict(gateways)
        self._folders = tuple(folders)
        self._public_url = public_url.rstrip("/")

    @staticmethod
    def owns(path: str) -> bool:
        """Say whether a path is a cloud's."""
        return path.startswith(PREFIX)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        try:
            answer = await self._answer(scope, receive)
        except ClientGone:
            return
        except _Refused as refused:
            answer = _plain(refused.status)
        except BodyTooLarge:
            answer = _plain(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        except BodyMalformed:
            answer = _plain(HTTPStatus.REQUEST_TIMEOUT)
        except (*CONNECTION_LOST, *RETRYABLE):
            answer = _plain(HTTPStatus.SERVICE_UNAVAILABLE)
        except Exception:
            log.exception("a call's webhook met a bug")
            answer = _plain(HTTPStatus.INTERNAL_SERVER_ERROR)
        headers = [
            (b"content-type", answer.kind),
            (b"content-length", b"%d" % len(answer.body)),
            (b"cache-control", answer.cache),
            (b"x-content-type-options", b"nosniff"),
        ]
        status = {"type": "http.response.start", "status": answer.status, "headers": headers}
        await send(status)
        body = b"" if scope["method"] == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> _Answer:
        match scope["path"].removeprefix(PREFIX).split("/"):
            case ["clips", tag, name]:
                _require(scope, "GET", "HEAD")
                return await self._clip(tag, name)
            case [name]:
                gateway, call, fields = await self._read(scope, receive, name)
                return await self._step(gateway, call, scope, fields)
            case [name, "status"]:
                gateway, call, fields = await self._read(scope, receive, name)
                if fields.get("CallStatus") in _ENDED:
                    await self._hang_up(call)
                return _Answer(twiml.nothing().encode())
            case _:
                raise _Refused(HTTPStatus.NOT_FOUND)

    async def _read(
        self, scope: Scope, receive: Receive, name: str
    ) -> tuple[VoiceGateway, Call, dict[str, str]]:
        """Return who a request is of, proved, and what it says."""
        gateway = self._gateways.get(name)
        if gateway is None:
            raise _Refused(HTTPStatus.NOT_FOUND)
        _require(scope, "POST")
        fields = _read_fields(await read_body(receive, _MOST_BODY_BYTES))
        query = scope["query_string"].decode("latin-1")
        url = f"{self._public_url}{scope['path']}{'?' if query else ''}{query}"
        signature = dict(scope["headers"]).get(twiml.SIGNATURE.encode(), b"").decode("latin-1")
        if not twiml.is_signed(gateway.secret, url, fields, signature):
            log.warning("a call's webhook is not signed by its gateway", gateway=name)
            raise _Refused(HTTPStatus.FORBIDDEN)
        said = dict(fields)
        session = said.get("CallSid", "")
        if not session:
            raise _Refused(HTTPStatus.BAD_REQUEST)
        call = Call(door=gateway.door, session=session, sender=said.get("From", ""))
        return gateway, call, said

    async def _step(
        self, gateway: VoiceGateway, call: Call, scope: Scope, fields: Mapping[str, str]
    ) -> _Answer:
        """Take a call's step: the address says which, the fields what was keyed."""
        matched = _STEP.fullmatch(scope["query_string"].decode("latin-1"))
        step, most = (int(matched[1]), int(matched[2])) if matched else (0, 0)
        digits = "".join(key for key in fields.get("Digits", "") if key in _KEYS)

        def follow(before: str) -> Sequence[Event] | None:
            return twiml.read_digits(digits, most) if before == str(step - 1) else None

        kept = await self._sessions.take(call, str(step), Opened(), follow)
        return _Answer((await self._say(gateway, kept, step + 1)).encode())

    async def _hang_up(self, call: Call) -> None:
        """Tell a conversation that its caller is gone: a code that was keyed whole is credited."""

        def follow(_: str) -> Sequence[Event]:
            return (HungUp(),)

        await self._sessions.take(call, _OVER, Opened(), follow)

    async def _say(self, gateway: VoiceGateway, kept: Kept, step: int) -> str:
        turn = kept.turn
        files = await self._speech.files(kept.talk.tag, turn.say)
        clips = [self._url(_CLIPS, file.parent.name, file.name) for file in files]
        if isinstance(turn, Ended):
            return twiml.end(clips, gateway.person if turn.to_person else "")
        most = turn.ask.most
        url = f"{self._url(gateway.door.name)}?step={step}&most={most}"
        return twiml.gather(clips, turn.ask, url)

    def _url(self, *parts: str) -> str:
        return self._public_url + PREFIX + "/".join(quote(part) for part in parts)

    async def _clip(self, tag: str, name: str) -> _Answer:
        if tag not in LANGUAGES or not _CLIP.fullmatch(name):
            raise _Refused(HTTPStatus.NOT_FOUND)
        sound = await asyncio.to_thread(self._read_clip, tag, name)
        if sound is None:
            raise _Refused(HTTPStatus.NOT_FOUND)
        return _Answer(sound, kind=b"audio/wav", cache=_CLIP_CACHE)

    def _read_clip(self, tag: str, name: str) -> bytes | None:
        for folder in self._folders:
            with suppress(OSError):
                return (folder / tag / name).read_bytes()
        return None


def _require(scope: Scope, *methods: str) -> None:
    if scope["method"] not in methods:
        raise _Refused(HTTPStatus.METHOD_NOT_ALLOWED)


def _read_fields(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            max_num_fields=_MOST_FIELDS,
            errors="strict",
        )
    except ValueError:
        raise _Refused(HTTPStatus.BAD_REQUEST) from None


def _plain(status: HTTPStatus) -> _Answer:
    return _Answer(status.phrase.encode(), kind=b"text/plain; charset=utf-8", status=status)
