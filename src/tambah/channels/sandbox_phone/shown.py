"""What the phone's page shows, and what its forms bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from litestar import Response

from tambah.channels.sandbox_phone.held import PATH, SERVICE_CODE, WITHHELD, Held
from tambah.channels.sessions import Kept
from tambah.channels.talk import Ask, Event, HungUp, Keys, Prompt, Silence
from tambah.channels.ussd.steps import events
from tambah.domain.numbering import show_msisdn
from tambah.i18n import texts
from tambah.i18n.screens import render_screen
from tambah.i18n.spoken import speak, words
from tambah.store.views.sandbox import latest_sms
from tambah.store.views.tryable import tryable_lines
from tambah.web.pages import AnyRequest, Pages

MOST_MESSAGES = 5
PAD = (
    ("1", ""),
    ("2", "ABC"),
    ("3", "DEF"),
    ("4", "GHI"),
    ("5", "JKL"),
    ("6", "MNO"),
    ("7", "PQRS"),
    ("8", "TUV"),
    ("9", "WXYZ"),
    ("*", ""),
    ("0", ""),
    ("#", ""),
)
"""The keys in their rows, with their letters (ITU-T E.161)."""

_LONGEST_KEYED = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyed:
    """What a form brings. text: all that was keyed; event: what was done instead of keying.

    is_sent: whether it is to be taken as it is; else a key was added and more may follow.
    """

    step: int
    text: str
    event: Event | None = None
    is_sent: bool = True

    def events(self, *, is_voice: bool) -> Sequence[Event]:
        """Return what happened, as the dialogue takes it."""
        if self.event is not None:
            return (self.event,)
        if not is_voice:
            return events(self.text)
        keys = self.text.partition("#")[0]
        return (Keys(keys) if keys else Silence(),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A made-up line to call as. value: E.164 digits."""

    value: str
    number: str
    state: str
    tag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """An SMS as the inbox shows it."""

    at: object
    number: str
    tag: str
    body: str


class Showing:
    """Draws the page."""

    def __init__(self, pages: Pages, *, has_sound: bool) -> None:
        self._pages = pages
        self._has_sound = has_sound

    async def draw(
        self, request: AnyRequest, held: Held | None, kept: Kept | None, keyed: str = ""
    ) -> Response[bytes]:
        """Draw the phone as a call stands. keyed: what was keyed and is not sent yet."""
        held = held if kept is not None else None
        turn = None if kept is None else kept.turn
        return self._pages.draw(
            request,
            "phone.html",
            headers={"cache-control": "no-store"},
            lines=await self._lines(),
            withheld=WITHHELD,
            held=held,
            caller=_show(self._pages, held.msisdn) if held and held.msisdn else "",
            dialled=SERVICE_CODE,
            ask=turn.ask if isinstance(turn, Prompt) else None,
            is_over=turn is not None and not isinstance(turn, Prompt),
            captions=[] if held is None or kept is None else self._captions(held, kept),
            has_sound=self._has_sound and held is not None and held.is_voice,
            step=0 if kept is None else int(kept.heard.partition(" ")[0]) + 1,
            keyed=keyed,
            pad=PAD,
            messages=await self._messages(held),
            path=PATH,
        )

    def _captions(self, held: Held, kept: Kept) -> list[tuple[str, str]]:
        """Return what is said or shown, line by line, each with its language."""
        zone, tag, say = self._pages.site.rules.validity.zone, kept.talk.tag, kept.turn.say
        if held.is_voice:
            return [
                (
                    one.tag or tag,
                    words(speak(texts(one.tag or tag), one.key, one.params, zone=zone)),
                )
                for one in say
            ]
        lines = render_screen(say, tag, zone=zone).split("\n")
        tags = [one.tag or tag for one in say] if len(say) == len(lines) else [tag] * len(lines)
        return list(zip(tags, lines, strict=True))

    async def _lines(self) -> list[Line]:
        return [
            Line(
                value=str(line.msisdn),
                number=_show(self._pages, line.msisdn),
                state=line.state.name.lower(),
                tag=line.language.tag,
            )
            for line in await tryable_lines(self._pages.site.database)
        ]

    async def _messages(self, held: Held | None) -> list[Message]:
        """Return the newest messages of the line that calls; of everybody's, before a call."""
        msisdn = None if held is None else held.msisdn
        rows = await latest_sms(self._pages.site.database, MOST_MESSAGES, msisdn)
        return [
            Message(
                at=row.at,
                number=_show(self._pages, row.msisdn),
                tag=row.language.tag,
                body=row.body,
            )
            for row in rows
        ]


def read_keyed(form: Mapping[str, str]) -> Keyed:
    """Return what a form brings; what makes no sense is of no step."""
    step = form.get("step", "")
    done: dict[str, Event] = {"silence": Silence(), "hang_up": HungUp()}
    key = form.get("key", "")
    return Keyed(
        step=int(step) if step.isascii() and step.isdecimal() and len(step) < 5 else -1,
        text=(form.get("keyed", "").strip() + key)[:_LONGEST_KEYED],
        event=done.get(form.get("event", "")),
        is_sent=not key,
    )


def complete(keyed: Keyed, ask: Ask, *, is_voice: bool) -> bool:
    """Say whether what was keyed is all: sent, ended by `#` or `*`, or as long as it may be.

    A screen is sent when its user says so.
    """
    if keyed.is_sent or keyed.event is not None:
        return True
    return is_voice and (keyed.text[-1:] in ("#", "*") or len(keyed.text) >= ask.most)


def _show(pages: Pages, msisdn: int) -> str:
    return show_msisdn(msisdn, pages.site.rules.numbers)
