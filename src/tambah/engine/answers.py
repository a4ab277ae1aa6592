"""Answers as they are kept for a repeated request, and requests as they are compared."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

import msgspec

from tambah.domain.care_commands import PreferencesSet, SetPreferences, Told
from tambah.domain.commands import (
    Command,
    Credited,
    Funded,
    LineChanged,
    Outcome,
    PaymentStands,
    Reversed,
    TopUpMoved,
)
from tambah.domain.dealer_commands import CardSold, CommissionPaid, FloatMoved, SaleUndone
from tambah.domain.package_commands import PackageBought, PackageRefunded, RenewalSet
from tambah.domain.refusals import Refusal, every_refusal
from tambah.domain.sim_commands import SimReplaced
from tambah.engine.keys import Keys

_OUTCOMES: dict[str, type[Outcome]] = {
    outcome.__name__: outcome
    for outcome in (
        Credited,
        Funded,
        LineChanged,
        Reversed,
        TopUpMoved,
        PaymentStands,
        Told,
        PreferencesSet,
        SimReplaced,
        CardSold,
        SaleUndone,
        FloatMoved,
        CommissionPaid,
        PackageBought,
        PackageRefunded,
        RenewalSet,
    )
}
_DECODERS: dict[str, msgspec.json.Decoder[Outcome]] = {
    name: msgspec.json.Decoder(outcome) for name, outcome in _OUTCOMES.items()
}
_REFUSALS = {refusal.code: refusal for refusal in every_refusal()}
_encode = msgspec.json.Encoder().encode
_decode_params = msgspec.json.Decoder(dict[str, str | int]).decode
_INSTANTS = frozenset({"until", "used_at", "sold_at"})

_NOT_CONTENT = frozenset(
    {
        "caller",
        "request_key",
        "source",
        "page_token",
        "language",
        "audience",
        "sealed",
        "good_until",
        "only_micros",
    }
)
"""Fields that say how a request came, not what it asks."""

_CONTENT_OF: dict[type[Command], frozenset[str]] = {SetPreferences: frozenset({"language"})}
"""Those of them that a command does ask."""


def pack_answer(answer: Outcome | Refusal) -> tuple[str, bytes]:
    """Return an answer as (name, body) for the request's row."""
    if isinstance(answer, Refusal):
        return answer.code, _encode(answer.params)
    return type(answer).__name__, _encode(answer)


def unpack_answer(name: str, body: bytes) -> Outcome | Refusal:
    """Return the answer that `pack_answer` packed."""
    if name in _DECODERS:
        return _DECODERS[name].decode(body)
    return refusal_of(name, _decode_params(body))


def refusal_of(code: str, told: Mapping[str, str | int]) -> Refusal:
    """Return a refusal by its code and its params as they are kept, instants as ISO 8601 text."""
    params: dict[str, str | int | datetime] = {}
    for key, value in told.items():
        params[key] = datetime.fromisoformat(str(value)) if key in _INSTANTS else value
    return _REFUSALS[code](**params)


def request_digest(keys: Keys, caller: str, request_key: str) -> bytes:
    """Return the digest under which an answer is kept."""
    return keys.digest("request", caller, request_key)


def content_digest(keys: Keys, command: Command) -> bytes:
    """Return the digest of what a command asks: keyed, for a code may be in it."""
    kind = type(command)
    content = repr([kind.__name__, *(read(command) for read in _readers(kind))])
    return keys.digest("content", content)


_READERS: dict[type, list[Callable[[Any], object]]] = {}


def _readers(kind: type[Command]) -> list[Callable[[Any], object]]:
    if kind not in _READERS:
        left_out = _NOT_CONTENT - _CONTENT_OF.get(kind, frozenset())
        names = [field.name for field in fields(kind) if field.name not in left_out]
        _READERS[kind] = [_reader(name) for name in names]
    return _READERS[kind]


def _reader(name: str) -> Callable[[Any], object]:
    return lambda command: getattr(command, name)
