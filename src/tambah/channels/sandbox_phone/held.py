"""The call that a browser holds: which door, as which number, which conversation."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from litestar.datastructures import Cookie

from tambah.channels.attendant import Call, Door
from tambah.channels.talk import Medium

COOKIE = "phone"
PATH = "/sandbox/phone"
SERVICE_CODE = "*123#"
DOORS: Mapping[str, Door] = {
    "hotline": Door(name="sandbox-hotline", caller="hotline", medium=Medium.VOICE, trusted=True),
    "ussd": Door(name="sandbox-ussd", caller="ussd", medium=Medium.SCREEN, trusted=True),
}
WITHHELD = "withheld"

_HELD = re.compile(rf"(hotline|ussd)\.([0-9]{{8,15}}|{WITHHELD})\.([0-9a-f]{{32}})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A call as its browser keeps it. sender: E.164 digits, or WITHHELD."""

    door: str
    sender: str
    session: str

    @property
    def call(self) -> Call:
        """Return the call as the dialogue takes it."""
        sender = "" if self.sender == WITHHELD else f"+{self.sender}"
        return Call(door=DOORS[self.door], session=self.session, sender=sender)

    @property
    def msisdn(self) -> int | None:
        """Return the number that calls, None for one withheld."""
        return None if self.sender == WITHHELD else int(self.sender)

    @property
    def is_voice(self) -> bool:
        """Say whether it is the hotline."""
        return DOORS[self.door].medium is Medium.VOICE

    def cookie(self) -> Cookie:
        """Return what keeps the call in its browser: nothing of what is keyed."""
        value = f"{self.door}.{self.sender}.{self.session}"
        return Cookie(key=COOKIE, value=value, path=PATH, httponly=True, samesite="strict")


def read_held(cookie: str | None) -> Held | None:
    """Return the call that a browser holds, None for none, or for what is no call."""
    matched = _HELD.fullmatch(cookie or "")
    if matched is None:
        return None
    return Held(door=matched[1], sender=matched[2], session=matched[3])


def new_call(door: str, sender: str) -> Held | None:
    """Return a call that begins, None where a form said nothing of ours."""
    return read_held(f"{door}.{sender}.{secrets.token_hex(16)}")
