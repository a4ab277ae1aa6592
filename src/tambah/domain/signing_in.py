"""Signing in by one-time password: who has the phone in hand may look at its line.

A password is good for minutes, once, and in the browser that asked for it. Wrong ones are counted
for the line, whatever browser they come from; a new password does not reset the count.
"""

from datetime import datetime, timedelta

from tambah.domain.ageing import age
from tambah.domain.care_commands import (
    AskRecovery,
    AskSignIn,
    Proved,
    SignedIn,
    TellLine,
    Told,
    TryRecovery,
    TrySignIn,
)
from tambah.domain.draft import Draft
from tambah.domain.guessing import lock_minutes
from tambah.domain.line import Line, LineState
from tambah.domain.records import replace
from tambah.domain.refusals import NumberUnknown, SignInCodeWrong, TooManyCodesAsked
from tambah.domain.state import Annex

_HOUR = timedelta(hours=1)


class SignIn(Annex, frozen=True, kw_only=True):
    """A line's counts: wrong passwords in a row, and passwords asked for since `asked_from`."""

    line_id: int
    wrong: int = 0
    locked_until: datetime | None = None
    asked: int = 0
    asked_from: datetime | None = None


class SignInCode(Annex, frozen=True, kw_only=True):
    """A password that was sent, as a keyed digest, and the browser it is for."""

    line_id: int
    challenge: bytes
    digest: bytes
    expires_at: datetime
    used: bool = False

    @property
    def key(self) -> tuple[int, bytes]:
        """Return line and challenge."""
        return (self.line_id, self.challenge)


class Session(Annex, frozen=True, kw_only=True):
    """Somebody who signed in. proved_at: when a password was last given; seen_at: last asked."""

    line_id: int
    digest: bytes
    proved_at: datetime
    seen_at: datetime
    expires_at: datetime

    @property
    def key(self) -> tuple[int, bytes]:
        """Return line and digest."""
        return (self.line_id, self.digest)


class SessionsEnded(Annex, frozen=True, kw_only=True):
    """Every session of a line ends, and every password on its way is good for nothing.

    Kept, never read: what was signed in before is gone when the decision is written.
    """

    line_id: int


def ask_sign_in(command: AskSignIn, draft: Draft) -> Told:
    """Send a password. Raises NumberUnknown, TooManyCodesAsked."""
    line = require_somebody(draft)
    expires_at = _keep_code(command, line, draft)
    minutes = draft.rules.signing_in.code_minutes
    draft.tell_sealed("sign_in_code", {"minutes": minutes}, command.sealed, expires_at)
    return Told(line_id=line.line_id, number=draft.message_seq)


def ask_recovery(command: AskRecovery, draft: Draft) -> Told:
    """Send a code that shows a forgotten number. Raises NumberUnknown, TooManyCodesAsked."""
    line = require_somebody(draft)
    expires_at = _keep_code(command, line, draft)
    minutes = draft.rules.signing_in.code_minutes
    draft.tell_sealed("recovery_code", {"minutes": minutes}, command.sealed, expires_at)
    return Told(line_id=line.line_id, number=draft.message_seq)


def try_sign_in(command: TrySignIn, draft: Draft) -> SignedIn:
    """Sign in. Raises NumberUnknown, and SignInCodeWrong alike for wrong, late, used, locked."""
    line = require_somebody(draft)
    _use_code(command, line, draft)
    session = Session(
        line_id=line.line_id,
        digest=command.session,
        proved_at=draft.now,
        seen_at=draft.now,
        expires_at=draft.now + timedelta(hours=draft.rules.signing_in.session_hours),
    )
    draft.keep(session)
    return SignedIn(line_id=line.line_id, msisdn=line.msisdn, expires_at=session.expires_at)


def try_recovery(command: TryRecovery, draft: Draft) -> Proved:
    """Take the code of a recovery. Raises as `try_sign_in` does."""
    line = require_somebody(draft)
    _use_code(command, line, draft)
    return Proved(line_id=line.line_id)


def tell_line(command: TellLine, draft: Draft) -> Told:
    """Write a message. Raises NumberUnknown where there is no such line, or it is nobody's."""
    line = require_somebody(draft)
    draft.tell_sealed(command.template, dict(command.params), command.sealed, command.good_until)
    return Told(line_id=line.line_id, number=draft.message_seq)


def require_somebody(draft: Draft) -> Line:
    """Return the line if its number is still somebody's. Raises NumberUnknown."""
    age(draft)
    line = draft.require_line()
    if line.state >= LineState.QUARANTINED:
        raise NumberUnknown
    return line


def _keep_code(command: AskSignIn | AskRecovery, line: Line, draft: Draft) -> datetime:
    """Count what was asked for, and keep the code; return its end. Raises TooManyCodesAsked."""
    rule, now = draft.rules.signing_in, draft.now
    counts = draft.annex(SignIn) or SignIn(line_id=line.line_id)
    if counts.asked_from is None or now - counts.asked_from >= _HOUR:
        counts = replace(counts, asked=0, asked_from=now)
    if counts.asked >= rule.asks_hourly:
        raise TooManyCodesAsked
    draft.keep(replace(counts, asked=counts.asked + 1))
    code = SignInCode(
        line_id=line.line_id,
        challenge=command.challenge,
        digest=command.digest,
        expires_at=now + timedelta(minutes=rule.code_minutes),
    )
    draft.keep(code)
    return code.expires_at


def _use_code(command: TrySignIn | TryRecovery, line: Line, draft: Draft) -> None:
    """Use the code up, or count a wrong one. Raises SignInCodeWrong."""
    rule, now = draft.rules.signing_in, draft.now
    counts = draft.annex(SignIn) or SignIn(line_id=line.line_id)
    if counts.locked_until is not None and now < counts.locked_until:
        raise SignInCodeWrong
    sent = draft.annex(SignInCode, (line.line_id, command.challenge))
    if sent is None or sent.used or now >= sent.expires_at or sent.digest != command.digest:
        wrong = counts.wrong + 1
        minutes = lock_minutes(wrong, rule.ladder)
        locked_until = now + timedelta(minutes=minutes) if minutes else None
        draft.keep(replace(counts, wrong=wrong, locked_until=locked_until))
        draft.counts = True
        raise SignInCodeWrong
    draft.keep(replace(sent, used=True))
    draft.keep(replace(counts, wrong=0, locked_until=None))
