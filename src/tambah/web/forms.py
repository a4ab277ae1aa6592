"""What a form carries that its reader did not type: a signed token, and what was said before."""

import base64
import hmac
import secrets
import unicodedata
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection

from tambah.domain.refusals import BodyMalformed, BodyTooLarge, FormExpired, Refusal, every_refusal
from tambah.engine.keys import Keys

FORM_LIVES = timedelta(hours=24)
MOST_FORM_BYTES = 16 * 1024
_RANDOM_BYTES = 16
_TIME_BYTES = 6
_SIGNATURE_BYTES = 16
_REFUSALS = {refusal.code: refusal for refusal in every_refusal()}


def mint_token(keys: Keys, now: datetime) -> str:
    """Return a fresh token for one drawing of a form: 128 random bits, when, and a signature."""
    seconds = int(now.timestamp()).to_bytes(_TIME_BYTES, "big")
    body = secrets.token_bytes(_RANDOM_BYTES) + seconds
    return _encode(body + keys.digest("form", body))


def check_token(keys: Keys, token: str, now: datetime) -> None:
    """Refuse a token that is not ours, or older than a day. Raises FormExpired."""
    raw = _decode(token)
    body, signature = raw[:-_SIGNATURE_BYTES], raw[-_SIGNATURE_BYTES:]
    if len(body) != _RANDOM_BYTES + _TIME_BYTES:
        raise FormExpired
    if not hmac.compare_digest(signature, keys.digest("form", body)):
        raise FormExpired
    # In seconds, not instants: only a signed text gets here, but a far year must not overflow.
    issued_seconds = int.from_bytes(body[_RANDOM_BYTES:], "big")
    if abs(now.timestamp() - issued_seconds) > FORM_LIVES.total_seconds():
        raise FormExpired


def seal_notice(keys: Keys, refusal: Refusal) -> str:
    """Write a refusal into a signed text, to be drawn again in another language."""
    body = msgspec.json.encode((refusal.code, refusal.params))
    return _encode(body + keys.digest("notice", body))


def open_notice(keys: Keys, text: str) -> Refusal | None:
    """Read what `seal_notice` wrote; None when it is empty or not ours."""
    raw = _decode(text)
    body, signature = raw[:-_SIGNATURE_BYTES], raw[-_SIGNATURE_BYTES:]
    if not body or not hmac.compare_digest(signature, keys.digest("notice", body)):
        return None
    code, params = msgspec.json.decode(body, type=tuple[str, dict[str, str | int]])
    return _REFUSALS[code](**{name: _instant(value) for name, value in params.items()})


def require_own_origin(request: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Refuse a form that another site sent in a reader's name. Raises FormExpired.

    Browsers say where a form was (Fetch Metadata, else Origin); what is no browser says nothing
    and has no cookie that it did not bring itself.
    """
    sent_from = request.headers.get("sec-fetch-site")
    if sent_from is not None:
        if sent_from not in ("same-origin", "none"):
            raise FormExpired
        return
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise FormExpired


async def read_form(
    request: Request[Any, Any, Any], *, most_bytes: int = MOST_FORM_BYTES
) -> dict[str, str]:
    """Return a posted form's fields, the first of each name.

    Raises BodyTooLarge and BodyMalformed.
    """
    fields = await read_fields(request, most_bytes=most_bytes)
    return {name: values[0] for name, values in fields.items()}


async def read_fields(
    request: Request[Any, Any, Any], *, most_bytes: int = MOST_FORM_BYTES
) -> dict[str, list[str]]:
    """Return a posted form's fields with all that was chosen in each.

    Raises BodyTooLarge and BodyMalformed.
    """
    body = await request.body()
    if len(body) > most_bytes:
        raise BodyTooLarge
    try:
        return parse_qs(body.decode("utf-8", "replace"), max_num_fields=50)
    except ValueError as error:
        raise BodyMalformed from error


def fold_digits(typed: str) -> str:
    """Return the digits of what was typed, whatever a keyboard writes: full-width, Tamil."""
    return "".join(str(unicodedata.decimal(one)) for one in typed if one.isdecimal())


def _instant(value: str | int) -> str | int | datetime:
    """Return an instant for a text that is one: JSON has no other way to write it."""
    if isinstance(value, int):
        return value
    try:
        return msgspec.convert(value, datetime)
    except msgspec.ValidationError:
        return value


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decode(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text[:1024].encode() + b"=" * (-len(text) % 4))
    except ValueError:
        return b""
