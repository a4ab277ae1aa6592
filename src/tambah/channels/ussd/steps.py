"""What was keyed since the step before, out of what gateways tell: all of it, or the newest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from secrets import token_hex

from tambah.channels.sessions import Follow, Opened
from tambah.channels.talk import Event, Keys, Silence, Wish

# Menus take one key and numbers are asked for; only a code is this long at the very start.
_LEAST_CODE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class UssdRequest:
    """A step as a gateway tells it.

    text: what was keyed. step: its number, empty where the gateway has none. service: what was
    dialled, which may hold more than the service's code.
    """

    session: str
    number: str = ""
    service: str = ""
    text: str = field(default="", repr=False)
    step: str = ""


def heard(request: UssdRequest, *, cumulative: bool) -> str:
    """Return what tells this step from the one before it.

    Where only the newest input comes, without a number, nothing does: each is taken as new.
    """
    if cumulative:
        return request.text
    return request.step or token_hex(8)


def follow(request: UssdRequest, *, cumulative: bool) -> Follow:
    """Return what happened since the step before, by what was heard then."""

    def whole(before: str) -> Sequence[Event] | None:
        if not before:
            return events(request.text)
        rest = request.text.removeprefix(f"{before}*")
        return events(rest) if rest != request.text else None

    def newest(_: str) -> Sequence[Event]:
        return events(request.text)

    by_kind: Callable[[str], Sequence[Event] | None] = whole if cumulative else newest
    return by_kind


def open_with(request: UssdRequest, service_code: str) -> Opened:
    """Return what a session begins with: nothing, a code, or keys to go on with.

    A code may be dialled in groups, `*123*1234*5678*…#`; keys follow each other, `*123*1*…#`.
    """
    dialled = _beyond(request.service, service_code)
    text = request.text
    if text.startswith("*"):  # gateways that tell what was dialled as the first input
        dialled, text = dialled or _beyond(text, service_code), ""
    if dialled and text != dialled and not text.startswith(f"{dialled}*"):
        text = f"{dialled}*{text}" if text else dialled
    parts = text.split("*")
    whole = "".join(parts)
    if all(len(part) > 1 for part in parts) and len(whole) >= _LEAST_CODE:
        return Opened(wish=Wish.REDEEM, said=whole)
    return Opened(events=events(text) if text else ())


def events(text: str) -> tuple[Event, ...]:
    """Return what was keyed, one input after another.

    `*` parts inputs; where it stands at an end, it was itself keyed: to clear, or to go back.
    """
    if text.startswith("*") or text.endswith("*"):
        return (Keys(text),)
    return tuple(Keys(part) if part else Silence() for part in text.split("*"))


def _beyond(dialled: str, service_code: str) -> str:
    """Return what was dialled beyond the service's code: 1*2 of *123*1*2#."""
    stem = service_code.rstrip("#")
    bare = dialled.strip().rstrip("#")
    return bare.removeprefix(f"{stem}*") if bare.startswith(f"{stem}*") else ""
