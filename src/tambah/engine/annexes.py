"""Where annexes stand: what of each kind a command touches, how it is read, how it is written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from tambah.domain.care_commands import AskRecovery, AskSignIn, TryRecovery, TrySignIn
from tambah.domain.charging_commands import (
    ChargeEvent,
    CloseSession,
    RefundEvent,
    ReleaseUnits,
    ReserveUnits,
    UpdateUnits,
)
from tambah.domain.commands import ActivateLine, Command, ImportLine
from tambah.domain.package_commands import BuyPackage, RefundPackage, SetRenewal
from tambah.domain.reservation import Reservation, UsageRecord
from tambah.domain.signing_in import Session, SessionsEnded, SignIn, SignInCode
from tambah.domain.sim import Sim
from tambah.domain.sim_commands import ReplaceSim, ReportInstalled, ShowEsimCode
from tambah.domain.state import Annex, AnnexKey
from tambah.domain.subscription import Subscriptions
from tambah.store.database import Connection
from tambah.store.ledger import reservations, sign_ins, sims, subscriptions

Key = Any
KeysOf = Callable[[Any, int], Iterable[Key]]


class Shelf(NamedTuple):
    """One kind of annex.

    wanted: by command, the keys it touches, from the command and its line's id. read: by key, in
    one statement, in key order and locked where the key is not the line's. write: all of a batch,
    in one statement, each new or in the place of the one with its key. of_sim: commands that touch
    the one with the number of the SIM that the line is on.
    """

    kind: type[Annex]
    wanted: Mapping[type[Command], KeysOf]
    read: Callable[[Connection, Collection[Key]], Awaitable[Mapping[Key, Annex]]]
    write: Callable[[Connection, Sequence[Any]], Awaitable[None]]
    of_sim: frozenset[type[Command]] = frozenset()


def _the_lines(_: Command, line_id: int) -> tuple[int]:
    return (line_id,)


def _by_challenge(command: TrySignIn | TryRecovery, line_id: int) -> tuple[tuple[int, bytes]]:
    return ((line_id, command.challenge),)


def _by_iccid(
    command: ImportLine | ActivateLine | ReplaceSim | ReportInstalled, _: int
) -> tuple[str, ...]:
    return () if command.iccid is None else (command.iccid,)


def _by_session(
    command: ReserveUnits | UpdateUnits | ReleaseUnits | ChargeEvent | RefundEvent | CloseSession,
    line_id: int,
) -> tuple[tuple[int, bytes]]:
    return ((line_id, command.session),)


def _charges(command: RefundEvent, line_id: int) -> list[tuple[int, bytes, int]]:
    return [(line_id, command.of_session, ask.rating_group) for ask in command.asks]


def _nothing(_: Command, _line_id: int) -> tuple[()]:
    return ()


async def _read_none(_: Connection, _keys: Collection[Key]) -> Mapping[Key, Annex]:
    return {}


SHELVES: tuple[Shelf, ...] = (
    Shelf(
        SignIn,
        {
            AskSignIn: _the_lines,
            TrySignIn: _the_lines,
            AskRecovery: _the_lines,
            TryRecovery: _the_lines,
        },
        sign_ins.read_sign_ins,
        sign_ins.write_sign_ins,
    ),
    Shelf(
        SignInCode,
        {TrySignIn: _by_challenge, TryRecovery: _by_challenge},
        sign_ins.read_codes,
        sign_ins.write_codes,
    ),
    Shelf(Session, {}, _read_none, sign_ins.insert_sessions),
    Shelf(SessionsEnded, {}, _read_none, sign_ins.end_sessions),
    Shelf(
        Sim,
        {
            ImportLine: _by_iccid,
            ActivateLine: _by_iccid,
            ReplaceSim: _by_iccid,
            ReportInstalled: _by_iccid,
            ShowEsimCode: _nothing,
        },
        sims.lock_sims,
        sims.write_sims,
        of_sim=frozenset({ActivateLine, ReplaceSim, ShowEsimCode}),
    ),
    Shelf(
        Reservation,
        {
            ReserveUnits: _by_session,
            UpdateUnits: _by_session,
            ReleaseUnits: _by_session,
            ChargeEvent: _by_session,
            RefundEvent: _by_session,
            CloseSession: _by_session,
        },
        reservations.read_reservations,
        reservations.write_reservations,
    ),
    Shelf(
        UsageRecord,
        {RefundEvent: _charges},
        reservations.read_usage_records,
        reservations.write_usage_records,
    ),
    Shelf(
        Subscriptions,
        {BuyPackage: _the_lines, SetRenewal: _the_lines, RefundPackage: _the_lines},
        subscriptions.read_subscriptions,
        subscriptions.write_subscriptions,
    ),
)
_SHELVES_OF: dict[type[Command], list[Shelf]] = {}
for _shelf in SHELVES:
    for _command in _shelf.wanted:
        _SHELVES_OF.setdefault(_command, []).append(_shelf)


def keys_of(command: Command, line_id: int | None, iccid: str | None) -> list[AnnexKey]:
    """Return the annexes that a command touches; none for most. iccid: the SIM of its line."""
    kind = type(command)
    shelves = _SHELVES_OF.get(kind)
    if shelves is None:
        return []
    if line_id is None:
        if not isinstance(command, ImportLine):
            return []
        line_id = command.line_id
    found = [(one.kind, key) for one in shelves for key in one.wanted[kind](command, line_id)]
    if iccid is not None:
        found += [(one.kind, iccid) for one in shelves if kind in one.of_sim]
    return found


def due_keys(line_id: int, package_due_at: datetime | None, now: datetime) -> list[AnnexKey]:
    """Return the annexes that any command touches that brings a line to `now`.

    package_due_at: the line's; what runs is loaded for nobody else, for most lines are not due.
    """
    if package_due_at is None or now < package_due_at:
        return []
    return [(Subscriptions, line_id)]


async def read_annexes(
    connection: Connection, wanted: Collection[AnnexKey]
) -> dict[AnnexKey, Annex]:
    """Return those of the annexes that are there, shelf by shelf."""
    found: dict[AnnexKey, Annex] = {}
    for shelf in SHELVES:
        keys = {key for kind, key in wanted if kind is shelf.kind}
        if keys:
            read = await shelf.read(connection, keys)
            found.update({(shelf.kind, key): annex for key, annex in read.items()})
    return found


async def write_annexes(connection: Connection, changed: Mapping[AnnexKey, Annex]) -> None:
    """Write what a batch kept, shelf by shelf, in key order."""
    for shelf in SHELVES:
        ours: list[Key] = sorted((key for kind, key in changed if kind is shelf.kind))
        if ours:
            await shelf.write(connection, [changed[(shelf.kind, key)] for key in ours])
