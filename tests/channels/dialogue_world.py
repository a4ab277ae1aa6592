"""A caller who keys, says nothing or hangs up, and a house that answers as it is told to."""

from __future__ import annotations

from collections.abc import Callable

from tambah.channels.dialogue import Dialogue
from tambah.channels.talk import (
    Action,
    Answer,
    BarLost,
    CallBack,
    Credited,
    Do,
    Ended,
    HungUp,
    KeepLanguage,
    Keys,
    LookUp,
    Medium,
    Noted,
    Numbers,
    Opening,
    Prompt,
    Redeem,
    Refused,
    ReportCard,
    SendNumbers,
    Silence,
    Standing,
    Talk,
    TellNumbers,
    Turn,
    Utterance,
)
from tambah.domain.numbering import NumberPlan
from tambah.domain.voucher import check_digit

ALICE, BOB = 60123456789, 60199998888
UNTIL = "2027-03-01T16:00:00+00:00"
DIALOGUE = Dialogue(NumberPlan())


def code(number: int) -> str:
    """Return a code with its check digit."""
    digits = f"{number:015d}"
    return digits + check_digit(digits)


CODE = code(473_928_165_037_281)
TYPO = CODE[:-1] + str((int(CODE[-1]) + 1) % 10)
GOOD = Credited(
    credited_micros=30_000_000, bonus_micros=0, balance_micros=42_500_000, active_until=UNTIL
)
ACTIVE = Standing(standing="active", balance_micros=12_500_000, bonus_micros=0, active_until=UNTIL)
WRONG = Refused(code="code_not_usable", left=3)

Answering = Callable[[Action], Answer]


def oblige(action: Action) -> Answer:
    """Answer as a house does where all is well."""
    match action:
        case Redeem():
            return GOOD
        case LookUp():
            return ACTIVE
        case TellNumbers():
            return Numbers((ALICE, BOB))
        case KeepLanguage() | ReportCard() | CallBack() | BarLost() | SendNumbers():
            return Noted()


def refuse(code: str, *, left: int | None = None) -> Answering:
    """Return a house that says no to everything."""
    return lambda _action: Refused(code=code, minutes=15, at=UNTIL, left=left)


class Conversation:
    """One conversation. heard: each prompt's message ids, the last of which may be the end's."""

    def __init__(self, opening: Opening, answering: Answering = oblige) -> None:
        self.answering = answering
        self.done: list[Action] = []
        self.heard: list[list[str]] = []
        self.talk: Talk
        self.turn: Prompt | Ended
        self._take(*DIALOGUE.begin(opening))

    def _take(self, talk: Talk, turn: Turn) -> None:
        while isinstance(turn, Do):
            self.done.append(turn.action)
            talk, turn = DIALOGUE.step(talk, self.answering(turn.action))
        self.talk, self.turn = talk, turn
        self.heard.append(self.said)

    def key(self, *entries: str) -> Conversation:
        """Key one entry after another."""
        for text in entries:
            self._take(*DIALOGUE.step(self.talk, Keys(text)))
        return self

    def wait(self, times: int = 1) -> Conversation:
        """Say nothing, so many times in a row."""
        for _ in range(times):
            self._take(*DIALOGUE.step(self.talk, Silence()))
        return self

    def hang_up(self) -> Conversation:
        """Be gone."""
        self._take(*DIALOGUE.step(self.talk, HungUp()))
        return self

    @property
    def said(self) -> list[str]:
        """Return the message ids that were said last."""
        return [utterance.key for utterance in self.turn.say]

    @property
    def utterances(self) -> tuple[Utterance, ...]:
        """Return what was said last."""
        return self.turn.say

    @property
    def prompts(self) -> int:
        """Return how often something was said; the short silence after `*` is no prompt."""
        return sum(1 for said in self.heard if said)

    @property
    def is_over(self) -> bool:
        """Say whether the conversation has ended."""
        return isinstance(self.turn, Ended)


def owner(medium: Medium = Medium.VOICE, **more: object) -> Opening:
    """Return how Alice comes by a trusted door."""
    return Opening(medium=medium, caller=ALICE, **more)  # type: ignore[arg-type]


def stranger(medium: Medium = Medium.VOICE, **more: object) -> Opening:
    """Return how somebody comes of whom nothing is known."""
    return Opening(medium=medium, asks_language=True, **more)  # type: ignore[arg-type]
