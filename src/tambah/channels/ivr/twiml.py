"""TwiML: what a cloud is told to say and to ask, and how it proves that it is the cloud.

One `Gather` is one prompt. It knows one time-out, for the first key and for those between; we
give the longer one, for who is too slow for the shorter has to begin again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from urllib.parse import urlsplit, urlunsplit
from xml.sax.saxutils import escape, quoteattr

from tambah.channels.talk import Ask, Keys, Silence

SIGNATURE = "x-twilio-signature"

Fields = Sequence[tuple[str, str]]


def is_signed(secret: str, url: str, fields: Fields, signature: str) -> bool:
    """Say whether a request to a URL came from who holds the secret.

    url: as the cloud was told it, with its query; clouds sign it with or without the usual port.
    """
    given = signature.encode()
    # Both are always compared, so that the time taken tells nothing.
    same = [hmac.compare_digest(sign(secret, form, fields), given) for form in _forms(url)]
    return any(same)


def sign(secret: str, url: str, fields: Fields) -> bytes:
    """Return what the cloud signs: the URL, then each field's name and value, in order."""
    text = url + "".join(f"{name}{value}" for name, value in sorted(set(fields)))
    digest = hmac.digest(secret.encode(), text.encode(), hashlib.sha1)
    return base64.b64encode(digest)


def gather(clips: Sequence[str], ask: Ask, next_url: str) -> str:
    """Return a document that plays clips, takes keys meanwhile, and posts them to a URL.

    Where nothing is keyed, the URL is asked for without keys.
    """
    most, seconds = ask.most, max(ask.first_seconds, ask.between_seconds)
    begin = (
        f'<Gather input="dtmf" numDigits="{most}" timeout="{seconds}" finishOnKey="#"'
        f' method="POST" action={quoteattr(next_url)}>'
    )
    redirect = f'<Redirect method="POST">{escape(next_url)}</Redirect>'
    return _document(f"{begin}{_plays(clips)}</Gather>{redirect}")


def end(clips: Sequence[str], person: str = "") -> str:
    """Return a document that plays clips and ends, or passes the call on to a person's number."""
    last = f"<Dial>{escape(person)}</Dial>" if person else "<Hangup/>"
    return _document(f"{_plays(clips)}{last}")


def nothing() -> str:
    """Return a document for who need not be told anything."""
    return _document("")


def read_digits(digits: str, most: int) -> list[Keys | Silence]:
    """Return what was keyed as the dialogue takes it. most: as many keys end a Gather.

    A `*` does not end a Gather, so it may stand within: what came before it is cleared. What
    follows it counts if it was ended by its caller; cut off by the length it is not whole.
    """
    if not digits:
        return [Silence()]
    before, star, after = digits.rpartition("*")
    if not star:
        return [Keys(digits)]
    cleared = Keys(f"{before}*")
    is_cut_off = len(digits) >= most
    return [cleared] if is_cut_off or not after else [cleared, Keys(after)]


def _forms(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    port = {"https": ":443", "http": ":80"}.get(parts.scheme, "")
    host = parts.netloc
    other = host.removesuffix(port) if host.endswith(port) else f"{host}{port}"
    return url, urlunsplit(parts._replace(netloc=other))


def _plays(clips: Sequence[str]) -> str:
    return "".join(f"<Play>{escape(clip)}</Play>" for clip in clips)


def _document(inside: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Response>{inside}</Response>\n'
