"""What came of something, as message ids: what was credited, how a line stands, why not.

Whoever cannot prove to speak for a line learns nothing of it: of all that is wrong with a number
they are told one thing, and of a credit only that it happened.
"""

from __future__ import annotations

from collections.abc import Mapping

from tambah.channels.talk import (
    Bought,
    Credited,
    Numbers,
    Refused,
    Standing,
    Talk,
    Utterance,
    Value,
)
from tambah.domain import refusals as no
from tambah.domain.refusals import Refusal

CODE_AGAIN = frozenset({"code_mistyped", "code_not_usable", "code_already_yours"})
"""Refusals after which another code may be tried."""

_OF_A_LINE: tuple[type[Refusal], ...] = (
    no.NumberUnknown,
    no.LineNotActivated,
    no.LineExpired,
    no.LineTerminated,
    no.LineBarred,
    no.LineSuspended,
    no.ReactivationTooLittle,
    no.BalanceTooHigh,
)
_WORDED: tuple[type[Refusal], ...] = (
    no.NumberMalformed,
    no.CodeMistyped,
    no.CodeNotUsable,
    no.CodeAlreadyYours,
    no.TooManyWrongCodes,
    no.TooManyTries,
    no.SignInCodeWrong,
    no.SerialMalformed,
    no.TooManyTickets,
    no.Unavailable,
    *_OF_A_LINE,
)
_AS_OTHERS: Mapping[type[Refusal], str] = {
    no.GuestsPaused: no.TooManyTries.code,
    no.VoucherUnknown: no.SerialMalformed.code,
    no.TooManyLookUps: no.TooManyTries.code,
    no.LineAlreadyActive: "try_later",
    no.PackageUnknown: "package_not_sold",
    no.PackageChanged: "package_not_sold",
    no.PackageNotForYou: "package_not_sold",
    no.PackageAlreadyRunning: "package_not_sold",
    no.CreditTooLow: "package_too_dear",
}

KEYS: Mapping[str, str] = {
    **{refusal.code: "try_later" for refusal in no.every_refusal()},
    **{refusal.code: refusal.code for refusal in _WORDED},
    **{refusal.code: key for refusal, key in _AS_OTHERS.items()},
}
"""The message id of every refusal; what cannot happen to a caller is an accident of ours."""

_HIDDEN = {refusal.code: "number_not_topped_up" for refusal in _OF_A_LINE} | {
    no.CodeAlreadyYours.code: no.CodeNotUsable.code
}
"""What a stranger is told instead."""


def say_refusal(talk: Talk, refused: Refused) -> tuple[Utterance, ...]:
    """Say why not, and how many tries are left where that was counted."""
    key = KEYS.get(refused.code, "try_later")
    if not talk.is_own:
        key = _HIDDEN.get(key, key)
    params: dict[str, Value] = {}
    if key == no.TooManyWrongCodes.code:
        params["minutes_count"] = refused.minutes
    if key == "package_too_dear":
        params["missing_micros"] = refused.missing_micros
    if key == no.CodeAlreadyYours.code:
        params["used_at"] = refused.at
    said = (Utterance(key, params),)
    if key == no.CodeNotUsable.code and refused.left is not None:
        return (*said, Utterance("tries_left", {"tries_count": refused.left}))
    return said


def say_credited(talk: Talk, credited: Credited) -> tuple[Utterance, ...]:
    """Say what a code brought: all of it to the line's own caller, less to others."""
    if talk.caller is None:
        return (Utterance("credited_there"),)
    amounts: dict[str, Value] = {"credited_micros": credited.credited_micros}
    bonus: tuple[Utterance, ...] = ()
    if credited.bonus_micros:
        bonus = (Utterance("credited_bonus", {"bonus_micros": credited.bonus_micros}),)
    if not talk.is_own:
        return (Utterance("credited_other", amounts), *bonus)
    stands: dict[str, Value] = {
        "balance_micros": credited.balance_micros,
        "active_until": credited.active_until,
    }
    return (Utterance("credited", amounts), *bonus, Utterance("credited_stands", stands))


def say_standing(standing: Standing) -> tuple[Utterance, ...]:
    """Say a line's balance and the dates that matter in its state."""
    dates: dict[str, Value] = {}
    if standing.standing == "active":
        dates["active_until"] = standing.active_until
    if standing.standing == "grace":
        dates["grace_until"] = standing.grace_until
    said = [Utterance("balance", {"balance_micros": standing.balance_micros})]
    if standing.bonus_micros:
        said.append(Utterance("balance_bonus", {"bonus_micros": standing.bonus_micros}))
    said.append(Utterance(f"line_is_{standing.standing}", dates))
    return tuple(said)


def say_bought(bought: Bought) -> tuple[Utterance, ...]:
    """Say until when a package runs, and what credit is left."""
    return (
        Utterance("package_bought", {"package_until": bought.until}),
        Utterance("balance", {"balance_micros": bought.balance_micros}),
    )


def say_numbers(numbers: Numbers) -> tuple[Utterance, ...]:
    """Say somebody's numbers."""
    return tuple(Utterance("your_number", {"number_digits": str(n)}) for n in numbers.numbers)
